// @people and #channels in plain messages: offered while typed, written as Discord writes them when sent.

import { h } from "../dom.js";
import { avatar } from "../view/names.js";

const BEGUN = /(^|[\s(])([@#])([\p{L}\p{N}_.-]{0,32})$/u;
const WRITTEN = /(^|[\s(])([@#])([\p{L}\p{N}_.-]{1,32})/gu;

/** What may follow the @ or # before the caret: {start, items}, or null. */
export function offered(world, channelId, before) {
  const match = BEGUN.exec(before);
  if (match === null) return null;
  const [, , mark, typed] = match;
  const wanted = typed.toLowerCase();
  const start = before.length - typed.length - 1;
  const guild = world.guildOf(channelId);
  const items =
    mark === "@"
      ? world.peopleIn(channelId).map((user) => ({ label: world.nameOf(user.id, guild), note: `@${user.username}`, text: `@${user.username} `, mark: avatar(user) }))
      : (guild?.channels ?? []).map((channel) => ({ label: channel.name, text: `#${channel.name} `, mark: h("span", { class: "hash", "aria-hidden": "true" }, "#") }));
  const fits = items.filter((item) => item.text.slice(1).toLowerCase().startsWith(wanted) || item.label.toLowerCase().startsWith(wanted));
  // A name that is written out needs no help, and Enter is free to send.
  const done = fits.length === 1 && fits[0].text.slice(1, -1) === wanted;
  return fits.length > 0 && !done ? { start, items: fits } : null;
}

/** A written message with its mentions as `<@id>` and `<#id>`. */
export function encode(world, channelId, text) {
  const guild = world.guildOf(channelId);
  const people = new Map(world.peopleIn(channelId).map((user) => [user.username, `<@${user.id}>`]));
  const rooms = new Map((guild?.channels ?? []).map((channel) => [channel.name, `<#${channel.id}>`]));
  return text.replace(WRITTEN, (whole, space, mark, name) => {
    const found = (mark === "@" ? people : rooms).get(name);
    return found ? space + found : whole;
  });
}
