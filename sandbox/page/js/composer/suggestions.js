// The list above the message field: commands, options, choices, people. The focus stays in the field.

import { freshId, h, refill } from "../dom.js";

export class Suggestions {
  constructor(place) {
    this.list = h("div", { class: "suggest-list", role: "listbox", id: freshId("suggest") });
    this.head = h("div", { class: "suggest-head" });
    // Outside of the list: a listbox holds options alone.
    this.empty = h("div", { class: "suggest-empty", role: "status" });
    this.element = h("div", { class: "suggest", hidden: true }, this.head, this.empty, this.list);
    // A press on the list must not take the focus out of the field.
    this.element.addEventListener("pointerdown", (event) => event.preventDefault());
    place.append(this.element);
    this.items = [];
    this.active = -1;
    this.input = null;
  }

  get open() {
    return !this.element.hidden;
  }

  /** The item that Enter would take, or null. */
  get current() {
    return this.open ? (this.items[this.active] ?? null) : null;
  }

  /**
   * Show `items` ({label, note, side, mark, …}) for `input`; `pick(item)` is called for a press. `head` are nodes
   * above, `empty` is said when there are none, `first` marks the first item at once.
   */
  show({ input, items, pick, label, head = null, empty = null, first = true }) {
    if (this.input !== input) this.release();
    Object.assign(this, { input, items, pick });
    this.active = first && items.length > 0 ? 0 : -1;
    refill(this.head, head);
    this.head.hidden = head === null;
    this.list.setAttribute("aria-label", label);
    refill(this.list, items.map((item, index) => this.option(item, index)));
    this.list.hidden = items.length === 0;
    this.empty.textContent = this.list.hidden ? (empty ?? "") : "";
    this.empty.hidden = this.empty.textContent === "";
    this.element.hidden = this.list.hidden && this.empty.hidden && head === null;
    if (this.element.hidden) this.release();
    else this.mark();
    this.list.scrollTop = 0;
  }

  option(item, index) {
    return h(
      "div",
      { class: "suggest-item", role: "option", id: `${this.list.id}-${index}`, "aria-selected": "false", on: { click: () => this.pick(item) } },
      item.mark,
      h("span", { class: "suggest-words" }, h("span", { class: "suggest-label" }, item.label), item.note && h("span", { class: "suggest-note" }, item.note)),
      item.side && h("span", { class: "suggest-side" }, item.side),
    );
  }

  mark() {
    const options = [...this.list.querySelectorAll("[role=option]")];
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === this.active)));
    options[this.active]?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-controls", this.list.id);
    if (this.input.getAttribute("role") === "combobox") this.input.setAttribute("aria-expanded", String(options.length > 0));
    if (this.active >= 0) this.input.setAttribute("aria-activedescendant", options[this.active].id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  /** Move the mark; true when there was a list to move in. */
  move(step) {
    if (!this.open || this.items.length === 0) return false;
    const count = this.items.length;
    this.active = this.active < 0 ? (step > 0 ? 0 : count - 1) : (this.active + step + count) % count;
    this.mark();
    return true;
  }

  close() {
    this.element.hidden = true;
    this.items = [];
    this.active = -1;
    this.release();
  }

  release() {
    for (const name of ["aria-activedescendant", "aria-controls"]) this.input?.removeAttribute(name);
    if (this.input?.getAttribute("role") === "combobox") this.input.setAttribute("aria-expanded", "false");
    this.input = null;
  }
}
