// One job, live: how far, how fast, and whom it did not reach.

import { get } from "../api.js";
import { announce, button, el, fill, link, own } from "../dom.js";
import { watch } from "../live.js";
import { field, options } from "../parts/form.js";
import { PLACES, openHistory } from "../parts/history.js";
import { jobActions } from "../parts/job_actions.js";
import { badge, notice, time } from "../parts/marks.js";
import { bar, figures, linkMark } from "../parts/progress.js";
import { listing } from "../parts/table.js";
import {
  CHANNELS,
  DELIVERY_STATES,
  JOB_STATES,
  JOB_TYPES,
  count,
  duration,
  number,
  pace,
  sentence,
} from "../words.js";
import { JOBS } from "./jobs.js";

export const job = { name: "job", path: "/jobs/:id", permission: "batch_processing:job:read", show };

const ENDED = ["completed", "cancelled", "discarded"];
const MOST_WHILE_OPEN = 99; // recipients may still be added: all of those so far is not all
const UNREACHED = ["failed", "bounced", "complained", "unknown", "skipped"];
// The parts of the bar from the left: what is certain first.
const PARTS = [
  ["delivered", "ok"],
  ["sent", "busy"],
  ["failed", "bad"],
  ["bounced", "bad"],
  ["complained", "bad"],
  ["unknown", "warn"],
  ["skipped", "warn"],
  ["sending", "faint"],
];

function show({ params, signal }) {
  const view = {
    id: params.id,
    signal,
    lead: el("p", { class: "lead" }, "…"),
    state: el("span", {}),
    link: linkMark(),
    progress: bar("Progress"),
    pace: figures("Pace", [
      ["Messages", "total"],
      ["Per second", "rate"],
      ["Time left", "eta"],
      ["Parts done", "parts"],
      ["Took", "took"],
    ]),
    counts: figures(
      "Messages by state",
      Object.entries(DELIVERY_STATES).map(([key, [word, tone]]) => [word, key, tone]),
    ),
    said: el("div", {}),
    drawn: "",
  };
  const reached = recipients(view);
  view.actions = jobActions(`${JOBS}/${encodeURIComponent(params.id)}`, (state) => update(view, state, reached));
  watch("job", params.id, {
    signal,
    ended: (state) => ENDED.includes(state.state),
    onState: (state) => update(view, state, reached),
    onLink: (how) => view.link.show(how),
    onProblem: (problem) => fill(view.said, notice("bad", sentence(problem))),
  });
  return [
    el("p", { class: "back" }, link("#/jobs", "All jobs")),
    el(
      "div",
      { class: "heading" },
      el("div", {}, el("h1", {}, "Job"), view.lead),
      el("p", { class: "marks" }, view.state, view.link.element),
    ),
    view.said,
    view.actions.said,
    view.actions.element,
    view.progress.element,
    view.pace.element,
    el("section", {}, el("h2", {}, "Messages by state"), view.counts.element),
    reached.element,
  ];
}

function update(view, state, reached) {
  const total = Math.max(state.total, 1);
  view.progress.show(
    PARTS.map(([name, tone]) => [tone, state.counts[name]]),
    total,
    ENDED.includes(state.state) ? state.percent : Math.min(state.percent, MOST_WHILE_OPEN),
  );
  view.counts.show(state.counts);
  view.actions.show(state);
  view.pace.show(speed(state));
  if (view.drawn !== state.state) {
    fill(
      view.lead,
      JOB_TYPES[state.type] || state.type,
      ", begun ",
      time(state.started_at || state.created_at),
    );
    fill(view.state, badge(state.state, JOB_STATES));
    view.drawn &&
      announce(
        `${JOB_STATES[state.state][0]}: ${number(state.counts.delivered)} of ${count(state.total, "message")} delivered.`,
      );
    view.drawn = state.state;
  }
  reached.notice(
    UNREACHED.reduce((sum, name) => sum + state.counts[name], 0),
    state,
  );
}

function speed(state) {
  const ended = state.finished_at && state.started_at;
  return {
    total: state.total,
    rate: pace(state.rate_per_s),
    eta: ended ? "–" : state.eta_s === null ? "…" : duration(state.eta_s),
    parts: `${number(state.sub_batches.done)} of ${number(state.sub_batches.total)}`,
    took: ended ? duration((new Date(state.finished_at) - new Date(state.started_at)) / 1000) : "…",
  };
}

// Return the list of those whom a message did not reach; it is read again when their number changes.
function recipients(view) {
  const choice = el(
    "select",
    { name: "recipients" },
    options([
      ["", "Not reached"],
      ...Object.entries(DELIVERY_STATES).map(([value, [word]]) => [value, word]),
    ]),
  );
  const box = el("div", {});
  let known = 0;
  let latest = null;
  const draw = () =>
    fill(
      box,
      choice.value || known
        ? people(view, choice.value ? [choice.value] : UNREACHED.filter((name) => latest.counts[name]))
        : el(
            "p",
            { class: "empty" },
            latest?.state === "completed" ? "Everybody was reached." : "Nobody was missed so far.",
          ),
    );
  choice.addEventListener("change", draw);
  return {
    element: el(
      "section",
      {},
      el("h2", {}, "Recipients"),
      el("div", { class: "filters" }, field("Show", choice).element),
      box,
    ),
    notice(unreached, state) {
      const changed = unreached !== known || latest?.state !== state.state;
      latest = state;
      known = unreached;
      changed && !choice.value && draw();
    },
  };
}

function people(view, states) {
  return listing({
    caption: "Recipients",
    unseen: true,
    columns: [
      [
        "Name",
        (each) =>
          PLACES[each.channel]
            ? button(own(each.name), () => openHistory(view.id, each, view.signal), { class: "plain subject" })
            : own(each.name),
      ],
      ["By", (each) => CHANNELS[each.channel] || each.channel],
      ["State", (each) => badge(each.state, DELIVERY_STATES)],
      ["Reason", (each) => each.last_error || ""],
      ["Tries", (each) => number(each.attempts), "num"],
      ["Since", (each) => time(each.updated_at)],
    ],
    fetch: chained(states, (state, cursor) =>
      get(`${JOBS}/${encodeURIComponent(view.id)}/recipients`, { state, cursor }, view.signal),
    ),
    empty: "Nobody is in this state.",
    one: "message",
  });
}

// Return a fetch that goes through several lists, one after the other.
function chained(states, fetch) {
  let at = 0;
  return async (cursor) => {
    const page = await fetch(states[at], cursor === true ? null : cursor);
    if (page.next_cursor === null && at < states.length - 1) {
      at += 1;
      return { items: page.items, next_cursor: true };
    }
    return page;
  };
}
