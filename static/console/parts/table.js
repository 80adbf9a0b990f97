// Tables that become cards where the screen is narrow; long ones come page by page.

import { announce, button, el, fill, fresh } from "../dom.js";
import { count, number, sentence } from "../words.js";
import { failed } from "./later.js";
import { notice } from "./marks.js";

// Return a table. A column is [heading, row => cell, class]. The roles keep their meaning for screen readers
// where the style makes cards of the rows.
export function table(caption, columns, rows = [], { unseen = false } = {}) {
  const body = el("tbody", { role: "rowgroup" });
  const heads = columns.map(([text, , kind]) =>
    el("th", { role: "columnheader", scope: "col", class: kind }, text),
  );
  const element = el(
    "table",
    { role: "table" },
    el("caption", { class: unseen ? "unseen" : null }, caption),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads)),
    body,
  );
  const add = (more) => body.append(...more.map((row) => line(columns, row)));
  add(rows);
  return { element, add, size: () => body.rows.length };
}

function line(columns, row) {
  const cells = columns.map(([text, show, kind], index) => {
    const place = index === 0 ? { role: "rowheader", scope: "row" } : { role: "cell" };
    return el(index === 0 ? "th" : "td", { ...place, "data-label": text, class: kind }, show(row));
  });
  return el("tr", { role: "row" }, cells);
}

// Return a list that grows page by page. `fetch` gets a cursor, null at first, and returns {items, next_cursor}.
export function listing({ caption, unseen, columns, fetch, empty, one = "row", many }) {
  const shown = table(caption, columns, [], { unseen });
  const state = el("p", { class: "quiet", id: fresh("shown") });
  const foot = el("div", { class: "foot" }, state);
  const box = el("div", { class: "listing", "aria-busy": "true" }, el("p", { class: "quiet" }, "Loading …"));
  let cursor = null;

  const more = button("Show more", () => next(true), { class: "small", "aria-describedby": state.id });
  async function next(asked) {
    more.setAttribute("aria-disabled", "true");
    try {
      grow(await fetch(cursor), asked);
    } catch (problem) {
      problem.name === "AbortError" || stumble(problem, asked);
    }
    more.removeAttribute("aria-disabled");
    box.removeAttribute("aria-busy");
  }
  function grow(page, asked) {
    cursor = page.next_cursor;
    shown.add(page.items);
    const size = shown.size();
    state.textContent = cursor ? `The first ${number(size)} are shown.` : count(size, one, many);
    fill(foot, state, cursor ? more : null);
    fill(box, size ? [shown.element, foot] : el("p", { class: "empty" }, empty));
    asked && announce(state.textContent);
  }
  function stumble(problem, asked) {
    asked
      ? fill(foot, notice("bad", sentence(problem)), more)
      : fill(
          box,
          failed(problem, () => next(false)),
        );
  }
  next(false);
  return box;
}
