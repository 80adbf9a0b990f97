// What surrounds every room: the way to the others, and who is signed in.

import { button, el, fill, link, own } from "./dom.js";
import { icon } from "./icons.js";
import { ROLES } from "./words.js";

const frame = document.getElementById("frame");
const nav = document.getElementById("rooms");
const account = document.getElementById("account");
const skip = document.getElementById("skip");

skip.addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("room").focus();
});

// Draw the frame for somebody, or take it away for nobody.
export function draw(user, rooms, onSignOut) {
  frame.hidden = skip.hidden = user === null;
  document.body.classList.toggle("bare", user === null);
  if (user === null) {
    fill(nav);
    fill(account);
    return;
  }
  fill(
    nav,
    el(
      "ul",
      {},
      rooms.map((room) => el("li", {}, entry(room))),
    ),
  );
  fill(
    account,
    el(
      "p",
      { class: "who" },
      own(user.name, { class: "name" }),
      el("span", { class: "role" }, ROLES[user.role] || user.role),
    ),
    el(
      "p",
      { class: "doors" },
      link("#/password", "Change password"),
      button("Sign out", onSignOut, { class: "plain" }),
    ),
  );
}

// Mark where we are.
export function mark(address) {
  for (const anchor of nav.querySelectorAll("a")) {
    const inside = `${address}/`.startsWith(`${anchor.hash}/`) || address.startsWith(`${anchor.hash}?`);
    anchor.toggleAttribute("aria-current", inside);
    inside && anchor.setAttribute("aria-current", "page");
  }
}

function entry(room) {
  return el("a", { href: `#${room.path}` }, icon(room.name), el("span", {}, room.label));
}
