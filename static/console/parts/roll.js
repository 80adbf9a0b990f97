// Everybody in an exam by name, read again while things move; and what can be done for one of them.

import { change, get } from "../api.js";
import { announce, button, el, fill, fresh, own } from "../dom.js";
import { may } from "../session.js";
import { STANDINGS, duration, number, sentence } from "../words.js";
import { studentForms } from "./exam_orders.js";
import { badge, notice, time } from "./marks.js";
import { table } from "./table.js";

const WRITE = "test_management:exam:write";
const PAGE = 25;
const MOST = 200;
const PAUSE_MS = 2_000; // between two readings while things move

// Return a list; `moved` says that it may have changed, `refresh` reads it now, `wanted` returns its filters.
export function roll(path, signal, wanted, ordered) {
  const box = el("div", { class: "listing", "aria-busy": "true" }, el("p", { class: "quiet" }, "Loading …"));
  let limit = PAGE;
  let timer = 0;
  let read = 0;

  async function refresh() {
    clearTimeout(timer);
    timer = 0;
    read = Date.now();
    try {
      draw(await get(`${path}/students`, { ...wanted(), limit }, signal));
    } catch (problem) {
      problem.name === "AbortError" || fill(box, notice("bad", sentence(problem)));
    }
    box.removeAttribute("aria-busy");
  }
  function draw(page) {
    const held = box.contains(document.activeElement) ? document.activeElement.dataset.student : "";
    const columns = COLUMNS((each) => openStudent(path, each, () => (ordered(), refresh())));
    const foot = page.next_cursor && limit < MOST ? button("Show more", more, { class: "small" }) : null;
    fill(
      box,
      page.items.length
        ? [
            table("Students", columns, page.items, { unseen: true }).element,
            el("div", { class: "foot" }, el("p", { class: "quiet" }, shown(page)), foot),
          ]
        : el("p", { class: "empty" }, "Nobody stands there."),
    );
    held && box.querySelector(`[data-student="${held}"]`)?.focus();
  }
  function more() {
    limit = Math.min(4 * limit, MOST);
    refresh();
  }
  function moved() {
    timer ||= setTimeout(refresh, Math.max(0, read + PAUSE_MS - Date.now()));
  }
  signal.addEventListener("abort", () => clearTimeout(timer));
  refresh();
  return { element: box, refresh, moved };
}

function shown(page) {
  const size = number(page.items.length);
  return page.next_cursor ? `The first ${size} are shown. Narrow the list to find others.` : `${size} shown.`;
}

function COLUMNS(open) {
  return [
    [
      "Name",
      (each) => button(own(each.name), () => open(each), { class: "plain subject", "data-student": each.student_id }),
    ],
    ["Roll number", (each) => own(each.roll_number), "whole"],
    ["Stands", (each) => badge(each.standing, STANDINGS)],
    ["Answered", (each) => (each.attempt_id ? number(each.answered) : "–"), "num"],
    ["Ends", (each) => time(each.deadline)],
    ["More time", (each) => (each.granted_seconds ? duration(each.granted_seconds) : "–"), "num"],
    ["Lost", (each) => (each.gap_seconds ? duration(each.gap_seconds) : "–"), "num"],
    ["Flags", (each) => number(each.flags), "num"],
  ];
}

function openStudent(path, student, ordered) {
  const title = el("h2", { id: fresh("student"), tabindex: -1 }, own(student.name));
  const dialog = el("dialog", { class: "message spaced", "aria-labelledby": title.id });
  const said = el("div", {});
  const done = () => {
    dialog.close();
    ordered();
  };
  const act = (verb, words) => async () => {
    fill(said);
    try {
      await change("POST", `${path}/students/${encodeURIComponent(student.student_id)}/${verb}`);
      announce(words);
      done();
    } catch (problem) {
      fill(said, notice("bad", sentence(problem)));
    }
  };
  dialog.addEventListener("close", () => dialog.remove());
  fill(
    dialog,
    el("div", { class: "heading" }, title, button("Close", () => dialog.close())),
    el("p", {}, badge(student.standing, STANDINGS), " ", facts(student)),
    said,
    may(WRITE) ? offered(path, student, act, done) : null,
  );
  document.body.append(dialog);
  dialog.showModal();
  title.focus();
}

function offered(path, student, act, done) {
  const sits = student.attempt_id && student.standing !== "submitted";
  return [
    sits ? studentForms(path, student.student_id, done) : null,
    el(
      "div",
      { class: "buttons" },
      sits ? button("Let another device take over", act("takeover", "Another device can take over.")) : null,
      button("Let them log in again", act("unlock", "They can try to log in again.")),
    ),
  ];
}

function facts(student) {
  return student.attempt_id
    ? [`Attempt ${number(student.number)}, begun `, time(student.started_at), ", last heard of ", time(student.last_seen_at)]
    : "Has not begun.";
}
