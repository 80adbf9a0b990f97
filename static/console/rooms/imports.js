// Upload a roster, and the imports so far.

import { create, download, get } from "../api.js";
import { button, el, fill, link, own } from "../dom.js";
import { choices, faultAt, field, form } from "../parts/form.js";
import { later } from "../parts/later.js";
import { badge, heading, notice, time } from "../parts/marks.js";
import { listing } from "../parts/table.js";
import { places } from "../places.js";
import { go } from "../router.js";
import { may } from "../session.js";
import { CHANNELS, IMPORT_STATES, sentence, number } from "../words.js";

export const IMPORTS = "/student_management/imports";
export const imports = {
  name: "imports",
  path: "/imports",
  label: "Imports",
  permission: "student_management:import:read",
  show,
};

// How new students are to be told, by import, as chosen at the upload in this tab.
export const chosenChannels = new Map();

export function COLUMNS() {
  return [
    ["File", (each) => link(`#/imports/${each.id}`, own(each.filename))],
    ["State", (each) => badge(each.state, IMPORT_STATES)],
    ["Rows", (each) => number(each.counts.total), "num"],
    ["New", (each) => number(each.counts.new), "num"],
    ["Errors", (each) => number(each.counts.error), "num"],
    ["Uploaded", (each) => time(each.created_at)],
  ];
}

function show({ query, signal }) {
  return [
    heading("Imports", {
      lead: "Upload a roster and see what it would do. Nothing is written before you commit.",
    }),
    may("student_management:import:write")
      ? el(
          "section",
          { class: "panelled" },
          el("h2", {}, "Upload a roster"),
          templates(),
          later(() => uploading(query.get("batch_id"), signal)),
        )
      : null,
    el(
      "section",
      {},
      el("h2", {}, "Imports so far"),
      listing({
        caption: "Imports, newest first",
        unseen: true,
        columns: COLUMNS(),
        fetch: (cursor) => get(IMPORTS, { cursor, limit: 25 }, signal),
        empty: "Nothing has been imported yet.",
        one: "import",
      }),
    ),
  ];
}

async function uploading(batchId, signal) {
  const known = await places(signal);
  if (!known.batches.length) {
    return notice(
      "calm",
      el(
        "p",
        {},
        "There is no batch to upload a roster for. ",
        link("#/organisation", "Set one up first"),
        ".",
      ),
    );
  }
  const batch = el("select", { name: "batch_id", required: true }, batchOptions(known, batchId));
  const file = el("input", { type: "file", name: "file", accept: ".csv,.xlsx,.tsv,.txt", required: true });
  const courses = choices("course_ids", "Courses", [], {
    hint: "For rows that name none in a column Group. Leave all unticked where every row has its own.",
  });
  const offer = () =>
    courses.offer(
      known.batches
        .find((each) => each.id === batch.value)
        .course_ids.map((id) => [id, own(known.course.get(id) || "A course")]),
    );
  const channels = choices(
    "channels",
    "Tell new students by",
    Object.entries(CHANNELS).map(([value, text]) => [value, text, true]),
    { hint: "Each gets a link to set a password. You can change this before you commit." },
  );
  batch.addEventListener("change", offer);
  offer();
  const fields = [
    field("Roster file", file, { hint: "CSV or Excel (.xlsx), up to 10 MB and 20,000 rows." }),
    field("Batch", batch),
    courses,
    channels,
  ];
  return form("Upload and compare", fields, () => upload(file, batch, courses, channels));
}

async function upload(file, batch, courses, channels) {
  if (!file.files.length) {
    throw faultAt("file", "is missing: choose a file");
  }
  const body = new FormData();
  body.set("file", file.files[0]);
  body.set("batch_id", batch.value);
  body.set("course_ids", courses.values().join(","));
  body.set("channels", channels.values().join(","));
  const made = await create(IMPORTS, body);
  chosenChannels.set(made.id, channels.values());
  go(`#/imports/${made.id}`);
}

function batchOptions(known, chosen) {
  const groups = known.campuses.map((campus) => [
    campus.name,
    known.batches.filter((batch) => batch.campus_id === campus.id),
  ]);
  return groups
    .filter(([, batches]) => batches.length)
    .map(([name, batches]) =>
      el(
        "optgroup",
        { label: name },
        batches.map((batch) => el("option", { value: batch.id, selected: batch.id === chosen }, batch.name)),
      ),
    );
}

// Return the way to an empty roster whose columns are right.
function templates() {
  const said = el("span", { role: "alert", class: "fault" });
  const load = (format) => () => {
    fill(said);
    download(`${IMPORTS}/template`, { format }).catch((problem) => fill(said, sentence(problem)));
  };
  return el(
    "p",
    { class: "quiet" },
    "Begin with an empty roster: ",
    button("Excel", load("xlsx"), { class: "plain", "aria-label": "Download an empty roster for Excel" }),
    ", ",
    button("CSV", load("csv"), { class: "plain", "aria-label": "Download an empty roster as CSV" }),
    " ",
    said,
  );
}
