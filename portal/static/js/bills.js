// Reads the code of a slip with the camera; the picture and the typed number work without.
// Where the browser has no detector of its own (iPhones, Firefox), one small picture after the other is read by our server.
"use strict";

const box = document.querySelector("[data-camera]");
const form = document.querySelector("[data-camera-form]");
const can = navigator.mediaDevices && navigator.mediaDevices.getUserMedia;
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
  const PAUSE = 250;
  const SIDE = 1280;
  const ownDetector = async () => {
    if (!("BarcodeDetector" in window)) return null;
    const known = await window.BarcodeDetector.getSupportedFormats();
    const formats = ["qr_code", "code_128"].filter((format) => known.includes(format));
    if (!formats.includes("qr_code")) return null;
    const detector = new window.BarcodeDetector({ formats });
    return async () => (await detector.detect(view)).map((each) => each.rawValue).find(Boolean);
  };
  const onOurServer = () => {
    const canvas = document.createElement("canvas");
    return async () => {
      const scale = Math.min(1, SIDE / Math.max(view.videoWidth, view.videoHeight));
      canvas.width = Math.round(view.videoWidth * scale);
      canvas.height = Math.round(view.videoHeight * scale);
      canvas.getContext("2d").drawImage(view, 0, 0, canvas.width, canvas.height);
      const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.8));
      const data = new FormData();
      data.append("csrf_token", form.querySelector("[name=csrf_token]").value);
      data.append("picture", picture, "frame.jpg");
      const answer = await fetch(box.dataset.frames, { method: "POST", body: data });
      return answer.ok ? (await answer.json()).code : "";
    };
  };
  const look = async (read) => {
    if (!stream) return;
    const code = view.videoWidth ? await read().catch(() => "") : "";
    if (!stream) return;
    if (!code) { window.setTimeout(() => look(read), PAUSE); return; }
    end();
    form.querySelector("[name=code]").value = code;
    form.requestSubmit();
  };
  start.addEventListener("click", async () => {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      view.srcObject = stream;
      await view.play();
      view.hidden = false;
      stop.hidden = false;
      start.hidden = true;
      status.textContent = "";
      stop.focus();
      look((await ownDetector()) || onOurServer());
    } catch {
      end();
      status.textContent = box.dataset.failed;
    }
  });
  stop.addEventListener("click", () => { end(); start.focus(); });
  window.addEventListener("pagehide", end);
}
