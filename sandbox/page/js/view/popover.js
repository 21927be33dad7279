// Something that floats beside what opened it, closes by Escape or a press elsewhere, and gives the focus back.

import { h } from "../dom.js";

const GAP = 6;
const EDGE = 8;

/**
 * Show `element` beside `anchor` (an element, or {x, y}). `closed()` is called once, however it closes.
 * Returns a function that closes it.
 */
export function float(element, anchor, closed = () => {}) {
  const opener = document.activeElement;
  const home = (anchor instanceof Element ? anchor : opener)?.closest("dialog, nav, main") ?? document.body;
  element.popover = "auto";
  element.classList.add("floating");
  home.append(element);
  element.showPopover();
  place(element, anchor);
  element.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    const hadFocus = element.contains(document.activeElement) || document.activeElement === document.body;
    element.remove();
    if (hadFocus && opener?.isConnected) opener.focus();
    closed();
  });
  return () => element.isConnected && element.hidePopover();
}

function place(element, anchor) {
  const box = anchor instanceof Element ? anchor.getBoundingClientRect() : new DOMRect(anchor.x, anchor.y, 0, 0);
  const width = element.offsetWidth;
  const height = element.offsetHeight;
  const below = innerHeight - box.bottom - GAP - EDGE;
  const above = box.top - GAP - EDGE;
  const top = height <= below || below >= above ? box.bottom + GAP : box.top - GAP - Math.min(height, above);
  element.style.setProperty("left", `${Math.max(EDGE, Math.min(box.left, innerWidth - width - EDGE))}px`);
  element.style.setProperty("top", `${Math.max(EDGE, Math.min(top, innerHeight - Math.min(height, innerHeight - 2 * EDGE) - EDGE))}px`);
}

/** Arrow keys, Home and End among `items()`. */
export function arrowKeys(element, items) {
  element.addEventListener("keydown", (event) => {
    const all = items().filter((one) => !one.disabled);
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || all.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    all.at(to >= all.length ? 0 : to).focus();
  });
}

/**
 * A menu: `entries` are {label, icon, danger, checked, run}, {heading} or null for a line.
 * A `checked` that is not undefined makes it a choice of one.
 */
export function openMenu(anchor, label, entries) {
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label });
  let close = () => {};
  for (const entry of entries) {
    if (entry === null) menu.append(h("div", { class: "menu-line", role: "separator" }));
    else if (entry.heading) menu.append(h("div", { class: "menu-heading", role: "presentation" }, entry.heading));
    else menu.append(menuItem(entry, () => close()));
  }
  arrowKeys(menu, () => [...menu.querySelectorAll("button")]);
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Tab") {
      event.preventDefault();
      close();
    }
  });
  whenReleased(anchor, () => {
    close = float(menu, anchor);
    (menu.querySelector("[aria-checked=true]") ?? menu.querySelector("button"))?.focus();
  });
  return () => close();
}

/** Where the right button opens a menu as it goes down, its release would close it again, as a press elsewhere. */
function whenReleased(anchor, run) {
  if (anchor.held) addEventListener("pointerup", () => setTimeout(run), { once: true, capture: true });
  else run();
}

function menuItem(entry, close) {
  const choice = entry.checked !== undefined;
  const run = () => {
    close();
    entry.run();
  };
  return h(
    "button",
    {
      type: "button",
      class: `menu-item${entry.danger ? " danger" : ""}`,
      role: choice ? "menuitemradio" : "menuitem",
      "aria-checked": choice ? String(entry.checked) : null,
      tabindex: "-1",
      on: { click: run },
    },
    entry.icon,
    h("span", { class: "menu-label" }, entry.label, entry.note && h("span", { class: "menu-note" }, entry.note)),
    choice && h("span", { class: "menu-mark", "aria-hidden": "true" }, entry.checked ? "●" : ""),
  );
}
