"""Whole applications through HTTP: gunicorn and the worker as production starts them, eight browsers, all on the same cores.

Every application is its pages one after the other: the procedure, each step, the review, the filing, the case. The PDF and the mail are
jobs of the real worker, which runs meanwhile. Afterwards cases, numbers, charges, messages and papers are counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from portal import supervisor
from portal.kernel.database import unit_of_work
from portal.settings import Settings
from tests.forms.conftest import STEPS
from tests.ops.running import free_port
from tests.people import PASSWORD, make_resident

CLIENTS = 8
EACH = int(os.environ.get("BENCH_FILED", "20"))
"""Applications of each client in each of the two runs."""
SLUG = "dog-registration"
START, DRAIN = 180, 600
Say = Callable[..., None]

COUNTED = """
SELECT count(*), count(DISTINCT a.reference), count(a.filed_at),
  (SELECT count(*) FROM charge c WHERE c.payable_ref = ANY(:refs)),
  (SELECT count(*) FROM notice n WHERE n.key = ANY(:keys)),
  (SELECT count(*) FROM application_answers s WHERE s.application_id = ANY(array_agg(a.id))),
  (SELECT count(*) FROM application_event e WHERE e.action = 'file' AND e.application_id = ANY(array_agg(a.id))),
  (SELECT count(*) FROM issued_document d WHERE d.ready_at IS NOT NULL AND d.application_id = ANY(array_agg(a.id)))
FROM application a WHERE a.owner_account_id = ANY(:owners)
"""


def measure(url: str, say: Say, percentile: Callable[[list[float], float], float]) -> None:
    """Signed in already, then each application with its sign-in (argon2 at OWASP's minimum)."""
    accounts = [make_resident(email=f"filing{number}@example.jp") for number in range(CLIENTS)]
    filed: list[str] = []
    with serving(url) as port:
        for name, sign_in, least in (("signed in already", False, 10), ("with the sign-in", True, 6)):
            _crowd(port, [a.email for a in accounts], sign_in=sign_in, each=1)  # warms up
            _drained()
            before, now = _used(), time.perf_counter()
            answers = _crowd(port, [a.email for a in accounts], sign_in=sign_in, each=EACH)
            served = _used()
            done = [one for answer in answers for one in answer["done"]]
            count, seconds = len(done), max(answer["seconds"] for answer in answers)
            client = sum(answer["cpu"] for answer in answers)
            say(f"complete applications, {name}", count / seconds, "/s", least=least)
            say(f"filing, {name}: p95", percentile([taken for taken, _case in done], 0.95), "ms", target=250)
            for part in ("web", "database", "worker"):
                say(f"CPU an application, {name}: {part}", 1000 * (served[part] - before[part]) / count, "ms")
            say(f"CPU an application, {name}: clients", 1000 * client / count, "ms")
            _drained()
            say(f"papers and mails of {name} all made after", time.perf_counter() - now, "s")
            filed += [case.rpartition("/")[2] for _taken, case in done]
    _count(say, [account.id for account in accounts], filed)


def _count(say: Say, owners: list[int], filed: list[str]) -> None:
    with unit_of_work() as session:
        refs = list(
            session.scalars(text("SELECT reference FROM application WHERE owner_account_id = ANY(:o)"), {"o": owners})
        )
        keys = [f"forms.filed:{reference}:1" for reference in refs]
        counts = session.execute(text(COUNTED), {"owners": owners, "refs": refs, "keys": keys}).one()
    wanted = CLIENTS * 2 * (EACH + 1)
    wrong = sum(abs(count - wanted) for count in counts) + len(set(filed) - set(refs)) + len(filed) - len(set(filed))
    say("applications counted: cases, numbers, charges, messages, papers, each", min(counts), "", least=wanted)
    say("applications lost or double", wrong, "", target=0)


@contextmanager
def serving(url: str, **more: str) -> Iterator[int]:
    """Web processes, worker and mail catcher on the bench's database, with these settings besides; the port of the pages."""
    portal, port = str(Path(sys.executable).with_name("portal")), free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as ended:
        settings = Settings(environment="test", port=str(port), data_dir=folder, database_url=url)
        environ = supervisor.web_environ(settings) | {
            "PORTAL_ENV": "test", "PORT": str(port), "PORTAL_DATA_DIR": folder, "SMTP_PORT": str(free_port()),
            "PORTAL_BASE_URL": f"http://127.0.0.1:{port}", **more,
        }  # fmt: skip
        for command in (
            [portal, "mail-catcher"], supervisor.web_command(settings, workers=2, threads=4), [portal, "worker"],
        ):  # fmt: skip
            child = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ended.callback(_end, child)
        _wait(lambda: _answers(port), START, "the pages")
        yield port


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/procedures/{SLUG}", timeout=20) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _wait(ready: Callable[[], bool], seconds: int, what: str) -> None:
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            message = f"{what} not ready after {seconds} s"
            raise SystemExit(message)
        time.sleep(0.2)


def _drained() -> None:
    """Wait until every paper is made and every mail sent."""

    def empty() -> bool:
        with unit_of_work() as session:
            waiting = text(
                "SELECT (SELECT count(*) FROM issued_document WHERE ready_at IS NULL)"
                " + (SELECT count(*) FROM notice WHERE state = 'pending')"
            )
            return bool(session.execute(waiting).scalar_one() == 0)

    _wait(empty, DRAIN, "papers and mails")


def _crowd(port: int, emails: list[str], *, sign_in: bool, each: int) -> list[dict[str, Any]]:
    """Client processes that begin together; what each one did."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.filing_client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in emails
    ]
    work = {"port": port, "password": PASSWORD, "each": each, "sign_in": sign_in, "slug": SLUG,
            "steps": [dict(values) for values in STEPS.values()]}  # fmt: skip
    for process, email in zip(running, emails, strict=True):
        tell(process, json.dumps(work | {"email": email}))
    for process in running:
        assert process.stdout
        process.stdout.readline()
    for process in running:
        tell(process, "go")
    found = []
    for process in running:
        said, _nothing = process.communicate()
        if process.returncode or not said:
            raise SystemExit("a client gave up")
        found.append(json.loads(said))
    return found


def tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _used() -> dict[str, float]:
    """Seconds of CPU of what this process has started, by part."""
    found = dict.fromkeys(("web", "database", "worker", "other"), 0.0)
    for process in psutil.Process().children(recursive=True):
        try:
            line, times = " ".join(process.cmdline()), process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        part = "web" if "gunicorn" in line else "database" if "postgres" in line else "other"
        part = "worker" if line.endswith("portal worker") else part
        found[part] += times.user + times.system
    return found
