// The week board by mouse: a booking is dragged onto another day or room; the page that follows asks before anything is moved.
"use strict";

(() => {
  const board = document.querySelector("[data-board]");
  if (!board) return;
  let taken = null;
  for (const booking of board.querySelectorAll("[data-booking]")) {
    booking.draggable = true;
    booking.addEventListener("dragstart", (event) => {
      taken = booking;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", booking.dataset.booking);
    });
  }
  for (const cell of board.querySelectorAll("td[data-space]")) {
    cell.addEventListener("dragover", (event) => {
      if (!taken) return;
      event.preventDefault();
      cell.classList.add("board__over");
    });
    cell.addEventListener("dragleave", () => cell.classList.remove("board__over"));
    cell.addEventListener("drop", (event) => {
      event.preventDefault();
      cell.classList.remove("board__over");
      if (!taken || taken.parentElement === cell) return;
      const where = new URLSearchParams({ space: cell.dataset.space, day: cell.dataset.day, slot: taken.dataset.slot });
      window.location.assign(`${board.dataset.board}${taken.dataset.booking}?${where}`);
    });
  }
})();
