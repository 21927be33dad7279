// Pictures, films and files of a message, and the picture seen large.

import { fileSize, h, mediaUrl } from "../dom.js";
import { icon } from "../icons.js";
import { link, spoiler } from "../markdown/render.js";
import { audioPlayer } from "./audio.js";
import { openDialog } from "./dialog.js";

/** What kind of thing a file is to the reader: "image", "audio", "video" or "file". */
export function kindOf(file) {
  const type = file.content_type ?? "";
  if (/^image\/(png|jpeg|gif|webp)/.test(type)) return "image";
  // Notes, which no browser plays.
  if (/^audio\/(x-)?midi?$/.test(type)) return "file";
  if (type.startsWith("audio/")) return "audio";
  return type.startsWith("video/") ? "video" : "file";
}

/** A picture that opens large; without `alt` its file name speaks for it. */
export function picture(media, alt, { hidden = false, className = "picture" } = {}) {
  const url = mediaUrl(media.url);
  if (url === null) return h("span", { class: "picture-missing" }, "A picture without a usable address");
  const words = alt || decodeURIComponent(new URL(url).pathname.split("/").at(-1));
  const size = media.width && media.height ? { width: media.width, height: media.height } : {};
  const image = h("img", { src: url, alt: words, loading: "lazy", decoding: "async", ...size });
  const open = () => openDialog({ label: words, className: "lightbox", content: large(url, words) });
  const button = h("button", { type: "button", class: className, "aria-label": `Enlarge picture: ${words}`, on: { click: open } }, image);
  image.addEventListener("error", () => {
    const missing = h("span", { class: "picture-missing" }, icon("external"), link(url, [`Picture: ${words}`]));
    button.replaceWith(missing);
  });
  return hidden ? spoiler([button]) : button;
}

function large(url, words) {
  return [
    h("img", { src: url, alt: words }),
    h("a", { class: "lightbox-link", href: url, target: "_blank", rel: "noopener noreferrer" }, "Open in a new tab"),
  ];
}

/** A file to download: name, size. */
export function fileCard(file, url) {
  return h(
    "div",
    { class: "file" },
    icon("file"),
    h("span", { class: "file-words" }, h("a", { href: url, download: file.filename }, file.filename), h("span", { class: "file-size" }, fileSize(file.size ?? 0))),
    h("a", { class: "icon-button", href: url, download: file.filename, "aria-label": `Download ${file.filename}` }, icon("download")),
  );
}

/** One attachment as what it is. `keep` holds players of an earlier rendering, which go on playing. */
export function attachment(file, keep = new Map()) {
  const url = mediaUrl(file.url);
  if (url === null) return null;
  const kind = kindOf(file);
  if (kind === "image") return picture(file, file.description, { hidden: file.filename.startsWith("SPOILER_") });
  if (kind === "audio") return keep.get(file.id) ?? audioPlayer(file, url);
  if (kind === "video") {
    return h("video", { class: "video", controls: true, preload: "metadata", src: url, "aria-label": file.description ?? file.filename });
  }
  return fileCard(file, url);
}

/** The attachments of a message that nothing else in it shows. */
export function attachments(message, keep) {
  const shownElsewhere = new Set();
  for (const embed of message.embeds) {
    for (const media of [embed.image, embed.thumbnail]) if (media?.url) shownElsewhere.add(pathOf(media.url));
    for (const owner of [embed.author, embed.footer]) if (owner?.icon_url) shownElsewhere.add(pathOf(owner.icon_url));
  }
  const own = message.attachments.filter((file) => !shownElsewhere.has(pathOf(file.url)));
  if (own.length === 0) return null;
  const pictures = own.filter((file) => kindOf(file) === "image");
  const others = own.filter((file) => kindOf(file) !== "image");
  return h(
    "div",
    { class: "attachments" },
    pictures.length > 0 && h("div", { class: `pictures count-${Math.min(pictures.length, 4)}` }, pictures.map((file) => attachment(file))),
    others.map((file) => attachment(file, keep)),
  );
}

function pathOf(url) {
  try {
    return new URL(url).pathname;
  } catch {
    return url;
  }
}
