// Times as a chat shows them, in the reader's own zone and language.

import { h } from "./dom.js";

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const STYLES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
  s: { dateStyle: "short", timeStyle: "short" },
  S: { dateStyle: "short", timeStyle: "medium" },
};
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const STEPS = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 30],
  ["month", 12],
  ["year", Infinity],
];

/** "14:05" */
export const clock = (date) => CLOCK.format(date);
/** "Monday, 3 March 2025 at 14:05" */
export const fullTime = (date) => FULL.format(date);
/** "3 March 2025" */
export const day = (date) => DAY.format(date);

/** Whole days between two dates in the reader's zone. */
export function daysApart(earlier, later) {
  const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}

/** "Today at 14:05", as beside a name. */
export function messageTime(date) {
  const ago = daysApart(date, new Date());
  if (ago === 0) return `Today at ${clock(date)}`;
  if (ago === 1) return `Yesterday at ${clock(date)}`;
  return `${new Intl.DateTimeFormat(undefined, { dateStyle: "short" }).format(date)} ${clock(date)}`;
}

/** "in 2 minutes", "3 days ago" */
export function relative(date, now = Date.now()) {
  let value = (date.getTime() - now) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(Math.round(value)) < size) return RELATIVE.format(Math.round(value), unit);
    value /= size;
  }
  return RELATIVE.format(Math.round(value), "year");
}

/** `<t:seconds:style>` as an element; null when the time is none. */
export function timestamp(seconds, style) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return null;
  const text = style === "R" ? relative(date) : new Intl.DateTimeFormat(undefined, STYLES[style] ?? STYLES.f).format(date);
  const attributes = { class: "stamp", datetime: date.toISOString(), title: fullTime(date) };
  return h("time", style === "R" ? { ...attributes, "data-relative": "" } : attributes, text);
}

/** Seconds → "0:05". */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–:––";
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Keep relative times true for as long as the page is open. */
export function keepTime() {
  setInterval(() => {
    for (const element of document.querySelectorAll("time[data-relative]")) {
      const text = relative(new Date(element.dateTime));
      if (element.textContent !== text) element.textContent = text;
    }
  }, 1000);
}
