// The line above the messages, and the notices below it.

import { h, refill } from "../dom.js";
import { icon } from "../icons.js";
import { avatar } from "./names.js";

export class Head {
  constructor(app, element, notices) {
    this.app = app;
    this.element = element;
    this.notices = notices;
    this.connected = true;
    app.world.addEventListener("bot", () => this.show());
  }

  show() {
    const { app } = this;
    const { world } = app;
    const channel = world.channels.get(app.channelId);
    const name = world.channelName(channel);
    const bot = world.users.get(world.bot.id);
    const botName = bot.global_name ?? bot.username;
    const isDm = !channel.guild_id;
    const other = isDm && channel.recipients.length === 1 ? channel.recipients[0] : null;
    const expanded = document.body.classList.contains("sidebar-open");
    const hadFocus = this.element.contains(document.activeElement);
    const menu = h(
      "button",
      { type: "button", class: "icon-button menu-button", "aria-label": "Channels and people", "aria-expanded": String(expanded), "aria-controls": "sidebar", on: { click: () => app.toggleSidebar() } },
      icon("menu"),
    );
    refill(
      this.element,
      menu,
      h("span", { class: "room-mark" }, other ? avatar(other) : icon(isDm ? "people" : "hash")),
      h("h1", { id: "room-name" }, name),
      channel.topic && h("p", { class: "topic" }, channel.topic),
      h("span", { class: "spacer" }),
      h("span", { class: `bot-state ${world.bot.online ? "online" : "offline"}` }, h("span", { class: "dot", "aria-hidden": "true" }), h("span", {}, botName), h("span", { class: "bot-word" }, world.bot.online ? "online" : world.bot.process ? "starting" : "offline")),
    );
    if (hadFocus) menu.focus();
    document.title = `${isDm ? "@" : "#"}${name} · ${world.guildOf(channel.id)?.name ?? "Direct messages"}`;
    this.showNotices(botName);
  }

  showNotices(botName) {
    const { world } = this.app;
    const start = world.welcome?.start;
    const words = !this.connected
      ? `The sandbox has stopped. ${start ? `Run ${start} in a terminal` : "Start it again"}, and this page goes on where it was.`
      : world.bot.online
        ? null
        : world.bot.process
          ? `${botName} is starting…`
          : `${botName} is offline and can't answer. ${start ? `Stop the sandbox with Ctrl-C, then run ${start}` : "Start the bot"}, and this line goes away.`;
    const starts = this.connected && world.bot.process;
    const mark = starts ? h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")) : icon("warning");
    refill(this.notices, words && h("p", { class: `notice ${this.connected ? "" : "bad"}` }, mark, words));
  }

  /** Say whether the server can be reached. */
  setConnected(connected) {
    this.connected = connected;
    if (this.app.world.ready) this.show();
  }
}
