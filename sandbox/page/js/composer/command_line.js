// A slash command being filled in: its name, a field for each option, and how to reach the ones left out.

import { h, refill } from "../dom.js";
import { OPTION, takeApart, typeWords } from "./commands.js";
import { FileField, knownItems, TypedField } from "./option_field.js";

const PAUSE_MS = 180;

export class CommandLine {
  /** `left(text)` is called when the reader goes back to plain text, `sent()` once the command is on its way. */
  constructor({ app, channelId, command, suggestions, left, sent }) {
    Object.assign(this, { app, channelId, command, suggestions, left, sent });
    this.fields = [];
    this.asked = 0;
    this.pills = h("span", { class: "option-pills" });
    this.tail = h("input", {
      type: "text",
      class: "option-tail",
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      autocomplete: "off",
      spellcheck: "false",
      on: {
        input: () => this.tailTyped(),
        focus: () => this.showRest(),
        blur: () => this.blurred(null),
        keydown: (event) => this.tailKey(event),
      },
    });
    this.element = h("div", { class: "command-line", role: "group", "aria-label": `Command ${command.name}` }, h("span", { class: "command-name" }, `/${command.name}`), this.pills, this.tail);
    for (const option of command.options) if (option.required) this.add(option);
    this.showTail();
  }

  /** Fill in what was typed or pasted behind the name, and put the caret where one goes on. */
  start(rest) {
    const values = takeApart(this.command.options, rest);
    for (const option of this.command.options) {
      if (!(option.name in values)) continue;
      const field = this.field(option.name) ?? this.add(option);
      if (field instanceof TypedField) field.setText(values[option.name]);
    }
    const open = this.fields.find((field) => field.empty);
    if (open) open.focus();
    else if (rest.trim() !== "") this.fields.at(-1)?.focus();
    else this.tail.focus();
  }

  /** What is filled in, as a line that start() reads again; files and what is empty are left out. */
  written() {
    const [first] = this.command.options;
    const fields = this.fields.filter((field) => field.text.trim() !== "");
    fields.sort((a, b) => (b.option === first) - (a.option === first));
    const parts = fields.map((field) => (field.option === first ? field.text : `${field.option.name}:${field.text}`));
    return [`/${this.command.name}`, ...parts].join(" ");
  }

  /** Mark the text of the first field, so that typing replaces it. */
  selectFirst() {
    const [field] = this.fields;
    field?.focus();
    field?.input.select?.();
  }

  field(name) {
    return this.fields.find((field) => field.option.name === name);
  }

  add(option) {
    const known = knownItems(option, this.app.world, this.channelId);
    const field = option.type === OPTION.ATTACHMENT ? new FileField(option, this, this.app, this.channelId) : new TypedField(option, this, known);
    this.fields.push(field);
    this.pills.append(field.element);
    this.showTail();
    return field;
  }

  remove(field) {
    const at = this.fields.indexOf(field);
    this.fields.splice(at, 1);
    field.element.remove();
    this.showTail();
    (this.fields[at - 1] ?? { focus: () => this.tail.focus() }).focus();
  }

  get rest() {
    return this.command.options.filter((option) => !this.field(option.name));
  }

  showTail() {
    const count = this.rest.length;
    this.tail.placeholder = count > 0 ? `+${count} optional` : "";
    this.tail.setAttribute("aria-label", count > 0 ? `Add one of ${count} optional options, or press Enter to send` : "Press Enter to send");
    this.tail.classList.toggle("nothing", count === 0);
  }

  // The fields call these

  typed(field) {
    const named = field instanceof TypedField && /(?:^|\s)([-\p{L}\p{N}_]+):$/u.exec(field.text);
    const option = named && this.command.options.find((one) => one.name === named[1]);
    if (option && (option !== field.option || named.index === 0)) {
      field.setText(field.text.slice(0, named.index));
      if (option !== field.option) (this.field(option.name) ?? this.add(option)).focus();
      return;
    }
    this.show(field);
  }

  focused(field) {
    this.show(field);
  }

  blurred(field) {
    clearTimeout(this.timer);
    if (field && !field.empty && !field.busy) {
      const { error } = field.read(field.offered);
      field.showError(error ?? null);
    }
    this.suggestions.close();
  }

  show(field) {
    const items = field.matches();
    if (field.option.autocomplete) this.complete(field);
    else this.list(field, items ?? [], items ? { empty: "Nothing fits. Choose one of the list.", first: field.chosen === null } : {});
  }

  list(field, items, { empty = null, first = false } = {}) {
    const { option } = field;
    const head = h(
      "div",
      { class: "hint" },
      h("b", {}, option.name),
      h("span", { class: "hint-words" }, option.description),
      h("span", { class: "hint-type" }, `${option.required ? "required" : "optional"} · ${typeWords(option)}`),
      field.error && h("span", { class: "hint-error", role: "alert" }, field.error),
    );
    this.suggestions.show({ input: field.input, items, label: `Choices for ${option.name}`, head, empty, first, pick: (item) => this.choose(field, item) });
  }

  complete(field) {
    clearTimeout(this.timer);
    this.asked += 1;
    const number = this.asked;
    if (field.chosen) {
      this.list(field, []);
      return;
    }
    this.list(field, field.offered ?? [], { empty: "Loading options…" });
    this.timer = setTimeout(async () => {
      const options = {};
      for (const one of this.fields) if (one.draft() !== undefined) options[one.option.name] = one.draft();
      options[field.option.name] = field.text;
      const parameters = { channel_id: this.channelId, command: this.command.name, options, focused: field.option.name };
      const sent = await this.app.interactions.settled("autocomplete", parameters).catch((error) => ({ state: "failed", words: error.message }));
      if (number !== this.asked || document.activeElement !== field.input) return;
      if (sent.state === "failed") {
        this.list(field, [], { empty: sent.words ?? "Loading options failed. What you typed can be sent all the same." });
        return;
      }
      field.offered = (sent.choices ?? []).map((choice) => ({ label: choice.name, value: choice.value }));
      this.list(field, field.offered);
    }, PAUSE_MS);
  }

  choose(field, item) {
    field.choose(item);
    const next = this.fields.find((one) => one.empty && one.option.required) ?? this.fields.slice(this.fields.indexOf(field) + 1).find((one) => one.empty);
    if (next) next.focus();
    else this.tail.focus();
  }

  key(event, field) {
    if (event.isComposing) return;
    const { suggestions } = this;
    const at = this.fields.indexOf(field);
    const caret = field.input.selectionStart;
    const isTyped = field instanceof TypedField;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (suggestions.move(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
    } else if (event.key === "Enter") {
      if (!isTyped && field.empty) return;
      // A line break, as Discord's client makes one since September 2026.
      if (event.shiftKey && field.multiline) return;
      event.preventDefault();
      if (suggestions.current) this.choose(field, suggestions.current);
      else this.submit();
    } else if (event.key === "Tab" && !event.shiftKey && suggestions.current && !field.empty) {
      event.preventDefault();
      this.choose(field, suggestions.current);
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (suggestions.items.length > 0) this.list(field, []);
      else this.left(this.written());
    } else if (event.key === "Backspace" && field.empty && !event.repeat) {
      event.preventDefault();
      if (!field.option.required) this.remove(field);
      else if (at > 0) this.fields[at - 1].focus();
      else this.left(`/${this.command.name}`);
    } else if (isTyped && event.key === "ArrowLeft" && caret === 0 && field.input.selectionEnd === 0 && at > 0) {
      event.preventDefault();
      this.fields[at - 1].focus();
    } else if (isTyped && event.key === "ArrowRight" && caret === field.text.length) {
      event.preventDefault();
      (this.fields[at + 1] ?? this.tail).focus();
    }
  }

  // The place behind the last field

  showRest() {
    const wanted = this.tail.value.trim().toLowerCase();
    const items = this.rest
      .filter((option) => option.name.toLowerCase().includes(wanted))
      .map((option) => ({ label: option.name, note: option.description, side: typeWords(option), option }));
    const head = h("div", { class: "hint" }, h("b", {}, `/${this.command.name}`), h("span", { class: "hint-words" }, this.command.description), this.problem && h("span", { class: "hint-error", role: "alert" }, this.problem));
    this.suggestions.show({ input: this.tail, items, label: "Optional options", head, first: wanted !== "", empty: wanted === "" ? null : "No such option.", pick: (item) => this.take(item.option) });
  }

  take(option) {
    this.tail.value = "";
    this.add(option).focus();
  }

  tailTyped() {
    const typed = this.tail.value.trim().toLowerCase();
    const named = typed.endsWith(":") && this.command.options.find((option) => option.name.toLowerCase() === typed.slice(0, -1));
    if (!named) {
      this.showRest();
      return;
    }
    this.tail.value = "";
    (this.field(named.name) ?? this.add(named)).focus();
  }

  tailKey(event) {
    const { suggestions } = this;
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (suggestions.move(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
    } else if (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) {
      if (suggestions.current) {
        event.preventDefault();
        this.take(suggestions.current.option);
      } else if (event.key === "Enter") {
        event.preventDefault();
        this.submit();
      }
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.left(this.written());
    } else if ((event.key === "Backspace" || event.key === "ArrowLeft") && this.tail.selectionStart === 0) {
      event.preventDefault();
      if (this.fields.length > 0) this.fields.at(-1).focus();
      else if (event.key === "Backspace") this.left(`/${this.command.name}`);
    }
  }

  /** Send it, or show what is wrong. */
  async submit() {
    if (this.busy) return;
    const options = {};
    let wrong = null;
    for (const field of this.fields) {
      const { value, error } = field.read(field.offered);
      field.showError(error ?? null);
      if (error && wrong === null) wrong = field;
      if (value !== undefined) options[field.option.name] = value;
    }
    if (wrong !== null) {
      if (document.activeElement === wrong.input) this.show(wrong);
      else wrong.focus();
      return;
    }
    this.busy = true;
    this.problem = null;
    try {
      const parameters = { channel_id: this.channelId, command: this.command.name, options };
      await this.app.timeline.command(`/${this.command.name}`, "slash", parameters);
      this.app.world.noteUse(this.command.name);
      this.sent();
    } catch (error) {
      this.busy = false;
      this.problem = error.message;
      this.tail.focus();
      this.showRest();
    }
  }

  /** Take the element out. */
  close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.suggestions.close();
    refill(this.element);
  }
}
