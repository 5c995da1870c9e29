// Files: a look at a picture before it is sent, a word where it is too large, a signature drawn with the finger. All of it can be left out.
"use strict";

(() => {
  const english = document.documentElement.lang === "en";
  const say = (ja, en) => (english ? en : ja);

  document.querySelectorAll("input[type=file][data-most]").forEach((input) => {
    const told = document.createElement("p");
    told.setAttribute("role", "status");
    told.className = "field__hint";
    input.after(told);
    input.addEventListener("change", async () => {
      told.replaceChildren();
      const most = Number(input.dataset.most);
      const large = [...input.files].find((file) => file.size > most);
      if (large) {
        told.textContent = say(`${large.name} は大きすぎます。${Math.floor(most / 1048576)} MBまでです。`, `${large.name} is too large: at most ${Math.floor(most / 1048576)} MB.`);
        input.value = "";
        return;
      }
      for (const file of input.files) {
        if (!file.type.startsWith("image/")) continue;
        try {
          const picture = await createImageBitmap(file, { resizeWidth: 240 });
          const small = document.createElement("canvas");
          small.width = picture.width;
          small.height = picture.height;
          small.className = "files__preview";
          small.setAttribute("role", "img");
          small.setAttribute("aria-label", file.name);
          small.getContext("2d").drawImage(picture, 0, 0);
          told.append(small);
        } catch { /* a kind that this browser cannot draw: the server shows it */ }
      }
    });
  });

  document.querySelectorAll("[data-signature]").forEach((box) => {
    const input = box.querySelector("input[type=file]");
    if (!input || typeof DataTransfer === "undefined") return;
    const area = document.createElement("canvas");
    area.width = 900;
    area.height = 300;
    area.className = "files__drawn";
    area.setAttribute("role", "img");
    area.setAttribute("aria-label", say("署名を書くところ。書けないときは、写真を出してください。", "Sign here. If you cannot, send a photo instead."));
    const pen = area.getContext("2d");
    const blank = () => { pen.fillStyle = "#fff"; pen.fillRect(0, 0, area.width, area.height); pen.lineWidth = 5; pen.lineCap = "round"; pen.lineJoin = "round"; pen.strokeStyle = "#000"; };
    blank();
    let drawing = false;
    const at = (event) => { const r = area.getBoundingClientRect(); return [(event.clientX - r.left) * area.width / r.width, (event.clientY - r.top) * area.height / r.height]; };
    area.addEventListener("pointerdown", (event) => { drawing = true; area.setPointerCapture(event.pointerId); pen.beginPath(); pen.moveTo(...at(event)); event.preventDefault(); });
    area.addEventListener("pointermove", (event) => { if (drawing) { pen.lineTo(...at(event)); pen.stroke(); } });
    const done = () => {
      if (!drawing) return;
      drawing = false;
      area.toBlob((blob) => {
        const files = new DataTransfer();
        files.items.add(new File([blob], say("署名.png", "signature.png"), { type: "image/png" }));
        input.files = files.files;
      }, "image/png");
    };
    area.addEventListener("pointerup", done);
    area.addEventListener("pointercancel", done);
    const again = document.createElement("button");
    again.type = "button";
    again.className = "button button--link";
    again.textContent = say("書きなおす", "Start again");
    again.addEventListener("click", () => { blank(); input.value = ""; });
    const place = box.querySelector(".files__new");
    place.prepend(area, again);
  });
})();
