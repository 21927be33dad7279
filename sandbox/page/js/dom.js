// Builds elements. Text goes in as text nodes only; there is no way in for markup.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "indeterminate", "selected"]);

/** An element with attributes, listeners (`on`), style properties (`style`) and children, nullish ones left out. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "style") {
      for (const [property, setting] of Object.entries(value)) element.style.setProperty(property, setting);
    } else if (PROPERTIES.has(name)) {
      element[name] = value;
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(element, children);
  return element;
}

/** Add children: nodes, texts, nested lists of them; null, undefined and booleans add nothing. */
export function append(parent, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || typeof child === "boolean") continue;
    parent.append(child instanceof Node ? child : String(child));
  }
  return parent;
}

/** Replace everything inside `parent`. */
export function refill(parent, ...children) {
  parent.replaceChildren();
  return append(parent, children);
}

let counter = 0;
/** An id that no other element has. */
export function freshId(prefix) {
  counter += 1;
  return `${prefix}-${counter}`;
}

/** `url` if it leads to the web or to this server, else null: no javascript:, no data:. */
export function safeUrl(url) {
  try {
    const parsed = new URL(url);
    return parsed.protocol === "https:" || parsed.protocol === "http:" ? parsed.href : null;
  } catch {
    return null;
  }
}

/** The address of an upload on the origin this page came from, however the server calls itself. */
export function mediaUrl(url) {
  const safe = safeUrl(url);
  if (safe === null) return null;
  const parsed = new URL(safe);
  const ours = ["127.0.0.1", "localhost"].includes(parsed.hostname) && /^\/(ephemeral-)?attachments\//.test(parsed.pathname);
  return ours ? location.origin + parsed.pathname + parsed.search : safe;
}

/** 1536 → "1.5 KB". */
export function fileSize(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  const units = ["KB", "MB", "GB"];
  let size = bytes / 1024;
  let unit = 0;
  while (size >= 1000 && unit < 2) {
    size /= 1024;
    unit += 1;
  }
  return `${size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}

/** 0xRRGGBB → "#rrggbb". */
export function hex(colour) {
  return `#${(colour & 0xffffff).toString(16).padStart(6, "0")}`;
}
