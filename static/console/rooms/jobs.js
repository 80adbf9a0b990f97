// Background jobs, newest first.

import { get } from "../api.js";
import { el, link } from "../dom.js";
import { field, options } from "../parts/form.js";
import { badge, heading, time } from "../parts/marks.js";
import { listing } from "../parts/table.js";
import { go } from "../router.js";
import { JOB_STATES, JOB_TYPES, count, decimal, number } from "../words.js";

export const JOBS = "/batch_processing/jobs";
export const jobs = {
  name: "jobs",
  path: "/jobs",
  label: "Jobs",
  permission: "batch_processing:job:read",
  show,
};

export function COLUMNS() {
  return [
    [
      "Job",
      (job) => link(`#/jobs/${job.id}`, `${JOB_TYPES[job.type] || job.type}, ${count(job.total, "message")}`),
    ],
    ["State", (job) => badge(job.state, JOB_STATES)],
    ["Done", (job) => `${decimal(job.percent)} %`, "num"],
    ["Failed", (job) => number(job.counts.failed + job.counts.bounced + job.counts.complained), "num"],
    ["Created", (job) => time(job.created_at)],
    ["Finished", (job) => time(job.finished_at)],
  ];
}

function show({ query, signal }) {
  const state = query.get("state") || "";
  const choice = el(
    "select",
    { name: "state" },
    options(
      [["", "All states"], ...Object.entries(JOB_STATES).map(([value, [word]]) => [value, word])],
      state,
    ),
  );
  choice.addEventListener("change", () => go(choice.value ? `#/jobs?state=${choice.value}` : "#/jobs"));
  return [
    heading("Jobs", {
      lead: "A job sends messages to many people, in the background, each exactly once.",
      actions: link("#/dead_letters", "What was given up"),
    }),
    el("div", { class: "filters" }, field("State", choice).element),
    listing({
      caption: "Jobs, newest first",
      unseen: true,
      columns: COLUMNS(),
      fetch: (cursor) => get(JOBS, { state, cursor, limit: 25 }, signal),
      empty: state ? "There is no such job." : "There is no job yet: commit an import first.",
      one: "job",
    }),
  ];
}
