// Slash commands as a reader sees them: flat names, options, search, and a line taken apart.

const SUB_COMMAND = 1;
const GROUP = 2;
export const OPTION = { STRING: 3, INTEGER: 4, BOOLEAN: 5, USER: 6, CHANNEL: 7, ROLE: 8, MENTIONABLE: 9, NUMBER: 10, ATTACHMENT: 11 };
const TYPE_WORDS = { 3: "text", 4: "whole number", 5: "true or false", 6: "person", 7: "channel", 8: "role", 9: "person or role", 10: "number", 11: "file" };

/** Every command that can be sent: {name: "preset save", description, options}, sub-commands for themselves. */
export function flatten(commands) {
  return commands.flatMap((command) => expand(command, command.name)).sort((a, b) => a.name.localeCompare(b.name));
}

function expand(node, name) {
  const options = node.options ?? [];
  const inner = options.filter((option) => option.type === SUB_COMMAND || option.type === GROUP);
  if (inner.length > 0) return inner.flatMap((option) => expand(option, `${name} ${option.name}`));
  return [{ name, description: node.description ?? "", options }];
}

/** The commands as a picker shows them: `first` at the top, then those used most, then by the alphabet. */
export function ranked(commands, used, first) {
  const rank = (command) => (command.name === first ? Infinity : (used.get(command.name) ?? 0));
  const more = (a, b) => (rank(b) > rank(a) ? 1 : -1);
  return [...commands].sort((a, b) => (rank(a) === rank(b) ? a.name.localeCompare(b.name) : more(a, b)));
}

/** The commands that fit what is typed after the slash, best first. */
export function search(commands, typed) {
  const wanted = typed.trim().toLowerCase().replace(/\s+/g, " ");
  const score = (command) => {
    if (wanted === "" || command.name === wanted) return 0;
    if (command.name.startsWith(wanted)) return 1;
    if (command.name.split(" ").some((word) => word.startsWith(wanted))) return 2;
    if (command.name.includes(wanted)) return 3;
    return command.description.toLowerCase().includes(wanted) ? 4 : null;
  };
  return commands
    .map((command) => ({ command, rank: score(command) }))
    .filter(({ rank }) => rank !== null)
    .sort((a, b) => a.rank - b.rank)
    .map(({ command }) => command);
}

/** The command that a line begins with, if the line goes on after its name: {command, rest}. */
export function begun(commands, line) {
  const fits = commands.filter((command) => line.startsWith(`/${command.name} `)).sort((a, b) => b.name.length - a.name.length);
  return fits.length > 0 ? { command: fits[0], rest: line.slice(fits[0].name.length + 2) } : null;
}

/** "rain on a roof mode:ar seed: 7" → {prompt: "rain on a roof", mode: "ar", seed: "7"}; what has no name is the first option's. */
export function takeApart(options, rest) {
  const values = {};
  const names = options.map((option) => option.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (names.length === 0) return values;
  const parts = rest.split(new RegExp(`(?:^|\\s)(${names.join("|")}):`, "u"));
  const first = parts[0].trim();
  if (first !== "") values[options[0].name] = first;
  for (let at = 1; at < parts.length; at += 2) values[parts[at]] = parts[at + 1].trim();
  return values;
}

/** "Whole number, from 5 to 30" and the like. */
export function typeWords(option) {
  const word = TYPE_WORDS[option.type] ?? "value";
  if (option.choices?.length) return `one of ${option.choices.length}`;
  const [least, most, unit] =
    option.type === OPTION.STRING ? [option.min_length, option.max_length, " characters"] : [option.min_value, option.max_value, ""];
  if (least !== undefined && most !== undefined) return `${word}, ${least} to ${most}${unit}`;
  if (least !== undefined && least !== 0) return `${word}, at least ${least}${unit}`;
  if (most !== undefined) return `${word}, at most ${most}${unit}`;
  return word;
}

/** What is wrong with a typed value, or null; as Discord's client judges before it sends. */
export function judge(option, text) {
  if (option.type === OPTION.STRING) {
    const length = text.length;
    const [least, most] = [option.min_length ?? 0, option.max_length ?? 6000];
    return length < least || length > most ? `Write ${least} to ${most} characters, not ${length}.` : null;
  }
  if (option.type !== OPTION.INTEGER && option.type !== OPTION.NUMBER) return null;
  const whole = option.type === OPTION.INTEGER;
  const fits = whole ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  if (!fits.test(text)) return whole ? "Write a whole number." : "Write a number.";
  const value = Number(text);
  const [least, most] = [option.min_value ?? -(2 ** 53), option.max_value ?? 2 ** 53];
  return value < least || value > most ? bounds(option) : null;
}

function bounds({ min_value: least, max_value: most }) {
  if (least === undefined) return `The largest value is ${most ?? 2 ** 53}.`;
  return most === undefined ? `The smallest value is ${least}.` : `Write a number from ${least} to ${most}.`;
}
