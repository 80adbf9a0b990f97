// The icons of the rooms: lines on a grid of 24, in the colour of the text. They say nothing that words don't.

import { svg } from "./dom.js";

const LINES = {
  home: "M4 11l8-7 8 7M6 9.5V20h12V9.5M10 20v-6h4v6",
  organisation: "M4 20V5l8-2v17M12 9l8 2v9M2 20h20M7 8h2M7 12h2M7 16h2M15 14h2M15 17h2",
  students:
    "M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7M2.5 20c0-4 3-6 6.5-6s6.5 2 6.5 6M16 4.5a3.5 3.5 0 010 6M18 14.5c2.2.8 3.5 2.600 3.500 5.500",
  imports: "M12 16V4M7 9l5-5 5 5M4 15v5h16v-5",
  tests: "M6 3h12v18H6zM9 8h6M9 12h6M9 16l1.500 1.500 3-3",
  jobs: "M3 12h4l3-8 4 16 3-8h4",
  exams: "M12 21a8 8 0 100-16 8 8 0 000 16M12 9v4l3 2M9 2h6",
  templates: "M5 4h14v16H5zM8 8h8M8 12h8M8 16h5",
  operations: "M4 5h16v5H4zM4 14h16v5H4zM7.5 7.500h.01M7.500 16.500h.01",
  audit: "M6 3h9l4 4v14H6zM15 3v4h4M9 12h7M9 16h7M9 8h3",
  outbox: "M3 6h18v12H3zM3 7l9 7 9-7",
};

export function icon(name) {
  const line = svg("path", {
    d: LINES[name],
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 1.7,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  });
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, line);
}
