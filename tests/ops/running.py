"""`portal run` as a person starts it: the real command, in a process of its own, on a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from tests.conftest import ROOT

READY = "Ctrl-C ends everything."


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str) -> tuple[int, str]:
    """Status and body; 0 where nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


class Run:
    """One `portal run`."""

    def __init__(self, data: Path, port: int, **environ: str) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.url = f"http://127.0.0.1:{port}"
        self.log = data.parent / f"{data.name}-{time.monotonic_ns()}.log"
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "DATABASE_", "SMTP_"))
        }
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("portal"), "run"],
                cwd=ROOT,
                env=clean | {"PORT": str(port), "PORTAL_DATA_DIR": str(data)} | environ,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.began = time.monotonic()

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, words: str, seconds: float = 150) -> float:
        """Wait until it said the words; the seconds since it was started."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if words in self.said:
                return time.monotonic() - self.began
            assert self.process.poll() is None, f"it ended:\n{self.said}"
            time.sleep(0.05)
        raise AssertionError(f"it did not say {words!r} within {seconds} s:\n{self.said}")

    def family(self) -> list[psutil.Process]:
        """The supervisor and every process below it."""
        above = psutil.Process(self.process.pid)
        return [above, *above.children(recursive=True)]

    def child(self, words: str) -> psutil.Process:
        """A direct child by a word of its command line."""
        for found in psutil.Process(self.process.pid).children():
            if words in " ".join(found.cmdline()):
                return found
        raise AssertionError(f"no child {words}: {[child.cmdline() for child in self.family()]}")

    def end(self, number: int = signal.SIGINT, seconds: float = 60) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)


def gone(processes: list[psutil.Process], seconds: float = 30) -> None:
    """Assert that they all end within some seconds."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert not alive, [process.as_dict(["pid", "name", "status"]) for process in alive]
