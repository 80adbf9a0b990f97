// Sets a password by a one-time link. The token is taken from the address at once, so that it stays in no
// history and goes into no screenshot; opening this page uses nothing up.
"use strict";

const form = document.querySelector("form");
const message = document.getElementById("message");
const password = document.getElementById("password");
const again = document.getElementById("again");
const button = form.querySelector("button");
const shortest = password.minLength;
const token = new URLSearchParams(location.search).get("token");

history.replaceState(null, "", location.pathname);

function say(text, kind, field) {
  message.textContent = text;
  message.className = `message ${kind}`;
  for (const input of [password, again]) {
    input.setAttribute("aria-invalid", String(input === field));
  }
  (field || message).focus();
}

function fault() {
  if (Array.from(password.value.normalize("NFKC")).length < shortest) {
    return [`The password is shorter than ${shortest} characters.`, password];
  }
  return password.value === again.value ? null : ["The two passwords differ.", again];
}

function explain(status, problem, wait) {
  if (status === 422 && problem.errors) {
    return `The password ${problem.errors[0].detail}.`;
  }
  if (status === 410) {
    return (
      "This link was used, has expired, or was replaced by a newer one. Use the newest message that you have, " +
      "ask for a new link on the login page, or ask your administrator to send your credentials again."
    );
  }
  if (status === 429 || status === 503) {
    return `There are too many requests at this moment. Please try again in ${wait || 5} seconds.`;
  }
  return `${problem.title || "Something went wrong"}. Please try again.`;
}

async function save() {
  const response = await fetch(form.dataset.endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token, new_password: password.value }),
    credentials: "omit",
    referrerPolicy: "no-referrer",
  });
  if (response.ok) {
    form.remove();
    say(form.dataset.done, "done");
    return;
  }
  const problem = await response.json().catch(() => ({}));
  form.hidden = response.status === 410;
  say(
    explain(response.status, problem, response.headers.get("Retry-After")),
    "error",
    response.status === 422 ? password : null,
  );
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const found = fault();
  if (found) {
    say(found[0], "error", found[1]);
    return;
  }
  button.disabled = true;
  try {
    await save();
  } catch {
    say("The server cannot be reached. Check your connection, then try again.", "error");
  } finally {
    button.disabled = false;
  }
});

document.getElementById("shown").addEventListener("change", (event) => {
  password.type = again.type = event.target.checked ? "text" : "password";
});

if (token) {
  form.hidden = false;
} else {
  say("The link is not complete. Please open it again from your message.", "error");
}
