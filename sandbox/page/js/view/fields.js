// The fields of a modal. Each gives {element, read()}: read returns {value} or {error}.

import { freshId, h } from "../dom.js";
import { KIND, SELECTS } from "../kinds.js";
import { entityChoices, selectBox, stringChoices } from "./select.js";
import { UploadList } from "./uploads.js";

const PARAGRAPH = 2;

/** The field for a component, described by `label` and `note` (ids and words of what stands above it). */
export function formField(app, channelId, component, { label, labelId, noteId }) {
  const described = { "aria-labelledby": labelId, "aria-describedby": noteId };
  switch (component.type) {
    case KIND.TEXT_INPUT:
      return textField(component, described);
    case KIND.FILE_UPLOAD:
      return fileField(app, channelId, component, described);
    case KIND.RADIO_GROUP:
      return optionGroup(component, "radio", described);
    case KIND.CHECKBOX_GROUP:
      return optionGroup(component, "checkbox", described);
    case KIND.CHECKBOX:
      return checkBox(component, label, described);
    default:
      return SELECTS.has(component.type) ? selectField(app, channelId, component, label, noteId) : null;
  }
}

function textField(component, described) {
  const required = component.required !== false;
  const most = component.max_length ?? 4000;
  const least = component.min_length ?? 0;
  const long = component.style === PARAGRAPH;
  const input = h(long ? "textarea" : "input", {
    class: "field",
    ...(long ? { rows: 4 } : { type: "text", autocomplete: "off" }),
    placeholder: component.placeholder,
    maxlength: most,
    "aria-required": required ? "true" : null,
    value: component.value ?? "",
    ...described,
  });
  const count = h("span", { class: "count", "aria-hidden": "true" });
  const showCount = () => {
    count.textContent = `${[...input.value].length} / ${most}`;
    count.hidden = input.value.length < most * 0.8 && !long;
  };
  input.addEventListener("input", showCount);
  showCount();
  const read = () => {
    const length = input.value.length;
    if (required && length === 0) return { error: "This field is required." };
    if (length > 0 && length < least) return { error: `Write at least ${least} characters.` };
    return { value: input.value };
  };
  return { element: h("div", { class: "field-box" }, input, count), focus: input, read };
}

function selectField(app, channelId, component, label, noteId) {
  const choices = component.type === KIND.STRING_SELECT ? stringChoices(component) : entityChoices(component, app.world, channelId);
  let chosen = choices.filter((choice) => choice.chosen).map((choice) => choice.value);
  const required = component.required !== false;
  const least = component.min_values ?? 1;
  const box = selectBox({
    choices,
    name: label,
    label: component.placeholder ?? "Make a selection",
    min: required ? least : 0,
    max: component.max_values ?? 1,
    describedBy: noteId,
    done: (values) => {
      chosen = values;
    },
  });
  const read = () => {
    if (chosen.length === 0 && !required) return { value: [] };
    if (chosen.length < least) return { error: least === 1 ? "Choose something." : `Choose at least ${least}.` };
    return { value: chosen };
  };
  return { element: box, focus: box, read };
}

function fileField(app, channelId, component, described) {
  const most = component.max_values ?? 1;
  const list = new UploadList(app, channelId, most);
  const input = h("input", {
    type: "file",
    class: "file-input",
    multiple: most > 1,
    ...described,
    on: {
      change: () => {
        list.add(input.files);
        input.value = "";
      },
    },
  });
  const required = component.required !== false;
  const read = () => {
    if (list.busy) return { error: "Wait until the upload is done." };
    const least = required ? (component.min_values ?? 1) : 0;
    if (list.ids.length < least) return { error: least === 1 ? "Choose a file." : `Choose at least ${least} files.` };
    return { value: list.ids };
  };
  return { element: h("div", { class: "file-field" }, input, list.element), focus: input, read };
}

function optionGroup(component, type, described) {
  const group = freshId("group");
  const inputs = component.options.map((option) => h("input", { type, name: group, value: option.value, checked: option.default === true }));
  const rows = component.options.map((option, index) =>
    h("label", { class: "check" }, inputs[index], h("span", {}, option.label, option.description && h("span", { class: "option-note" }, option.description))),
  );
  const required = component.required !== false;
  const read = () => {
    const values = inputs.filter((input) => input.checked).map((input) => input.value);
    if (type === "radio") return required && values.length === 0 ? { error: "Choose one." } : { value: values[0] ?? null };
    const least = required ? (component.min_values ?? 1) : 0;
    const most = component.max_values ?? component.options.length;
    if (values.length < least && (required || values.length > 0)) return { error: `Choose at least ${least}.` };
    if (values.length > most) return { error: `Choose at most ${most}.` };
    return { value: values };
  };
  return { element: h("div", { class: "checks", role: type === "radio" ? "radiogroup" : "group", ...described }, rows), focus: inputs[0], read };
}

function checkBox(component, label, described) {
  const input = h("input", { type: "checkbox", checked: component.default === true, ...described });
  return { element: h("div", { class: "checks" }, h("label", { class: "check" }, input, h("span", { "aria-hidden": "true" }, "Yes"))), focus: input, read: () => ({ value: input.checked }) };
}
