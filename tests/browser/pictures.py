"""`make pictures`: takes the pictures of the README from the running pages, on a throw-away portal with Koga's data.

One strip of four phones, written as a PNG of few colours to docs/pictures/tour.png (at most 300 KB).
"""

from __future__ import annotations

import base64
import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.ops.running import READY, Run, free_port

TARGET = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "tour.png"
#: What the strip shows, from left to right.
PAGES = ("/", "/procedures/dog-registration", "/facilities", "/plan")
LARGEST = 300_000


def _take(browser: Browser, url: str) -> list[bytes]:
    context = browser.new_context(viewport={"width": 390, "height": 780}, locale="ja-JP", timezone_id="Asia/Tokyo")
    page = context.new_page()
    taken = []
    for path in PAGES:
        answer = page.goto(url + path, wait_until="networkidle")
        if answer is None or answer.status != 200:
            message = f"{path} answered {answer.status if answer else 'nothing'}"
            raise SystemExit(message)
        taken.append(page.screenshot())
    context.close()
    return taken


def _strip(browser: Browser, pictures: list[bytes]) -> bytes:
    phones = "".join(f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}">' for picture in pictures)
    context = browser.new_context(viewport={"width": 1296, "height": 640})
    page = context.new_page()
    page.set_content(
        "<style>body{margin:16px;display:flex;gap:16px;background:#f2f2f2}"
        f"img{{width:304px;height:608px;border:1px solid #999;border-radius:12px}}</style>{phones}"
    )
    strip = page.screenshot()
    context.close()
    return strip


def main() -> None:
    """Take them."""
    chromium = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if chromium is None:
        raise SystemExit("Chromium is missing: run `make system-tests`")
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            Path(folder).chmod(0o755)
        run = Run(Path(folder) / "instance", free_port())
        try:
            run.wait_for(READY, 120)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                strip = _strip(browser, _take(browser, run.url))
                browser.close()
        finally:
            run.end()
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(_smaller(strip))
    sys.stdout.write(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes\n")


def _smaller(png: bytes) -> bytes:
    """The same picture with 64 colours, where Pillow (which WeasyPrint brings) is there."""
    import io

    from PIL import Image

    small = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    if len(small.getvalue()) > LARGEST:
        message = f"{len(small.getvalue())} bytes are too many"
        raise SystemExit(message)
    return small.getvalue()


if __name__ == "__main__":
    main()
