// One message with everything that became of it.

import { get } from "../api.js";
import { button, el, fill, fresh, own } from "../dom.js";
import { CHANNELS, DELIVERY_STATES, EVENTS, count } from "../words.js";
import { later } from "./later.js";
import { badge, time } from "./marks.js";
import { table } from "./table.js";

export const PLACES = { email: "/email_management/deliveries", sms: "/sms_management/deliveries" };

// Show the message of a job to a person over a channel in a dialog.
export function openHistory(jobId, recipient, signal) {
  const title = el("h2", { id: fresh("message"), tabindex: -1 }, own(recipient.name));
  const dialog = el("dialog", { class: "message", "aria-labelledby": title.id });
  dialog.addEventListener("close", () => dialog.remove());
  fill(
    dialog,
    el(
      "div",
      { class: "heading" },
      title,
      button("Close", () => dialog.close()),
    ),
    el("div", { class: "panel" }, later(() => history(jobId, recipient, signal))),
  );
  document.body.append(dialog);
  dialog.showModal();
  title.focus();
}

async function history(jobId, recipient, signal) {
  const place = PLACES[recipient.channel];
  const found = await get(place, { job_id: jobId, recipient_id: recipient.recipient_id }, signal);
  if (!found.items.length) {
    return el("p", { class: "empty" }, "The server no longer keeps this message.");
  }
  const shown = await get(`${place}/${encodeURIComponent(found.items[0].id)}`, {}, signal);
  return [
    el(
      "p",
      { class: "quiet" },
      `${CHANNELS[shown.channel]}, ${count(shown.attempts, "try", "tries")}`,
      shown.provider_message_id ? `, known to the provider as ${shown.provider_message_id}` : null,
    ),
    table(
      "What became of it",
      [
        ["State", (each) => badge(each.state, DELIVERY_STATES)],
        ["When", (each) => time(each.at)],
        ["What happened", (each) => told(each)],
      ],
      shown.history,
    ).element,
  ];
}

function told(note) {
  const event = note.event ? EVENTS[note.event] || note.event.replaceAll("_", " ") : "";
  return [event, note.reason].filter(Boolean).join(": ");
}
