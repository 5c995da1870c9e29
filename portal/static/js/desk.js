// Keys for those who work through a queue all day. Every one has a button or link beside it; they can be switched off.
"use strict";

const store = { get: () => window.localStorage.getItem("desk-keys") !== "off", set: (on) => window.localStorage.setItem("desk-keys", on ? "on" : "off") };
const toggle = document.querySelector("[data-keys-switch]");
if (toggle) {
  toggle.checked = store.get();
  toggle.addEventListener("change", () => store.set(toggle.checked));
}
const rows = [...document.querySelectorAll("[data-rows] tbody tr")];
const at = () => rows.findIndex((row) => row.contains(document.activeElement));
const go = (step) => {
  const next = rows[Math.min(rows.length - 1, Math.max(0, at() + step))];
  if (next) next.querySelector("a").focus();
};
const follow = (selector) => { const link = document.querySelector(selector); if (link) link.click(); };
const focus = (selector) => { const field = document.querySelector(selector); if (field) { field.focus(); return true; } return false; };
const keys = {
  j: () => go(1),
  k: () => go(at() < 0 ? 1 : -1),
  x: () => { const row = rows[at()]; if (row) row.querySelector("input[type=checkbox]").click(); },
  n: () => follow(".pagination a[rel=next]"),
  p: () => follow(".pagination a[rel=prev]"),
  "/": () => focus("#q"),
  "?": () => { const help = document.querySelector("[data-keys-help]"); if (help) { help.open = true; help.querySelector("summary").focus(); } },
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]),textarea,select");
  if (!store.get() || typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const act = keys[event.key];
  if (act && (rows.length || event.key === "?" || event.key === "/")) { event.preventDefault(); act(); }
});
