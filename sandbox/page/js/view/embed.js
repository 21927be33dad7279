// Embeds.

import { h, hex, mediaUrl } from "../dom.js";
import { link } from "../markdown/render.js";
import { messageTime } from "../time.js";
import { picture } from "./media.js";

/** A rich embed: author, title, description, fields, image, footer, in its colour. */
export function embed(body, names) {
  const colour = body.color === undefined || body.color === null ? {} : { "--stripe": hex(body.color) };
  return h(
    "div",
    { class: "embed", role: "group", "aria-label": body.title ?? "Embed", style: colour },
    h(
      "div",
      { class: "embed-body" },
      body.author && h("div", { class: "embed-author" }, small(body.author.icon_url), linked(body.author.name, body.author.url, names)),
      body.title && h("div", { class: "embed-title" }, body.url ? link(body.url, names.line(body.title), names.rich) : names.line(body.title)),
      body.description && h("div", { class: "embed-description" }, names.markdown(body.description)),
      body.fields?.length > 0 && fields(body.fields, names),
    ),
    body.thumbnail && picture(body.thumbnail, "Thumbnail", { className: "picture embed-thumbnail" }),
    body.image && picture(body.image, body.image.description ?? pictureWords(body), { className: "picture embed-image" }),
    (body.footer || body.timestamp) && footer(body),
  );
}

function pictureWords(body) {
  return body.title || body.description ? `Picture of the embed “${(body.title ?? body.description).slice(0, 80)}”` : "Picture of the embed";
}

/** Inline fields share a row, up to three of them, and divide it evenly. */
function fields(list, names) {
  const beside = new Map();
  let row = [];
  for (const field of list) {
    if (!field.inline || row.length === 3) row = [];
    if (field.inline) row.push(field);
    beside.set(field, row);
  }
  return h(
    "dl",
    { class: "embed-fields" },
    list.map((field) =>
      h(
        "div",
        { class: field.inline ? `embed-field inline of-${beside.get(field).length}` : "embed-field" },
        h("dt", {}, names.line(field.name)),
        h("dd", {}, names.markdown(field.value)),
      ),
    ),
  );
}

function footer(body) {
  const date = body.timestamp ? new Date(body.timestamp) : null;
  const time = date && !Number.isNaN(date.getTime()) && h("time", { datetime: date.toISOString() }, messageTime(date));
  const text = body.footer?.text;
  return h("div", { class: "embed-footer" }, small(body.footer?.icon_url), text, text && time && " • ", time);
}

function linked(text, url, names) {
  return url ? link(url, [text], names.rich) : h("span", {}, text);
}

function small(url) {
  const address = url ? mediaUrl(url) : null;
  return address && h("img", { class: "embed-icon", src: address, alt: "" });
}
