// An email as it looks, rebuilt from the few elements that ours are made of, in a frame that runs nothing.

import { el } from "../dom.js";

const KEPT = new Set([
  "A",
  "B",
  "BR",
  "DIV",
  "EM",
  "H1",
  "H2",
  "HR",
  "LI",
  "OL",
  "P",
  "SPAN",
  "STRONG",
  "TABLE",
  "TBODY",
  "TD",
  "TR",
  "UL",
]);
const DROPPED = new Set(["SCRIPT", "STYLE", "TITLE", "TEMPLATE", "IFRAME", "OBJECT"]);
const SAFE = /^https?:\/\//;

export function letter(html) {
  const frame = el("iframe", {
    class: "letter",
    title: "The email",
    sandbox: "allow-same-origin allow-popups allow-popups-to-escape-sandbox",
  });
  frame.addEventListener("load", () => {
    const paper = frame.contentDocument;
    paper.documentElement.style.colorScheme = "light";
    paper.body.style.margin = "0";
    paper.body.replaceChildren(copy(read(html), paper));
    frame.style.height = `${paper.documentElement.scrollHeight}px`;
  });
  return frame;
}

// Return the body of a letter, which nothing loads from and nothing runs in. Its styles are put aside, since the
// page's policy refuses them in markup; set one by one, they are fine.
function read(html) {
  return new DOMParser().parseFromString(html.replaceAll(' style="', ' data-style="'), "text/html").body;
}

// Return a fragment of what may be shown of an element's children.
function copy(source, paper) {
  const made = paper.createDocumentFragment();
  for (const child of source.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) {
      made.append(child.data);
    } else if (child.nodeType === Node.ELEMENT_NODE && !DROPPED.has(child.nodeName)) {
      made.append(KEPT.has(child.nodeName) ? dressed(child, paper) : copy(child, paper));
    }
  }
  return made;
}

function dressed(source, paper) {
  const made = paper.createElement(source.nodeName);
  if (source.dataset.style) {
    made.style.cssText = source.dataset.style;
  }
  if (source.nodeName === "A" && SAFE.test(source.getAttribute("href") || "")) {
    made.href = source.getAttribute("href");
    made.target = "_blank";
    made.rel = "noopener noreferrer";
  }
  made.append(copy(source, paper));
  return made;
}
