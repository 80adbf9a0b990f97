// A question before something that cannot be taken back.

import { button, el, fill, fresh } from "../dom.js";
import { sentence } from "../words.js";
import { notice } from "./marks.js";

// Ask, and do it when the answer is yes. `work` may fail: then the question stays and says why.
export function ask(question, explanation, yes, work) {
  const title = el("h2", { id: fresh("question") }, question);
  const said = el("div", {});
  const dialog = el("dialog", { class: "message question", "aria-labelledby": title.id });
  const press = button(
    yes,
    async () => {
      press.setAttribute("aria-disabled", "true");
      try {
        await work();
        dialog.close();
      } catch (problem) {
        fill(said, notice("bad", sentence(problem)));
      }
      press.removeAttribute("aria-disabled");
    },
    { class: "primary" },
  );
  dialog.addEventListener("close", () => dialog.remove());
  fill(
    dialog,
    title,
    el("p", {}, explanation),
    said,
    el(
      "div",
      { class: "buttons" },
      press,
      button("No, go back", () => dialog.close()),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  press.focus();
}
