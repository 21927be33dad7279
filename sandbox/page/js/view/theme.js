// Light, dark, or as the system says; remembered by the browser.

const KEY = "sandbox-theme";
const ORDER = ["auto", "light", "dark"];
const WORDS = { auto: "as the system", light: "light", dark: "dark" };
export const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" };

/** "auto", "light" or "dark" */
export function theme() {
  const kept = localStorage.getItem(KEY);
  return ORDER.includes(kept) ? kept : "auto";
}

/** Put the kept theme on the page. */
export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

/** Go on to the next one. */
export function nextTheme() {
  localStorage.setItem(KEY, ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length]);
  applyTheme();
}

/** What the switch says. */
export function themeLabel() {
  return `Theme: ${WORDS[theme()]}. Change`;
}
