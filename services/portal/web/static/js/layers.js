// Dialogs, menus, popovers, the drawer, toasts, the theme, and the one live region.

const TOAST_MS = 8000;

export function say(text) {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
}

export function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

// Closes the topmost layer that the browser does not close by itself; answers whether there was one.
export function closeTopmost() {
  if (document.querySelector("dialog[open], [popover]:popover-open")) return false;
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
    return true;
  }
  const close = document.querySelector(".drawer [data-close]");
  if (close) {
    close.click();
    return true;
  }
  return false;
}

function place(popover, anchor) {
  // Positions go through the object model: a style attribute would be refused by the content policy.
  popover.classList.add("is-placed");
  const from = anchor.getBoundingClientRect();
  const box = popover.getBoundingClientRect();
  const left = Math.max(12, Math.min(from.left - 16, document.documentElement.clientWidth - box.width - 12));
  const below = from.bottom + 8 + box.height <= window.innerHeight;
  popover.style.left = `${left}px`;
  popover.style.top = `${below ? from.bottom + 8 : Math.max(12, from.top - box.height - 8)}px`;
}

function wireToasts(root) {
  for (const toast of root.querySelectorAll("[data-toast]:not([data-timed])")) {
    toast.dataset.timed = "";
    const leave = () => {
      if (toast.matches(":hover, :focus-within")) setTimeout(leave, 1000);
      else toast.remove();
    };
    setTimeout(leave, TOAST_MS);
  }
}

async function onClick(event) {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  const open = target.closest("[data-open]");
  if (open) {
    open.closest("details.menu")?.removeAttribute("open");
    openDialog(open.dataset.open);
  }
  if (target.closest("[data-shut]") || target instanceof HTMLDialogElement) target.closest("dialog")?.close();
  if (target.closest("[data-print]")) window.print();
  const copy = target.closest("[data-copy]");
  if (copy && navigator.clipboard) {
    event.preventDefault();
    await navigator.clipboard.writeText(copy.href || copy.dataset.copy);
    say(document.body.dataset.copied ?? "");
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
  const theme = target.closest("button[name='tl_theme']");
  if (theme) {
    event.preventDefault();
    const form = new FormData(theme.form);
    form.set("tl_theme", theme.value);
    document.documentElement.dataset.theme = theme.value;
    for (const each of document.querySelectorAll("button[name='tl_theme']")) {
      each.setAttribute("aria-pressed", String(each.value === theme.value));
    }
    document.dispatchEvent(new CustomEvent("throughline:theme"));
    await fetch(theme.form.action, { method: "POST", body: form, redirect: "manual" });
  }
}

// The event comes from the element that asked; what changed is its target, or what replaced the target under its id.
function changed(event) {
  const target = event.detail?.ctx?.target;
  if (!(target instanceof Element)) return document;
  return target.isConnected ? target : (document.getElementById(target.id) ?? document);
}

function afterSwap(event) {
  const part = changed(event);
  wireToasts(document);
  part.querySelector("[data-focus]")?.focus();
  const words = part.querySelector("[data-say]");
  if (words) say(words.dataset.say);
}

export function wireLayers() {
  document.addEventListener("click", onClick);
  document.addEventListener(
    "toggle",
    (event) => {
      const layer = event.target;
      if (layer instanceof HTMLElement && layer.matches("[popover]") && event.newState === "open") {
        const anchor = document.querySelector(`[popovertarget="${layer.id}"]`);
        if (anchor) place(layer, anchor);
      }
    },
    true,
  );
  document.addEventListener("htmx:after:swap", afterSwap);
  wireToasts(document);
}
