// Tells screen readers what happens in the channel: new messages and finished answers, not every step of a progress bar.

import { summary } from "./message.js";
import { Names } from "./names.js";

export class Announcer {
  constructor(app, element) {
    Object.assign(this, { app, element });
    this.files = new Map();
    app.world.addEventListener("message", ({ detail }) => this.heard(detail));
  }

  heard({ message, isNew }) {
    if (message.channel_id !== this.app.channelId) return;
    const before = this.files.get(message.id);
    const now = { thinking: message.thinking, files: message.attachments.length };
    this.files.set(message.id, now);
    const finished = before && ((before.thinking && !now.thinking) || now.files > before.files);
    if ((!isNew && !finished) || message.author.id === this.app.world.you) return;
    const names = new Names(this.app, message.channel_id);
    const alone = message.ephemeral ? " Only you can see this." : "";
    this.say(`${names.text.user(message.author.id)}: ${summary(message, names).slice(0, 300)}${alone}`);
  }

  /** Have something read out. Old lines go, but not while they may still be read. */
  say(words) {
    const line = document.createElement("p");
    line.textContent = words;
    this.element.append(line);
    while (this.element.childElementCount > 12) this.element.firstElementChild.remove();
  }
}
