// One campus: its courses and batches, and the way to an upload.

import { create, get } from "../api.js";
import { announce, el, fill, link, own } from "../dom.js";
import { choices, field, form } from "../parts/form.js";
import { later } from "../parts/later.js";
import { heading } from "../parts/marks.js";
import { table } from "../parts/table.js";
import { BATCHES, CAMPUSES, COURSES, all } from "../places.js";
import { may } from "../session.js";
import { count, list } from "../words.js";

export const campus = {
  name: "campus",
  path: "/organisation/:id",
  permission: "campus_management:campus:read",
  show,
};

function show({ params, signal }) {
  const head = el("div", {}, heading("Campus"));
  const box = later(async () => {
    const [row, courses, batches] = await Promise.all([
      get(`${CAMPUSES}/${encodeURIComponent(params.id)}`, {}, signal),
      all(COURSES, { campus_id: params.id }, signal),
      all(BATCHES, { campus_id: params.id }, signal),
    ]);
    const title = head.querySelector("h1");
    fill(title, own(row.name));
    document.title = document.title.replace(/^Campus/, row.name);
    return draw(row, courses, batches);
  });
  return [el("p", { class: "back" }, link("#/organisation", "All campuses")), head, box];
}

function draw(row, courses, batches) {
  const boxes = { courses: el("div", {}), batches: el("div", {}) };
  const offer = choices("course_ids", "Courses of the batch", courseOptions(courses));
  const redraw = () => {
    fill(
      boxes.courses,
      courses.length ? courseTable(courses) : el("p", { class: "empty" }, "No course yet."),
    );
    fill(
      boxes.batches,
      batches.length ? batchTable(batches, courses) : el("p", { class: "empty" }, "No batch yet."),
    );
    offer.offer(courseOptions(courses));
  };
  redraw();
  const addCourse = form(
    "Add course",
    nameAndCode(),
    async (given, element) => {
      courses.push(await create(COURSES, { campus_id: row.id, ...Object.fromEntries(given) }));
      settle(element, redraw, "The course is added.");
    },
    { compact: true },
  );
  const batchFields = [
    field("Name", el("input", { name: "name", maxlength: 200, autocomplete: "off", required: true }), {
      hint: "Such as CSE 2026.",
    }),
    offer,
  ];
  const addBatch = form("Add batch", batchFields, async (given, element) => {
    batches.push(
      await create(BATCHES, { campus_id: row.id, name: given.get("name"), course_ids: offer.values() }),
    );
    settle(element, redraw, "The batch is added.");
  });
  return [
    section(
      "Courses",
      boxes.courses,
      may("course_management:course:create") && ["Add a course", addCourse, !courses.length],
    ),
    section(
      "Batches",
      boxes.batches,
      may("batch_management:batch:create") && [
        "Add a batch",
        addBatch,
        courses.length > 0 && !batches.length,
      ],
    ),
  ];
}

function section(title, box, adding) {
  const adder = adding
    ? el("details", { class: "panelled", open: adding[2] }, el("summary", {}, adding[0]), adding[1])
    : null;
  return el("section", {}, el("h2", {}, title), box, adder);
}

function settle(element, redraw, words) {
  element.reset();
  redraw();
  announce(words);
  element.querySelector("input").focus();
}

function nameAndCode() {
  return [
    field("Name", el("input", { name: "name", maxlength: 200, autocomplete: "off", required: true })),
    field("Code", el("input", { name: "code", maxlength: 32, autocomplete: "off", required: true }), {
      hint: "As rosters name it in the column Group.",
    }),
  ];
}

function courseOptions(courses) {
  return courses.map((course) => [course.id, own(course.name), courses.length === 1]);
}

function courseTable(courses) {
  const columns = [
    ["Course", (course) => own(course.name)],
    ["Code", (course) => own(course.code)],
  ];
  return table("Courses of this campus", columns, courses, { unseen: true }).element;
}

function batchTable(batches, courses) {
  const names = new Map(courses.map((course) => [course.id, course.name]));
  const taken = (batch) => batch.course_ids.map((id) => names.get(id)).filter(Boolean);
  const columns = [
    ["Batch", (batch) => own(batch.name)],
    [
      "Courses",
      (batch) => (taken(batch).length ? list(taken(batch)) : count(batch.course_ids.length, "course")),
    ],
    [
      "Students",
      (batch) => [
        link(`#/students?batch_id=${batch.id}`, "Show", {
          "aria-label": `Show the students of ${batch.name}`,
        }),
      ],
    ],
    [
      "Roster",
      (batch) =>
        may("student_management:import:write")
          ? link(`#/imports?batch_id=${batch.id}`, "Upload", {
              "aria-label": `Upload a roster for ${batch.name}`,
            })
          : "–",
    ],
  ];
  return table("Batches of this campus", columns, batches, { unseen: true }).element;
}
