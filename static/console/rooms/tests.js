// Tests: what there is, and a plan for a new one, with questions of the bank.

import { create, get } from "../api.js";
import { el, link, own } from "../dom.js";
import { choices, field, form, options } from "../parts/form.js";
import { later } from "../parts/later.js";
import { badge, heading, time } from "../parts/marks.js";
import { listing } from "../parts/table.js";
import { places } from "../places.js";
import { go } from "../router.js";
import { may } from "../session.js";
import { TEST_KINDS, TEST_STATES } from "../words.js";

export const TESTS = "/test_management/tests";
export const tests = {
  name: "tests",
  path: "/tests",
  label: "Tests",
  permission: "test_management:test:read",
  show,
};

const QUESTIONS = "/question_bank/questions";
const MODULES = "/question_bank/modules";
const MOST = 200;
const DAY_MS = 86_400_000;

function show({ signal }) {
  return [
    heading("Tests", { lead: "A test is planned, published, and taken by everybody whom its audience holds." }),
    may("test_management:test:write") ? later(() => planning(signal)) : null,
    listing({
      caption: "Tests, newest first",
      unseen: true,
      columns: [
        ["Test", (test) => link(`#/tests/${test.id}`, own(test.name))],
        ["Kind", (test) => TEST_KINDS[test.kind]],
        ["State", (test) => badge(test.state, TEST_STATES)],
        ["Begins", (test) => time(test.window_start_at)],
        ["Ends", (test) => time(test.window_end_at)],
        ["Minutes", (test) => test.duration_minutes, "num"],
      ],
      fetch: (cursor) => get(TESTS, { cursor, limit: 25 }, signal),
      empty: "There is no test yet.",
      one: "test",
    }),
  ];
}

async function planning(signal) {
  const [known, modules] = await Promise.all([places(signal), get(MODULES, {}, signal)]);
  const fields = known.campuses.length ? planFields(known, modules.items, signal) : [];
  const wanted = form("Plan the test", fields, async (given) => {
    const made = await create(TESTS, plan(given));
    go(`#/tests/${made.id}`);
  });
  return known.campuses.length
    ? el("details", { class: "panelled" }, el("summary", {}, "Plan a test"), wanted)
    : null;
}

function planFields(known, modules, signal) {
  const campus = el("select", { name: "campus_id" }, options(pairs(known.campuses)));
  const module = el(
    "select",
    { name: "module" },
    options(modules.map((one) => [one.key, one.name])),
  );
  const level = el("select", { name: "level" });
  const courses = choices("course_ids", "Courses", [], { hint: "None: all courses." });
  const batches = choices("batch_ids", "Batches", [], { hint: "None: all batches." });
  const questions = choices("sections", "Questions", [], { hint: "Live questions of this place, at most 200." });
  const offerPlaces = () => {
    courses.offer(pairs(known.courses.filter((one) => one.campus_id === campus.value)));
    batches.offer(pairs(known.batches.filter((one) => one.campus_id === campus.value)));
  };
  const offerQuestions = async () => {
    const query = { module: module.value, level: level.value, status: "live", limit: MOST };
    const found = await get(QUESTIONS, query, signal).catch(() => ({ items: [] }));
    const usable = found.items.filter((one) => [null, campus.value].includes(one.campus_id));
    questions.offer(usable.map((one) => [one.id, own(one.name || one.stem)]));
  };
  const offerLevels = () => {
    const { levels } = modules.find((one) => one.key === module.value);
    level.replaceChildren(...options(levels.map((one) => [one, one])));
    return offerQuestions();
  };
  campus.addEventListener("change", () => [offerPlaces(), offerQuestions()]);
  module.addEventListener("change", offerLevels);
  level.addEventListener("change", offerQuestions);
  offerPlaces();
  offerLevels();
  return [
    field("Name", el("input", { name: "name", maxlength: 200, autocomplete: "off", required: true })),
    field("Campus", campus),
    courses,
    batches,
    field("Begins", moment("window_start_at", 0)),
    field("Ends", moment("window_end_at", DAY_MS)),
    field("Minutes", whole("duration_minutes", 60, 1)),
    field("Attempts", whole("attempts_allowed", 1, 1)),
    field("Module", module),
    field("Level", level),
    questions,
    field("How many more the bank picks", whole("pick", 0, 0), { hint: "Of this place, the least used first." }),
    choices("shuffle", "Order", [
      ["questions", "Each student gets the questions in an order of their own", true],
      ["options", "and their options, too", true],
    ]),
  ];
}

function plan(given) {
  const place = { module: given.get("module"), level: given.get("level") };
  const slots = given.getAll("sections").map((id) => ({ question_id: id }));
  const pick = Number(given.get("pick"));
  if (pick > 0) {
    slots.push({ pool: { ...place, pick } });
  }
  return {
    name: given.get("name"),
    kind: "online",
    campus_id: given.get("campus_id"),
    course_ids: given.getAll("course_ids"),
    batch_ids: given.getAll("batch_ids"),
    window_start_at: instant(given.get("window_start_at")),
    window_end_at: instant(given.get("window_end_at")),
    duration_minutes: Number(given.get("duration_minutes")),
    attempts_allowed: Number(given.get("attempts_allowed")),
    sections: slots.length ? [{ title: "Questions", slots }] : [],
    shuffle_questions: given.getAll("shuffle").includes("questions"),
    shuffle_options: given.getAll("shuffle").includes("options"),
  };
}

function pairs(rows) {
  return rows.map((row) => [row.id, row.name]);
}

function whole(name, value, min) {
  return el("input", { name, type: "number", min, step: 1, value, inputmode: "numeric" });
}

// Return an input for a moment of this machine's time, filled with one that is so far from now.
function moment(name, ahead) {
  const now = new Date(Date.now() + ahead);
  const shown = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  return el("input", { name, type: "datetime-local", value: shown });
}

function instant(text) {
  return text ? new Date(text).toISOString() : null;
}
