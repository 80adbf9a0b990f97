// Parts of jobs that were given up, and putting them back.

import { change, get } from "../api.js";
import { announce, button, el, fill, link } from "../dom.js";
import { heading, notice, time } from "../parts/marks.js";
import { listing } from "../parts/table.js";
import { may } from "../session.js";
import { CHANNELS, JOB_TYPES, count, sentence } from "../words.js";

export const deadLetters = {
  name: "dead-letters",
  path: "/dead_letters",
  permission: "batch_processing:job:read",
  show,
};

const DEAD_LETTERS = "/batch_processing/dead_letters";
const WRITE = "batch_processing:job:write";

function show({ signal }) {
  const box = el("div", {});
  const said = el("div", {});
  const draw = () => fill(box, letters(signal, said, draw));
  draw();
  return [
    el("p", { class: "back" }, link("#/jobs", "All jobs")),
    heading("What was given up", {
      lead: "Parts of jobs that no worker could bring to an end. Their messages have failed; put back, they are sent anew.",
    }),
    said,
    box,
  ];
}

function letters(signal, said, draw) {
  const requeue = async (letter) => {
    fill(said);
    try {
      await change("POST", `${DEAD_LETTERS}/${encodeURIComponent(letter.id)}/requeue`);
      announce("It is put back.");
      draw();
    } catch (problem) {
      fill(said, notice("bad", sentence(problem)));
    }
  };
  return listing({
    caption: "Given up, newest first",
    unseen: true,
    columns: [
      ["Job", (each) => link(`#/jobs/${each.job_id}`, JOB_TYPES[each.job_type] || each.job_type)],
      ["By", (each) => CHANNELS[each.channel] || each.channel],
      ["Messages", (each) => count(each.deliveries, "message")],
      ["Why", (each) => each.reason],
      ["Since", (each) => time(each.discarded_at)],
      ["Action", (each) => (may(WRITE) ? button("Put back", () => requeue(each), { class: "small" }) : "")],
    ],
    fetch: (cursor) => get(DEAD_LETTERS, { cursor, limit: 25 }, signal),
    empty: "Nothing was given up.",
    one: "part",
  });
}
