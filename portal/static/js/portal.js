// Small helps on top of pages that work without them.
"use strict";

// The summary of mistakes is read first.
const summary = document.querySelector("[data-focus]");
if (summary) summary.focus();

// A second click on the same button does not send the form twice (the server refuses it as well).
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  window.setTimeout(() => { delete form.dataset.sent; }, 3000);
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
});

// Address from the postal code, without leaving the page.
document.querySelectorAll("[data-postal-lookup]").forEach((box) => {
  const button = box.querySelector("button");
  const code = box.querySelector("input");
  const status = box.querySelector("[data-postal-status]");
  const scope = box.closest("fieldset");
  if (!box.dataset.postalLookup || !button || !code || !scope) return;
  const find = (part) => scope.querySelector(`[name$="${part}"]`);
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    try {
      const url = `${box.dataset.postalLookup}?code=${encodeURIComponent(code.value)}`;
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (!answer.ok) { status.textContent = found.title || ""; status.className = "field__error"; code.focus(); return; }
      for (const part of ["prefecture", "city", "town"]) {
        const field = find(part);
        if (field) field.value = found[part];
      }
      status.textContent = `${found.prefecture}${found.city}${found.town}`;
      status.className = "field__hint";
      const next = find("block");
      if (next) next.focus();
    } catch { box.querySelector("button").form.requestSubmit(button); }
  });
});
