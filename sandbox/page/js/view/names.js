// Mentions, avatars and names of people, as elements and as text.

import { h, hex } from "../dom.js";
import { markdown, markdownLine, plain } from "../markdown/render.js";

const HUES = [205, 262, 330, 8, 28, 150, 178, 290];

function hash(text) {
  let sum = 0;
  for (const character of text) sum = (sum * 37 + character.codePointAt(0)) % 65_521;
  return sum;
}

/** A round picture: the initials of a name on a colour of its own. */
export function avatar(user, { status = null } = {}) {
  const name = user.global_name ?? user.username;
  const initials = [...name.trim()].slice(0, 1).join("").toUpperCase() || "?";
  const hue = user.bot ? 238 : HUES[hash(user.username) % HUES.length];
  return h(
    "span",
    { class: `avatar${user.bot ? " is-bot" : ""}`, "aria-hidden": "true", style: { "--hue": hue } },
    h("span", { class: "avatar-letter" }, initials),
    status !== null && h("span", { class: `status ${status ? "online" : "offline"}` }),
  );
}

/** The "APP" mark of bots. */
export function botTag() {
  return h("span", { class: "tag" }, "APP");
}

/** Makes mentions for one channel: `rich` gives elements, `text` plain words. */
export class Names {
  constructor(app, channelId) {
    this.app = app;
    this.world = app.world;
    this.guild = app.world.guildOf(channelId);
    this.rich = {
      user: (id) => this.userMention(id),
      role: (id) => this.roleMention(id),
      channel: (id) => this.channelMention(id),
      command: (name) => this.commandMention(name),
      place: (place, children) => this.placeLink(place, children),
    };
    this.text = {
      user: (id) => this.world.nameOf(id, this.guild),
      role: (id) => this.role(id)?.name ?? "deleted role",
      channel: (id) => this.channelText(id),
    };
  }

  /** A text with markdown. */
  markdown(text) {
    return markdown(text, this.rich);
  }

  /** One line with inline markdown. */
  line(text) {
    return markdownLine(text, this.rich);
  }

  /** A text without its marks. */
  plain(text) {
    return plain(text, this.text);
  }

  role(id) {
    return this.guild?.roles.find((role) => role.id === id) ?? null;
  }

  channelText(id) {
    const channel = this.world.channels.get(id);
    return channel ? this.world.channelName(channel) : "unknown";
  }

  /** The colour of a person's highest coloured role, or null. */
  colourOf(userId) {
    const coloured = this.world.rolesOf(userId, this.guild).find((role) => role.color);
    return coloured ? hex(coloured.color) : null;
  }

  userMention(id) {
    if (!this.world.users.has(id)) return h("span", { class: "mention" }, "@unknown-user");
    const mine = id === this.world.you ? " mine" : "";
    const open = (event) => this.app.menus.user(event, id);
    return h("button", { type: "button", class: `mention${mine}`, on: { click: open } }, `@${this.text.user(id)}`);
  }

  roleMention(id) {
    const role = this.role(id);
    return h("span", { class: "mention" }, role ? `@${role.name.replace(/^@/, "")}` : "@deleted-role");
  }

  channelMention(id) {
    const channel = this.world.channels.get(id);
    if (!channel) return h("span", { class: "mention" }, "#unknown");
    return h("button", { type: "button", class: "mention", on: { click: () => this.app.go(id) } }, `#${this.channelText(id)}`);
  }

  /** A link to a channel or a message; a bare address shows where it leads, as Discord's client does. */
  placeLink(place, children) {
    const known = this.world.channels.has(place.channelId);
    const bare = `#${known ? this.channelText(place.channelId) : "unknown"}${place.messageId ? " › message" : ""}`;
    const go = (event) => {
      event.preventDefault();
      this.app.goTo(place);
    };
    return h("a", { href: `#${place.messageId ?? place.channelId}`, class: children ? null : "mention", on: { click: go } }, children ?? bare);
  }

  commandMention(name) {
    const start = () => this.app.composer.startCommand(name);
    return h("button", { type: "button", class: "mention", on: { click: start } }, `/${name}`);
  }
}

/** A person's name as a button that opens what can be done with them. */
export function nameButton(app, names, user) {
  const colour = names.colourOf(user.id);
  const open = (event) => app.menus.user(event, user.id);
  return h(
    "button",
    {
      type: "button",
      class: "author",
      style: colour ? { "--role": colour } : {},
      "aria-haspopup": "menu",
      on: { click: open, contextmenu: open },
    },
    names.text.user(user.id) === "Somebody" ? (user.global_name ?? user.username) : names.text.user(user.id),
  );
}

/** The emoji of a button or an option. A custom one has no picture here and shows its name. */
export function emoji(body) {
  return body.id ? h("span", { class: "custom-emoji", title: `:${body.name}:` }, `:${body.name ?? "emoji"}:`) : h("span", { class: "emoji", "aria-hidden": "true" }, body.name);
}
