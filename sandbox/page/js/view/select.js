// Select menus, of messages and of modals.

import { freshId, h, refill } from "../dom.js";
import { icon } from "../icons.js";
import { KIND } from "../kinds.js";
import { avatar, emoji } from "./names.js";
import { arrowKeys, float } from "./popover.js";

const FILTER_FROM = 8;

/** The choices of a string select: {value, label, description, mark, chosen}. */
export function stringChoices(component) {
  return component.options.map((option) => ({
    value: option.value,
    label: option.label,
    description: option.description,
    mark: option.emoji ? () => emoji(option.emoji) : null,
    chosen: option.default === true,
  }));
}

/** The people, roles or channels that a select offers in a channel. */
export function entityChoices(component, world, channelId) {
  const guild = world.guildOf(channelId);
  const chosen = new Set((component.default_values ?? []).map((value) => value.id));
  const found = [];
  if (component.type === KIND.USER_SELECT || component.type === KIND.MENTIONABLE_SELECT) {
    for (const user of world.peopleIn(channelId)) {
      found.push({ value: user.id, label: world.nameOf(user.id, guild), description: user.username, mark: () => avatar(user) });
    }
  }
  if (component.type === KIND.ROLE_SELECT || component.type === KIND.MENTIONABLE_SELECT) {
    for (const role of guild?.roles ?? []) found.push({ value: role.id, label: role.name, mark: () => icon("people") });
  }
  if (component.type === KIND.CHANNEL_SELECT) {
    const types = component.channel_types;
    for (const channel of guild?.channels ?? []) {
      if (types && !types.includes(channel.type)) continue;
      found.push({ value: channel.id, label: channel.name, mark: () => icon("hash") });
    }
  }
  return found.map((choice) => ({ ...choice, chosen: chosen.has(choice.value) }));
}

/**
 * A select. `done(values)` is called when the reader has chosen: at once where one is taken, else when the list
 * closes. `required` is for forms, where nothing may be chosen otherwise.
 */
export function selectBox({ choices, label, min = 1, max = 1, disabled = false, key = null, name = null, done, describedBy = null }) {
  let chosen = choices.filter((choice) => choice.chosen).map((choice) => choice.value);
  const listId = freshId("list");
  const face = h("span", { class: "select-face" });
  const button = h(
    "button",
    {
      type: "button",
      class: "select",
      role: "combobox",
      "aria-haspopup": "listbox",
      "aria-expanded": "false",
      "aria-controls": listId,
      "aria-describedby": describedBy,
      disabled,
      "data-key": key,
    },
    face,
    icon("chevron"),
  );
  const show = () => {
    const shown = choices.filter((choice) => chosen.includes(choice.value));
    refill(face, shown.length === 0 ? h("span", { class: "placeholder" }, label) : shown.map((choice) => h("span", { class: "chosen" }, choice.mark?.(), choice.label)));
    button.setAttribute("aria-label", [name ?? label, shown.map((choice) => choice.label).join(", ")].filter(Boolean).join(": "));
  };
  const open = () => {
    const before = chosen.join("\n");
    const list = optionList({ choices, listId, label: name ?? label, many: max > 1, isChosen: (value) => chosen.includes(value), toggle });
    button.setAttribute("aria-expanded", "true");
    const close = float(list, button, () => {
      button.setAttribute("aria-expanded", "false");
      if (chosen.join("\n") !== before && chosen.length >= min) done([...chosen]);
    });
    list.style.setProperty("min-width", `${button.offsetWidth}px`);
    (list.querySelector("input") ?? list.querySelector("[aria-selected=true]") ?? list.querySelector("[role=option]"))?.focus();

    function toggle(value) {
      if (max === 1) {
        chosen = chosen.includes(value) && min === 0 ? [] : [value];
        show();
        close();
        return;
      }
      if (chosen.includes(value)) chosen = chosen.filter((one) => one !== value);
      else if (chosen.length < max) chosen = [...chosen, value];
      show();
    }
  };
  button.addEventListener("click", open);
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    open();
  });
  show();
  return button;
}

function optionList({ choices, listId, label, many, isChosen, toggle }) {
  const list = h("div", { class: "options", role: "listbox", id: listId, "aria-label": label, "aria-multiselectable": many ? "true" : null });
  const options = choices.map((choice) => {
    const mark = h("span", { class: many ? "tick box" : "tick", "aria-hidden": "true" });
    const element = h(
      "div",
      { class: "option", role: "option", tabindex: "-1", "data-value": choice.value },
      choice.mark?.(),
      h("span", { class: "option-words" }, h("span", { class: "option-label" }, choice.label), choice.description && h("span", { class: "option-note" }, choice.description)),
      mark,
    );
    const pick = () => {
      toggle(choice.value);
      for (const one of options) one.mark();
    };
    element.addEventListener("click", pick);
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      pick();
    });
    return { element, choice, mark: () => {
      element.setAttribute("aria-selected", String(isChosen(choice.value)));
      refill(mark, isChosen(choice.value) && icon("check"));
    } };
  });
  for (const option of options) option.mark();
  list.append(...options.map((option) => option.element));
  const outer = h("div", { class: "menu select-list" }, choices.length > FILTER_FROM && filter(options, label), list, choices.length === 0 && h("p", { class: "empty" }, "Nothing to choose from here."));
  arrowKeys(outer, () => [...list.querySelectorAll(".option:not([hidden])")]);
  return outer;
}


function filter(options, label) {
  const narrow = (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const { element, choice } of options) element.hidden = !choice.label.toLowerCase().includes(wanted);
  };
  return h("input", { type: "search", class: "field", placeholder: "Search", "aria-label": `Search in ${label}`, on: { input: narrow } });
}
