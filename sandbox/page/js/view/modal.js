// A modal: the bot's form.

import { freshId, h, refill } from "../dom.js";
import { KIND } from "../kinds.js";
import { openDialog } from "./dialog.js";
import { formField } from "./fields.js";
import { Names, avatar } from "./names.js";

/** Show the modal that an interaction opened, and send what is filled in. */
export function openModal(app, interaction) {
  const { modal, channel_id: channelId } = interaction;
  const names = new Names(app, channelId);
  const fields = new Map();
  const rows = modal.components.flatMap((component) => row(app, channelId, component, names, fields));
  const problem = h("p", { class: "form-problem", role: "alert" });
  const submit = h("button", { type: "submit", class: "button primary" }, "Submit");
  const send = async (event) => {
    event.preventDefault();
    const values = read(fields);
    if (values === null) return;
    submit.disabled = true;
    refill(problem);
    try {
      const sent = await app.interactions.settled("submit", { interaction_id: interaction.id, values });
      if (sent.state === "failed") throw new Error("Something went wrong: the application did not respond. Try again.");
      dialog.close();
      if (sent.modal) openModal(app, sent);
    } catch (error) {
      refill(problem, error.message);
      submit.disabled = false;
    }
  };
  const bot = app.world.users.get(app.world.bot.id);
  const form = h(
    "form",
    { class: "form", novalidate: true, on: { submit: send } },
    h("p", { class: "form-from" }, avatar(bot), `This form goes to ${bot.global_name ?? bot.username}. Do not share passwords.`),
    h("div", { class: "form-rows" }, rows),
    problem,
    h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button secondary", on: { click: () => dialog.close() } }, "Cancel"), submit),
  );
  form.addEventListener("keydown", (event) => {
    const inField = event.target.matches("input[type=text], textarea");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && inField) form.requestSubmit();
  });
  const dialog = openDialog({ title: modal.title, className: "form", content: form });
  const first = [...fields.values()][0];
  first?.focus?.focus();
}

function row(app, channelId, component, names, fields) {
  if (component.type === KIND.TEXT) return [names.markdown(component.content)];
  if (component.type === KIND.LABEL) return [labelled(app, channelId, component.component, component.label, component.description, fields)];
  return (component.components ?? []).map((child) => labelled(app, channelId, child, child.label ?? child.placeholder ?? "", null, fields));
}

function labelled(app, channelId, component, label, description, fields) {
  const labelId = freshId("label");
  const noteId = freshId("note");
  const field = formField(app, channelId, component, { label, labelId, noteId });
  if (field === null) return h("p", { class: "form-problem" }, `This page does not know the field “${label}”.`);
  const required = component.required !== false && component.type !== KIND.CHECKBOX;
  const error = h("span", { class: "field-error" });
  fields.set(component.custom_id, { ...field, showError: (text) => showError(field, error, text) });
  return h(
    "div",
    { class: "form-row" },
    h("div", { class: "form-label", id: labelId }, label, required && h("span", { class: "required", "aria-hidden": "true" }, " *")),
    h("div", { class: "form-note", id: noteId }, description, error),
    field.element,
  );
}

function showError(field, place, text) {
  refill(place, text);
  if (text === null) field.focus?.removeAttribute("aria-invalid");
  else field.focus?.setAttribute("aria-invalid", "true");
}

function read(fields) {
  const values = {};
  let wrong = null;
  for (const [customId, field] of fields) {
    const { value, error } = field.read();
    field.showError(error ?? null);
    if (error && wrong === null) wrong = field;
    if (value !== null && value !== undefined) values[customId] = value;
  }
  wrong?.focus?.focus();
  return wrong === null ? values : null;
}
