// Where one writes: plain messages with files, and the way into slash commands.

import { h, refill } from "../dom.js";
import { icon } from "../icons.js";
import { Names } from "../view/names.js";
import { UploadList } from "../view/uploads.js";
import { CommandLine } from "./command_line.js";
import { begun, flatten, ranked, search, typeWords } from "./commands.js";
import { encode, offered } from "./mentions.js";
import { Suggestions } from "./suggestions.js";

const LONGEST = 2000;
const TYPING_EVERY_MS = 8000;

export class Composer {
  constructor(app, element) {
    this.app = app;
    this.drafts = new Map();
    this.held = false; // a command was left with what was typed: it stays text until it is entered again
    this.typingAt = 0;
    this.line = null;
    this.reply = null;
    this.suggestions = new Suggestions(element);
    this.replyBar = h("div", { class: "reply-bar", hidden: true });
    this.text = h("textarea", {
      id: "composer-text",
      class: "composer-text",
      rows: 1,
      "aria-autocomplete": "list",
      "aria-haspopup": "listbox",
      autocomplete: "off",
      on: { input: () => this.typed(), keydown: (event) => this.key(event), paste: (event) => this.pasted(event), blur: () => this.line === null && this.suggestions.close() },
    });
    this.files = h("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1", "aria-hidden": "true" });
    this.files.addEventListener("change", () => {
      this.uploads.add(this.files.files);
      this.files.value = "";
    });
    const attach = h("button", { type: "button", class: "icon-button text-only", "aria-label": "Attach files", title: "Attach files", on: { click: () => this.files.click() } }, icon("plus"));
    const commands = h("button", { type: "button", class: "icon-button text-only", "aria-label": "Commands", title: "Commands", on: { click: () => this.openPicker() } }, icon("slash"));
    const leave = h("button", { type: "button", class: "icon-button command-only", "aria-label": "Leave the command", title: "Leave the command", on: { click: () => this.leaveCommand("", true) } }, icon("close"));
    const send = h("button", { type: "button", class: "icon-button send", "aria-label": "Send", title: "Send", on: { click: () => (this.line ? this.line.submit() : this.send()) } }, icon("send"));
    this.place = h("div", { class: "composer-place" }, this.text);
    this.count = h("span", { class: "count", hidden: true });
    this.uploadPlace = h("div", {});
    element.append(this.replyBar, this.uploadPlace, h("div", { class: "composer-row" }, attach, this.files, this.place, this.count, commands, leave, send));
    app.world.addEventListener("commands", () => this.line === null && this.typed());
    const room = element.closest(".room");
    room.addEventListener("dragover", (event) => event.preventDefault());
    room.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length > 0 && this.line === null) this.uploads.add(event.dataTransfer.files);
    });
  }

  /** Write into another channel, or as somebody else. */
  open(channelId) {
    if (this.channelId) this.drafts.set(this.channelId, this.line?.written() ?? this.text.value);
    if (this.line) this.leaveCommand("", false);
    this.channelId = channelId;
    this.stopReply();
    this.uploads = new UploadList(this.app, channelId);
    refill(this.uploadPlace, this.uploads.element);
    this.text.value = this.drafts.get(channelId) ?? "";
    this.held = begun(this.commands, this.text.value) !== null;
    const { world } = this.app;
    const channel = world.channels.get(channelId);
    const name = `${channel.guild_id ? "#" : "@"}${world.channelName(channel)}`;
    const isHome = world.guildOf(channelId)?.has_bot || channel.recipients?.some((user) => user.bot);
    this.text.placeholder = (isHome && world.welcome?.hint) || `Message ${name}`;
    this.text.setAttribute("aria-label", `Message ${name}. Type a slash for commands`);
    this.suggestions.close();
    this.resize();
  }

  focus() {
    if (this.line) this.line.start("");
    else this.text.focus();
  }

  get commands() {
    return flatten(this.app.world.commandsIn(this.channelId, 1));
  }

  // Typing

  typed() {
    this.resize();
    const { value } = this.text;
    const found = begun(this.commands, value);
    if (!found) this.held = false;
    if (document.activeElement !== this.text) return;
    if (found && this.held) {
      this.showHeld(found);
      return;
    }
    if (value.startsWith("/") && !value.includes("\n")) {
      if (found) this.enterCommand(found.command, found.rest);
      else this.showCommands(value.slice(1));
      return;
    }
    const mention = offered(this.app.world, this.channelId, value.slice(0, this.text.selectionStart));
    if (mention) this.suggestions.show({ input: this.text, items: mention.items, label: "People and channels", pick: (item) => this.complete(mention.start, item.text) });
    else this.suggestions.close();
    if (value !== "" && Date.now() - this.typingAt > TYPING_EVERY_MS) {
      this.typingAt = Date.now();
      this.app.connection.ask("typing", { channel_id: this.channelId }).catch(() => {});
    }
  }

  showCommands(typed) {
    const { used, welcome } = this.app.world;
    const all = ranked(this.commands, used, welcome?.starters[0]?.command);
    const found = search(all, typed);
    const items = found.map((command) => ({ label: `/${command.name}`, note: command.description, side: optionNames(command), command }));
    const bot = this.app.world.users.get(this.app.world.bot.id);
    const botName = bot.global_name ?? bot.username;
    const away = this.app.world.guildOf(this.channelId)?.has_bot === false;
    const none = away ? `${botName} is not in this server, so it has no commands for you here.` : `${botName} has no commands for you here.`;
    const empty = all.length === 0 ? none : `No command fits “/${typed}”.`;
    const head = h("div", { class: "hint" }, h("b", {}, `Commands of ${bot.global_name ?? bot.username}`));
    this.suggestions.show({ input: this.text, items, label: "Commands", head, empty, pick: (item) => this.enterCommand(item.command, "") });
  }

  /** Offer to go on with the command that was left. */
  showHeld({ command, rest }) {
    const head = h("div", { class: "hint" }, h("b", {}, "Kept as text"), h("span", { class: "hint-words" }, "Press Enter to go on with the command."));
    const items = [{ label: `/${command.name}`, note: command.description, side: optionNames(command) }];
    this.suggestions.show({ input: this.text, items, label: "Commands", head, pick: () => this.enterCommand(command, rest) });
  }

  complete(start, text) {
    const caret = this.text.selectionStart;
    this.text.setRangeText(text, start, caret, "end");
    this.suggestions.close();
    this.resize();
  }

  /** Put a text where the caret is. */
  insert(text) {
    if (this.line) this.leaveCommand(this.line.written(), false);
    this.text.setRangeText(text, this.text.selectionStart, this.text.selectionEnd, "end");
    this.text.focus();
    this.resize();
  }

  key(event) {
    if (event.isComposing) return;
    const { suggestions } = this;
    if (suggestions.open) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        if (suggestions.move(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
        return;
      }
      if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && suggestions.current) {
        event.preventDefault();
        suggestions.pick(suggestions.current);
        return;
      }
      if (event.key === "Escape") {
        event.preventDefault();
        suggestions.close();
        return;
      }
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "ArrowUp" && this.text.value === "") {
      event.preventDefault();
      this.app.timeline.editLast();
    } else if (event.key === "Escape") {
      if (this.reply) this.stopReply();
      else this.app.timeline.toEnd();
    }
  }

  pasted(event) {
    const files = [...event.clipboardData.files];
    if (files.length === 0) return;
    event.preventDefault();
    this.uploads.add(files);
  }

  resize() {
    this.text.style.setProperty("height", "auto");
    this.text.style.setProperty("height", `${this.text.scrollHeight}px`);
    const left = LONGEST - [...this.text.value].length;
    this.count.hidden = left > 200;
    this.count.textContent = left;
    this.count.classList.toggle("over", left < 0);
  }

  // Commands

  openPicker() {
    if (this.line) this.leaveCommand("", false);
    this.text.value = "/";
    this.text.focus();
    this.typed();
  }

  find(name) {
    return this.commands.find((one) => one.name === name) ?? this.commands.find((one) => one.name.startsWith(`${name} `));
  }

  /** Whether a command can be used here. */
  offers(name) {
    return this.find(name) !== undefined;
  }

  /**
   * Begin a command by its name ("preset save"), if it is offered here. `options` are filled in, and what is
   * written already takes the place of the first; without them a command that is begun goes on as it is.
   */
  startCommand(name, options = {}) {
    const command = this.find(name);
    if (!command) {
      this.app.complain(new Error(`/${name} is not offered here.`));
      return;
    }
    if (this.line?.command.name === command.name) {
      this.line.start("");
      return;
    }
    const said = this.text.value.trim();
    const [first, ...others] = Object.entries(options).map(([key, value]) => `${key}:${value}`);
    const own = first !== undefined && this.line === null && said !== "" && !said.startsWith("/");
    this.enterCommand(command, [own ? said : (first ?? ""), ...others].join(" "));
    if (first !== undefined && !own) this.line.selectFirst();
  }

  enterCommand(command, rest) {
    this.suggestions.close();
    this.line?.close();
    this.stopReply();
    this.text.value = "";
    this.line = new CommandLine({
      app: this.app,
      channelId: this.channelId,
      command,
      suggestions: this.suggestions,
      left: (text) => this.leaveCommand(text, true),
      sent: () => this.leaveCommand("", true),
    });
    refill(this.place, this.line.element);
    this.count.hidden = true;
    this.line.start(rest);
  }

  leaveCommand(text, focus) {
    this.held = true;
    this.line.close();
    this.line = null;
    refill(this.place, this.text);
    this.text.value = text;
    if (focus) this.text.focus();
    this.typed();
    this.resize();
  }

  // Sending

  replyTo(message) {
    if (this.line) this.leaveCommand("", false);
    this.reply = message;
    const name = new Names(this.app, this.channelId).text.user(message.author.id);
    const cancel = h("button", { type: "button", class: "icon-button", "aria-label": "Do not reply", on: { click: () => this.stopReply() } }, icon("close"));
    refill(this.replyBar, h("span", {}, "Replying to ", h("b", {}, name)), cancel);
    this.replyBar.hidden = false;
    this.text.focus();
  }

  stopReply() {
    const hadFocus = this.replyBar.contains(document.activeElement);
    this.reply = null;
    this.replyBar.hidden = true;
    if (hadFocus) this.text.focus();
  }

  async send() {
    const content = encode(this.app.world, this.channelId, this.text.value.trim());
    if (this.uploads.busy) {
      this.app.complain(new Error("Wait until the upload is done."));
      return;
    }
    const files = this.uploads.ids;
    const found = begun(this.commands, this.text.value);
    if (found && files.length === 0) {
      this.enterCommand(found.command, found.rest);
      return;
    }
    if (content === "" && files.length === 0) return;
    if ([...content].length > LONGEST) {
      this.app.complain(new Error(`Your message is too long: at most ${LONGEST} characters.`));
      return;
    }
    const written = this.text.value;
    this.text.value = "";
    this.resize();
    const sent = await this.app.act("send", { channel_id: this.channelId, content, files, reply_to: this.reply?.id });
    if (sent === null) {
      if (this.text.value === "") this.text.value = written;
      this.resize();
      return;
    }
    this.uploads.clear();
    this.stopReply();
    this.typingAt = 0;
  }
}

function optionNames(command) {
  const { options } = command;
  if (options.length === 0) return null;
  return h(
    "span",
    { class: "suggest-options" },
    options.slice(0, 4).map((option) => h("span", { class: option.required ? "required" : "", title: typeWords(option) }, option.name)),
    options.length > 4 && h("span", {}, `+${options.length - 4}`),
  );
}
