"""One applicant's browser without script: `python -m tests.bench.filing_client`, the work as JSON on the first line; answers JSON.

Knows nothing of the portal but its pages, so that a client costs as little as it can. Work: {"port", "email", "password", "each",
"sign_in", "slug", "steps"}; "ready" is answered when signed in, "go" begins.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

_TOKEN = re.compile(rb'name="csrf_token"[^>]*value="([^"]+)"')
_SHA256 = re.compile(rb'name="sha256" value="([0-9a-f]{64})"')


class Browser:
    """Keeps cookies and one connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies: dict[str, str] = {}
        self.token = ""
        self.body = b""

    def ask(self, method: str, path: str, form: list[tuple[str, str]] | None = None) -> tuple[int, str]:
        """Status, and where it leads to."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        content = None
        if form is not None:
            content = urlencode([("csrf_token", self.token), *form])
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, content, headers)
        answer = self.connection.getresponse()
        self.body = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _equals, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        where = urlsplit(answer.headers.get("Location") or "")
        return answer.status, where.path + (f"?{where.query}" if where.query else "")

    def open(self, path: str) -> None:
        """A page, read to its end; what leads on is followed."""
        status, where = self.ask("GET", path)
        if status in {302, 303}:
            return self.open(where)
        found = _TOKEN.search(self.body)
        if status != 200:
            message = f"GET {path} answered {status}"
            raise SystemExit(message)
        if found:
            self.token = found[1].decode()
        return None

    def send(self, path: str, form: list[tuple[str, str]]) -> str:
        """A form; where it leads to."""
        status, where = self.ask("POST", path, form)
        if status not in {302, 303}:
            message = f"POST {path} answered {status}: {self.body[:2000].decode(errors='replace')}"
            raise SystemExit(message)
        return where

    def sign_in(self, email: str, password: str) -> None:
        """Through the page."""
        self.open("/sign-in")
        self.open(self.send("/sign-in", [("email", email), ("password", password)]))


def apply(browser: Browser, slug: str, steps: list[dict[str, str]]) -> tuple[float, str]:
    """One application from the procedure's page to the case's; milliseconds of the filing itself, the case's path."""
    browser.open(f"/procedures/{slug}")
    where = browser.send(f"/apply/{slug}", [])
    for values in steps:
        browser.open(where)
        asked = dict.fromkeys(name.partition(".")[0] for name in values)
        form = [*(("asked", name) for name in asked), *((f"f.{name}", text) for name, text in values.items())]
        where = browser.send(where, form)
    browser.open(where)
    found = _SHA256.search(browser.body)
    if not where.endswith("/review") or found is None:
        message = f"no review page: {where}"
        raise SystemExit(message)
    began = time.perf_counter()
    case = browser.send(where, [("sha256", found[1].decode())])
    taken = (time.perf_counter() - began) * 1000
    browser.open(case)
    return taken, case


def main() -> None:
    """Do the work."""
    work: dict[str, Any] = json.loads(sys.stdin.readline())
    browser = Browser(work["port"])
    if not work["sign_in"]:
        browser.sign_in(work["email"], work["password"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    began, used, done = time.perf_counter(), time.process_time(), []
    for _number in range(work["each"]):
        if work["sign_in"]:
            browser.cookies.clear()
            browser.sign_in(work["email"], work["password"])
        done.append(apply(browser, work["slug"], work["steps"]))
    answer = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - used, "done": done}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
