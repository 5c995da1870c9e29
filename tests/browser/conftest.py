"""Real Chromium against the real server: gunicorn-less threads of Werkzeug's server, a real worker, a real mail server."""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from portal import app as composition
from portal.kernel import database as kernel_database
from portal.kernel import jobs
from portal.kernel.embedded import EmbeddedServer
from portal.settings import Settings
from tests.conftest import Mailbox, _fresh

_WITHOUT = [
    # The list under the address bar is a page of its own in a process of its own: two thirds of what a context costs.
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    # What Playwright switches off itself; only the last such flag counts.
    "AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying",
    "OptimizationHints", "PaintHolding", "PreconnectToSearch", "ThirdPartyStoragePartitioning",
]  # fmt: skip
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    f"--disable-features={','.join(_WITHOUT)}",
]  # fmt: skip
PICTURES = Path(__file__).resolve().parents[2] / "pictures"
#: What is asked of a page. Only what is wrong is described (describing every sound element doubles the time), and of what a page loads only
#: sound and film are fetched again, for the rule about those that start by themselves; no rule of these looks at style sheets.
WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
    "preload": {"assets": ["media"]},
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser a file. Playwright's event loop runs as long as it does; other tests start loops of their own."""
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    assert path, "Chromium is missing: run `make system-tests`, it installs it or prints the command"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@dataclass
class Site:
    """The running portal."""

    url: str
    app: Flask
    database: str
    mailbox: Mailbox
    stop_worker: Callable[[], None]

    def run_jobs(self) -> None:
        """Do what the worker would do now, and come back when it is done."""
        # Playwright's own event loop lives in this thread; the worker's needs one of its own.
        with ThreadPoolExecutor(1) as worker:
            worker.submit(jobs.run_pending, self.database).result()

    def link_in_mail(self, address: str, path: str = "/") -> str:
        """The newest link to this site in a person's mail whose path starts with `path`; runs the jobs first."""
        self.run_jobs()
        for message in reversed(self.mailbox.to(address)):
            body = message.get_body(("plain",))
            assert body is not None
            for link in re.findall(r"https?://[^\s<>\"]+", body.get_content()):
                if link.startswith(self.url + path):
                    return str(link)
        pytest.fail(f"no link to {path} in the mails to {address}")


def _whole(app: Flask) -> Callable[..., list[bytes]]:
    """Answer whole and closed, so that a browser that hangs up in the middle leaves no open file behind."""

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        with contextlib.closing(app(environ, start_response)) as parts:  # type: ignore[type-var]  # WSGI: it has close()
            return [b"".join(parts)]

    return answer


@pytest.fixture
def site(server: EmbeddedServer, settings: Settings, smtp: Mailbox, _koga_template: str) -> Iterator[Site]:
    """A portal with Koga's data and demo people, served on loopback."""
    smtp.messages.clear()
    with _fresh(server, settings, _koga_template) as url:
        listener = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
        address = f"http://localhost:{listener.server_port}"
        here = replace(
            settings,
            environment="development",
            database_url=url,
            base_url=address,
            host="localhost",
            port=str(listener.server_port),
        )
        app = composition.create_app(here)
        composition.seed_demo()
        listener.app = _whole(app)
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        yield Site(address, app, url, smtp, lambda: None)
        listener.shutdown()
        thread.join()
        listener.server_close()
        kernel_database.dispose()


@pytest.fixture
def new_context(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Another person's browser: `new_context(locale="en")`."""
    opened: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        context = chromium.new_context(
            viewport={"width": 390, "height": 844}, locale=str(options.get("locale", "ja-JP")), timezone_id="Asia/Tokyo"
        )
        context.set_default_timeout(15_000)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """A phone: 390 px wide."""
    return new_context().new_page()


class Inspector:
    """Looks at a page the way an auditor does, and keeps a picture of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def __call__(self, page: Page, name: str = "") -> None:
        """Assert that the page has no WCAG 2.2 AA violation and does not scroll sideways; keep a picture."""
        self._count += 1
        self._folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=self._folder / f"{self._count:02}-{name or 'page'}.png", full_page=True)
        found = Axe().run(page, options=WCAG)
        assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{page.url} is {wide} px wider than the phone"


@pytest.fixture
def axe(request: pytest.FixtureRequest) -> Inspector:
    """`axe(page, "review")`: 0 violations, no sideways scrolling, a picture under pictures/."""
    return Inspector(PICTURES / request.node.path.stem / request.node.name)
