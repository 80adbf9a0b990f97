// One exam, live: how many stand where, everybody by name, and what may be done for them.

import { get } from "../api.js";
import { announce, el, fill, link, own } from "../dom.js";
import { watch } from "../live.js";
import { orderForms } from "../parts/exam_orders.js";
import { field, options } from "../parts/form.js";
import { later } from "../parts/later.js";
import { badge, notice, time } from "../parts/marks.js";
import { bar, figures, linkMark } from "../parts/progress.js";
import { roll } from "../parts/roll.js";
import { table } from "../parts/table.js";
import { BATCHES, all } from "../places.js";
import { may } from "../session.js";
import { ORDERS, STANDINGS, TEST_STATES, count, duration, number, sentence } from "../words.js";
import { EXAMS } from "./exams.js";

export const exam = { name: "exam", path: "/exams/:id", permission: "test_management:exam:read", show };

const OVER = ["cancelled", "archived"];
// The parts of the bar from the left: who is done first, who has not begun is what is left.
const PARTS = [
  ["submitted", "ok"],
  ["active", "busy"],
  ["idle", "warn"],
  ["disconnected", "bad"],
];

function show({ params, signal }) {
  const view = {
    path: `${EXAMS}/${encodeURIComponent(params.id)}`,
    signal,
    name: el("h1", {}, "Exam"),
    lead: el("p", { class: "lead" }, "…"),
    state: el("span", {}),
    link: linkMark(),
    progress: bar("Submitted"),
    counts: figures(
      "Students by where they stand",
      Object.entries(STANDINGS).map(([key, [word, tone]]) => [word, key, tone]),
    ),
    said: el("div", {}),
    drawn: "",
    counted: "",
  };
  const below = later(async () => {
    const { campus_id } = await get(`${view.path}/status`, {}, signal);
    return inside(view, await all(BATCHES, { campus_id }, signal));
  });
  watch("test", params.id, {
    signal,
    ended: (state) => OVER.includes(state.state),
    onState: (state) => update(view, state),
    onLink: (how) => view.link.show(how),
    onProblem: (problem) => fill(view.said, notice("bad", sentence(problem))),
  });
  return [
    el("p", { class: "back" }, link("#/exams", "All exams")),
    el(
      "div",
      { class: "heading" },
      el("div", {}, view.name, view.lead),
      el("p", { class: "marks" }, view.state, view.link.element),
    ),
    view.said,
    view.progress.element,
    view.counts.element,
    below,
  ];
}

function inside(view, batches) {
  const orders = el("div", {});
  const redraw = () => drawOrders(view, orders);
  const standing = el(
    "select",
    { name: "standing" },
    options([["", "Everybody"], ...Object.entries(STANDINGS).map(([value, [word]]) => [value, word])]),
  );
  const batch = el("select", { name: "batch_id" }, options([["", "All batches"], ...batches.map((one) => [one.id, one.name])]));
  view.people = roll(view.path, view.signal, () => ({ standing: standing.value, batch_id: batch.value }), redraw);
  view.ordered = redraw;
  standing.addEventListener("change", view.people.refresh);
  batch.addEventListener("change", view.people.refresh);
  redraw();
  return [
    may("test_management:exam:write") ? orderForms(view.path, batches, redraw) : null,
    el(
      "section",
      {},
      el("h2", {}, "Students"),
      el("div", { class: "filters" }, field("Show", standing).element, field("Batch", batch).element),
      view.people.element,
    ),
    el("section", {}, el("h2", {}, "What was ordered"), orders),
  ];
}

function update(view, state) {
  const counts = JSON.stringify(state.counts);
  view.progress.show(
    PARTS.map(([name, tone]) => [tone, state.counts[name]]),
    Math.max(state.total, 1),
    state.total ? (100 * state.counts.submitted) / state.total : 0,
  );
  view.counts.show(state.counts);
  if (view.drawn !== head(state)) {
    view.drawn = head(state);
    fill(view.name, own(state.name));
    fill(view.state, badge(state.state, TEST_STATES));
    fill(
      view.lead,
      `${count(state.total, "student")}, ${count(state.duration_minutes, "minute")} each, until `,
      time(state.window_end_at),
    );
  }
  if (view.counted && view.counted !== counts) {
    announce(`${number(state.counts.submitted)} of ${count(state.total, "student")} have submitted.`);
  }
  view.counted = counts;
  view.people?.moved();
}

function head(state) {
  return [state.name, state.state, state.total, state.duration_minutes, state.window_end_at].join(" ");
}

async function drawOrders(view, box) {
  try {
    const page = await get(`${view.path}/orders`, { limit: 50 }, view.signal);
    fill(
      box,
      page.items.length
        ? table("Orders, newest first", ORDER_COLUMNS, page.items, { unseen: true }).element
        : el("p", { class: "empty" }, "Nothing so far."),
    );
    page.items.some((one) => one.reached === null) && setTimeout(() => drawOrders(view, box), 1_000);
  } catch (problem) {
    problem.name === "AbortError" || fill(box, notice("bad", sentence(problem)));
  }
}

const ORDER_COLUMNS = [
  ["Order", (one) => ORDERS[one.kind]],
  ["Time", (one) => amount(one)],
  ["Why", (one) => own(one.reason)],
  ["Reached", (one) => (one.reached === null ? "…" : count(one.reached, "attempt"))],
  ["When", (one) => time(one.at)],
];

function amount(one) {
  if (one.kind === "close") {
    return "–";
  }
  return one.seconds === null ? "What each has lost" : duration(one.seconds);
}
