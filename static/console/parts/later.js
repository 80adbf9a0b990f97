// A place that is filled when its data has come, or says why it has not.

import { button, el, fill } from "../dom.js";
import { sentence } from "../words.js";
import { notice } from "./marks.js";

export function later(make, waiting = "Loading …") {
  const box = el("div", { class: "later" });
  const attempt = async () => {
    box.setAttribute("aria-busy", "true");
    fill(box, el("p", { class: "quiet" }, waiting));
    try {
      fill(box, await make());
    } catch (problem) {
      problem.name === "AbortError" || fill(box, failed(problem, attempt));
    }
    box.removeAttribute("aria-busy");
  };
  attempt();
  return box;
}

export function failed(problem, again) {
  return notice("bad", el("p", {}, sentence(problem)), button("Try again", again, { class: "small" }));
}
