// What the server has told: people, rooms, messages, commands. Every change is told on as an event.

/** Ids grow with time: negative when `a` is older than `b`. */
export function byAge(a, b) {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** How far one person has read in each channel; remembered by the browser. */
class ReadMarks {
  constructor(userId) {
    this.key = `sandbox-read-${userId}`;
    try {
      this.marks = JSON.parse(localStorage.getItem(this.key)) ?? {};
    } catch {
      this.marks = {};
    }
  }

  get(channelId) {
    return this.marks[channelId];
  }

  set(channelId, messageId) {
    this.marks[channelId] = messageId;
    localStorage.setItem(this.key, JSON.stringify(this.marks));
  }
}

/**
 * Events, all CustomEvents: "reset" after a snapshot; "message" {message, isNew}; "deleted" {channelId, id};
 * "typing" {channelId, userId}; "rooms"; "bot"; "commands"; "interaction" {interaction}; "unread".
 */
export class World extends EventTarget {
  constructor() {
    super();
    this.ready = false;
    this.unread = new Map();
    this.pings = new Map();
    this.readingId = null;
  }

  tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Take one of the server's messages. */
  hear(message) {
    const handlers = {
      snapshot: () => this.reset(message),
      message: () => this.hearMessage(message),
      message_deleted: () => this.forget(message.channel_id, message.id),
      typing: () => this.tell("typing", { channelId: message.channel_id, userId: message.user_id }),
      channel: () => this.addDm(message.channel),
      places: () => this.setPlaces(message),
      bot: () => {
        this.bot = { ...this.bot, online: message.online, process: message.process };
        this.tell("bot");
      },
      commands: () => {
        this.commands = message.commands;
        this.tell("commands");
      },
      interaction: () => this.tell("interaction", { interaction: message.interaction }),
    };
    handlers[message.type]?.();
  }

  reset(snapshot) {
    this.ready = true;
    this.you = snapshot.you;
    this.locale = snapshot.locale;
    this.bot = snapshot.bot;
    this.uploadLimit = snapshot.upload_limit;
    this.users = new Map(snapshot.users.map((user) => [user.id, user]));
    this.dms = snapshot.dms;
    this.takePlaces(snapshot);
    this.messages = new Map();
    for (const [key, list] of Object.entries(snapshot.messages)) {
      this.messages.set(key, new Map(list.map((message) => [message.id, message])));
    }
    this.used = new Map(Object.entries(snapshot.used));
    this.welcome = snapshot.welcome;
    this.marks = new ReadMarks(this.you);
    this.findUnread();
    this.tell("reset");
  }

  /** What came since this person last read each channel; a channel that was never read counts as read. */
  findUnread() {
    this.unread.clear();
    this.pings.clear();
    for (const id of this.channels.keys()) {
      const history = this.history(id);
      const mark = this.marks.get(id);
      if (mark === undefined) this.marks.set(id, history.at(-1)?.id ?? "0");
      else for (const message of history) if (byAge(message.id, mark) > 0) this.countUnread(message);
    }
  }

  countUnread(message) {
    if (message.author.id === this.you || message.ephemeral) return;
    const { channel_id: id } = message;
    const add = (counts) => counts.set(id, (counts.get(id) ?? 0) + 1);
    add(this.unread);
    if (!this.channels.get(id)?.guild_id || message.mentions.some((user) => user.id === this.you)) add(this.pings);
  }

  takePlaces({ guilds, permissions, commands }) {
    this.guilds = [...guilds].sort((a, b) => b.has_bot - a.has_bot);
    this.channels = new Map();
    for (const guild of this.guilds) for (const channel of guild.channels) this.channels.set(channel.id, channel);
    for (const channel of this.dms) this.channels.set(channel.id, channel);
    this.permissions = permissions;
    this.commands = commands;
  }

  setPlaces(places) {
    this.takePlaces(places);
    this.tell("rooms");
    this.tell("commands");
  }

  /** A guild's channels in their order, each with its open threads after it; `also` is shown though archived. */
  channelsOf(guild, also = null) {
    const open = (thread) => !thread.thread_metadata.archived || thread.id === also;
    const threads = guild.channels.filter((channel) => channel.thread_metadata && open(channel));
    return guild.channels
      .filter((channel) => !channel.thread_metadata)
      .flatMap((channel) => [channel, ...threads.filter((thread) => thread.parent_id === channel.id)]);
  }

  hearMessage({ new: isNew, message }) {
    const room = this.room(message.channel_id);
    room.set(message.id, message);
    if (isNew && message.channel_id === this.readingId) this.marks.set(message.channel_id, message.id);
    else if (isNew) {
      this.countUnread(message);
      this.tell("unread");
    }
    this.tell("message", { message, isNew });
  }

  forget(channelId, id) {
    this.room(channelId).delete(id);
    this.tell("deleted", { channelId, id });
  }

  addDm(channel) {
    if (this.channels.has(channel.id)) return;
    this.dms.push(channel);
    this.channels.set(channel.id, channel);
    this.tell("rooms");
  }

  addOlder(channelId, messages) {
    const room = this.room(channelId);
    for (const message of messages) room.set(message.id, message);
  }

  room(channelId) {
    if (!this.messages.has(channelId)) this.messages.set(channelId, new Map());
    return this.messages.get(channelId);
  }

  /** The messages of a channel, oldest first. */
  history(channelId) {
    return [...this.room(channelId).values()].sort((a, b) => byAge(a.id, b.id));
  }

  message(channelId, id) {
    return this.room(channelId).get(id);
  }

  /** Note a channel as read; returns the id of the first message that was not, or null. */
  read(channelId) {
    this.readingId = channelId;
    const history = this.history(channelId);
    const mark = this.marks.get(channelId);
    const first = this.unread.has(channelId) ? history.find((one) => byAge(one.id, mark) > 0 && one.author.id !== this.you) : null;
    this.marks.set(channelId, history.at(-1)?.id ?? "0");
    this.pings.delete(channelId);
    if (this.unread.delete(channelId)) this.tell("unread");
    return first?.id ?? null;
  }

  /** Count one more use of a command. */
  noteUse(command) {
    this.used.set(command, (this.used.get(command) ?? 0) + 1);
  }

  // Names

  guildOf(channelId) {
    const id = this.channels.get(channelId)?.guild_id;
    return this.guilds.find((guild) => guild.id === id) ?? null;
  }

  member(userId, guild) {
    return guild?.members.find((member) => member.user.id === userId) ?? null;
  }

  nameOf(userId, guild = null) {
    const user = this.users.get(userId);
    return this.member(userId, guild)?.nick ?? user?.global_name ?? user?.username ?? "Somebody";
  }

  /** The member's roles, highest first. */
  rolesOf(userId, guild) {
    const held = this.member(userId, guild)?.roles ?? [];
    return (guild?.roles ?? []).filter((role) => held.includes(role.id)).sort((a, b) => b.position - a.position);
  }

  channelName(channel) {
    if (channel.name) return channel.name;
    const others = channel.recipients ?? [];
    return others.map((user) => this.nameOf(user.id)).join(", ") || "Notes to yourself";
  }

  /** Whoever can be in a channel: the guild's members, or those of the private conversation. */
  peopleIn(channelId) {
    const guild = this.guildOf(channelId);
    if (guild) return guild.members.map((member) => this.users.get(member.user.id) ?? member.user);
    const channel = this.channels.get(channelId);
    return [...(channel?.recipients ?? []), this.users.get(this.you)];
  }

  may(channelId, bit) {
    return (BigInt(this.permissions[channelId] ?? "0") & bit) === bit;
  }

  isOnline(user) {
    return user.bot ? this.bot.online : true;
  }

  commandsIn(channelId, type) {
    return (this.commands[channelId] ?? []).filter((command) => (command.type ?? 1) === type);
  }
}

export const MANAGE_MESSAGES = 1n << 13n;
