// One message.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { clock, fullTime, messageTime } from "../time.js";
import { ComponentView } from "./components.js";
import { embed } from "./embed.js";
import { attachments } from "./media.js";
import { Names, avatar, botTag, nameButton } from "./names.js";
import { offerReactions, reactions } from "./reactions.js";

const CONTEXT_MENU = 23;
const SILENCE = "The application did not respond.";

/** What a message says in one line, for previews and for screen readers. */
export function summary(message, names) {
  if (message.thinking) return "is thinking…";
  if (message.failed) return SILENCE;
  const parts = [names.plain(message.content)];
  for (const body of message.embeds) parts.push(body.title ?? "", names.plain(body.description ?? ""));
  parts.push(...texts(message.components).map((text) => names.plain(text)));
  for (const file of message.attachments) if (!message.embeds.some((body) => body.image?.url === file.url)) parts.push(`File ${file.filename}`);
  const said = parts.map((part) => part.trim()).filter(Boolean);
  return said.join(". ").replace(/([.!?…:])\. /g, "$1 ").replace(/\s+/g, " ");
}

function texts(components) {
  return components.flatMap((one) => [...(one.content ? [one.content] : []), ...texts(one.components ?? [])]);
}

/**
 * The element of a message. `earlier` is the element it takes the place of: what plays in it goes on playing.
 * `states` are the component uses under way: {pending: Set of custom_ids, failed: text or null}.
 */
export function messageView(app, message, { earlier = null, states }) {
  const names = new Names(app, message.channel_id);
  const date = new Date(message.timestamp);
  const keep = new Map([...(earlier?.querySelectorAll(".audio") ?? [])].map((one) => [one.dataset.attachment, one]));
  const author = names.text.user(message.author.id);
  const context = contextLine(app, message, names);
  const mentioned = message.mentions.some((user) => user.id === app.world.you) && message.author.id !== app.world.you;
  const element = h(
    "article",
    {
      class: ["message", message.ephemeral && "ephemeral", mentioned && "mentions-you"].filter(Boolean).join(" "),
      id: `message-${message.id}`,
      tabindex: "-1",
      "aria-label": `${author}, ${messageTime(date)}${message.ephemeral ? ", only you can see this" : ""}`,
      "data-id": message.id,
    },
    context,
    h("div", { class: "gutter" }, avatar(message.author), h("time", { class: "short-time", datetime: message.timestamp, "aria-hidden": "true" }, clock(date))),
    h(
      "div",
      { class: "message-main" },
      h(
        "div",
        { class: "message-head" },
        nameButton(app, names, message.author),
        message.author.bot && botTag(),
        h("time", { class: "message-time", datetime: message.timestamp, title: fullTime(date) }, messageTime(date)),
      ),
      body(app, message, names, keep, states),
      reactions(app, message, names),
      states.failed && h("p", { class: "failed-note", role: "alert" }, icon("warning"), states.failed),
      message.ephemeral && ephemeralNote(app, message),
    ),
    toolbar(app, message, author),
  );
  element.classList.toggle("has-context", context !== null);
  return element;
}

function body(app, message, names, keep, states) {
  if (message.thinking) {
    const author = names.text.user(message.author.id);
    return h("div", { class: "thinking" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), `${author} is thinking…`);
  }
  if (message.failed) return h("p", { class: "failed-note" }, icon("warning"), SILENCE);
  const view = new ComponentView({
    app,
    message,
    names,
    keep,
    pending: states.pending,
    use: (action, customId, more) => app.timeline.use(message, action, customId, more),
  });
  const components = message.components.length > 0 && view.all();
  // In a Components V2 message the components say where each file is shown.
  const isV2 = (message.flags & (1 << 15)) !== 0;
  return h(
    "div",
    { class: "message-body" },
    message.content && content(message, names),
    !isV2 && attachments(message, keep),
    message.embeds.map((one) => embed(one, names)),
    components,
  );
}

function content(message, names) {
  const element = names.markdown(message.content);
  if (message.edited_timestamp && !message.author.bot) {
    const mark = h("span", { class: "edited", title: fullTime(new Date(message.edited_timestamp)) }, " (edited)");
    (element.lastElementChild?.tagName === "P" ? element.lastElementChild : element).append(mark);
  }
  return element;
}

function contextLine(app, message, names) {
  const user = message.interaction_metadata?.user;
  if (user && message.command) {
    const used = message.type === CONTEXT_MENU ? message.command : `/${message.command}`;
    const start = () => app.composer.startCommand(message.command);
    const command = message.type === CONTEXT_MENU ? h("b", {}, used) : h("button", { type: "button", class: "used-command", on: { click: start } }, used);
    return h("div", { class: "context" }, avatar(user), nameButton(app, names, user), h("span", {}, " used "), command);
  }
  if (!message.message_reference) return null;
  const replied = message.referenced_message;
  if (!replied) return h("div", { class: "context" }, h("i", {}, "The message this answers was deleted."));
  const jump = () => app.timeline.jump(replied.id);
  const words = summary(replied, names).slice(0, 120) || "Press to see the message";
  return h("div", { class: "context" }, avatar(replied.author), nameButton(app, names, replied.author), h("button", { type: "button", class: "replied", on: { click: jump } }, words));
}

function ephemeralNote(app, message) {
  const dismiss = () => app.act("delete", { message_id: message.id });
  return h(
    "p",
    { class: "ephemeral-note" },
    icon("eye"),
    "Only you can see this",
    !message.thinking && [h("span", { "aria-hidden": "true" }, "•"), h("button", { type: "button", class: "text-button", "data-key": "dismiss", on: { click: dismiss } }, "Dismiss message")],
  );
}

function toolbar(app, message, author) {
  if (message.thinking) return null;
  const own = message.author.id === app.world.you;
  const button = (name, label, run, key) =>
    h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, tabindex: "-1", "data-key": key, on: { click: run } }, icon(name));
  const more = (event) => app.menus.message(event, message);
  return h(
    "div",
    { class: "message-tools", role: "group", "aria-label": `Actions for the message of ${author}` },
    !message.ephemeral && button("smile", "Add reaction", (event) => offerReactions(app, event.currentTarget, message), "react"),
    !message.ephemeral && button("reply", "Reply", () => app.composer.replyTo(message), "reply"),
    own && button("pencil", "Edit", () => app.timeline.edit(message), "edit"),
    button("more", "More actions", more, "more"),
  );
}

/** Turns a message into a field; `done(text or null)` gets what was made of it. */
export function editor(app, message, done) {
  const field = h("textarea", { class: "field edit-field", rows: 3, "aria-label": "Edit the message", value: message.content });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      done(null);
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      done(field.value);
    }
  });
  const hint = h("p", { class: "edit-hint" }, "Escape to ", h("button", { type: "button", class: "text-button", on: { click: () => done(null) } }, "cancel"), " • Enter to ", h("button", { type: "button", class: "text-button", on: { click: () => done(field.value) } }, "save"));
  return { element: h("div", { class: "editor" }, field, hint), field };
}

/** Puts an editor in the place of a message's content. */
export function openEditor(app, message, element) {
  const body = element.querySelector(".message-body");
  const close = (text) => {
    app.timeline.refresh(message.id);
    app.timeline.focus(message.id);
    if (text !== null && text.trim() !== message.content) app.act("edit", { message_id: message.id, content: text });
  };
  const { element: form, field } = editor(app, message, close);
  const said = body.querySelector(":scope > .markdown");
  if (said) said.replaceWith(form);
  else body.prepend(form);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}
