// Exams whose room can be entered: those that were published, newest first.

import { get } from "../api.js";
import { el, link, own } from "../dom.js";
import { badge, heading, time } from "../parts/marks.js";
import { listing } from "../parts/table.js";
import { TEST_STATES, number } from "../words.js";

export const exams = {
  name: "exams",
  path: "/exams",
  label: "Exam room",
  permission: "test_management:exam:read",
  show,
};

export const EXAMS = "/online_exam_management/tests";

function show({ signal }) {
  return [
    heading("Exam room", {
      lead: "Watch an exam while students sit it: who works, who was cut off, who needs more time.",
    }),
    listing({
      caption: "Exams, newest first",
      unseen: true,
      columns: [
        ["Exam", (test) => link(`#/exams/${test.id}`, own(test.name))],
        ["State", (test) => badge(test.state, TEST_STATES)],
        ["Opens", (test) => time(test.window_start_at)],
        ["Ends", (test) => time(test.window_end_at)],
        ["Minutes", (test) => number(test.duration_minutes), "num"],
      ],
      fetch: (cursor) =>
        get("/test_management/tests", { kind: "online", state: "published", cursor, limit: 25 }, signal),
      empty: "No exam has been published yet.",
      one: "exam",
    }),
    el("p", { class: "quiet" }, "Exams that were cancelled or put away are no longer listed."),
  ];
}
