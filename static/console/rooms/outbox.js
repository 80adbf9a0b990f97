// The outbox of a machine without a mail provider: every message as its recipient would have got it.

import { get } from "../api.js";
import { button, el, fill, fresh, link, own } from "../dom.js";
import { field, options } from "../parts/form.js";
import { letter } from "../parts/letter.js";
import { heading, time } from "../parts/marks.js";
import { listing } from "../parts/table.js";
import { tabs } from "../parts/tabs.js";
import { CHANNELS } from "../words.js";

export const outbox = {
  name: "outbox",
  path: "/outbox",
  label: "Outbox",
  permission: "notifications:outbox:read",
  role: "superadmin",
  show,
};

const OUTBOX = "/email_management/outbox";
const PAGE = 200;
const SHOWN = 25;
const PAUSE_MS = 250;
const ADDRESS = /https?:\/\/[^\s<>"]+/g;

function show({ query, signal }) {
  const search = el("input", {
    type: "search",
    name: "to",
    autocomplete: "off",
    spellcheck: "false",
    value: query.get("to") || "",
  });
  const channel = el(
    "select",
    { name: "channel" },
    options([["", "Email and SMS"], ...Object.entries(CHANNELS)]),
  );
  const box = el("div", {});
  const dialog = el("dialog", { class: "message" });
  const find = () => fill(box, messages(search.value.trim().toLowerCase(), channel.value, dialog, signal));
  let timer = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE_MS);
  });
  channel.addEventListener("change", find);
  signal.addEventListener("abort", () => clearTimeout(timer));
  find();
  return [
    heading("Outbox", {
      lead: "This machine has no mail provider, so its messages lie here instead. They hold working links.",
      actions: button("Read again", find),
    }),
    el(
      "search",
      { class: "filters" },
      field("Recipient or subject", search).element,
      field("Channel", channel).element,
    ),
    box,
    dialog,
  ];
}

function messages(text, channel, dialog, signal) {
  const fits = (each) =>
    (!channel || each.channel === channel) &&
    (!text || `${each.to} ${each.subject}`.toLowerCase().includes(text));
  return listing({
    caption: "Messages, newest first",
    unseen: true,
    columns: [
      [
        "Message",
        (each) =>
          button(each.subject || firstLine(each.text), () => open(dialog, each), { class: "plain subject" }),
      ],
      ["To", (each) => own(each.to)],
      ["By", (each) => CHANNELS[each.channel] || each.channel],
      ["Sent", (each) => time(each.sent_at)],
    ],
    fetch: pages(fits, signal),
    empty: text || channel ? "No message fits." : "There are no messages yet.",
    one: "message",
  });
}

// Return a fetch that reads on until there is a page of messages that fit.
function pages(fits, signal) {
  let waiting = [];
  let before = null;
  let more = true;
  return async () => {
    while (waiting.length < SHOWN && more) {
      const page = await get(OUTBOX, { limit: PAGE, before }, signal).catch(explain);
      waiting.push(...page.items.filter(fits));
      before = page.next_before;
      more = before !== null;
    }
    const items = waiting.slice(0, SHOWN);
    waiting = waiting.slice(SHOWN);
    return { items, next_cursor: waiting.length || more ? true : null };
  };
}

function explain(problem) {
  if (problem.status === 404) {
    problem.detail = "There is no outbox here: messages really leave, by the mail provider.";
  }
  throw problem;
}

function firstLine(text) {
  return text.split("\n")[0].slice(0, 60);
}

function open(dialog, message) {
  const title = el(
    "h2",
    { id: fresh("message"), tabindex: -1 },
    own(message.subject || `${CHANNELS[message.channel]} message`),
  );
  dialog.setAttribute("aria-labelledby", title.id);
  const plain = {
    name: "text",
    label: "Text",
    show: () => el("div", { class: "text", dir: "auto" }, linked(message.text)),
  };
  const styled = { name: "html", label: "As an email", show: () => letter(message.html) };
  fill(
    dialog,
    el(
      "div",
      { class: "heading" },
      title,
      button("Close", () => dialog.close()),
    ),
    el("p", { class: "quiet" }, "To ", own(message.to), ", ", time(message.sent_at)),
    message.html ? tabs("Forms of the message", [plain, styled]) : plain.show(),
  );
  dialog.showModal();
  title.focus();
}

// Return a text with its addresses as links, which open in a tab of their own.
function linked(text) {
  const shown = [];
  let end = 0;
  for (const found of text.matchAll(ADDRESS)) {
    shown.push(
      text.slice(end, found.index),
      link(found[0], found[0], { target: "_blank", rel: "noopener noreferrer" }),
    );
    end = found.index + found[0].length;
  }
  return [...shown, text.slice(end)];
}
