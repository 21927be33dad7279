// Discord's markdown within a paragraph, as a tree of plain objects.

const DEEPEST = 12;
const URL_END = /[.,:;!?"'\])]+$/;

// Each rule is tried at one place of the text (sticky); the first that fits makes a node.
const RULES = [
  [/\\([^0-9A-Za-z\s])/y, (m) => ({ type: "text", text: m[1] })],
  [/(`+)([^`](?:[\s\S]*?[^`])?)\1(?!`)/y, (m) => ({ type: "code", text: m[2].trim() === "" ? m[2] : unpad(m[2]) })],
  [/<t:(-?\d{1,17})(?::([tTdDfFsSR]))?>/y, (m) => ({ type: "time", seconds: Number(m[1]), style: m[2] ?? "f", raw: m[0] })],
  [/<@!?(\d{1,20})>/y, (m) => ({ type: "user", id: m[1] })],
  [/<@&(\d{1,20})>/y, (m) => ({ type: "role", id: m[1] })],
  [/<#(\d{1,20})>/y, (m) => ({ type: "channel", id: m[1] })],
  [/<\/([-\w\p{L}\p{N} ]{1,100}):(\d{1,20})>/uy, (m) => ({ type: "command", name: m[1], id: m[2] })],
  [/<(a?):(\w{2,32}):(\d{1,20})>/y, (m) => ({ type: "emoji", name: m[2], id: m[3] })],
  [/<(https?:\/\/[^\s<>]+)>/y, (m) => ({ type: "link", url: m[1], children: [{ type: "text", text: m[1] }] })],
  [
    /\[((?:\[[^\]\n]*\]|[^[\]\n])+)\]\(\s*<?(https?:\/\/[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+["'][^"'\n]*["'])?\s*\)/y,
    (m, depth) => ({ type: "link", url: m[2], children: inline(m[1], depth + 1) }),
  ],
  [/https?:\/\/[^\s<>]+/y, bareLink],
  [/@(everyone|here)\b/y, (m) => ({ type: "everyone", text: m[0] })],
  [/\|\|([\s\S]+?)\|\|/y, span("spoiler")],
  [/\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/y, span("bold")],
  [/__((?:\\[\s\S]|[^\\])+?)__(?!_)/y, span("underline")],
  [/~~((?:\\[\s\S]|[^\\])+?)~~/y, span("strike")],
  [/\*(?=\S)((?:\*\*|\\[\s\S]|\s+(?:\\[\s\S]|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)/y, span("italic")],
  [/\b_((?:__|\\[\s\S]|[^\\_])+?)_(?!\w)/y, span("italic")],
];
const PLAIN = /[^\\`<[h@|*_~]+|[\s\S]/y;

function span(type) {
  return (m, depth) => ({ type, children: inline(m[1], depth + 1) });
}

function unpad(text) {
  return text.startsWith(" ") && text.endsWith(" ") ? text.slice(1, -1) : text;
}

function bareLink(m) {
  let url = m[0].replace(URL_END, "");
  if (m[0][url.length] === ")" && url.includes("(") && !url.slice(url.lastIndexOf("(")).includes(")")) url += ")";
  return { type: "link", url, children: [{ type: "text", text: url }], length: url.length };
}

/** The nodes of `text`: {type, text | children | …}. Nested deeper than Discord's client bothers, it is text. */
export function inline(text, depth = 0) {
  if (depth > DEEPEST) return [{ type: "text", text }];
  const nodes = [];
  let at = 0;
  while (at < text.length) {
    const [node, length] = next(text, at, depth);
    const last = nodes.at(-1);
    if (node.type === "text" && last?.type === "text") last.text += node.text;
    else nodes.push(node);
    at += length;
  }
  return nodes;
}

function next(text, at, depth) {
  for (const [pattern, make] of RULES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) {
      const node = make(match, depth);
      return [node, node.length ?? match[0].length];
    }
  }
  PLAIN.lastIndex = at;
  const plain = PLAIN.exec(text)[0];
  return [{ type: "text", text: plain }, plain.length];
}
