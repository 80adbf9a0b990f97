// Rooms by the address after #. A room is drawn anew whenever its address is entered.

import { fill } from "./dom.js";
import { product } from "./words.js";

const main = document.getElementById("room");
let table = [];
let leaving = null;
let drawn = "";

// Begin to follow the address. `pick` may send people elsewhere: it gets the room and returns an address or "".
export function start(rooms, pick) {
  table = rooms.map((room) => ({ ...room, pattern: pattern(room.path) }));
  addEventListener("hashchange", () => location.hash.startsWith("#/") && enter(pick));
  enter(pick);
}

export function go(address) {
  if (location.hash === address) {
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = address;
  }
}

// Change the address without drawing the room again, as when a search narrows.
export function note(address) {
  history.replaceState(null, "", address);
}

export function here() {
  return location.hash;
}

function enter(pick) {
  const [path, search] = location.hash.slice(1).split("?");
  const found = table.map((room) => [room, room.pattern.exec(path)]).find(([, match]) => match);
  const elsewhere = pick(found?.[0]);
  if (elsewhere) {
    location.replace(elsewhere);
    return;
  }
  const [room, match] = found;
  leaving?.abort();
  leaving = new AbortController();
  const params = Object.fromEntries(
    Object.entries(match.groups || {}).map(([name, text]) => [name, decodeURIComponent(text)]),
  );
  draw(room, { params, query: new URLSearchParams(search), signal: leaving.signal });
}

function draw(room, place) {
  fill(main, room.show(place));
  main.dataset.room = room.name;
  main.removeAttribute("aria-busy");
  const heading = main.querySelector("h1");
  document.title = `${heading.textContent} – ${product}`;
  const first = drawn === "";
  drawn = room.name;
  scrollTo(0, 0);
  focus(heading, first);
}

// Move the focus to where the new room begins; a page that has just been opened leaves it to the browser.
function focus(heading, first) {
  const wanted = main.querySelector("[data-first]");
  heading.tabIndex = -1;
  if (wanted) {
    wanted.focus();
  } else if (!first) {
    heading.focus();
  }
}

function pattern(path) {
  return new RegExp(`^${path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`);
}
