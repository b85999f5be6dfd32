// Forms: one send per press, drafts kept on the device, focus on the list of errors.

function release(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
}

function onSubmit(event) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !("once" in form.dataset)) return;
  if (form.dataset.sent) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.sent = "yes";
  // The button keeps its name and value in the request, so it is marked busy instead of disabled.
  event.submitter?.setAttribute("aria-busy", "true");
  if (form.dataset.draft) localStorage.removeItem(`tl-draft:${form.dataset.draft}`);
}

function wireDrafts() {
  for (const form of document.querySelectorAll("form[data-draft]")) {
    const field = form.querySelector("textarea");
    const key = `tl-draft:${form.dataset.draft}`;
    if (!field.value) field.value = localStorage.getItem(key) ?? "";
    field.addEventListener("input", () => localStorage.setItem(key, field.value));
  }
}

export function wireForms() {
  document.addEventListener("submit", onSubmit, true);
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));
  document.addEventListener("htmx:finally:request", (event) => {
    const form = event.target.closest?.("form[data-sent]");
    if (form) release(form);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[aria-disabled='true']")) event.preventDefault();
  });
  wireDrafts();
  document.querySelector("[data-summary]")?.focus();
}
