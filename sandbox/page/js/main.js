// Puts the page together.

import { Composer } from "./composer/composer.js";
import { Connection } from "./socket.js";
import { Interactions } from "./interactions.js";
import { keepTime } from "./time.js";
import { Head } from "./view/head.js";
import { Menus } from "./view/menus.js";
import { Sidebar } from "./view/sidebar.js";
import { Timeline } from "./view/timeline.js";
import { toast } from "./view/dialog.js";
import { openModal } from "./view/modal.js";
import { applyTheme } from "./view/theme.js";
import { Typing } from "./view/typing.js";
import { Welcome } from "./view/welcome.js";
import { Announcer } from "./view/announcer.js";
import { World } from "./world.js";

const YOU = "sandbox-you";
const ROOM = "sandbox-room";
const element = (id) => document.getElementById(id);

const TAKES_KEYS = "input, textarea, select, dialog, .floating, [role=combobox], [role=listbox], [role=menu]";

/** Whether a key writes a character, or pastes, while the focus is nowhere that takes it: it goes to the message field. */
function typesElsewhere({ key, ctrlKey, metaKey, altKey, isComposing, target, defaultPrevented }) {
  if (defaultPrevented || isComposing || altKey || document.querySelector("dialog[open]")) return false;
  if (!(target instanceof Element) || target.closest(TAKES_KEYS)) return false;
  if (ctrlKey || metaKey) return key.toLowerCase() === "v";
  return key.length === 1 && (key !== " " || target === document.body);
}

class App {
  constructor() {
    this.world = new World();
    this.connection = new Connection((message) => this.world.hear(message), (connected) => this.head.setConnected(connected));
    this.interactions = new Interactions(this.world, this.connection);
    this.menus = new Menus(this);
    this.head = new Head(this, element("room-head"), element("notices"));
    this.sidebar = new Sidebar(this, element("sidebar"));
    this.timeline = new Timeline(this, element("scroller"));
    this.composer = new Composer(this, element("composer"));
    this.welcome = new Welcome(this, element("welcome"));
    this.typing = new Typing(this, element("typing"));
    this.announcer = new Announcer(this, element("announcer"));
    this.world.addEventListener("reset", () => this.reset());
    this.world.addEventListener("rooms", () => this.stay());
    document.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault();
      this.composer.focus();
    });
    element("scrim").addEventListener("click", () => this.toggleSidebar(false));
    addEventListener("keydown", (event) => event.key === "Escape" && this.toggleSidebar(false));
    addEventListener("keydown", (event) => typesElsewhere(event) && this.composer.focus());
  }

  reset() {
    const kept = sessionStorage.getItem(YOU);
    if (kept !== null && kept !== this.world.you && this.world.users.has(kept)) {
      this.actAs(kept);
      return;
    }
    const room = this.channelId ?? sessionStorage.getItem(ROOM);
    const first = this.world.guilds[0]?.channels[0] ?? this.world.dms[0];
    const firstTime = this.shownYou === undefined;
    const switched = this.shownYou !== undefined && this.shownYou !== this.world.you;
    this.shownYou = this.world.you;
    this.go(this.world.channels.has(room) ? room : first.id);
    this.sidebar.showYou();
    if (switched) this.say(`You are ${this.world.nameOf(this.world.you)} now.`);
    document.body.classList.add("ready");
    // On a touch screen the focus would open the keyboard over half of the page.
    if (firstTime && !matchMedia("(pointer: coarse)").matches) this.composer.focus();
  }

  /** Leave a channel that is gone. */
  stay() {
    if (this.world.channels.has(this.channelId)) return;
    const first = this.world.guilds[0]?.channels[0] ?? this.world.dms[0];
    this.go(first.id);
  }

  /** Show a channel. */
  go(channelId, { focus = false } = {}) {
    if (!this.world.channels.has(channelId)) return;
    this.channelId = channelId;
    sessionStorage.setItem(ROOM, channelId);
    this.timeline.open(channelId, this.world.read(channelId));
    this.composer.open(channelId);
    this.typing.open(channelId);
    this.head.show();
    this.welcome.show();
    this.sidebar.showRooms();
    this.sidebar.showPeople();
    this.toggleSidebar(false);
    if (focus) this.composer.focus();
  }

  /** Show a channel, and a message in it. */
  goTo({ channelId, messageId }) {
    if (!this.world.channels.has(channelId)) {
      this.complain(new Error(`${this.world.nameOf(this.world.you)} cannot see that channel.`));
      return;
    }
    if (channelId !== this.channelId) this.go(channelId);
    if (messageId) this.timeline.jump(messageId);
  }

  /** Become somebody else. */
  actAs(userId) {
    sessionStorage.setItem(YOU, userId);
    this.act("act_as", { user_id: userId });
  }

  /** Ask for an action; a refusal is shown, and null comes back. */
  async act(action, parameters) {
    try {
      return (await this.connection.ask(action, parameters)) ?? true;
    } catch (error) {
      this.complain(error);
      return null;
    }
  }

  complain(error) {
    toast(error.message);
  }

  /** Say something to the ears alone. */
  say(words) {
    this.announcer.say(words);
  }

  openModal(interaction) {
    openModal(this, interaction);
  }

  toggleSidebar(open = !document.body.classList.contains("sidebar-open")) {
    const was = document.body.classList.contains("sidebar-open");
    if (was === open) return;
    document.body.classList.toggle("sidebar-open", open);
    element("scrim").hidden = !open;
    document.querySelector(".room").inert = open;
    this.head.show();
    if (open) document.querySelector(".sidebar button")?.focus();
    else document.querySelector(".menu-button")?.focus();
  }
}

applyTheme();
keepTime();
new App();
