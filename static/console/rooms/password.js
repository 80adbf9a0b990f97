// Change the own password; also where those go who have to before anything else.

import { post } from "../api.js";
import { el, fill, link } from "../dom.js";
import { faultAt, field, form } from "../parts/form.js";
import { heading, notice } from "../parts/marks.js";
import { current, passwordChosen } from "../session.js";

const MUST = "Your password was set by somebody else. Choose one of your own before you go on.";

export const password = { name: "password", path: "/password", show };

function show() {
  const { must_change_password: forced, has_second_factor: coded } = current();
  const box = el("div", { class: "narrow" });
  const changing = form("Change password", fields(coded), async (given) => {
    if (given.get("new_password") !== given.get("again")) {
      throw faultAt("again", "is not the same as the new password");
    }
    await post("/auth/change_password", {
      current_password: given.get("current_password"),
      new_password: given.get("new_password"),
      ...(coded ? { code: given.get("code").trim() } : {}),
    });
    if (forced) {
      await passwordChosen();
      return;
    }
    fill(
      box,
      notice(
        "ok",
        el(
          "p",
          { role: "status", tabindex: -1 },
          "Your password is changed. Your other devices are signed out.",
        ),
      ),
      el("p", {}, link("#/home", "Go on")),
    );
    box.querySelector("p").focus();
  });
  fill(box, changing);
  return [
    heading("Change your password", {
      lead: forced ? MUST : "Every other device that is signed in to your account is signed out.",
    }),
    box,
  ];
}

function fields(coded) {
  const secret = (name, autocomplete) =>
    el("input", { name, type: "password", autocomplete, maxlength: 1000, required: true });
  const code = () =>
    el("input", { name: "code", autocomplete: "one-time-code", maxlength: 40, spellcheck: "false", required: true });
  const asked = coded
    ? [field("Code", code(), { hint: "What your authenticator app shows now, or a recovery code." })]
    : [];
  return [
    field("Current password", secret("current_password", "current-password")),
    ...asked,
    field("New password", secret("new_password", "new-password"), {
      hint: "Three or four unrelated words make a good one.",
    }),
    field("The new password again", secret("again", "new-password")),
  ];
}
