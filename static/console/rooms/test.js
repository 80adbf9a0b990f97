// One test: what it asks, who takes it, and what can be done with it.

import { change, create, get } from "../api.js";
import { announce, button, el, fill, link, own } from "../dom.js";
import { ask } from "../parts/ask.js";
import { later } from "../parts/later.js";
import { badge, heading, notice, time } from "../parts/marks.js";
import { listing, table } from "../parts/table.js";
import { go } from "../router.js";
import { may } from "../session.js";
import { TEST_KINDS, TEST_STATES, count, sentence } from "../words.js";
import { TESTS } from "./tests.js";

const EVERY_WAY = { channels: ["email", "sms", "inbox"] };
const CURRENT = ["published", "open"];

export const test = {
  name: "test",
  path: "/tests/:id",
  permission: "test_management:test:read",
  show,
};

function show({ params, signal }) {
  const path = `${TESTS}/${encodeURIComponent(params.id)}`;
  const head = heading("Test");
  const box = later(async () => draw(await get(path, {}, signal), path, head, signal));
  return [el("p", { class: "back" }, link("#/tests", "All tests")), head, box];
}

function draw(row, path, head, signal) {
  fill(head.querySelector("h1"), own(row.name));
  document.title = document.title.replace(/^[^–]*–/, `${row.name} –`);
  const said = el("div", {});
  const problems = (problem) => fill(said, told(problem));
  return [
    el("div", { class: "actions" }, actions(row, path, problems)),
    said,
    facts(row),
    audience(path, signal),
    el(
      "details",
      { class: "panelled" },
      el("summary", {}, "As students see it"),
      later(async () => paper(await get(`${path}/preview`, {}, signal))),
    ),
  ];
}

// Return the buttons of a test; what they could not do is said above the facts.
function actions(row, path, problems) {
  const step = (verb, words) => async () => {
    try {
      await change("POST", `${path}/${verb}`, undefined, row.revision);
      announce(words);
      go(`#/tests/${row.id}`);
    } catch (problem) {
      problems(problem);
    }
  };
  const tell = (verb) => async () => {
    try {
      go(`#/jobs/${(await create(`${path}/${verb}`, EVERY_WAY)).id}`);
    } catch (problem) {
      problems(problem);
    }
  };
  const cancel = () =>
    ask("Cancel this test?", "Nobody begins it any more.", "Cancel the test", step("cancel", "The test is cancelled."));
  const copy = async () => {
    try {
      go(`#/tests/${(await create(`${path}/clone`, {})).id}`);
    } catch (problem) {
      problems(problem);
    }
  };
  const decides = may("test_management:test:publish");
  const tells = may("test_management:test:notify") && CURRENT.includes(row.state);
  return [
    decides && row.state === "draft" && button("Publish", step("publish", "The test is published."), { class: "primary" }),
    row.kind === "online" &&
      row.state !== "draft" &&
      may("test_management:exam:read") &&
      link(`#/exams/${row.id}`, "Watch it in the exam room"),
    tells && button("Tell the students", tell("notify")),
    tells && button("Remind who has not begun", tell("remind")),
    may("test_management:test:write") && button("Plan the same again", copy),
    decides && CURRENT.includes(row.state) && button("Cancel the test", cancel),
  ];
}

function told(problem) {
  const places = (problem.errors || []).map(({ pointer, detail }) => el("li", {}, `${pointer}: ${detail}`));
  return notice("bad", el("p", {}, sentence(problem)), places.length ? el("ul", {}, places) : null);
}

function facts(row) {
  const asked = row.blueprint.length
    ? row.blueprint.reduce((sum, section) => sum + section.slots.length, 0)
    : row.sections.flatMap((section) => section.slots).reduce((sum, slot) => sum + (slot.pool?.pick ?? 1), 0);
  const rows = [
    ["State", badge(row.state, TEST_STATES)],
    ["Kind", TEST_KINDS[row.kind]],
    ["Begins", time(row.window_start_at)],
    ["Ends", time(row.window_end_at)],
    ["Lasts", count(row.duration_minutes, "minute")],
    ["Attempts", row.attempts_allowed ?? "As many as one likes"],
    ["Asks", count(asked, "question")],
  ];
  const columns = [
    ["What", ([name]) => name],
    ["This test", ([, value]) => value],
  ];
  return table("About this test", columns, rows, { unseen: true }).element;
}

function audience(path, signal) {
  const size = el("p", { class: "quiet", "data-figure": "audience" }, "Counting …");
  const fetch = async (cursor) => {
    const page = await get(`${path}/audience`, { cursor, limit: 25 }, signal);
    size.textContent = `${count(page.total, "student")} in all, and whoever is enrolled later.`;
    return page;
  };
  return el(
    "section",
    {},
    el("h2", {}, "Who takes it"),
    size,
    listing({
      caption: "Students who take this test",
      unseen: true,
      columns: [
        ["Name", (each) => own(each.name)],
        ["Roll number", (each) => own(each.roll_number), "whole"],
        ["Time", (each) => (each.time_factor === 1 ? "As planned" : `× ${each.time_factor}`)],
      ],
      fetch,
      empty: "Nobody is in its audience yet.",
      one: "student",
    }),
  );
}

function paper(shown) {
  return [
    shown.final ? null : el("p", { class: "quiet" }, "Publishing may still pick other questions of a pool."),
    shown.sections.map((section) =>
      el(
        "section",
        {},
        el("h2", {}, own(section.title)),
        el(
          "ol",
          {},
          section.slots.map((slot) => el("li", {}, own(slot.stem), parts(slot.body.options))),
        ),
      ),
    ),
  ];
}

function parts(options) {
  return options
    ? el(
        "ul",
        {},
        options.map((option) => el("li", {}, own(option.text))),
      )
    : null;
}
