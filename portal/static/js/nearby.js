// "From here": the position goes into the search as a rounded pair (about 100 m) and is kept nowhere else.
"use strict";

document.querySelectorAll("[data-nearby]").forEach((box) => {
  const button = box.querySelector("button");
  const status = box.querySelector("[role=status]");
  const form = box.closest("form");
  const field = form && form.querySelector("[name=near]");
  if (!button || !field || !navigator.geolocation) return;
  box.hidden = false;
  button.addEventListener("click", () => {
    status.textContent = box.dataset.searching;
    navigator.geolocation.getCurrentPosition(
      (found) => {
        field.value = `${found.coords.latitude.toFixed(3)},${found.coords.longitude.toFixed(3)}`;
        form.requestSubmit();
      },
      () => { status.textContent = box.dataset.failed; field.focus(); },
      { maximumAge: 60000, timeout: 10000 },
    );
  });
});
