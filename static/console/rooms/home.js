// Where people arrive: what there is to do, and what has happened last.

import { get } from "../api.js";
import { el, link, own } from "../dom.js";
import { icon } from "../icons.js";
import { later } from "../parts/later.js";
import { heading } from "../parts/marks.js";
import { table } from "../parts/table.js";
import { BATCHES } from "../places.js";
import { current, may } from "../session.js";
import { ROLES, product } from "../words.js";
import { COLUMNS as IMPORT_COLUMNS } from "./imports.js";
import { COLUMNS as JOB_COLUMNS } from "./jobs.js";

export const home = { name: "home", path: "/home", label: "Overview", show };

const STEPS = [
  [
    "organisation",
    "#/organisation",
    "campus_management:campus:read",
    "Set up",
    "Campuses, their courses, and batches of students.",
  ],
  [
    "imports",
    "#/imports",
    "student_management:import:write",
    "Upload a roster",
    "See what would change, row by row, then commit.",
  ],
  [
    "jobs",
    "#/jobs",
    "batch_processing:job:read",
    "Watch it arrive",
    "Every message, live, until the last one is delivered.",
  ],
  [
    "students",
    "#/students",
    "student_management:student:read",
    "Find a student",
    "Who has an account, who has logged in.",
  ],
];

function show({ signal }) {
  const user = current();
  const open = STEPS.filter(([, , permission]) => may(permission));
  return [
    heading(`Welcome, ${user.name}`, {
      lead: open.length ? `You are signed in to ${product} as ${ROLES[user.role].toLowerCase()}.` : null,
    }),
    open.length ? steps(open, signal) : card(user),
    open.length ? latest(signal) : null,
  ];
}

function steps(open, signal) {
  return later(async () => {
    const none =
      may("batch_management:batch:read") && (await get(BATCHES, { limit: 1 }, signal)).items.length === 0;
    return el(
      "ul",
      { class: "cards" },
      open.map((step) => el("li", {}, tile(step, none && step[0] === "organisation"))),
    );
  });
}

function tile([name, href, , title, text], next) {
  return el(
    "a",
    { class: "card", href },
    icon(name),
    el("span", { class: "title" }, title, next ? el("span", { class: "badge busy" }, "Start here") : null),
    el("span", { class: "quiet" }, text),
  );
}

function latest(signal) {
  return el("div", { class: "columns" }, [
    may("student_management:import:read")
      ? recent(
          "Latest imports",
          "/student_management/imports",
          pick(IMPORT_COLUMNS(), "File", "State", "Uploaded"),
          "Nothing has been imported yet.",
          signal,
        )
      : null,
    may("batch_processing:job:read")
      ? recent(
          "Latest jobs",
          "/batch_processing/jobs",
          pick(JOB_COLUMNS(), "Job", "State", "Created"),
          "No messages have been sent yet.",
          signal,
        )
      : null,
  ]);
}

function pick(columns, ...names) {
  return columns.filter(([name]) => names.includes(name));
}

function recent(title, path, columns, empty, signal) {
  const rows = async () => {
    const { items } = await get(path, { limit: 5 }, signal);
    return items.length
      ? table(title, columns, items, { unseen: true }).element
      : el("p", { class: "empty" }, empty);
  };
  return el("section", {}, el("h2", {}, title), later(rows));
}

function card(user) {
  return el(
    "section",
    { class: "panelled narrow" },
    el("h2", {}, "Your account"),
    el(
      "dl",
      { class: "facts" },
      fact("Name", own(user.name)),
      fact("Role", ROLES[user.role]),
      fact(user.role === "student" ? "Roll number" : "Username", own(user.username)),
      user.email ? fact("Email", user.email) : null,
      user.mobile_number ? fact("Mobile number", user.mobile_number) : null,
    ),
    el(
      "p",
      { class: "quiet" },
      "You are signed in. This console is for staff: there is nothing else for you to do here.",
    ),
    el("p", {}, link("#/password", "Change your password")),
  );
}

function fact(name, value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}
