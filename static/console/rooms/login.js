// The door.

import { el, link } from "../dom.js";
import { field, form } from "../parts/form.js";
import { notice } from "../parts/marks.js";
import { lastWords, signIn } from "../session.js";
import { product } from "../words.js";

export const login = { name: "login", path: "/login", open: true, show };

function show() {
  const said = lastWords();
  const username = el("input", {
    name: "username",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: 320,
    required: true,
    "data-first": true,
  });
  const secret = el("input", {
    name: "password",
    type: "password",
    autocomplete: "current-password",
    maxlength: 1000,
    required: true,
  });
  const code = el("input", { name: "totp", autocomplete: "one-time-code", maxlength: 40, spellcheck: "false" });
  const asked = field("Code", code, { hint: "What your authenticator app shows now, or a recovery code." });
  asked.element.hidden = true; // until an account asks for it
  const fields = [
    field("Username", username, { hint: "Your roll number, mobile number or email address works too." }),
    field("Password", secret),
    asked,
  ];
  const door = form("Log in", fields, async (given) => {
    try {
      await signIn(given.get("username"), given.get("password"), given.get("totp").trim());
    } catch (problem) {
      const next = problem.slug === "second-factor-required" ? code : secret;
      asked.element.hidden &&= next !== code;
      next.value = "";
      next.focus();
      throw problem;
    }
  });
  return el(
    "div",
    { class: "door" },
    el("p", { class: "product" }, el("span", { class: "mark", "aria-hidden": "true" }), product),
    el("h1", {}, "Log in"),
    said ? notice("calm", el("p", { role: "status" }, said)) : null,
    door,
    el("p", { class: "quiet" }, link("#/forgotten", "Forgotten your password?")),
  );
}
