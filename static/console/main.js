// The console: finds out who is here, then follows the address.

import { events, hasSession } from "./api.js";
import { announce, fill } from "./dom.js";
import * as frame from "./frame.js";
import { failed } from "./parts/later.js";
import { go, here, start } from "./router.js";
import { audit } from "./rooms/audit.js";
import { campus } from "./rooms/campus.js";
import { deadLetters } from "./rooms/dead_letters.js";
import { exam } from "./rooms/exam.js";
import { exams } from "./rooms/exams.js";
import { forgotten } from "./rooms/forgotten.js";
import { home } from "./rooms/home.js";
import { importRoom } from "./rooms/import.js";
import { imports } from "./rooms/imports.js";
import { job } from "./rooms/job.js";
import { jobs } from "./rooms/jobs.js";
import { login } from "./rooms/login.js";
import { operations } from "./rooms/operations.js";
import { organisation } from "./rooms/organisation.js";
import { outbox } from "./rooms/outbox.js";
import { password } from "./rooms/password.js";
import { students } from "./rooms/students.js";
import { template } from "./rooms/template.js";
import { templates } from "./rooms/templates.js";
import { test } from "./rooms/test.js";
import { tests } from "./rooms/tests.js";
import * as session from "./session.js";

const ROOMS = [
  home,
  organisation,
  campus,
  students,
  imports,
  importRoom,
  tests,
  test,
  jobs,
  job,
  deadLetters,
  exams,
  exam,
  templates,
  template,
  outbox,
  operations,
  audit,
  password,
  login,
  forgotten,
];
const FIRST = "#/home";
const DOOR = "#/login";

let wanted = FIRST;

// Say where somebody has to go instead of this room; nothing where they may stay.
function elsewhere(room) {
  const user = session.current();
  if (!user) {
    return outside(room);
  }
  if (user.must_change_password) {
    return room?.name === password.name ? "" : "#/password";
  }
  if (!room || room.open || !admits(room)) {
    return FIRST;
  }
  frame.mark(here());
  return "";
}

function outside(room) {
  if (room?.open) {
    return "";
  }
  wanted = room ? here() : FIRST;
  return DOOR;
}

function admits(room) {
  const user = session.current();
  return (!room.permission || session.may(room.permission)) && (!room.role || room.role === user.role);
}

function drawFrame() {
  const user = session.current();
  frame.draw(
    user,
    user && !user.must_change_password ? ROOMS.filter((room) => room.label && admits(room)) : [],
    leave,
  );
}

async function leave() {
  await session.signOut();
}

events.addEventListener("user", () => {
  drawFrame();
  if (session.current()) {
    const next = wanted;
    wanted = FIRST;
    go(next);
  } else {
    wanted = FIRST;
    go(DOOR);
  }
});

events.addEventListener("ended", () => {
  wanted = here() || FIRST;
  drawFrame();
  go(DOOR);
});

events.addEventListener("password", () => {
  drawFrame();
  go("#/password");
});

async function begin() {
  if (hasSession()) {
    try {
      await session.load();
    } catch (problem) {
      if (problem.status !== 401 && problem.status !== 422) {
        fill(document.getElementById("room"), failed(problem, begin));
        return;
      }
    }
  }
  drawFrame();
  start(ROOMS, elsewhere);
  announce("");
}

begin();
