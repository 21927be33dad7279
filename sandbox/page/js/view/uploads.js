// Files chosen for a message, an option or a form: uploaded at once, shown as chips that can be taken back.

import { fileSize, h, refill } from "../dom.js";
import { icon } from "../icons.js";

/** Upload one file; resolves to {id, filename, size, content_type}, rejects with words for the reader. */
export async function upload(app, channelId, file) {
  const limit = app.world.uploadLimit;
  if (file.size > limit) throw new Error(`${file.name} is too large: ${fileSize(file.size)}, at most ${fileSize(limit)}.`);
  const form = new FormData();
  form.append("file", file, file.name);
  const query = new URLSearchParams({ user_id: app.world.you, channel_id: channelId });
  const answer = await fetch(`uploads?${query}`, { method: "POST", body: form }).catch(() => null);
  const body = await answer?.json().catch(() => null);
  if (!answer?.ok) throw new Error(body?.message ?? `${file.name} could not be uploaded. Please try again.`);
  return body;
}

export class UploadList {
  /** At most `most` files; `changed()` is called whenever the list is another. */
  constructor(app, channelId, most = 10, changed = () => {}) {
    Object.assign(this, { app, channelId, most, changed });
    this.entries = [];
    this.element = h("ul", { class: "uploads", role: "list", "aria-label": "Chosen files" });
    this.show();
  }

  get ids() {
    return this.entries.filter((entry) => entry.id).map((entry) => entry.id);
  }

  get busy() {
    return this.entries.some((entry) => !entry.id);
  }

  /** Upload files; what does not fit or fails is said and left out. */
  async add(files) {
    const room = this.most - this.entries.length;
    if (files.length > room) this.app.complain(new Error(`At most ${this.most} ${this.most === 1 ? "file" : "files"} here.`));
    await Promise.all([...files].slice(0, room).map((file) => this.addOne(file)));
  }

  async addOne(file) {
    const entry = { name: file.name, size: file.size, id: null };
    this.entries.push(entry);
    this.show();
    try {
      entry.id = (await upload(this.app, this.channelId, file)).id;
    } catch (error) {
      this.entries = this.entries.filter((one) => one !== entry);
      this.app.complain(error);
    }
    this.show();
  }

  clear() {
    this.entries = [];
    this.show();
  }

  show() {
    this.element.hidden = this.entries.length === 0;
    refill(this.element, this.entries.map((entry) => this.chip(entry)));
    this.changed();
  }

  chip(entry) {
    const remove = () => {
      this.entries = this.entries.filter((one) => one !== entry);
      this.show();
    };
    return h(
      "li",
      { class: "upload" },
      icon("file"),
      h("span", { class: "upload-name" }, entry.name),
      h("span", { class: "file-size" }, entry.id ? fileSize(entry.size) : "Uploading…"),
      h("button", { type: "button", class: "icon-button", "aria-label": `Remove ${entry.name}`, on: { click: remove } }, icon("close")),
    );
  }
}
