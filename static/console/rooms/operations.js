// The server as it is now: its channels, what it calls outside, its processes.

import { change, get } from "../api.js";
import { announce, button, el, fill } from "../dom.js";
import { ask } from "../parts/ask.js";
import { failed } from "../parts/later.js";
import { badge, heading, notice, time } from "../parts/marks.js";
import { table } from "../parts/table.js";
import { may } from "../session.js";
import {
  BREAKER_STATES,
  CHANNELS,
  CHANNEL_STATES,
  PROCESS_STATES,
  count,
  decimal,
  number,
} from "../words.js";

export const operations = {
  name: "operations",
  path: "/operations",
  label: "Operations",
  permission: "batch_processing:worker:read",
  show,
};

const EVERY_MS = 3_000;
const MIB = 1024 * 1024;
const RESUME = "notifications:channel:resume";
const RESET = "analytics:performance:write";
const STATUS = { email: "/email_management/status", sms: "/sms_management/status" };

function show({ signal }) {
  const parts = { channels: el("div", {}), breakers: el("div", {}), processes: el("div", {}) };
  const draw = () => refresh(parts, signal, act);
  const act = async (path, words) => {
    await change("POST", path);
    announce(words);
    await draw();
  };
  const timer = setInterval(draw, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  draw();
  return [
    heading("Operations", { lead: "The server as it is now. This page follows by itself." }),
    el("section", {}, el("h2", {}, "Channels"), parts.channels),
    el("section", {}, el("h2", {}, "Services outside"), parts.breakers),
    el("section", {}, el("h2", {}, "Processes"), parts.processes),
  ];
}

async function refresh(parts, signal, act) {
  const draw = async (box, read, make) => {
    try {
      redraw(box, make(await read(), act));
    } catch (problem) {
      problem.name === "AbortError" || redraw(box, failed(problem, () => refresh(parts, signal, act)));
    }
  };
  await Promise.all([
    draw(parts.channels, () => Promise.all(Object.values(STATUS).map((path) => get(path, {}, signal))), channels),
    draw(parts.breakers, () => get("/performance_monitor/breakers", {}, signal), breakers),
    draw(parts.processes, () => get("/batch_processing/workers", {}, signal), processes),
  ]);
}

// Draw what has changed only, so that a button under somebody's finger stays.
function redraw(box, made) {
  const next = el("div", {}, made);
  if (!next.isEqualNode(box.firstElementChild)) {
    fill(box, next);
  }
}

function channels(found, act) {
  return table(
    "Channels",
    [
      ["Channel", (each) => CHANNELS[each.channel]],
      ["By", (each) => each.provider],
      ["State", (each) => [badge(each.state, CHANNEL_STATES), each.paused ? why(each.paused) : null]],
      ["Credits", (each) => (each.balance.credits === null ? "–" : number(each.balance.credits)), "num"],
      [
        "Action",
        (each) =>
          each.paused && may(RESUME)
            ? button("Go on", () => resume(each, act), { class: "small" })
            : "",
      ],
    ],
    found,
    { unseen: true },
  ).element;
}

function why(paused) {
  return el("span", { class: "quiet" }, " ", paused.reason, ", since ", time(paused.since));
}

function resume(channel, act) {
  ask(
    `Go on sending by ${CHANNELS[channel.channel]}?`,
    "Only when its cause is gone: a wrong key or an empty account stops it again at the first message.",
    "Go on",
    () => act(`/${channel.channel}_management/channel/resume`, "The channel sends again."),
  );
}

function breakers(page, act) {
  if (!page.items.length) {
    return el("p", { class: "empty" }, "This server calls no service outside.");
  }
  return table(
    "Services outside",
    [
      ["Service", (each) => each.name],
      ["State", (each) => badge(each.state, BREAKER_STATES)],
      ["Cause", (each) => each.processes.map((one) => one.cause).find(Boolean) || ""],
      ["Seen by", (each) => count(each.processes.length, "process", "processes")],
      [
        "Action",
        (each) =>
          each.state !== "closed" && may(RESET)
            ? button("Ask it again", () => reset(each, act), { class: "small" })
            : "",
      ],
    ],
    page.items,
    { unseen: true },
  ).element;
}

function reset(breaker, act) {
  ask(
    `Ask ${breaker.name} again?`,
    "Every process calls it again at once. Where it still fails, it is left alone after a few tries.",
    "Ask it again",
    () =>
      act(`/performance_monitor/breakers/${encodeURIComponent(breaker.name)}/reset`, "It is asked again."),
  );
}

function processes(page) {
  return table(
    "Processes",
    [
      ["Process", (each) => `${each.host} ${each.pid}`],
      ["Serves", (each) => each.role],
      ["State", (each) => badge(each.state, PROCESS_STATES)],
      ["Jobs", (each) => jobs(each.figures.queues || {}), "num"],
      ["Sockets", (each) => number(each.figures.sockets || 0), "num"],
      ["Memory", (each) => memory(each.figures.memory || {}), "num"],
      ["Loops", (each) => loops(each.figures.loops || {})],
      ["Since", (each) => time(each.started_at)],
    ],
    page.items,
    { unseen: true },
  ).element;
}

function jobs(queues) {
  const all = Object.values(queues);
  const sum = (name) => all.reduce((total, queue) => total + queue[name], 0);
  return `${number(sum("running"))} of ${number(sum("seats"))}`;
}

function memory(figures) {
  const bytes = figures.pss || figures.rss;
  return bytes ? `${decimal(Math.round(bytes / MIB))} MB` : "–";
}

function loops(all) {
  const unwell = Object.entries(all).filter(([, loop]) => !loop.well);
  return unwell.length
    ? notice("warn", unwell.map(([name]) => name).join(", "))
    : `${count(Object.keys(all).length, "loop")}, all well`;
}
