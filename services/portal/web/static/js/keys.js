// Keys. Single keys work only while no field has focus, and the reader can turn them off.

const OFF = "tl-single-keys-off";
const CHORD_MS = 1200;
let chordUntil = 0;
let layers;

function typing(element) {
  return element instanceof HTMLElement && (element.isContentEditable || element.matches("input:not([type=radio]):not([type=checkbox]), textarea, select"));
}

function shown(element) {
  return element.getClientRects().length > 0;
}

function step(by) {
  const rows = [...document.querySelectorAll("[data-list] [data-row]")].filter(shown);
  if (!rows.length) return;
  const focused = rows.indexOf(document.activeElement);
  const current = focused >= 0 ? focused : rows.findIndex((row) => row.getAttribute("aria-current") === "true");
  const next = current < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, current + by));
  rows[next].focus();
}

function write(kind) {
  const form = document.querySelector("[data-composer]");
  if (!form) return;
  const choice = form.querySelector(`[name="kind"][value="${kind}"]`);
  if (choice instanceof HTMLInputElement && choice.type === "radio") choice.checked = true;
  form.querySelector("textarea").focus();
}

function question() {
  const field = [...document.querySelectorAll("[data-question]")].find(shown);
  if (field) field.focus();
  else layers.openDialog("palette");
}

// The definition or evidence that belongs to the number in focus: the nearest part of the page that has one.
function nearest(selector) {
  for (let part = document.activeElement; part && part !== document.body; part = part.parentElement) {
    const found = part.matches(selector) ? part : part.querySelector(selector);
    if (found) return found.click();
  }
}

function press(key) {
  document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.click();
}

const SINGLE = {
  "/": question,
  "?": () => layers.openDialog("key-sheet"),
  j: () => step(1),
  k: () => step(-1),
  o: () => document.activeElement?.matches("[data-row]") && document.activeElement.click(),
  r: () => write("public"),
  n: () => write("internal"),
  d: () => nearest("[data-definition]"),
  v: () => nearest("[data-evidence]"),
  g: () => {
    chordUntil = Date.now() + CHORD_MS;
  },
};

function onKey(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const command = event.ctrlKey || event.metaKey;
  if (command && key === "k") {
    event.preventDefault();
    layers.openDialog("palette");
    return;
  }
  if (command && key === "Enter" && event.target instanceof HTMLElement) {
    event.target.closest("form[data-composer]")?.requestSubmit();
    return;
  }
  if (key === "Escape") {
    if (layers.closeTopmost()) event.preventDefault();
    return;
  }
  if (command || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (localStorage.getItem(OFF)) return;
  if (chordUntil > Date.now()) {
    chordUntil = 0;
    const place = document.querySelector(`[data-chord="${CSS.escape(key)}"]`);
    if (place) {
      event.preventDefault();
      place.click();
    }
    return;
  }
  if (Object.hasOwn(SINGLE, key)) {
    event.preventDefault();
    SINGLE[key]();
  } else if (key.length === 1) {
    press(key);
  }
}

export function wireKeys(parts) {
  layers = parts;
  document.addEventListener("keydown", onKey);
  const choice = document.querySelector("[data-single-keys]");
  if (!choice) return;
  choice.checked = !localStorage.getItem(OFF);
  choice.addEventListener("change", () => {
    if (choice.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
}
