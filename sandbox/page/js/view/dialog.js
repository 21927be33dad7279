// Dialogs: over everything, closed by Escape, the focus kept inside and given back.

import { freshId, h } from "../dom.js";
import { icon } from "../icons.js";

/**
 * Open a dialog with a close button; `content` are its children, `title` is shown as its head, else `label` names
 * it. Returns the <dialog>, which removes itself when closed.
 */
export function openDialog({ title = null, label = null, className = "", content, closed = () => {} }) {
  const titleId = freshId("title");
  const opener = document.activeElement;
  const dialog = h(
    "dialog",
    { class: `dialog ${className}`, "aria-labelledby": title ? titleId : null, "aria-label": title ? null : label },
    title && h("h2", { class: "dialog-title", id: titleId }, title),
    h("button", { type: "button", class: "icon-button dialog-close", "aria-label": "Close", on: { click: () => dialog.close() } }, icon("close")),
    content,
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener?.isConnected) {
      // The browser gives the focus back itself, but in Chromium without the caret.
      opener.blur();
      opener.focus();
    }
    closed();
  });
  // Only a press that begins on the backdrop closes: dragging a selection out of a field does not.
  let outside = false;
  dialog.addEventListener("pointerdown", (event) => {
    outside = event.target === dialog;
  });
  dialog.addEventListener("click", (event) => {
    if (outside && event.target === dialog && !className.includes("form")) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask before something that cannot be undone; `run` is called on yes. */
export function confirmDialog({ title, text, yes, run }) {
  const agree = () => {
    dialog.close();
    run();
  };
  const dialog = openDialog({
    title,
    className: "small",
    content: [
      h("p", { class: "dialog-text" }, text),
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { type: "button", class: "button secondary", on: { click: () => dialog.close() } }, "Cancel"),
        h("button", { type: "button", class: "button danger", autofocus: true, on: { click: agree } }, yes),
      ),
    ],
  });
  return dialog;
}

/** A short word at the edge of the page, read out, gone by itself. */
export function toast(text) {
  const element = h("div", { class: "toast" }, icon("warning"), h("span", {}, text));
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), 6000);
}
