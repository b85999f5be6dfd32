// The palette: filters its commands while typing, moves by arrows, and asks the server for more when it has an address.

const WAIT_MS = 180;

function visible(list) {
  return [...list.querySelectorAll(".command")].filter((one) => !one.hidden);
}

function choose(input, list, one) {
  for (const each of list.querySelectorAll(".command[aria-selected='true']")) each.setAttribute("aria-selected", "false");
  if (one) {
    one.setAttribute("aria-selected", "true");
    one.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", one.id);
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

function filter(input, list) {
  const words = input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  for (const one of list.querySelectorAll(".command:not([data-found] .command)")) {
    const text = one.textContent.toLowerCase();
    one.hidden = !words.every((word) => text.includes(word));
  }
  for (const group of list.querySelectorAll("[role=group]")) {
    group.hidden = !group.querySelector(".command:not([hidden])");
  }
  const left = visible(list);
  list.querySelector("[data-none]").hidden = left.length > 0;
  choose(input, list, left[0]);
}

async function more(input, list) {
  const text = input.value.trim();
  const box = list.querySelector("[data-found]");
  if (!text) {
    box.replaceChildren();
    return;
  }
  const address = new URL(input.dataset.find, location.href);
  address.searchParams.set("q", text);
  const answer = await fetch(address, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok || input.value.trim() !== text) return;
  box.innerHTML = await answer.text();
  filter(input, list);
}

function move(input, list, by) {
  const left = visible(list);
  const at = left.findIndex((one) => one.getAttribute("aria-selected") === "true");
  choose(input, list, left[(at + by + left.length) % left.length]);
}

export function wirePalette() {
  const palette = document.getElementById("palette");
  const input = palette?.querySelector("[data-palette]");
  if (!input) return;
  const list = document.getElementById("palette-list");
  const found = document.createElement("div");
  found.dataset.found = "";
  list.prepend(found);
  let timer = 0;
  input.addEventListener("input", () => {
    filter(input, list);
    clearTimeout(timer);
    if (input.dataset.find) timer = setTimeout(() => more(input, list), WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(input, list, event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      list.querySelector(".command[aria-selected='true']")?.click();
    }
  });
  list.addEventListener("click", (event) => {
    const one = event.target.closest?.(".command");
    if (!one?.dataset.act) return;
    event.preventDefault();
    palette.close();
    document.querySelector(one.dataset.act)?.click();
  });
  new MutationObserver(() => {
    if (!palette.open) return;
    input.value = "";
    filter(input, list);
    input.focus();
  }).observe(palette, { attributes: true, attributeFilter: ["open"] });
}
