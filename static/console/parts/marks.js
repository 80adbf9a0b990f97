// Small marks: states, times, notices.

import { el } from "../dom.js";
import { exactly, moment } from "../words.js";

// Return a state as a word with its colour. `states` maps it to [word, tone].
export function badge(state, states) {
  const [word, tone] = states[state] || [state, "calm"];
  return el("span", { class: `badge ${tone}`, "data-state": state }, word);
}

export function time(iso) {
  return iso
    ? el("time", { datetime: iso, title: exactly(iso) }, moment(iso))
    : el("span", { class: "quiet" }, "–");
}

// Return a boxed remark: tone is ok, bad, warn or calm. A bad one is read out at once.
export function notice(tone, ...children) {
  return el("div", { class: `notice ${tone}`, role: tone === "bad" ? "alert" : null }, ...children);
}

// Return the room's heading with a line below it and what can be done beside it.
export function heading(title, { lead, actions } = {}) {
  return el(
    "div",
    { class: "heading" },
    el("div", {}, el("h1", {}, title), lead ? el("p", { class: "lead" }, lead) : null),
    actions ? el("div", { class: "actions" }, actions) : null,
  );
}
