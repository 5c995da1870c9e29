"""The camera reads the code of a slip: Chromium sees a film of it, and the page fills the number in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import segno
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import _FLAGS, Inspector, Site

NUMBER, CHECK = "20260001", "246810"
WIDTH, HEIGHT = 640, 480


def film(path: Path, text: str) -> None:
    """A film of one picture (YUV4MPEG2): the code, dark on light, in the middle."""
    code = [list(row) for row in segno.make(text, error="m").matrix_iter(scale=8, border=4)]
    top, left = (HEIGHT - len(code)) // 2, (WIDTH - len(code[0])) // 2
    light = [bytearray([235]) * WIDTH for _ in range(HEIGHT)]
    for y, row in enumerate(code):
        for x, dark in enumerate(row):
            light[top + y][left + x] = 16 if dark else 235
    colour = bytes([128]) * (WIDTH * HEIGHT // 2)
    header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n"
    path.write_bytes(header.encode() + (b"FRAME\n" + b"".join(light) + colour) * 10)


@pytest.fixture
def seeing(tmp_path: Path, site: Site) -> Iterator[Page]:
    """A phone whose camera looks at the slip 20260001."""
    film(tmp_path / "slip.y4m", f"{site.url}/bills?n={NUMBER}&c={CHECK}")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert path, "Chromium is missing: run `make system-tests`, it installs it or prints the command"
    camera = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={tmp_path / 'slip.y4m'}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*_FLAGS, *camera])
        context = browser.new_context(viewport={"width": 390, "height": 844}, locale="ja-JP", permissions=["camera"])
        context.set_default_timeout(30_000)
        yield context.new_page()
        browser.close()


def test_the_camera_reads_the_slip_and_the_bill_opens(seeing: Page, site: Site, axe: Inspector) -> None:
    seeing.goto(f"{site.url}/bills")
    seeing.get_by_role("button", name="カメラで読む").click()
    expect(seeing.get_by_role("main")).to_contain_text("コードを読みました", timeout=30_000)
    expect(seeing.locator("input[name=number]")).to_have_value(NUMBER)
    expect(seeing.locator("input[name=check]")).to_have_value(CHECK)
    axe(seeing, "read")
    seeing.get_by_role("button", name="調べる").click()
    expect(seeing.get_by_role("main")).to_contain_text("24,500円")
