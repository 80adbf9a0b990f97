// Campuses: list and add. What a campus has is in a room of its own.

import { create, get } from "../api.js";
import { el, link, own } from "../dom.js";
import { field, form, options } from "../parts/form.js";
import { heading } from "../parts/marks.js";
import { listing } from "../parts/table.js";
import { CAMPUSES } from "../places.js";
import { go } from "../router.js";
import { may } from "../session.js";

export const organisation = {
  name: "organisation",
  path: "/organisation",
  label: "Organisation",
  permission: "campus_management:campus:read",
  show,
};

// Browsers know some zones by the names of old.
const RENAMED = {
  "Asia/Calcutta": "Asia/Kolkata",
  "Asia/Katmandu": "Asia/Kathmandu",
  "Asia/Rangoon": "Asia/Yangon",
  "Asia/Saigon": "Asia/Ho_Chi_Minh",
  "Europe/Kiev": "Europe/Kyiv",
};

function show({ signal }) {
  return [
    heading("Organisation", {
      lead: "A campus teaches courses; a batch is a group of students who take one or more of them.",
    }),
    may("campus_management:campus:create") ? adding() : null,
    listing({
      caption: "Campuses",
      columns: [
        ["Campus", (campus) => link(`#/organisation/${campus.id}`, own(campus.name))],
        ["Code", (campus) => own(campus.code)],
        ["Time zone", (campus) => campus.timezone],
      ],
      fetch: (cursor) => get(CAMPUSES, { cursor }, signal),
      empty: "There is no campus yet. Add the first one.",
      one: "campus",
      many: "campuses",
    }),
  ];
}

function adding() {
  const fields = [
    field("Name", el("input", { name: "name", maxlength: 200, autocomplete: "off", required: true })),
    field("Code", el("input", { name: "code", maxlength: 32, autocomplete: "off", required: true }), {
      hint: "Short, such as NORTH.",
    }),
    field("Time zone", el("select", { name: "timezone" }, options(zones(), zone()))),
  ];
  const wanted = form("Add campus", fields, async (given) => {
    const made = await create(CAMPUSES, Object.fromEntries(given));
    go(`#/organisation/${made.id}`);
  });
  return el("details", { class: "panelled" }, el("summary", {}, "Add a campus"), wanted);
}

function zones() {
  const known = Intl.supportedValuesOf("timeZone").map((name) => RENAMED[name] || name);
  return [...new Set([...known, "UTC", zone()])].sort().map((name) => [name, name.replaceAll("_", " ")]);
}

function zone() {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return RENAMED[name] || name;
}
