// Sends the form when the turn has come; early or late, the server decides.
"use strict";

document.querySelectorAll("form[data-turn]").forEach((form) => {
  window.setTimeout(() => { form.requestSubmit(); }, Number(form.dataset.turn) * 1000 + Math.random() * 500);
});
