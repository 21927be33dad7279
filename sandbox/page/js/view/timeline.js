// The messages of the channel being read.

import { h, refill } from "../dom.js";
import { icon } from "../icons.js";
import { day, daysApart } from "../time.js";
import { byAge } from "../world.js";
import { messageView, openEditor, summary } from "./message.js";
import { Names } from "./names.js";

const TOGETHER_MS = 7 * 60_000;
const NEAR_END = 120;
const PAGE = 50;
const NO_STATES = { pending: new Set(), failed: null };

export class Timeline {
  constructor(app, scroller) {
    this.app = app;
    this.scroller = scroller;
    this.elements = new Map();
    this.states = new Map();
    this.list = h("ol", { class: "messages", role: "list" });
    this.sending = h("div", { class: "sending" });
    this.top = h("div", { class: "timeline-top" });
    this.bottomButton = h("button", { type: "button", class: "to-end", hidden: true, on: { click: () => this.toEnd() } }, icon("down"), h("span", {}, "Newest messages"));
    refill(scroller, this.top, this.list, this.sending);
    scroller.after(this.bottomButton);
    this.sticky = true;
    this.lastTop = 0;
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    // Pictures that load and fields that grow must not push the newest message out of sight.
    const observer = new ResizeObserver(() => this.sticky && this.toEnd());
    observer.observe(this.list);
    observer.observe(this.sending);
    observer.observe(scroller);
    this.list.addEventListener("keydown", (event) => this.keys(event));
    this.list.addEventListener("focusin", (event) => this.focused(event));
    this.list.addEventListener("contextmenu", (event) => this.contextMenu(event));
    const { world } = app;
    world.addEventListener("message", ({ detail }) => this.heard(detail));
    world.addEventListener("deleted", ({ detail }) => this.gone(detail));
  }

  /** Show a channel from its end; a line stands before the message `firstUnread`. */
  open(channelId, firstUnread = null) {
    this.channelId = channelId;
    this.firstUnread = firstUnread;
    this.names = new Names(this.app, channelId);
    this.elements.clear();
    this.states.clear();
    this.sending.replaceChildren();
    const history = this.app.world.history(channelId);
    this.complete = history.length < PAGE;
    const channel = this.app.world.channels.get(channelId);
    this.list.setAttribute("aria-label", `Messages in ${this.app.world.channelName(channel)}`);
    this.showTop();
    this.list.replaceChildren();
    for (const message of history) this.put(message);
    this.arrange();
    this.sticky = true;
    this.toEnd();
  }

  showTop() {
    if (!this.complete) {
      refill(this.top, h("button", { type: "button", class: "button secondary", on: { click: () => this.loadOlder() } }, "Show earlier messages"));
      return;
    }
    const channel = this.app.world.channels.get(this.channelId);
    const name = this.app.world.channelName(channel);
    const isDm = !channel.guild_id;
    refill(
      this.top,
      h("div", { class: "welcome" }, h("span", { class: "welcome-icon" }, icon(isDm ? "at" : "hash")), h("h2", {}, isDm ? name : `Welcome to #${name}`), h("p", {}, isDm ? `This is the beginning of your messages with ${name}.` : (channel.topic ?? "This is the beginning of the channel."))),
    );
  }

  async loadOlder() {
    const first = this.app.world.history(this.channelId)[0];
    const older = await this.app.act("history", { channel_id: this.channelId, before: first?.id });
    if (!older) return false;
    const fromEnd = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.sticky = false;
    this.complete = older.length < PAGE;
    this.app.world.addOlder(this.channelId, older);
    for (const message of older) this.put(message);
    this.arrange();
    this.showTop();
    this.scroller.scrollTop = this.scroller.scrollHeight - fromEnd;
    return true;
  }

  /** Put a message in its place, or in the place of its earlier self. */
  put(message) {
    const earlier = this.elements.get(message.id);
    const focusKey = earlier?.contains(document.activeElement) ? (document.activeElement.dataset.key ?? "") : null;
    const element = messageView(this.app, message, { earlier, states: this.states.get(message.id) ?? NO_STATES });
    this.elements.set(message.id, element);
    if (earlier) {
      element.classList.toggle("grouped", earlier.classList.contains("grouped"));
      earlier.replaceWith(element);
      if (earlier.tabIndex === 0) setStops(element, 0);
      if (focusKey !== null) {
        const again = focusKey && [...element.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focusKey);
        (again || element).focus({ preventScroll: true });
      }
      return;
    }
    const item = h("li", { "data-id": message.id }, element);
    const after = [...this.list.children].find((one) => one.dataset.id && byAge(one.dataset.id, message.id) > 0);
    this.list.insertBefore(item, after ?? null);
  }

  /** Draw a message again. */
  refresh(id) {
    const message = this.app.world.message(this.channelId, id);
    if (message) this.put(message);
  }

  /** Who follows whom: names only where the author or the hour changes, a line where the day does. */
  arrange() {
    for (const line of this.list.querySelectorAll(".day, .new-line")) line.remove();
    let before = null;
    for (const message of this.app.world.history(this.channelId)) {
      const element = this.elements.get(message.id);
      if (!element) continue;
      const date = new Date(message.timestamp);
      const newDay = before === null || daysApart(new Date(before.timestamp), date) !== 0;
      if (newDay) element.parentElement.before(h("li", { class: "day" }, h("span", {}, day(date))));
      const isNew = message.id === this.firstUnread;
      if (isNew) element.parentElement.before(h("li", { class: "new-line" }, h("span", {}, "New")));
      const together =
        !newDay &&
        !isNew &&
        before.author.id === message.author.id &&
        before.ephemeral === message.ephemeral &&
        !element.classList.contains("has-context") &&
        date - new Date(before.timestamp) < TOGETHER_MS;
      element.classList.toggle("grouped", together);
      before = message;
    }
    const all = [...this.elements.values()];
    if (!all.some((one) => one.tabIndex === 0)) this.rove(this.list.querySelector("li:last-child .message"));
  }

  heard({ message, isNew }) {
    if (message.channel_id !== this.channelId) return;
    const known = this.elements.has(message.id);
    this.put(message);
    if (!known) this.arrange();
    if (isNew && message.author.id === this.app.world.you) this.toEnd();
    else if (isNew && !this.sticky) this.bottomButton.hidden = false;
  }

  gone({ channelId, id }) {
    if (channelId !== this.channelId) return;
    const element = this.elements.get(id);
    if (!element) return;
    const hadFocus = element.contains(document.activeElement);
    this.elements.delete(id);
    element.parentElement.remove();
    this.arrange();
    if (hadFocus) this.app.composer.focus();
  }

  // Scrolling

  scrolled() {
    const left = this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight;
    // Only a move upwards leaves the end: growth of what is shown isn't the reader's doing.
    if (left < NEAR_END) this.sticky = true;
    else if (this.scroller.scrollTop < this.lastTop) this.sticky = false;
    this.lastTop = this.scroller.scrollTop;
    if (this.sticky) this.bottomButton.hidden = true;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.bottomButton.hidden = true;
  }

  /** Show a message, however old, and mark it for a moment. */
  async jump(id) {
    const { channelId } = this;
    while (!this.elements.has(id) && !this.complete && byAge(this.app.world.history(channelId)[0]?.id ?? "0", id) > 0) {
      if (!(await this.loadOlder()) || this.channelId !== channelId) return;
    }
    const element = this.elements.get(id);
    if (!element) {
      this.app.complain(new Error("That message is gone: somebody deleted it."));
      return;
    }
    this.sticky = false;
    element.scrollIntoView({ block: "center" });
    this.focus(id);
    element.classList.add("flash");
    setTimeout(() => element.classList.remove("flash"), 1600);
  }

  // Focus: the list is one stop of the Tab key; arrows go through the messages

  focus(id) {
    const element = this.elements.get(id);
    this.rove(element);
    element?.focus();
  }

  rove(element) {
    if (!element) return;
    for (const one of this.list.querySelectorAll(".message[tabindex='0']")) setStops(one, -1);
    setStops(element, 0);
  }

  focused(event) {
    if (event.target.classList.contains("message")) this.rove(event.target);
  }

  keys(event) {
    const element = event.target;
    if (!element.classList.contains("message")) {
      if (event.key === "Escape") this.focus(element.closest(".message")?.dataset.id);
      return;
    }
    const all = [...this.list.querySelectorAll(".message")];
    const at = all.indexOf(element);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      if (to >= all.length) this.app.composer.focus();
      else all[Math.max(to, 0)].focus();
    } else if (event.key === "Escape") this.app.composer.focus();
  }

  contextMenu(event) {
    const element = event.target.closest(".message");
    const selected = String(getSelection());
    if (!element || event.defaultPrevented || event.target.closest("a, img, input, textarea, audio, video") || selected) return;
    const message = this.app.world.message(this.channelId, element.dataset.id);
    if (message && !message.thinking) this.app.menus.message(event, message);
  }

  // What the reader does

  /** Start to change one's own message. */
  edit(message) {
    const element = this.elements.get(message.id);
    if (element) openEditor(this.app, message, element);
  }

  /** Start to change the last message that is one's own. */
  editLast() {
    const own = this.app.world.history(this.channelId).filter((one) => one.author.id === this.app.world.you);
    if (own.length > 0) this.edit(own.at(-1));
  }

  /** Use a component: it shows that it waits, and says so when nothing comes. */
  use(message, action, customId, more) {
    const set = (change) => {
      const states = this.states.get(message.id) ?? { pending: new Set(), failed: null };
      change(states);
      this.states.set(message.id, states);
      this.refresh(message.id);
    };
    set((states) => {
      states.pending.add(customId);
      states.failed = null;
    });
    const follow = (interaction) => {
      if (interaction.state === "sent") return;
      set((states) => {
        states.pending.delete(customId);
        if (interaction.state === "failed") states.failed = "This interaction failed. The application did not respond.";
      });
      if (interaction.modal) this.app.openModal(interaction);
    };
    this.app.interactions.send(action, { message_id: message.id, custom_id: customId, ...more }, follow).catch((error) => {
      set((states) => {
        states.pending.delete(customId);
        states.failed = error.message;
      });
    });
  }

  /** A command on its way: a line at the end until the bot's answer comes, or never comes. */
  command(label, action, parameters) {
    const line = sendingLine(this.app, label);
    this.sending.append(line.element);
    this.toEnd();
    const follow = (interaction) => {
      if (interaction.state === "sent") return;
      if (interaction.state === "failed") line.fail("The application did not respond.");
      else line.element.remove();
      if (interaction.modal) this.app.openModal(interaction);
    };
    return this.app.interactions.send(action, parameters, follow).catch((error) => {
      line.element.remove();
      throw error;
    });
  }

  /** What a message says, for the ears. */
  words(message) {
    return summary(message, this.names);
  }
}

function setStops(element, tabindex) {
  element.tabIndex = tabindex;
  for (const button of element.querySelectorAll(".message-tools button")) button.tabIndex = tabindex;
}

function sendingLine(app, label) {
  const words = h("span", {}, `Sending ${label}…`);
  const element = h("div", { class: "sending-line", role: "status" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), words);
  const dismiss = () => {
    element.remove();
    app.composer.focus();
  };
  return {
    element,
    fail: (text) => {
      element.classList.add("failed");
      refill(
        element,
        icon("warning"),
        h("span", {}, `${label}: ${text}`),
        h("span", { class: "ephemeral-note" }, "Only you can see this", h("span", { "aria-hidden": "true" }, "•"), h("button", { type: "button", class: "text-button", on: { click: dismiss } }, "Dismiss message")),
      );
    },
  };
}
