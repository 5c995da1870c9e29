// Questions that hang on an answer of the same page: the server says which to show (one evaluator), the page shows them.
"use strict";

// Each sending of this page has its number, also when a button sends it: one that arrives late does not undo a newer one.
document.querySelectorAll("form[data-autosave]").forEach((form) => {
  const page = Math.random().toString(36).slice(2, 12);
  let number = 0;
  form.addEventListener("formdata", (event) => { number += 1; event.formData.set("turn", `${page}.${number}`); });
});

document.querySelectorAll("form[data-controls]").forEach((form) => {
  // A control inside a repeated group is named f.<group>.<entry>.<field>[.<part>].
  const names = new Set(form.dataset.controls.split(" "));
  const controls = (name) => (name || "").split(".").some((part) => names.has(part));
  const status = document.createElement("p");
  status.className = "visually-hidden";
  status.setAttribute("role", "status");
  form.append(status);

  const key = (node) => node.querySelector("input:not([type=hidden]),textarea,select")?.name || node.id || node.textContent;
  const blocks = (root) => [...root.children].filter((node) => node.type !== "hidden");
  const offered = (node) => [...node.querySelectorAll("input[type=radio],input[type=checkbox]")].map((input) => input.value).join(" ");

  // What the server computed or read back takes the place of the old; a block of choices only where the choices are others.
  const renew = (old, fresh) => {
    if (old.matches("fieldset.entries")) {
      merge(old, fresh, old.querySelectorAll(":scope > .entry"), fresh.querySelectorAll(":scope > .entry"));
      return old;
    }
    if (old.hasAttribute("data-live") || (old.matches("fieldset.choices") && offered(old) !== offered(fresh))) return fresh;
    fresh.querySelectorAll("[data-live]").forEach((node) => document.getElementById(node.id)?.replaceWith(node));
    return old;
  };
  // A question that stays is never taken off the page, not for a moment: somebody may be typing in it.
  const fill = (old, fresh) => {
    const have = new Map(blocks(old).map((node) => [key(node), node]));
    const wanted = [...fresh.children].map((node) => {
      const known = node.type === "hidden" ? undefined : have.get(key(node));
      return known ? renew(known, node) : node;
    });
    [...old.children].filter((node) => !wanted.includes(node)).forEach((node) => node.remove());
    wanted.forEach((node, n) => { if (old.children[n] !== node) old.insertBefore(node, old.children[n] ?? null); });
  };
  const merge = (_old, _fresh, olds, freshes) => {
    if (olds.length !== freshes.length) return;
    olds.forEach((entry, n) => fill(entry, freshes[n]));
  };

  let asked = 0;
  form.addEventListener("change", async (event) => {
    if (!controls(event.target.name)) return;
    const mine = asked += 1;
    const sent = new FormData(form);
    sent.set("action", "refresh");
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(sent), credentials: "same-origin" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== asked) return; // a later change asked again: its answer counts
      const fresh = page.getElementById("questions");
      const old = document.getElementById("questions");
      if (!fresh || !old) return;
      // Only whole questions are added or taken away: what is being typed elsewhere on the page stays as it is.
      const focused = document.activeElement?.id;
      const count = () => old.querySelectorAll("input:not([type=hidden]),textarea,select").length;
      const before = count();
      fill(old, fresh);
      if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
      if (count() > before) status.textContent = document.documentElement.lang === "en" ? "More questions were added." : "質問が増えました。";
    } catch { /* the next step asks the server anyway */ }
  });
});

// The current position, where the browser knows it; typed words or coordinates are the way without.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-here]");
  if (!button) return;
  const place = button.closest("[data-place]");
  const status = place.querySelector("[data-here-status]");
  const [done, unknown] = status.dataset.words.split("|");
  const put = (part, degrees) => { const input = place.querySelector(`[name$=".${part}"]`); if (input) input.value = degrees.toFixed(6); };
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => { put("latitude", coords.latitude); put("longitude", coords.longitude); status.textContent = done; },
    () => { status.textContent = unknown; },
    { enableHighAccuracy: true, timeout: 10000 },
  );
});
const offerPosition = () => document.querySelectorAll("[data-here][hidden]").forEach((button) => { button.hidden = !navigator.geolocation; });
new MutationObserver(offerPosition).observe(document.body, { childList: true, subtree: true });
offerPosition();

// What is typed is kept on the server every few seconds, and when the page is left; without script each step keeps it.
document.querySelectorAll("form[data-autosave]").forEach((form) => {
  const status = form.querySelector("[data-kept]");
  let changed = false;
  let timer = 0;
  const later = (milliseconds) => { window.clearTimeout(timer); timer = window.setTimeout(keep, milliseconds); };
  const keep = async () => {
    window.clearTimeout(timer);
    if (!changed || form.dataset.sent) return;
    changed = false;
    const sent = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));
    sent.set("action", "autosave");
    // Only "204" says that it was kept: a page for signing in or an error is an answer as well.
    const kept = await fetch(form.dataset.autosave, { method: "POST", body: sent, credentials: "same-origin", keepalive: true })
      .then((answer) => answer.status === 204, () => false);
    if (status) status.hidden = kept;
    if (!kept) { changed = true; later(10000); }
  };
  form.addEventListener("input", () => { changed = true; later(3000); });
  form.addEventListener("focusout", keep);
  window.addEventListener("pagehide", keep);
  window.addEventListener("online", keep);
});
