// "Bob is typing…"

import { h, refill } from "../dom.js";

const SHOWN_MS = 10_000;

export class Typing {
  constructor(app, element) {
    Object.assign(this, { app, element });
    this.until = new Map();
    app.world.addEventListener("typing", ({ detail }) => this.heard(detail));
    app.world.addEventListener("message", ({ detail }) => detail.isNew && this.stop(detail.message.author.id));
  }

  open(channelId) {
    this.channelId = channelId;
    this.until.clear();
    this.show();
  }

  heard({ channelId, userId }) {
    if (channelId !== this.channelId) return;
    clearTimeout(this.until.get(userId));
    this.until.set(userId, setTimeout(() => this.stop(userId), SHOWN_MS));
    this.show();
  }

  stop(userId) {
    clearTimeout(this.until.get(userId));
    if (this.until.delete(userId)) this.show();
  }

  show() {
    const { world } = this.app;
    const guild = world.ready ? world.guildOf(this.channelId) : null;
    const who = [...this.until.keys()].map((id) => world.nameOf(id, guild));
    const words = who.length > 3 ? "Several people are typing…" : `${new Intl.ListFormat("en").format(who)} ${who.length === 1 ? "is" : "are"} typing…`;
    refill(this.element, who.length > 0 && [h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), words]);
  }
}
