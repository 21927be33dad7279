// What can be done with a message and with a person: the menus of the right button, of Shift+F10 and of "More".

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { MANAGE_MESSAGES } from "../world.js";
import { confirmDialog } from "./dialog.js";
import { openMenu } from "./popover.js";
import { offerReactions } from "./reactions.js";

const USER_COMMAND = 2;
const MESSAGE_COMMAND = 3;

export class Menus {
  constructor(app) {
    this.app = app;
  }

  /** The menu of a message. */
  message(event, message) {
    event.preventDefault();
    const { app } = this;
    const { world } = app;
    const own = message.author.id === world.you;
    const mayDelete = own || (world.guildOf(message.channel_id) && world.may(message.channel_id, MANAGE_MESSAGES));
    const remove = () =>
      confirmDialog({ title: "Delete message", text: "It will be gone for everybody.", yes: "Delete", run: () => app.act("delete", { message_id: message.id }) });
    const entries = [
      !message.ephemeral && { label: "Add reaction", icon: icon("smile"), run: () => offerReactions(app, document.getElementById(`message-${message.id}`), message) },
      !message.ephemeral && { label: "Reply", icon: icon("reply"), run: () => app.composer.replyTo(message) },
      own && { label: "Edit message", icon: icon("pencil"), run: () => app.timeline.edit(message) },
      message.content && { label: "Copy text", icon: icon("copy"), run: () => copy(app, message.content) },
      { label: "Copy message ID", icon: icon("copy"), run: () => copy(app, message.id) },
      ...this.commands(message.channel_id, MESSAGE_COMMAND, (name) =>
        this.run(name, "message_menu", { message_id: message.id, name }),
      ),
    ];
    if (mayDelete && !message.ephemeral) entries.push(null, { label: "Delete message", icon: icon("trash"), danger: true, run: remove });
    if (message.ephemeral) entries.push(null, { label: "Dismiss message", icon: icon("close"), run: () => app.act("delete", { message_id: message.id }) });
    openMenu(anchorOf(event), "Message actions", entries.filter((entry) => entry !== false && entry !== ""));
  }

  /** The menu of a person. */
  user(event, userId) {
    event.preventDefault();
    event.stopPropagation();
    const { app } = this;
    const { world } = app;
    const user = world.users.get(userId);
    if (!user) return;
    const channelId = app.channelId;
    const dm = world.dms.find((channel) => channel.recipients.length === 1 && channel.recipients[0].id === userId);
    const entries = [
      { heading: `${world.nameOf(userId, world.guildOf(channelId))} · @${user.username}` },
      { label: "Mention", icon: icon("at"), run: () => app.composer.insert(`@${user.username} `) },
      dm && { label: "Message", icon: icon("send"), run: () => app.go(dm.id) },
      userId !== world.you && !user.bot && { label: `Act as ${world.nameOf(userId)}`, icon: icon("people"), run: () => app.actAs(userId) },
      { label: "Copy user ID", icon: icon("copy"), run: () => copy(app, userId) },
      ...this.commands(channelId, USER_COMMAND, (name) =>
        this.run(name, "user_menu", { channel_id: channelId, user_id: userId, name }),
      ),
    ];
    openMenu(anchorOf(event), `Actions for ${world.nameOf(userId)}`, entries.filter(Boolean));
  }

  commands(channelId, type, run) {
    const commands = this.app.world.commandsIn(channelId, type);
    if (commands.length === 0) return [];
    return [{ heading: "Apps" }, ...commands.map((command) => ({ label: command.name, icon: icon("apps"), run: () => run(command.name) }))];
  }

  run(name, action, parameters) {
    this.app.timeline.command(name, action, parameters).catch((error) => this.app.complain(error));
  }
}

// A press of the button beside the thing anchors there; the right button and the keyboard's menu key where it is.
function anchorOf(event) {
  if (event.type === "contextmenu" && (event.clientX || event.clientY)) return { x: event.clientX, y: event.clientY, held: event.buttons !== 0 };
  return event.currentTarget instanceof Element && event.currentTarget !== document ? (event.target.closest("button, article") ?? event.currentTarget) : event.target;
}

async function copy(app, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = h("textarea", { class: "unseen", value: text });
    document.body.append(field);
    field.select();
    app.say(document.execCommand("copy") ? "Copied." : "Copying is not allowed here.");
    field.remove();
    return;
  }
  app.say("Copied.");
}
