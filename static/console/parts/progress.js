// A bar made of parts, and figures beside it. Screen readers hear of every quarter, not of every step.

import { announce, el, fresh } from "../dom.js";
import { decimal, number } from "../words.js";

// Return a bar. `show` takes [[tone, amount], …], the total and a percentage.
export function bar(label) {
  const parts = el("div", { class: "parts" });
  const said = el("span", { class: "percent" });
  const name = el("span", { id: fresh("bar") }, label);
  const track = el(
    "div",
    {
      class: "track",
      role: "progressbar",
      "aria-labelledby": name.id,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
    },
    parts,
  );
  let quarter = 0;

  function show(amounts, total, percent) {
    const rounded = Math.floor(percent);
    said.textContent = `${decimal(percent)} %`;
    track.setAttribute("aria-valuenow", String(rounded));
    draw(parts, amounts, total);
    if (Math.floor(rounded / 25) > quarter && rounded < 100) {
      announce(`${label}: ${rounded} percent`);
    }
    quarter = Math.floor(rounded / 25);
  }
  // For work whose end is not known yet.
  function tell(text) {
    said.textContent = text;
    track.removeAttribute("aria-valuenow");
    draw(parts, [["busy waiting", 1]], 1);
  }
  return {
    element: el("div", { class: "bar" }, el("p", { class: "legend" }, name, said), track),
    show,
    tell,
  };
}

function draw(parts, amounts, total) {
  while (parts.children.length < amounts.length) {
    parts.append(el("span"));
  }
  amounts.forEach(([tone, amount], index) => {
    const part = parts.children[index];
    part.className = `part ${tone}`;
    part.style.width = total ? `${(100 * amount) / total}%` : "0";
  });
}

// Return figures with their names: given as [name, key, tone], shown by `show({key: value})`.
export function figures(title, given) {
  const values = Object.fromEntries(given.map(([, key]) => [key, el("dd", { "data-figure": key })]));
  const groups = given.map(([name, key, tone]) =>
    el("div", { class: `figure ${tone || "calm"}` }, el("dt", {}, name), values[key]),
  );
  return {
    element: el("dl", { class: "figures", "aria-label": title }, groups),
    show(news) {
      for (const [key, value] of Object.entries(news)) {
        const text = typeof value === "number" ? number(value) : value;
        if (values[key] && values[key].textContent !== text) {
          values[key].textContent = text;
          values[key].parentElement.classList.toggle("none", value === 0);
        }
      }
    },
  };
}

// Return a mark that says whether the figures come live.
export function linkMark() {
  const element = el("span", { class: "link", "data-link": "waiting" }, "Connecting …");
  const texts = { live: "Live", polling: "Every 2 seconds", still: "Up to date" };
  return {
    element,
    show(how) {
      element.dataset.link = how;
      element.textContent = texts[how];
    },
  };
}
