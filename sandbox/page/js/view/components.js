// Components of a message: rows of buttons, selects, and the Components V2 layout.

import { h, hex, mediaUrl, safeUrl } from "../dom.js";
import { icon } from "../icons.js";
import { KIND, SELECTS } from "../kinds.js";
import { placeOf } from "../places.js";
import { spoiler } from "../markdown/render.js";
import { attachment, fileCard, kindOf, picture } from "./media.js";
import { emoji } from "./names.js";
import { entityChoices, selectBox, stringChoices } from "./select.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "premium" };

const DOUBLE_CLICK_MS = 500;
let pressed = { at: -DOUBLE_CLICK_MS, x: 0, y: 0, key: null };

/** Whether a press is the second of a double click, and the list has moved another button under the pointer. */
function isStray({ timeStamp, clientX, clientY, detail }, key) {
  if (detail === 0) return false; // by the keyboard
  const same = timeStamp - pressed.at < DOUBLE_CLICK_MS && Math.hypot(clientX - pressed.x, clientY - pressed.y) < 8;
  if (same && key !== pressed.key) return true;
  pressed = { at: timeStamp, x: clientX, y: clientY, key };
  return false;
}

/** Renders the components of one message. `use(action, customId, more)` sends what the reader does. */
export class ComponentView {
  constructor({ app, message, names, keep, use, pending }) {
    Object.assign(this, { app, message, names, keep, use, pending });
  }

  all() {
    const parts = this.message.components.map((component) => this.one(component));
    return parts.length > 0 && h("div", { class: "components" }, parts);
  }

  one(component) {
    switch (component.type) {
      case KIND.ROW:
        return h("div", { class: "row" }, component.components.map((child) => this.one(child)));
      case KIND.BUTTON:
        return this.button(component);
      case KIND.SECTION:
        return h("div", { class: "section" }, h("div", { class: "section-texts" }, component.components.map((child) => this.one(child))), this.one(component.accessory));
      case KIND.TEXT:
        return this.names.markdown(component.content);
      case KIND.THUMBNAIL:
        return picture(component.media, component.description, { className: "picture thumbnail", hidden: component.spoiler });
      case KIND.GALLERY:
        return this.gallery(component);
      case KIND.FILE:
        return this.file(component);
      case KIND.SEPARATOR:
        return h("hr", { class: `separator spacing-${component.spacing ?? 1}${component.divider === false ? " plain" : ""}` });
      case KIND.CONTAINER:
        return this.container(component);
      default:
        return SELECTS.has(component.type) ? this.select(component) : null;
    }
  }

  button(component) {
    const face = [component.emoji && emoji(component.emoji), component.label && h("span", {}, component.label)];
    const style = STYLES[component.style] ?? "secondary";
    const label = component.label ? {} : { "aria-label": component.emoji?.name ?? "Button" };
    if (component.url) {
      const url = safeUrl(component.url);
      if (url === null || component.disabled) return h("button", { type: "button", class: "button link", disabled: true, ...label }, face, icon("external"));
      const place = placeOf(url);
      if (place) return h("button", { type: "button", class: "button link", on: { click: () => this.app.goTo(place) }, ...label }, face);
      return h("a", { class: "button link", href: url, target: "_blank", rel: "noopener noreferrer", ...label }, face, icon("external"));
    }
    const busy = this.pending.has(component.custom_id);
    const press = (event) => {
      if (this.pending.has(component.custom_id) || isStray(event, `${this.message.id} ${component.custom_id}`)) return;
      this.use("click", component.custom_id, {});
    };
    return h(
      "button",
      {
        type: "button",
        class: `button ${style}${busy ? " busy" : ""}`,
        disabled: component.disabled,
        "aria-busy": busy ? "true" : null,
        "data-key": component.custom_id,
        on: { click: press },
        ...label,
      },
      h("span", { class: "button-face" }, face),
      busy && h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
    );
  }

  select(component) {
    const choices = component.type === KIND.STRING_SELECT ? stringChoices(component) : entityChoices(component, this.app.world, this.message.channel_id);
    return selectBox({
      choices,
      label: component.placeholder ?? "Make a selection",
      min: component.min_values ?? 1,
      max: component.max_values ?? 1,
      disabled: component.disabled || this.pending.has(component.custom_id),
      key: component.custom_id,
      done: (values) => this.use("select", component.custom_id, { values }),
    });
  }

  gallery(component) {
    const items = component.items.map((item) => {
      const kind = kindOf({ content_type: item.media.content_type ?? "image/png" });
      const url = mediaUrl(item.media.url);
      if (kind === "video" && url) return h("video", { class: "video", controls: true, src: url, "aria-label": item.description ?? "Video" });
      return picture(item.media, item.description, { hidden: item.spoiler });
    });
    return h("div", { class: `pictures gallery count-${Math.min(items.length, 4)}` }, items);
  }

  file(component) {
    const url = mediaUrl(component.file.url);
    const uploaded = this.message.attachments.find((one) => one.id === component.file.attachment_id);
    const shown = uploaded ?? { filename: component.name ?? "file", size: component.size ?? 0 };
    const element = kindOf(shown) === "audio" ? attachment(shown, this.keep) : url && fileCard(shown, url);
    return component.spoiler && element ? spoiler([element]) : element;
  }

  container(component) {
    const colour = component.accent_color === null || component.accent_color === undefined ? {} : { "--stripe": hex(component.accent_color) };
    const inner = component.components.map((child) => this.one(child));
    return h("div", { class: "card", role: "group", "aria-label": "Card", style: colour }, component.spoiler ? spoiler(inner) : inner);
  }
}
