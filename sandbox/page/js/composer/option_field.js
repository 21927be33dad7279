// One option of a slash command while it is filled in: a name and a field, with what can be chosen.

import { h, refill } from "../dom.js";
import { icon } from "../icons.js";
import { avatar } from "../view/names.js";
import { upload } from "../view/uploads.js";
import { judge, OPTION, typeWords } from "./commands.js";

const ENTITIES = new Set([OPTION.USER, OPTION.CHANNEL, OPTION.ROLE, OPTION.MENTIONABLE]);

/** What the option can be, from what the page knows; null where anything may be typed. */
export function knownItems(option, world, channelId) {
  if (option.choices?.length) return option.choices.map((choice) => ({ label: choice.name, value: choice.value }));
  if (option.type === OPTION.BOOLEAN) return [{ label: "True", value: true }, { label: "False", value: false }];
  if (!ENTITIES.has(option.type)) return null;
  const guild = world.guildOf(channelId);
  const items = [];
  if (option.type === OPTION.USER || option.type === OPTION.MENTIONABLE) {
    for (const user of world.peopleIn(channelId)) items.push({ label: world.nameOf(user.id, guild), note: `@${user.username}`, value: user.id, mark: avatar(user) });
  }
  if (option.type === OPTION.ROLE || option.type === OPTION.MENTIONABLE) {
    for (const role of guild?.roles ?? []) items.push({ label: role.name, value: role.id, mark: icon("people") });
  }
  if (option.type === OPTION.CHANNEL) {
    const types = option.channel_types;
    for (const channel of guild?.channels ?? []) if (!types || types.includes(channel.type)) items.push({ label: channel.name, value: channel.id, mark: icon("hash") });
  }
  return items;
}

/** A field that is typed into. `owner` gets {typed(field), focused(field), key(event, field)}. */
export class TypedField {
  constructor(option, owner, known) {
    Object.assign(this, { option, owner, known });
    this.chosen = null;
    this.strict = known !== null;
    // Line breaks go into free texts alone; a textarea can't be a combobox by the rules of ARIA.
    this.multiline = option.type === OPTION.STRING && known === null;
    const kind = this.multiline ? { rows: 1, "aria-haspopup": "listbox" } : { type: "text", role: "combobox", "aria-expanded": "false" };
    this.input = h(this.multiline ? "textarea" : "input", {
      ...kind,
      class: "option-input",
      "aria-autocomplete": "list",
      "aria-label": `${option.name}, ${option.required ? "required" : "optional"}: ${option.description}. ${typeWords(option)}`,
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      inputmode: option.type === OPTION.INTEGER ? "numeric" : option.type === OPTION.NUMBER ? "decimal" : null,
      on: {
        input: () => this.typed(),
        focus: () => owner.focused(this),
        blur: () => owner.blurred(this),
        keydown: (event) => owner.key(event, this),
      },
    });
    this.element = pill(option, this.input);
    this.resize();
    if (this.multiline) this.fitWidth();
  }

  get text() {
    return this.input.value;
  }

  get empty() {
    return this.text === "";
  }

  typed() {
    this.chosen = null;
    this.resize();
    this.showError(null);
    this.owner.typed(this);
  }

  resize() {
    const lines = this.input.value.split("\n");
    const columns = Math.min(Math.max(...lines.map((line) => [...line].length + 1), 4), 64);
    if (!this.multiline) {
      this.input.size = columns;
      return;
    }
    // Long texts wrap: as many lines as they take, up to where the style sheet lets them scroll.
    this.input.cols = columns;
    this.input.style.setProperty("height", "auto");
    if (this.input.isConnected) this.input.style.setProperty("height", `${this.input.scrollHeight}px`);
  }

  /** Wrap anew whenever the field becomes wider or narrower. */
  fitWidth() {
    let width = 0;
    new ResizeObserver(([entry]) => {
      if (entry.contentRect.width === width) return;
      width = entry.contentRect.width;
      this.resize();
    }).observe(this.input);
  }

  /** Fill in a text, as if typed. */
  setText(text) {
    this.input.value = text;
    this.typed();
  }

  /** Take one of the offered items. */
  choose(item) {
    this.chosen = item;
    this.input.value = item.label;
    this.resize();
    this.showError(null);
  }

  /** The items that fit what is typed; null where nothing is known beforehand. */
  matches() {
    if (this.known === null) return null;
    const wanted = this.chosen ? "" : this.text.trim().toLowerCase().replace(/^[@#]/, "");
    const fits = (item) => item.label.toLowerCase().includes(wanted) || (item.note ?? "").toLowerCase().includes(wanted);
    const starts = (item) => (item.label.toLowerCase().startsWith(wanted) ? 0 : 1);
    return this.known.filter(fits).sort((a, b) => starts(a) - starts(b));
  }

  /** {value} to send, {} for nothing, {error} for the reader. `offered` are autocomplete's last choices. */
  read(offered = []) {
    if (this.chosen) return { value: this.chosen.value };
    const text = this.option.type === OPTION.STRING ? this.text : this.text.trim();
    if (text.trim() === "") return this.option.required ? { error: "This option is required. Give it a value." } : {};
    const items = this.known ?? offered;
    const same = items.find((item) => item.label.toLowerCase() === text.trim().toLowerCase());
    if (same) return { value: same.value };
    if (this.strict) return { error: "Choose one of the list." };
    const error = judge(this.option, text);
    if (error) return { error };
    return { value: this.option.type === OPTION.STRING ? text : Number(text) };
  }

  /** What is there so far, for autocomplete; undefined for nothing. */
  draft() {
    if (this.chosen) return this.chosen.value;
    return this.text === "" ? undefined : this.text;
  }

  showError(text) {
    this.error = text;
    this.element.classList.toggle("wrong", text !== null);
    if (text === null) this.input.removeAttribute("aria-invalid");
    else this.input.setAttribute("aria-invalid", "true");
  }

  focus() {
    this.input.focus();
  }
}

/** A field for a file: uploaded as soon as it is chosen or dropped. */
export class FileField {
  constructor(option, owner, app, channelId) {
    Object.assign(this, { option, owner, app, channelId });
    this.file = null;
    this.busy = false;
    this.known = null;
    this.picker = h("input", { type: "file", class: "unseen", tabindex: "-1", "aria-hidden": "true", on: { change: () => this.take(this.picker.files[0]) } });
    this.input = h("button", {
      type: "button",
      class: "option-file",
      on: {
        click: () => this.picker.click(),
        focus: () => owner.focused(this),
        blur: () => owner.blurred(this),
        keydown: (event) => owner.key(event, this),
      },
    });
    this.element = pill(option, [this.input, this.picker]);
    this.element.addEventListener("dragover", (event) => event.preventDefault());
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.take(event.dataTransfer.files[0]);
    });
    this.show();
  }

  get empty() {
    return this.file === null && !this.busy;
  }

  get text() {
    return "";
  }

  async take(file) {
    if (!file) return;
    this.picker.value = "";
    this.busy = true;
    this.name = file.name;
    this.showError(null);
    this.show();
    try {
      this.file = await upload(this.app, this.channelId, file);
    } catch (error) {
      this.file = null;
      this.showError(error.message);
    }
    this.busy = false;
    this.show();
    this.owner.typed(this);
  }

  show() {
    const words = this.busy ? `${this.name} …` : this.file ? this.file.filename : "Choose a file";
    this.input.setAttribute("aria-label", `${this.option.name}, ${this.option.required ? "required" : "optional"} file: ${words}`);
    refill(this.input, icon("file"), words);
  }

  matches() {
    return null;
  }

  read() {
    if (this.busy) return { error: "Wait until the upload is done." };
    if (this.file) return { value: this.file.id };
    return this.option.required ? { error: "This option is required. Choose a file." } : {};
  }

  draft() {
    return this.file?.id;
  }

  showError(text) {
    this.error = text;
    this.element.classList.toggle("wrong", text !== null);
  }

  focus() {
    this.input.focus();
  }
}

function pill(option, inside) {
  const label = h("span", { class: "option-name", "aria-hidden": "true" }, option.name);
  const element = h("span", { class: `option-pill${option.required ? " required" : ""}` }, label, inside);
  label.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    element.querySelector(".option-input, .option-file").focus();
  });
  return element;
}
