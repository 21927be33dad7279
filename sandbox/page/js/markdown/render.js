// Markdown trees as elements, and as plain text for previews and screen readers.

import { h, safeUrl } from "../dom.js";
import { fullTime, relative, timestamp } from "../time.js";
import { placeOf } from "../places.js";
import { parse } from "./blocks.js";
import { inline } from "./inline.js";

const TAGS = { bold: "strong", italic: "em", underline: "u", strike: "s" };
const ONLY_EMOJI = /^(?:\s|\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200d|\ufe0f|[#*\d]\ufe0f?\u20e3)+$/u;

/** A whole text. `names` is {user, role, channel, command, place}: functions that make the elements of mentions and of links to messages. */
export function markdown(text, names) {
  const large = text.length <= 60 && /\p{Extended_Pictographic}/u.test(text) && ONLY_EMOJI.test(text);
  return h("div", { class: large ? "markdown jumbo" : "markdown" }, parse(text).map((node) => block(node, names)));
}

/** One line, as in titles, where blocks mean nothing. */
export function markdownLine(text, names) {
  return inline(text).map((node) => piece(node, names));
}

function block(node, names) {
  const children = () => node.children.map((child) => piece(child, names));
  switch (node.type) {
    case "header":
      return h("div", { class: `header header-${node.level}`, role: "heading", "aria-level": node.level + 1 }, children());
    case "small":
      return h("p", { class: "subtext" }, children());
    case "quote":
      return h("blockquote", {}, node.children.map((child) => block(child, names)));
    case "codeblock":
      return h("pre", { tabindex: "0", "aria-label": node.language ? `${node.language} code` : "code", role: "group" }, h("code", {}, node.text));
    case "list":
      return list(node, names);
    default:
      return h("p", {}, children());
  }
}

function list(node, names) {
  const items = node.items.map((item) =>
    h("li", {}, item.children.map((child) => piece(child, names)), item.list && list(item.list, names)),
  );
  return h(node.ordered ? "ol" : "ul", node.ordered ? { start: node.start } : {}, items);
}

function piece(node, names) {
  const children = () => node.children.map((child) => piece(child, names));
  switch (node.type) {
    case "text":
      return node.text;
    case "code":
      return h("code", { class: "inline-code" }, node.text);
    case "link":
      return link(node.url, children(), names);
    case "spoiler":
      return spoiler(children());
    case "time":
      return timestamp(node.seconds, node.style) ?? node.raw;
    case "emoji":
      return h("span", { class: "custom-emoji", title: `:${node.name}:` }, `:${node.name}:`);
    case "everyone":
      return h("span", { class: "mention" }, node.text);
    case "user":
    case "role":
    case "channel":
      return names[node.type](node.id);
    case "command":
      return names.command(node.name, node.id);
    default:
      return h(TAGS[node.type], {}, children());
  }
}

/** A link: inside the page where it leads to a message or channel, else to a new tab. No web address: text. */
export function link(url, children, names) {
  const safe = safeUrl(url);
  if (safe === null) return h("span", {}, children);
  const place = placeOf(safe);
  if (place && names) return names.place(place, children.length === 1 && children[0] === url ? null : children);
  return h("a", { href: safe, target: "_blank", rel: "noopener noreferrer nofollow" }, children);
}

/** Hidden until pressed. */
export function spoiler(children) {
  const inner = h("span", { class: "spoiler-text", "aria-hidden": "true" }, children);
  inner.inert = true;
  const outer = h("span", { class: "spoiler", role: "button", tabindex: "0", "aria-label": "Spoiler, press to reveal" }, inner);
  const reveal = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    if (outer.classList.contains("open")) return;
    event.preventDefault();
    event.stopPropagation();
    outer.classList.add("open");
    inner.inert = false;
    inner.removeAttribute("aria-hidden");
    for (const name of ["role", "tabindex", "aria-label"]) outer.removeAttribute(name);
  };
  outer.addEventListener("click", reveal);
  outer.addEventListener("keydown", reveal);
  return outer;
}

/** What a text says, without its marks; `names` as functions from an id to a text. */
export function plain(text, names) {
  return parse(text).map((node) => blockText(node, names)).join("\n").trim();
}

function blockText(node, names) {
  if (node.type === "codeblock") return node.text;
  if (node.type === "list") return node.items.map((item) => `• ${pieces(item.children, names)}`).join("\n");
  if (node.type === "quote") return node.children.map((child) => blockText(child, names)).join("\n");
  return pieces(node.children, names);
}

function pieces(nodes, names) {
  return nodes.map((node) => pieceText(node, names)).join("");
}

function pieceText(node, names) {
  switch (node.type) {
    case "spoiler":
      return "(spoiler)";
    case "time": {
      const date = new Date(node.seconds * 1000);
      if (Number.isNaN(date.getTime())) return node.raw;
      return node.style === "R" ? relative(date) : fullTime(date);
    }
    case "emoji":
      return `:${node.name}:`;
    case "user":
      return `@${names.user(node.id)}`;
    case "role":
      return `@${names.role(node.id)}`;
    case "channel":
      return `#${names.channel(node.id)}`;
    case "command":
      return `/${node.name}`;
    default:
      return node.text ?? pieces(node.children, names);
  }
}
