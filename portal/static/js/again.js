// A page that waits for something looks again by itself, a few times; when what it waited for is there, it is opened anew. Without script
// its link does the same.
"use strict";

(() => {
  const waits = document.querySelector("[data-again]");
  if (!waits) return;
  const every = Number(waits.dataset.again) * 1000;
  let left = Number(waits.dataset.most);
  const look = async () => {
    left -= 1;
    try {
      const answer = await fetch(window.location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
      const page = answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
      // Whoever is writing a message keeps it; the page is opened anew once it is sent or taken back.
      const writing = [...document.querySelectorAll("textarea")].some((area) => area.value !== area.defaultValue);
      if (page && !writing && !page.querySelector("[data-again]")) {
        window.location.reload();
        return;
      }
    } catch { /* the line is down: the next look may get through */ }
    if (left > 0) window.setTimeout(look, every);
    else waits.hidden = false;
  };
  window.setTimeout(look, every);
})();
