// The left side: rooms, people, who one acts as.

import { h, refill } from "../dom.js";
import { icon } from "../icons.js";
import { avatar, botTag } from "./names.js";
import { arrowKeys, openMenu } from "./popover.js";
import { nextTheme, themeLabel, THEME_ICONS, theme } from "./theme.js";

const MODERATES = 1n << 13n;
/** Languages of a Discord client, by its locales: those of the bot, and one that it may not have. */
const LANGUAGES = { "en-US": "English", de: "Deutsch", fr: "Français" };
/** Channel type → icon; source: Discord's "Channel Types". */
const CHANNEL_ICONS = { 2: "volume", 11: "thread", 12: "thread", 15: "apps" };

export class Sidebar {
  constructor(app, element) {
    this.app = app;
    this.rooms = h("div", { class: "rooms" });
    this.people = h("div", { class: "people" });
    this.foot = h("div", { class: "you" });
    this.scroll = h("div", { class: "sidebar-scroll" }, this.rooms, this.people);
    refill(element, this.scroll, this.foot);
    arrowKeys(this.scroll, () => [...this.scroll.querySelectorAll("button")]);
    for (const event of ["rooms", "unread"]) app.world.addEventListener(event, () => this.showRooms());
    app.world.addEventListener("bot", () => this.show());
  }

  show() {
    this.showRooms();
    this.showPeople();
    this.showYou();
  }

  showRooms() {
    const { world } = this.app;
    const focused = document.activeElement?.dataset.room;
    const guilds = world.guilds.map((guild) =>
      section(
        guild.name,
        world.channelsOf(guild, this.app.channelId).map((channel) => this.room(channel, icon(CHANNEL_ICONS[channel.type] ?? "hash"))),
        guild.has_bot ? null : `${world.nameOf(world.bot.id)} isn't in this server. Only people who added it to their account can use it here.`,
      ),
    );
    const dms = world.dms.map((channel) => this.room(channel, channel.recipients.length === 1 ? avatar(channel.recipients[0], { status: world.isOnline(channel.recipients[0]) }) : icon("people")));
    refill(this.rooms, guilds, dms.length > 0 && section("Direct messages", dms));
    if (focused) this.rooms.querySelector(`[data-room="${CSS.escape(focused)}"]`)?.focus();
  }

  room(channel, mark) {
    const { app } = this;
    const here = channel.id === app.channelId;
    const unread = app.world.unread.get(channel.id) ?? 0;
    const pings = app.world.pings.get(channel.id) ?? 0;
    const name = app.world.channelName(channel);
    const words = pings > 0 ? `${name}, ${pings} for you` : `${name}, unread`;
    return h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          class: `room-link${here ? " here" : ""}${unread ? " unread" : ""}${channel.parent_id ? " thread" : ""}`,
          "aria-current": here ? "page" : null,
          "aria-label": unread > 0 ? words : null,
          "data-room": channel.id,
          on: { click: () => app.go(channel.id, { focus: true }) },
        },
        mark,
        h("span", { class: "room-name" }, name),
        pings > 0 && h("span", { class: "badge", "aria-hidden": "true" }, pings > 99 ? "99+" : pings),
      ),
    );
  }

  showPeople() {
    const { app } = this;
    const { world } = app;
    const guild = world.guildOf(app.channelId);
    const people = world.peopleIn(app.channelId).filter(Boolean);
    const rank = (user) => (user.bot ? 1 : 0);
    people.sort((a, b) => rank(b) - rank(a) || world.nameOf(a.id, guild).localeCompare(world.nameOf(b.id, guild)));
    refill(this.people, section(`Members — ${people.length}`, people.map((user) => this.person(user, guild))));
  }

  person(user, guild) {
    const { app } = this;
    const online = app.world.isOnline(user);
    const open = (event) => app.menus.user(event, user.id);
    const role = app.world.rolesOf(user.id, guild).find((one) => one.color);
    const owner = guild?.owner_id === user.id;
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: `person${online ? "" : " offline"}`, "aria-haspopup": "menu", on: { click: open, contextmenu: open } },
        avatar(user, { status: online }),
        h("span", { class: "room-name", style: role ? { "--role": `#${role.color.toString(16).padStart(6, "0")}` } : {} }, app.world.nameOf(user.id, guild)),
        user.bot && botTag(),
        user.bot && !online && h("span", { class: "unseen" }, "offline"),
        (owner || role) && h("span", { class: "person-role" }, owner ? "Owner" : role.name),
      ),
    );
  }

  showYou() {
    const { app } = this;
    const { world } = app;
    const you = world.users.get(world.you);
    const shown = h(
      "button",
      { type: "button", class: "you-switch", "aria-haspopup": "menu", on: { click: (event) => this.choose(event.currentTarget) } },
      avatar(you, { status: true }),
      h("span", { class: "you-words" }, h("span", { class: "you-name" }, world.nameOf(you.id)), h("span", { class: "you-note" }, "Switch user")),
      icon("chevron"),
    );
    shown.setAttribute("aria-label", `You are ${world.nameOf(you.id)}. Switch user`);
    const themeButton = h("button", { type: "button", class: "icon-button" });
    const showTheme = () => {
      refill(themeButton, icon(THEME_ICONS[theme()]));
      themeButton.setAttribute("aria-label", themeLabel());
      themeButton.title = themeLabel();
    };
    themeButton.addEventListener("click", () => {
      nextTheme();
      showTheme();
    });
    showTheme();
    const hadFocus = this.foot.contains(document.activeElement);
    refill(this.foot, shown, themeButton);
    if (hadFocus) shown.focus();
  }

  choose(anchor) {
    const { app } = this;
    const { world } = app;
    const people = [...world.users.values()].filter((user) => !user.bot);
    const home = world.guilds[0];
    const entries = people.map((user) => ({
      label: world.nameOf(user.id, home),
      note: this.note(user, home),
      icon: avatar(user),
      checked: user.id === world.you,
      run: () => app.actAs(user.id),
    }));
    const languages = Object.entries(LANGUAGES).map(([locale, name]) => ({
      label: name,
      checked: locale === world.locale,
      run: () => app.act("speak", { locale }),
    }));
    const heading = `${world.nameOf(world.you, home)}'s language`;
    openMenu(anchor, "Act as", [{ heading: "Act as" }, ...entries, null, { heading }, ...languages]);
  }

  note(user, guild) {
    if (guild?.owner_id === user.id) return "owns the server";
    const moderates = this.app.world.rolesOf(user.id, guild).some((role) => BigInt(role.permissions) & MODERATES);
    return moderates && this.app.world.rolesOf(user.id, guild).length > 0 ? "moderates" : null;
  }
}

function section(title, items, note = null) {
  return h(
    "section",
    { class: "side-section" },
    h("h2", { class: "side-title" }, title, note && h("span", { class: "side-note" }, note)),
    h("ul", { class: "side-list", role: "list" }, items),
  );
}
