// Who is signed in in this tab, and what they may do. Tells "user" when that has changed by a person's will.

import { events, get, logIn, logOut } from "./api.js";

let user = null;
let farewell = "";

export function current() {
  return user;
}

export function may(permission) {
  return Boolean(user?.permissions.includes(permission));
}

export async function load() {
  user = await get("/auth/me");
}

export async function signIn(username, password, totp) {
  await logIn(username, password, totp);
  await load();
  farewell = "";
  events.dispatchEvent(new Event("user"));
}

export async function signOut() {
  await logOut();
  user = null;
  farewell = "You are signed out.";
  events.dispatchEvent(new Event("user"));
}

// The person has chosen a password of their own.
export async function passwordChosen() {
  await load();
  events.dispatchEvent(new Event("user"));
}

// Return why the login page is shown, if there is a reason, once.
export function lastWords() {
  const said = farewell;
  farewell = "";
  return said;
}

events.addEventListener("ended", () => {
  farewell = user ? "Your session has ended. Please log in again." : "";
  user = null;
});

events.addEventListener("password", () => {
  if (user) {
    user.must_change_password = true;
  }
});
