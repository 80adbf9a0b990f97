// Ask for a link to set a new password.

import { postPublic } from "../api.js";
import { el, fill, link } from "../dom.js";
import { field, form } from "../parts/form.js";
import { notice } from "../parts/marks.js";
import { product } from "../words.js";

const SENT =
  "If there is an account of that name, a message with a link is on its way. The link works once. " +
  "Who has never logged in gets a new first link instead.";

export const forgotten = { name: "forgotten", path: "/forgotten", open: true, show };

function show() {
  const username = el("input", {
    name: "username",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: 320,
    required: true,
    "data-first": true,
  });
  const box = el("div", {});
  const asking = form(
    "Send me a link",
    [field("Username, mobile number or email address", username)],
    async (given) => {
      await postPublic("/auth/forgot_password", { username: given.get("username") });
      fill(box, notice("ok", el("p", { role: "status", tabindex: -1 }, SENT)));
      box.querySelector("p").focus();
    },
  );
  fill(box, asking);
  return el(
    "div",
    { class: "door" },
    el("p", { class: "product" }, el("span", { class: "mark", "aria-hidden": "true" }), product),
    el("h1", {}, "Set a new password"),
    box,
    el("p", { class: "quiet" }, link("#/login", "Back to the login")),
  );
}
