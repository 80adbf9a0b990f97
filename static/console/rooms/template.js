// One text: read, try, change, and return to the version before.

import { change, get } from "../api.js";
import { announce, button, el, fill, link, own } from "../dom.js";
import { ask } from "../parts/ask.js";
import { field, form } from "../parts/form.js";
import { later } from "../parts/later.js";
import { letter } from "../parts/letter.js";
import { badge, notice, time } from "../parts/marks.js";
import { listing, table } from "../parts/table.js";
import { tabs } from "../parts/tabs.js";
import { go, here } from "../router.js";
import { may } from "../session.js";
import { CHANNELS, ORIGINS, count, sentence } from "../words.js";
import { TEXTS } from "./templates.js";

export const template = {
  name: "template",
  path: "/templates/:channel/:name",
  permission: "notifications:template:read",
  show,
};

const WRITE = "notifications:template:write";
const FIELDS = {
  email: [
    ["subject", "Subject", 1],
    ["text", "Text", 12],
    ["html", "HTML", 12],
  ],
  sms: [
    ["text", "Text", 4],
    ["dlt_entity_id", "DLT entity id", 1],
    ["dlt_template_id", "DLT template id", 1],
    ["dlt_text", "Text as registered with DLT", 3],
  ],
};

function show({ params, signal }) {
  const path = `${TEXTS[params.channel]}/${encodeURIComponent(params.name)}`;
  const box = later(async () => room(await get(path, {}, signal), path, params.channel, signal));
  return [
    el("p", { class: "back" }, link("#/templates", "All texts")),
    el("h1", {}, `${CHANNELS[params.channel] || "Message"} text`),
    box,
  ];
}

function room(shown, path, channel, signal) {
  const preview = el("div", { class: "preview", "aria-live": "polite" });
  const inputs = FIELDS[channel].map(([name, label, rows]) => input(name, label, rows, shown[name]));
  const editor = form("Save as a new version", inputs, (data) => save(path, draft(data), shown.revision), {
    actions: [
      button("Preview", () => tryOut(path, draft(new FormData(editor)), preview)),
      shown.origin === "shipped" ? null : button("Return to the version before", () => revert(path, shown)),
    ],
  });
  return [
    el("p", { class: "lead" }, shown.description),
    el(
      "p",
      { class: "marks" },
      badge(shown.origin, ORIGINS),
      shown.changed_at ? ["version ", String(shown.version), ", ", time(shown.changed_at)] : null,
    ),
    may(WRITE) ? editor : readOnly(inputs),
    el("section", {}, el("h2", {}, "Preview"), preview, el("p", { class: "quiet" }, "With invented data.")),
    placeholders(shown),
    versions(path, signal),
  ];
}

function input(name, label, rows, value) {
  const attributes = { name, autocomplete: "off", spellcheck: "true", dir: "auto" };
  const element = rows === 1 ? el("input", { type: "text", ...attributes }) : el("textarea", { rows, ...attributes });
  element.value = (value ?? "").replace(/\n$/, "");
  return field(label, element);
}

function readOnly(inputs) {
  for (const each of inputs) {
    each.element.querySelector("input, textarea").readOnly = true;
  }
  return el("div", {}, inputs.map((each) => each.element));
}

function draft(data) {
  return Object.fromEntries([...data].map(([name, text]) => [name, text.replaceAll("\r\n", "\n")]));
}

async function save(path, body, revision) {
  await change("PUT", path, body, revision);
  announce("Saved as a new version.");
  go(here());
}

function revert(path, shown) {
  ask(
    "Return to the version before?",
    "New jobs use it from now on. Jobs that have begun keep the text that they began with.",
    "Return",
    async () => {
      await change("POST", `${path}/revert`, {}, shown.revision);
      go(here());
    },
  );
}

async function tryOut(path, body, preview) {
  try {
    fill(preview, look(await change("POST", `${path}/preview`, body)));
  } catch (problem) {
    const faults = problem.errors?.map((each) => `${each.pointer.slice(1)} ${each.detail}`) || [];
    fill(preview, notice("bad", faults.length ? faults.join("; ") : sentence(problem)));
  }
}

function look(made) {
  const plain = {
    name: "text",
    label: "Text",
    show: () => el("div", { class: "text", dir: "auto" }, made.text),
  };
  const length = made.sms && el(
    "p",
    { class: "quiet", "data-figure": "segments" },
    `${count(made.sms.segments, "segment")}, ${count(made.sms.characters, "character")}, ${made.sms.encoding}`,
  );
  const findings = made.findings.map((each) =>
    notice("warn", `${each.pointer.slice(1)} ${each.detail}`),
  );
  if (!made.html) {
    return [findings, plain.show(), length];
  }
  const styled = { name: "html", label: "As an email", show: () => letter(made.html) };
  return [findings, el("p", {}, "Subject: ", own(made.subject)), tabs("Forms of the message", [styled, plain])];
}

function placeholders(shown) {
  return el(
    "section",
    {},
    el("h2", {}, "What the text may name"),
    table(
      "Placeholders",
      [
        ["Placeholder", (each) => el("code", {}, `{{ ${each.name} }}`)],
        ["Meaning", (each) => each.meaning],
        ["Needed", (each) => (each.required ? "must stand in the text" : "")],
      ],
      shown.placeholders,
      { unseen: true },
    ).element,
  );
}

function versions(path, signal) {
  return el(
    "section",
    {},
    el("h2", {}, "Versions"),
    listing({
      caption: "Versions, newest first",
      unseen: true,
      columns: [
        ["Version", (each) => String(each.version)],
        ["Use", (each) => (each.current ? "in use" : "")],
        ["Since", (each) => time(each.created_at)],
      ],
      fetch: (cursor) => get(`${path}/versions`, { cursor, limit: 25 }, signal),
      empty: "The text was never changed.",
      one: "version",
    }),
  );
}
