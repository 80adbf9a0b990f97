// Elements, without ever reading data as markup.

const SVG = "http://www.w3.org/2000/svg";

// Return an element. Attributes named on… are listeners; false, null and undefined leave an attribute out.
export function el(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...nodes(children));
  return element;
}

// Return what is there of children that may be nested, empty or numbers.
export function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}

export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

let made = 0;

// Return an id that is used nowhere else in the page.
export function fresh(word) {
  made += 1;
  return `${word}-${made}`;
}

// Return somebody's own words, which may run in either direction.
export function own(text, attributes = {}) {
  return el("bdi", attributes, text ?? "");
}

export function link(href, text, attributes = {}) {
  return el("a", { href, ...attributes }, text);
}

export function button(text, onclick, attributes = {}) {
  return el("button", { type: "button", onclick, ...attributes }, text);
}

// Tell screen readers, politely. The same words twice in a row are said once.
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
