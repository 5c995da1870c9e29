// Questions that hang on an answer of the same page: the server says which to show (one evaluator), the page shows them.
"use strict";

document.querySelectorAll("form[data-controls]").forEach((form) => {
  const names = new Set(form.dataset.controls.split(" ").map((id) => `f.${id}`));
  const status = document.createElement("p");
  status.className = "visually-hidden";
  status.setAttribute("role", "status");
  form.append(status);
  form.addEventListener("change", async (event) => {
    if (!names.has(event.target.name)) return;
    const sent = new FormData(form);
    sent.set("action", "refresh");
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(sent), credentials: "same-origin" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("questions");
      const old = document.getElementById("questions");
      if (!fresh || !old) return;
      // Only whole questions are added or taken away: what is being typed elsewhere on the page stays as it is.
      const key = (node) => node.querySelector("input,textarea,select")?.name || node.id || node.textContent;
      const blocks = (root) => [...root.children].filter((node) => node.type !== "hidden");
      const have = new Map(blocks(old).map((node) => [key(node), node]));
      const before = blocks(old).length;
      old.replaceChildren(...[...fresh.children].map((node) => have.get(key(node)) && node.type !== "hidden" ? have.get(key(node)) : node));
      if (blocks(old).length > before) status.textContent = document.documentElement.lang === "en" ? "More questions were added." : "質問が増えました。";
    } catch { /* the next step asks the server anyway */ }
  });
});
