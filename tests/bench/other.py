"""libres, the other program under the same measure, in an environment and a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any, Self

import psycopg

from portal.kernel import database

LIBRES = "1.2.0"
DAYS, SHARE = 31, 0.6
"""The world of both programs: so many days, that share of the hours from 9 to 21 taken."""
_SIDE = Path(__file__).with_name("libres_side.py")


def libres_python(folder: Path) -> Path:
    """The interpreter of an environment that has libres, made at the first call."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", f"libres=={LIBRES}", "psycopg2-binary"],
            check=True,
            capture_output=True,
        )
    return python


class Libres:
    """The other program, in a process of its own, in the same world as ours; it waits while ours is measured."""

    def __init__(self, url: str) -> None:
        """Make its database and its world."""
        folder = Path(os.environ.get("BENCH_LIBRES", "instance/bench-libres")).resolve()
        name = "bench_libres"
        with psycopg.connect(database.libpq_url(url), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
        base, _, query = database.libpq_url(url).partition("?")
        other = base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
        command = [str(libres_python(folder)), str(_SIDE), other, "71", str(DAYS), str(SHARE)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.communicate()

    def _answer(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("libres gave up")
        return line

    def ask(self, what: str) -> Any:
        """`reserve N`: seconds each; `look`: seconds."""
        assert self.process.stdin
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return json.loads(self._answer())
