// Tabs: arrow keys move between them, the chosen one shows its panel.

import { el, fill, fresh } from "../dom.js";

// Return tabs over one panel. A tab is {name, label, show}, where `show` returns what the panel holds.
export function tabs(title, given, chosen) {
  const panel = el("div", { class: "panel", role: "tabpanel", id: fresh("panel"), tabindex: 0 });
  const strip = el("div", { class: "tabs", role: "tablist", "aria-label": title });
  const heads = given.map((tab) =>
    el(
      "button",
      {
        type: "button",
        role: "tab",
        id: fresh("tab"),
        "aria-controls": panel.id,
        "data-tab": tab.name,
        onclick: () => choose(tab),
      },
      tab.label,
    ),
  );

  function choose(tab) {
    heads.forEach((head, index) => {
      const on = given[index] === tab;
      head.setAttribute("aria-selected", String(on));
      head.tabIndex = on ? 0 : -1;
      on && panel.setAttribute("aria-labelledby", head.id);
    });
    fill(panel, tab.show());
  }

  strip.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const now = heads.indexOf(document.activeElement);
    if (step && now >= 0) {
      event.preventDefault();
      const next = heads[(now + step + heads.length) % heads.length];
      next.focus();
      next.click();
    }
  });

  strip.append(...heads);
  choose(given.find((tab) => tab.name === chosen) || given[0]);
  return el("div", { class: "tabbed" }, strip, panel);
}
