// Forms whose errors stand beside the field that they are about.

import { el, fill, fresh } from "../dom.js";
import { faultOf, sentence } from "../words.js";

// Return a labelled field around one input, select or textarea.
export function field(label, input, { hint } = {}) {
  const fault = el("p", { class: "fault", id: fresh("fault"), hidden: true });
  const help = hint ? el("p", { class: "hint", id: fresh("hint") }, hint) : null;
  input.id = fresh(input.name);
  input.setAttribute("aria-describedby", [help?.id, fault.id].filter(Boolean).join(" "));
  const element = el("div", { class: "field" }, el("label", { for: input.id }, label), help, input, fault);
  return { name: input.name, label, element, say: teller(fault, [input]), focus: () => input.focus() };
}

// Return a group of checkboxes that has one name: options are [value, label, checked].
export function choices(name, legend, first, { hint } = {}) {
  const fault = el("p", { class: "fault", id: fresh("fault"), hidden: true });
  const help = hint ? el("p", { class: "hint", id: fresh("hint") }, hint) : null;
  const described = [help?.id, fault.id].filter(Boolean).join(" ");
  const boxes = el("div", { class: "choices" });
  const element = el(
    "fieldset",
    { class: "field", "aria-describedby": described },
    el("legend", {}, legend),
    help,
    boxes,
    fault,
  );
  const offer = (given) =>
    fill(
      boxes,
      given.map(([value, text, checked]) =>
        el(
          "label",
          { class: "check" },
          el("input", { type: "checkbox", name, value, checked }),
          el("span", {}, text),
        ),
      ),
    );
  offer(first);
  return {
    name,
    label: legend,
    element,
    offer,
    values: () => [...boxes.querySelectorAll("input:checked")].map((input) => input.value),
    say: teller(fault, [element]),
    focus: () => boxes.querySelector("input")?.focus(),
  };
}

function teller(fault, marked) {
  return (text) => {
    fault.hidden = !text;
    fault.textContent = text;
    for (const element of marked) {
      text ? element.setAttribute("aria-invalid", "true") : element.removeAttribute("aria-invalid");
    }
  };
}

// Return a form. `work` gets its FormData; what it throws is shown where it belongs.
export function form(submit, fields, work, { actions = [], compact = false } = {}) {
  const summary = el("div", { class: "summary", role: "alert" });
  const press = el("button", { type: "submit", class: "primary" }, submit);
  const element = el(
    "form",
    { class: compact ? "compact" : null, novalidate: true },
    summary,
    fields.map((each) => each.element),
    el("div", { class: "buttons" }, press, actions),
  );
  const say = (problem) => tell(problem, fields, summary);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (press.getAttribute("aria-disabled") === "true") {
      return;
    }
    clear(fields, summary);
    press.setAttribute("aria-disabled", "true");
    try {
      await work(new FormData(element), element);
    } catch (problem) {
      say(problem);
    }
    press.removeAttribute("aria-disabled");
  });
  return element;
}

function clear(fields, summary) {
  summary.textContent = "";
  fields.forEach((each) => each.say(""));
}

function tell(problem, fields, summary) {
  if (problem.status === undefined) {
    throw problem;
  }
  const unplaced = [];
  let first = null;
  for (const { pointer, detail } of problem.errors) {
    const found = fields.find((each) => each.name === pointer.split("/")[1]);
    if (found) {
      found.say(faultOf(found.label, detail));
      first ??= found;
    } else {
      unplaced.push(faultOf(pointer.slice(1), detail));
    }
  }
  if (!first) {
    fill(summary, el("p", {}, unplaced.length ? unplaced.join(" ") : sentence(problem)));
  }
  first?.focus();
}

// Return a problem of our own about one field, as the server would put it.
export function faultAt(name, detail) {
  return Object.assign(new Error(detail), {
    status: 422,
    title: "",
    detail: "",
    errors: [{ pointer: `/${name}`, detail }],
  });
}

export function options(given, chosen = "") {
  return given.map(([value, text]) => el("option", { value, selected: value === chosen }, text));
}
