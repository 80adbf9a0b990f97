// The texts of messages: which there are, and whose each one is.

import { get } from "../api.js";
import { el, link } from "../dom.js";
import { badge, heading } from "../parts/marks.js";
import { listing } from "../parts/table.js";
import { CHANNELS, ORIGINS } from "../words.js";

export const templates = {
  name: "templates",
  path: "/templates",
  label: "Texts",
  permission: "notifications:template:read",
  show,
};

export const TEXTS = { email: "/email_management/templates", sms: "/sms_management/templates" };

function show({ signal }) {
  return [
    heading("Texts of messages", {
      lead: "What people receive. A campus's own text comes before the platform's, and that before the one that was shipped.",
    }),
    Object.entries(TEXTS).map(([channel, path]) =>
      el(
        "section",
        {},
        el("h2", {}, CHANNELS[channel]),
        listing({
          caption: `Texts by ${CHANNELS[channel]}`,
          unseen: true,
          columns: [
            ["Text", (each) => link(`#/templates/${channel}/${each.name}`, each.description)],
            ["Whose", (each) => badge(each.origin, ORIGINS)],
            ["Version", (each) => (each.version ? String(each.version) : "–"), "num"],
          ],
          fetch: (cursor) => get(path, { cursor }, signal),
          empty: "There is no text.",
          one: "text",
        }),
      ),
    ),
  ];
}
