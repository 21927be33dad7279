// Line icons on a 24 grid, drawn for this page.

import { svg } from "./dom.js";

const PATHS = {
  hash: "M9.500 4 7.500 20M16.500 4l-2 16M4.500 9h15.500M4 15h15.500",
  thread: "M6 4.500v6a4 4 0 0 0 4 4h9m-4-4 4 4-4 4",
  at: "M16 12a4 4 0 1 1-1.200-2.850M16 8.500V13c0 3 4.500 3 4.500-1A8.500 8.500 0 1 0 17 18.900",
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  send: "M4 12 20 4l-4.500 16-4-6.500L4 12Zm7.500 1.500L20 4",
  close: "M6 6l12 12M18 6 6 18",
  play: "M8 5.500v13l10.500-6.500z",
  pause: "M8.500 6v12M15.500 6v12",
  download: "M12 4v11m-4.500-4.500L12 15l4.500-4.500M5 20h14",
  volume: "M4 9.500v5h3.500L12 18V6L7.500 9.500zM15.500 9a4 4 0 0 1 0 6M18 6.500a8 8 0 0 1 0 11",
  muted: "M4 9.500v5h3.500L12 18V6L7.500 9.500zM16 10l4.500 4.500M20.500 10 16 14.500",
  reply: "M9.500 6 4 11.500 9.500 17M4.500 11.500H14a6 6 0 0 1 6 6v1",
  pencil: "M4.500 19.500l1-4.500L16 4.500l3.500 3.500L9 18.500z",
  more: "M5.500 12h.01M12 12h.01M18.500 12h.01",
  trash: "M5 7h14M9.500 7V4.500h5V7M7 7l1 12.500h8L17 7M10.500 10.500v6M13.500 10.500v6",
  copy: "M9 9h10.500v10.500H9zM15 9V4.500H4.500V15H9",
  smile: "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17ZM8.500 14c1.800 2.700 5.200 2.700 7 0M9 9.500v.01M15 9.500v.01",
  apps: "M5 5h5v5H5zM14 5h5v5h-5zM5 14h5v5H5zM16.500 14v5M14 16.500h5",
  file: "M7 3.500h7l4 4v13H7zM14 3.500v4h4",
  chevron: "M6.500 9.500 12 15l5.500-5.500",
  check: "M5 12.500l4.500 4.500L19 7.500",
  eye: "M3 12s3.500-6 9-6 9 6 9 6-3.500 6-9 6-9-6-9-6ZM12 14.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5",
  warning: "M12 4 3 19.500h18zM12 10v4.500M12 17v.01",
  external: "M10 6H5v13h13v-5M14 5h5v5M19 5l-8 8",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600 7 7M17 17l1.400 1.400M18.400 5.600 17 7M7 17l-1.400 1.400",
  moon: "M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10Z",
  auto: "M12 20a8 8 0 1 0 0-16v16ZM12 4a8 8 0 0 0 0 16",
  slash: "M15.500 5l-7 14",
  people: "M9 11a3.200 3.200 0 1 0 0-6.400A3.200 3.200 0 0 0 9 11ZM3 19.500c0-3.300 2.500-5.500 6-5.500s6 2.200 6 5.500M16 11a3 3 0 0 0 .5-6M17 14.200c2.400.5 4 2.400 4 5.300",
  mention: "M12 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7ZM5 20c0-3.500 3-6 7-6s7 2.500 7 6",
  down: "M12 5v14m-6-6 6 6 6-6",
};
const SOLID = new Set(["play"]);

/** An icon that screen readers pass over. */
export function icon(name) {
  const filled = SOLID.has(name);
  return svg(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    svg("path", {
      d: PATHS[name],
      fill: filled ? "currentColor" : "none",
      stroke: "currentColor",
      "stroke-width": name === "more" || name === "pause" ? 3 : 2,
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
    }),
  );
}
