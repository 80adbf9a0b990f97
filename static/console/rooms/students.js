// Students: found by name, roll number or mobile, with whether the message to them arrived.

import { get } from "../api.js";
import { el, fill, own } from "../dom.js";
import { field, options } from "../parts/form.js";
import { later } from "../parts/later.js";
import { badge, heading, time } from "../parts/marks.js";
import { listing } from "../parts/table.js";
import { places } from "../places.js";
import { note } from "../router.js";
import { CHANNELS, DELIVERY_STATES, STUDENT_STATES } from "../words.js";

export const students = {
  name: "students",
  path: "/students",
  label: "Students",
  permission: "student_management:student:read",
  show,
};

const STUDENTS = "/student_management/students";
const PAUSE_MS = 250;
const SHORTEST = 2;

function show({ query, signal }) {
  return [
    heading("Students", { lead: "Who has an account, whether the message arrived, and who has logged in." }),
    later(async () => draw(await places(signal), query, signal)),
  ];
}

function draw(known, query, signal) {
  const search = el("input", {
    type: "search",
    name: "search",
    value: query.get("search") || "",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 100,
  });
  const batch = select("batch_id", "All batches", known.batches, query);
  const course = select("course_id", "All courses", known.courses, query);
  const status = el(
    "select",
    { name: "status" },
    options(
      [["", "Any"], ...Object.entries(STUDENT_STATES).map(([value, [word]]) => [value, word])],
      query.get("status") || "",
    ),
  );
  const filters = el(
    "search",
    { class: "filters" },
    field("Search", search, { hint: "How a name, roll number or mobile number begins." }).element,
    field("Batch", batch).element,
    field("Course", course).element,
    field("Status", status).element,
  );
  const box = el("div", {});
  const find = () => {
    const wish = wanted(search, batch, course, status);
    note(`#/students${Object.keys(wish).length ? `?${new URLSearchParams(wish)}` : ""}`);
    fill(box, found(wish, known, signal));
  };
  let timer = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE_MS);
  });
  [batch, course, status].forEach((each) => each.addEventListener("change", find));
  signal.addEventListener("abort", () => clearTimeout(timer));
  find();
  return [filters, box];
}

function wanted(search, batch, course, status) {
  const text = search.value.trim();
  const wish = {
    search: text.length >= SHORTEST ? text : "",
    batch_id: batch.value,
    course_id: course.value,
    status: status.value,
  };
  return Object.fromEntries(Object.entries(wish).filter(([, value]) => value));
}

function select(name, all, rows, query) {
  return el(
    "select",
    { name },
    options([["", all], ...rows.map((row) => [row.id, row.name])], query.get(name) || ""),
  );
}

function found(wish, known, signal) {
  return listing({
    caption: "Students",
    unseen: true,
    columns: [
      ["Name", (each) => own(each.name)],
      ["Roll number", (each) => own(each.roll_number), "whole"],
      ["Batch", (each) => own(known.batch.get(each.batch_id) || "–")],
      ["Messages", (each) => deliveries(each)],
      ["Account", (each) => account(each)],
      ["First login", (each) => time(each.account.first_login_at)],
    ],
    fetch: (cursor) => get(STUDENTS, { ...wish, cursor }, signal),
    empty: Object.keys(wish).length
      ? "Nobody fits this search."
      : "There are no students yet: upload a roster first.",
    one: "student",
  });
}

function deliveries({ delivery }) {
  const told = Object.entries(CHANNELS).filter(([channel]) => delivery[channel]);
  return told.length
    ? el(
        "span",
        { class: "pair" },
        told.map(([channel, word]) =>
          el(
            "span",
            {},
            el("span", { class: "quiet" }, `${word} `),
            badge(delivery[channel], DELIVERY_STATES),
          ),
        ),
      )
    : el("span", { class: "quiet" }, "None");
}

function account(student) {
  if (student.status !== "active") {
    return badge(student.status, STUDENT_STATES);
  }
  return student.account.activated
    ? badge("activated", { activated: ["Password set", "ok"] })
    : badge("waiting", { waiting: ["No password yet", "warn"] });
}
