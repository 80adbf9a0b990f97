// One import: reading, the difference row by row, the commit, and what came of it.

import { create, download, get } from "../api.js";
import { announce, button, el, fill, link, own } from "../dom.js";
import { watch } from "../live.js";
import { choices, form } from "../parts/form.js";
import { badge, notice } from "../parts/marks.js";
import { bar, figures, linkMark } from "../parts/progress.js";
import { listing } from "../parts/table.js";
import { tabs } from "../parts/tabs.js";
import { all, COURSES } from "../places.js";
import { may } from "../session.js";
import { CHANNELS, FIELDS, IMPORT_STATES, OUTCOMES, count, list, sentence } from "../words.js";
import { IMPORTS, chosenChannels } from "./imports.js";

export const importRoom = {
  name: "import",
  path: "/imports/:id",
  permission: "student_management:import:read",
  show,
};

const CELLS = ["roll_number", "name", "mobile_number", "email", "group"];
const WHOLE = ["roll_number", "mobile_number"]; // not to be broken over lines
const MOVING = ["parsing", "applying"];
const OVER = ["applied", "undone", "failed"];

function show({ params, signal }) {
  const path = `${IMPORTS}/${encodeURIComponent(params.id)}`;
  const view = {
    path,
    signal,
    title: el("p", { class: "lead" }, "…"),
    state: el("span", {}),
    link: linkMark(),
    progress: bar("Progress"),
    figures: figures("Rows", [
      ...Object.entries(OUTCOMES).map(([key, [word, tone]]) => [word, key, tone]),
      ["All rows", "total"],
    ]),
    act: el("div", {}),
    rows: el("div", {}),
    drawn: "",
  };
  watch("import", params.id, {
    signal,
    ended: (state) => OVER.includes(state.state),
    onState: (state) => update(view, state),
    onLink: (how) => view.link.show(how),
    onProblem: (problem) => fill(view.act, notice("bad", sentence(problem))),
  });
  return [
    el("p", { class: "back" }, link("#/imports", "All imports")),
    el(
      "div",
      { class: "heading" },
      el("div", {}, el("h1", {}, "Import"), view.title),
      el("p", { class: "marks" }, view.state, view.link.element),
    ),
    view.progress.element,
    view.figures.element,
    view.act,
    view.rows,
  ];
}

function update(view, state) {
  fill(view.title, own(state.filename));
  view.figures.show(state.counts);
  showProgress(view, state);
  if (view.drawn === `${state.state} ${state.job_id}`) {
    return;
  }
  const before = view.drawn;
  view.drawn = `${state.state} ${state.job_id}`;
  fill(view.state, badge(state.state, IMPORT_STATES));
  fill(view.act, actions(view, state));
  if (["previewed", "applied", "undone"].includes(state.state)) {
    fill(view.rows, difference(view, state));
  } else if (state.state === "failed") {
    fill(view.rows);
  }
  before && announce(spoken(state));
}

function showProgress(view, state) {
  const applying = state.state === "applying";
  const total = applying ? state.counts.new + state.counts.changed : state.counts.total;
  view.progress.element.hidden = !MOVING.includes(state.state);
  if (applying && total) {
    view.progress.show([["ok", state.rows_done]], total, (100 * Math.min(state.rows_done, total)) / total);
  } else if (state.state === "parsing") {
    view.progress.tell(`${count(state.rows_done, "row")} read`);
  }
}

function spoken(state) {
  const { counts } = state;
  const said = {
    previewed: `The file is read: ${counts.new} new, ${counts.changed} changed, ${counts.same} the same, ${counts.error} with errors.`,
    applied: `Applied: ${counts.new} new, ${counts.changed} changed.`,
    failed: "The file could not be used.",
  };
  return said[state.state] || IMPORT_STATES[state.state][0];
}

function actions(view, state) {
  switch (state.state) {
    case "previewed":
      return may("student_management:import:write") ? committing(view, state) : null;
    case "failed":
      return notice(
        "bad",
        el("p", {}, state.failure?.detail || "The file could not be used."),
        el("p", {}, link("#/imports", "Upload another file")),
      );
    case "applying":
    case "applied":
      return done(state);
    default:
      return null;
  }
}

function done(state) {
  const applied = state.state === "applied";
  return notice(
    applied ? "ok" : "calm",
    el(
      "p",
      {},
      applied
        ? `${written(state.counts)}.`
        : "The students are being added. You may leave this page: it goes on without you.",
    ),
    state.job_id
      ? el("p", {}, link(`#/jobs/${state.job_id}`, "Watch the messages go out", { class: "primary" }))
      : null,
  );
}

function written({ new: added, changed }) {
  const parts = [
    added ? `${count(added, "student")} added` : "",
    changed ? `${count(changed, "student")} changed` : "",
  ].filter(Boolean);
  return parts.length ? list(parts) : "Nothing had to be changed";
}

function committing(view, state) {
  const { counts } = state;
  if (!counts.new && !counts.changed) {
    return notice(
      "calm",
      el(
        "p",
        {},
        counts.error
          ? "There is nothing to commit: no good row changes anything."
          : "There is nothing to commit: everything in the file is there already.",
      ),
    );
  }
  const chosen = chosenChannels.get(state.id) || Object.keys(CHANNELS);
  const channels = choices(
    "channels",
    "Tell new students by",
    Object.entries(CHANNELS).map(([value, text]) => [value, text, chosen.includes(value)]),
    { hint: "With none ticked, nobody is told." },
  );
  const wish = form(`Commit: ${summary(counts)}`, counts.new ? [channels] : [], async () => {
    await create(`${view.path}/commit`, { channels: counts.new ? channels.values() : [] });
    update(view, await get(view.path, {}, view.signal));
  });
  const left = counts.error
    ? el(
        "p",
        {},
        `${count(counts.error, "row")} with errors ${counts.error === 1 ? "is" : "are"} left out: download them below, correct them, upload them again.`,
      )
    : null;
  return el("section", { class: "panelled commit", "aria-label": "Commit" }, left, wish);
}

function summary({ new: added, changed }) {
  return list(
    [
      added ? `add ${count(added, "student")}` : "",
      changed ? `change ${count(changed, "student")}` : "",
    ].filter(Boolean),
  );
}

function difference(view, state) {
  const given = Object.entries(OUTCOMES).map(([name, [word]]) => ({
    name,
    label: [word, " ", el("span", { class: "count" }, String(state.counts[name]))],
    show: () => [name === "error" && state.counts.error ? errorFile(view) : null, rows(view, name)],
  }));
  const first = ["new", "changed", "error", "same"].find((name) => state.counts[name]) || "new";
  return el("section", {}, el("h2", {}, "Row by row"), tabs("Rows by outcome", given, first));
}

function errorFile(view) {
  const said = el("span", { role: "alert", class: "fault" });
  const load = () => download(`${view.path}/errors.csv`).catch((problem) => fill(said, sentence(problem)));
  return el("p", {}, button("Download the rows with errors", load), " ", said);
}

function rows(view, outcome) {
  const names = all(COURSES, {}, view.signal)
    .then((courses) => new Map(courses.map((course) => [course.id, course.name])))
    .catch(() => new Map());
  return listing({
    caption: {
      new: "Students that are new",
      changed: "Students that change",
      same: "Students that stay as they are",
      error: "Rows that cannot be used",
    }[outcome],
    unseen: true,
    columns: columns(outcome),
    fetch: async (cursor) => {
      const page = await get(`${view.path}/rows`, { outcome, cursor }, view.signal);
      const known = await names;
      return { ...page, items: page.items.map((row) => ({ ...row, courseNames: known })) };
    },
    empty: {
      new: "No new student.",
      changed: "No student changes.",
      same: "No student stays as they are.",
      error: "Every row can be used.",
    }[outcome],
  });
}

function columns(outcome) {
  const row = ["Row", (each) => String(each.row), "num"];
  const cells = CELLS.map((name) => [
    FIELDS[name],
    (each) => own(each.values[name]),
    WHOLE.includes(name) ? "whole" : null,
  ]);
  if (outcome === "changed") {
    return [row, cells[0], cells[1], ["What changes", (each) => changes(each)]];
  }
  return outcome === "error" ? [row, ["What is wrong", (each) => faults(each)], ...cells] : [row, ...cells];
}

function faults(row) {
  return el(
    "ul",
    { class: "faults" },
    row.errors.map(({ column, detail }) => el("li", {}, el("b", {}, column), ": ", reason(column, detail))),
  );
}

// Return a reason without the slug before it, and without the column's name where it begins with that.
function reason(column, detail) {
  const plain = detail.replace(/^[a-z]+(-[a-z]+)+: /, "");
  return plain.startsWith(`${column} `) ? plain.slice(column.length + 1) : plain;
}

function changes(row) {
  const shown = (value) =>
    Array.isArray(value) ? list(value.map((id) => row.courseNames.get(id) || id)) : value;
  return el(
    "ul",
    { class: "changes" },
    Object.entries(row.changes).map(([name, [before, after]]) =>
      el(
        "li",
        {},
        el("span", { class: "quiet" }, FIELDS[name] || name),
        " ",
        before === null || before.length === 0
          ? el("span", { class: "quiet" }, "nothing")
          : el("del", {}, own(shown(before))),
        el("span", { class: "unseen" }, " becomes "),
        el("span", { "aria-hidden": "true" }, " → "),
        el("ins", {}, own(shown(after))),
      ),
    ),
  );
}
