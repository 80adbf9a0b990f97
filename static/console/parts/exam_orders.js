// The forms by which an exam room gives time or ends attempts.

import { create } from "../api.js";
import { announce, el } from "../dom.js";
import { field, form, options } from "./form.js";

const WHY = "Kept with the order, such as: power cut in hall 2.";

// Return the forms for many at once. `ordered` is called when an order was taken.
export function orderForms(path, batches, ordered) {
  return el(
    "section",
    {},
    el("h2", {}, "For many at once"),
    panel("Give more time", "Give the time", "extend", path, batches, ordered, [minutes("Minutes", true)]),
    panel("Give back what an outage has cost", "Give it back", "compensate", path, batches, ordered, [
      minutes("Minutes", false, "Leave it empty to give each what was measured of their own gaps."),
    ]),
    panel("End the exam", "End it now", "close", path, batches, ordered, []),
  );
}

// Return the forms for one student.
export function studentForms(path, studentId, ordered) {
  return [
    one("Give the time", "extend", path, studentId, ordered, [minutes("Minutes", true)]),
    el(
      "details",
      { class: "panelled" },
      el("summary", {}, "End this attempt"),
      one("End it now", "close", path, studentId, ordered, []),
    ),
  ];
}

function panel(title, submit, verb, path, batches, ordered, fields) {
  const whom = el("select", { name: "batch_ids" }, options([["", "Everybody who sits it"], ...batches.map((each) => [each.id, each.name])]));
  const wanted = form(submit, [...fields, field("Whom", whom), reason()], async (given, element) => {
    await send(path, verb, given, given.get("batch_ids") ? { batch_ids: [given.get("batch_ids")] } : {});
    element.reset();
    element.parentElement.open = false;
    announce("It is ordered.");
    ordered();
  });
  return el("details", { class: "panelled" }, el("summary", {}, title), wanted);
}

function one(submit, verb, path, studentId, ordered, fields) {
  return form(submit, [...fields, reason()], async (given) => {
    await send(path, verb, given, { student_ids: [studentId] });
    announce("It is ordered.");
    ordered();
  });
}

function send(path, verb, given, whom) {
  const minutes = given.get("minutes");
  return create(`${path}/${verb}`, {
    ...(minutes ? { minutes: Number(minutes) } : {}),
    ...whom,
    reason: given.get("reason"),
  });
}

function minutes(label, required, hint) {
  return field(label, el("input", { name: "minutes", type: "number", min: 1, max: 600, required }), { hint });
}

function reason() {
  return field("Reason", el("input", { name: "reason", maxlength: 300, autocomplete: "off", required: true }), {
    hint: WHY,
  });
}
