// The audit log: who did what to what, when, and whether it is as it was written.

import { download, get } from "../api.js";
import { announce, button, el, fill, link, own } from "../dom.js";
import { later } from "../parts/later.js";
import { field, options } from "../parts/form.js";
import { badge, heading, notice, time } from "../parts/marks.js";
import { listing } from "../parts/table.js";
import { CAMPUSES, all } from "../places.js";
import { note } from "../router.js";
import { may } from "../session.js";
import { CHAIN_STATES, count, number, sentence } from "../words.js";

const AUDIT = "/audit";
const PLATFORM = "platform";
const PAUSE_MS = 300;
const FIELDS = ["action", "campus_id", "actor_id", "target", "from", "until"];

export const audit = {
  name: "audit",
  path: "/audit",
  label: "Audit log",
  permission: "audit:record:read",
  show,
};

function show({ query, signal }) {
  const said = el("div", {});
  const body = later(async () => draw(await all(CAMPUSES, {}, signal), query, signal, said));
  return [
    heading("Audit log", { lead: "Who did what, newest first. Nobody can change or remove a line." }),
    said,
    body,
  ];
}

function draw(campuses, query, signal, said) {
  const names = new Map(campuses.map((each) => [each.id, each.name]));
  const inputs = filters(campuses, query);
  const chain = el("div", { class: "chain" });
  const box = el("div", {});
  const find = () => {
    const wish = wanted(inputs);
    note(`#/audit${Object.keys(wish).length ? `?${new URLSearchParams(wish)}` : ""}`);
    fill(said);
    fill(chain, state(inputs.campus_id.value, signal));
    fill(box, lines(asked(wish), names, signal, narrow));
  };
  const narrow = (name, value) => {
    inputs[name].value = value;
    find();
    announce("Narrowed.");
  };
  listen(inputs, find, signal);
  find();
  const save = () =>
    download(`${AUDIT}/export.csv`, asked(wanted(inputs))).catch((problem) =>
      fill(said, notice("bad", sentence(problem))),
    );
  return [
    el(
      "search",
      { class: "filters" },
      field("Action", inputs.action, { hint: "Such as student.created" }).element,
      field("Place", inputs.campus_id).element,
      field("From", inputs.from).element,
      field("Until", inputs.until).element,
      field("Who", inputs.actor_id, { hint: "An id" }).element,
      field("On what", inputs.target, { hint: "Such as student:…" }).element,
    ),
    chain,
    may("audit:record:export") ? el("p", { class: "buttons" }, button("Download these lines", save)) : null,
    box,
  ];
}

function filters(campuses, query) {
  const text = (name, type = "search") =>
    el("input", {
      type,
      name,
      value: query.get(name) || "",
      autocomplete: "off",
      spellcheck: "false",
      maxlength: type === "search" ? 64 : null,
    });
  const places = campuses.map((each) => [each.id, each.name]);
  const everywhere = [
    ["", "Everywhere"],
    [PLATFORM, "The platform"],
  ];
  const campus = options([...everywhere, ...places], query.get("campus_id") || "");
  return {
    action: text("action"),
    campus_id: el("select", { name: "campus_id" }, campus),
    actor_id: text("actor_id"),
    target: text("target"),
    from: text("from", "date"),
    until: text("until", "date"),
  };
}

function listen(inputs, find, signal) {
  let timer = 0;
  for (const input of Object.values(inputs)) {
    input.addEventListener(input.type === "search" ? "input" : "change", () => {
      clearTimeout(timer);
      timer = setTimeout(find, PAUSE_MS);
    });
  }
  signal.addEventListener("abort", () => clearTimeout(timer));
}

function wanted(inputs) {
  const given = FIELDS.map((name) => [name, inputs[name].value.trim()]);
  return Object.fromEntries(given.filter(([, value]) => value));
}

// Return the filters as the server takes them: days begin and end where this person is.
function asked({ from, until, ...wish }) {
  const after = until ? new Date(`${until}T00:00`) : null;
  after?.setDate(after.getDate() + 1);
  return {
    ...wish,
    ...(from ? { from: new Date(`${from}T00:00`).toISOString() } : {}),
    ...(after ? { until: after.toISOString() } : {}),
  };
}

function state(campusId, signal) {
  return later(async () => {
    const chain = await get(`${AUDIT}/chain`, campusId ? { campus_id: campusId } : {}, signal);
    const whole = chain.broken_seq === null;
    const found = whole
      ? `${count(chain.seq, "line")} in this chain; the newest ${number(chain.checked)} were checked just now.`
      : `Line ${number(chain.broken_seq)} ${chain.broken_why}. Have operations run verify-audit.`;
    const waiting = chain.waiting ? ` ${count(chain.waiting, "line")} will be sealed in a moment.` : "";
    return el("p", {}, badge(whole ? "whole" : "broken", CHAIN_STATES), ` ${found}${waiting}`);
  });
}

function lines(wish, names, signal, narrow) {
  const part = (name, value, text) => button(text, () => narrow(name, value), { class: "plain" });
  return listing({
    caption: "Actions, newest first",
    unseen: true,
    columns: [
      ["Action", (each) => part("action", each.action, each.action), "whole"],
      ["When", (each) => time(each.at)],
      ["Who", (each) => part("actor_id", each.actor_id, own(each.actor_name || each.actor_id)), "whole"],
      ["On what", (each) => part("target", each.target, each.target)],
      ["Place", (each) => place(each.campus_id, names), "whole"],
      ["Details", (each) => el("span", { class: "detail" }, details(each.detail))],
      ["Line", (each) => (each.seq === null ? "–" : number(each.seq)), "num"],
    ],
    fetch: (cursor) => get(AUDIT, { ...wish, cursor, limit: 25 }, signal),
    empty: "Nothing of this kind has happened.",
    one: "line",
  });
}

function place(campusId, names) {
  if (campusId === null) {
    return "The platform";
  }
  const name = names.get(campusId);
  return name ? link(`#/organisation/${campusId}`, own(name)) : campusId;
}

function details(detail) {
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join("; ");
}
