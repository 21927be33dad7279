// The greeting above the messages: what the bot is for, and buttons that begin a command. It stays until it is closed.

import { h, refill } from "../dom.js";
import { icon } from "../icons.js";

const KEY = "sandbox-welcome";
const CLOSED = "closed";

export class Welcome {
  constructor(app, element) {
    Object.assign(this, { app, element });
    for (const event of ["commands", "bot"]) app.world.addEventListener(event, () => app.channelId && this.show());
  }

  show() {
    const { app } = this;
    const { welcome } = app.world;
    const guild = app.world.guildOf(app.channelId);
    const hidden = !welcome || localStorage.getItem(KEY) === CLOSED || !guild?.has_bot;
    this.element.hidden = hidden;
    if (hidden) {
      refill(this.element);
      return;
    }
    const focused = document.activeElement?.dataset.starter;
    const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close the welcome", title: "Close", on: { click: () => this.close() } }, icon("close"));
    refill(
      this.element,
      h("div", { class: "greeting-words" }, h("h2", {}, welcome.title), h("p", {}, welcome.text)),
      h("div", { class: "greeting-starters" }, welcome.starters.map((starter, index) => this.button(starter, index))),
      close,
    );
    if (focused) this.element.querySelector(`[data-starter="${CSS.escape(focused)}"]`)?.focus();
  }

  button(starter, index) {
    const { composer } = this.app;
    const ready = this.app.world.bot.online && composer.offers(starter.command);
    const style = index === 0 ? "primary" : "secondary";
    const run = () => ready && composer.startCommand(starter.command, starter.options);
    return h("button", { type: "button", class: `button ${style}`, "data-starter": starter.command, "aria-disabled": ready ? null : "true", on: { click: run } }, starter.label);
  }

  close() {
    localStorage.setItem(KEY, CLOSED);
    this.show();
    this.app.composer.focus();
  }
}
