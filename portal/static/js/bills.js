// Reads the code of a slip with the camera where the browser can; the picture and the typed number work without.
"use strict";

const box = document.querySelector("[data-camera]");
const form = document.querySelector("[data-camera-form]");
const can = "BarcodeDetector" in window && navigator.mediaDevices && navigator.mediaDevices.getUserMedia;
if (box && form && can) {
  const start = box.querySelector("[data-camera-start]");
  const stop = box.querySelector("[data-camera-stop]");
  const view = box.querySelector("[data-camera-view]");
  const status = box.querySelector("[data-camera-status]");
  let stream = null;
  box.hidden = false;

  const end = () => {
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    view.hidden = true;
    stop.hidden = true;
    start.hidden = false;
  };
  const look = async (detector) => {
    if (!stream) return;
    const found = await detector.detect(view).catch(() => []);
    const code = found.find((each) => each.rawValue);
    if (!code) { window.setTimeout(() => look(detector), 250); return; }
    end();
    form.querySelector("[name=code]").value = code.rawValue;
    form.requestSubmit();
  };
  start.addEventListener("click", async () => {
    try {
      const known = await window.BarcodeDetector.getSupportedFormats();
      const formats = ["qr_code", "code_128"].filter((format) => known.includes(format));
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      view.srcObject = stream;
      await view.play();
      view.hidden = false;
      stop.hidden = false;
      start.hidden = true;
      status.textContent = "";
      stop.focus();
      look(new window.BarcodeDetector({ formats }));
    } catch {
      end();
      status.textContent = box.dataset.failed;
    }
  });
  stop.addEventListener("click", () => { end(); start.focus(); });
  window.addEventListener("pagehide", end);
}
