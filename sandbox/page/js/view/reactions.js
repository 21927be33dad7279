// Reactions under a message, and the choice of one to add.

import { h } from "../dom.js";
import { arrowKeys, float } from "./popover.js";

const CHOICES = [
  ["👍", "thumbs up"],
  ["👎", "thumbs down"],
  ["❤️", "red heart"],
  ["🔥", "fire"],
  ["😂", "tears of joy"],
  ["😮", "open mouth"],
  ["😢", "crying face"],
  ["🎵", "musical note"],
  ["🎹", "keyboard"],
  ["🎸", "guitar"],
  ["🥁", "drum"],
  ["🎉", "party popper"],
];
const NAMED = 3;

/** The reactions to a message as buttons; pressing one adds yours or takes it back. */
export function reactions(app, message, names) {
  const found = Object.entries(message.reactors ?? {});
  if (found.length === 0) return null;
  return h(
    "div",
    { class: "reactions", role: "group", "aria-label": "Reactions" },
    found.map(([emoji, users]) => {
      const mine = users.includes(app.world.you);
      const who = `${people(users, names)} reacted with ${CHOICES.find(([one]) => one === emoji)?.[1] ?? emoji}`;
      return h(
        "button",
        {
          type: "button",
          class: "reaction",
          "aria-pressed": String(mine),
          "aria-label": who,
          title: who,
          "data-key": `reaction-${emoji}`,
          on: { click: () => app.act("react", { message_id: message.id, emoji, on: !mine }) },
        },
        h("span", { "aria-hidden": "true" }, emoji),
        h("span", { class: "reaction-count", "aria-hidden": "true" }, String(users.length)),
      );
    }),
  );
}

function people(users, names) {
  const shown = users.slice(0, NAMED).map((id) => names.text.user(id));
  if (users.length > NAMED) shown.push(`${users.length - NAMED} more`);
  return shown.length > 1 ? `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}` : shown[0];
}

/** Show the emojis to choose from beside `anchor`. */
export function offerReactions(app, anchor, message) {
  let close = () => {};
  const add = (emoji) => {
    close();
    app.act("react", { message_id: message.id, emoji, on: true });
  };
  const grid = h(
    "div",
    { class: "menu reaction-menu", role: "menu", "aria-label": "Add a reaction" },
    CHOICES.map(([emoji, name]) =>
      h("button", { type: "button", class: "reaction-choice", role: "menuitem", tabindex: "-1", "aria-label": name, title: name, on: { click: () => add(emoji) } }, emoji),
    ),
  );
  arrowKeys(grid, () => [...grid.querySelectorAll("button")]);
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
    if (step) document.activeElement[step]?.focus();
    if (step || event.key === "Tab") event.preventDefault();
    if (event.key === "Tab") close();
  });
  close = float(grid, anchor);
  grid.querySelector("button").focus();
}
