"""`make run`: one process that owns the embedded database, the web, the worker and the mail catcher.

Children are ended when this process ends, also when it is killed (Linux: the kernel tells them; elsewhere the next
start finds them by their record). A child that dies is started again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

import psutil

from portal.kernel import database, migrate, start
from portal.kernel.embedded import EmbeddedServer, ServerBusyError, ServerError
from portal.settings import Settings

_READY_SECONDS = 180  # a busy machine is slow, not broken


class PortTakenError(RuntimeError):
    """Something else listens where the portal should."""


@dataclass
class Child:
    """One process of ours."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = field(default=0)

    def start(self, environ: dict[str, str]) -> None:
        """Start it (again)."""
        setpriv = shutil.which("setpriv")
        prefix = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
        self.process = subprocess.Popen([*prefix, *self.command], env=environ, start_new_session=True)
        self.started = time.monotonic()


def with_database(settings: Settings, url: str) -> Settings:
    """The same settings on one database."""
    return replace(settings, database_url=url)


def _record(settings: Settings) -> Path:
    return settings.data / "running.json"


def running_url(settings: Settings) -> str | None:
    """The address of the embedded database that a running `portal run` owns; None where none runs."""
    try:
        record = json.loads(_record(settings).read_text(encoding="utf-8"))
        owner = psutil.Process(record["supervisor"]["pid"])
        alive = owner.create_time() == record["supervisor"]["created"]
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        return None
    return str(record["database_url"]) if alive else None


def web_command(settings: Settings, *, workers: int, threads: int) -> list[str]:
    """The command that serves the pages."""
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    return [
        gunicorn, "portal.wsgi:application()", "--bind", f"{settings.host}:{settings.port_number}", "--workers", str(workers),
        "--threads", str(threads), "--worker-class", "gthread", "--timeout", "60", "--graceful-timeout", "15",
        "--keep-alive", "5", "--preload", "--log-level", "warning", "--no-control-socket", "--limit-request-line", "8190",
    ]  # fmt: skip


def web_environ(settings: Settings) -> dict[str, str]:
    """The environment of web and worker: one database, and an empty folder that the web processes count together in."""
    metrics = settings.data / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    # NAME and NAME_FILE together are refused: the address takes the place of its file.
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL_FILE"}
    return kept | {"DATABASE_URL": settings.database_url, "PROMETHEUS_MULTIPROC_DIR": str(metrics)}


def _children(settings: Settings) -> list[Child]:
    portal = str(Path(sys.executable).with_name("portal"))
    children = [Child("web", web_command(settings, workers=2, threads=4)), Child("worker", [portal, "worker"])]
    if _catches_mail(settings):
        children.append(Child("mail catcher", [portal, "mail-catcher"]))
    return children


def _end_leftovers(settings: Settings) -> None:
    """End children of a run that was killed (each is told apart from a stranger by its start time).

    Raises:
        ServerBusyError: the run is alive.
    """
    if running_url(settings) is not None:
        message = f"another portal is running on {settings.data}; stop it, or set PORTAL_DATA_DIR and PORT"
        raise ServerBusyError(message)
    try:
        record = json.loads(_record(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    for entry in record.get("children", []):
        try:
            process = psutil.Process(entry["pid"])
            if process.create_time() == entry["created"]:
                process.terminate()
                process.wait(5)
        except psutil.TimeoutExpired:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    _record(settings).unlink(missing_ok=True)


def _write_record(settings: Settings, children: list[Child]) -> None:
    def entry(pid: int) -> dict[str, float]:
        return {"pid": pid, "created": psutil.Process(pid).create_time()}

    record = {
        "supervisor": entry(os.getpid()),
        "database_url": settings.database_url,
        "children": [entry(child.process.pid) for child in children if child.process and child.process.poll() is None],
    }
    file = _record(settings)
    handle = os.open(file.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(record, stream)
    file.with_suffix(".new").replace(file)


def _taken(host: str, port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def _refuse_taken_port(host: str, port: int) -> None:
    error = _taken(host, port)
    if error is not None:
        message = f"port {port} is taken: stop what listens there, or choose another: PORT={port + 1} make run"
        raise PortTakenError(message) from error


def _with_mail_port(settings: Settings) -> Settings:
    """The mail catcher's port: as set; a free one where nothing is set and the usual one is taken."""
    if (
        "SMTP_PORT" in os.environ
        or not _catches_mail(settings)
        or not _taken(settings.smtp_host, settings.smtp_port_number)
    ):
        return settings
    with socket.socket() as probe:
        probe.bind((settings.smtp_host, 0))
        return replace(settings, smtp_port=str(probe.getsockname()[1]))


def _catches_mail(settings: Settings) -> bool:
    return settings.smtp_host in {"127.0.0.1", "localhost"} and not settings.smtp_user


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[Settings, EmbeddedServer | None]]:
    if settings.database_url:
        yield settings, None
        return
    with EmbeddedServer(settings.data / "postgres") as server:
        yield with_database(settings, server.url()), server


class _Stop(BaseException):
    """SIGINT or SIGTERM reached us."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stop


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _wait_until_ready(settings: Settings) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        try:
            address = f"http://{settings.host}:{settings.port_number}/readyz"
            with urllib.request.urlopen(address, timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def _prepare(settings: Settings) -> list[str]:
    """Load the city, make the demo people; what to print at the end."""
    # Here, not above: it takes seconds, during which the children already come up.
    with start.quick():
        from portal import app as composition

        composition.assemble(settings)
        ok, lines = composition.load_city(Path(settings.city_folder))
        if not ok:
            raise ServerError("the city pack was not loaded:\n" + "\n".join(lines))
        people = composition.seed_demo()
    database.dispose()
    return people


def _end(children: list[Child]) -> None:
    for child in children:
        if child.process and child.process.poll() is None:
            child.process.terminate()
    deadline = time.monotonic() + 25
    for child in children:
        if child.process:
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


def _watch(settings: Settings, children: list[Child], environ: dict[str, str], server: EmbeddedServer | None) -> None:
    while True:
        time.sleep(0.5)
        if server is not None and server.revive():
            _say("the database ended; it was started again")
        for child in children:
            if child.process is None or child.process.poll() is None:
                continue
            child.failures = child.failures + 1 if time.monotonic() - child.started < 10 else 0
            if child.failures > 5:
                message = f"{child.name} ended {child.failures} times right after its start"
                raise ServerError(message)
            _say(f"{child.name} ended (code {child.process.returncode}); starting it again")
            time.sleep(min(child.failures, 5))
            child.start(environ)
            _write_record(settings, children)


def run(settings: Settings) -> int:
    """Start everything and stay until Ctrl-C; the exit status."""
    if settings.production:
        _say("portal run is for development; production starts web and worker apart (docs/architecture.md)")
        return 2
    settings.data.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # else nohup keeps us alive
        signal.signal(signal.SIGHUP, _stop)
    children: list[Child] = []
    with ExitStack() as stack:
        try:
            _end_leftovers(settings)
            _refuse_taken_port(settings.host, settings.port_number)
            settings = _with_mail_port(settings)
            _say("database …")
            settings, server = stack.enter_context(_database(settings))
            _say("tables …")
            migrate.upgrade(settings.database_url)
            environ = web_environ(settings) | {"SMTP_PORT": settings.smtp_port}
            children = _children(settings)
            for child in children:
                child.start(environ)
            _write_record(settings, children)
            # They take some seconds to come up: the city is loaded meanwhile.
            _say("web, worker, mail catcher; city, people …")
            people = _prepare(settings)
            if not _wait_until_ready(settings):
                raise ServerError("the web process does not answer; see its output above")
            _say(
                "\n".join(
                    [
                        "",
                        f"みんなの窓口  {settings.public_url}/",
                        f"mails         {settings.public_url}/dev/mail",
                        "",
                        *people,
                    ]
                )
            )
            _say("\nCtrl-C ends everything.")
            _watch(settings, children, environ, server)
        except _Stop:
            _say("\nending …")
        except (PortTakenError, ServerError) as error:
            _say(str(error))
            return 1
        finally:
            # A second Ctrl-C while ending must not leave anything behind.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            _end(children)
            if children:
                _record(settings).unlink(missing_ok=True)
    return 0
