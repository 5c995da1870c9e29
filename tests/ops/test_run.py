"""`make run`: it starts, ends, and comes back after anything that was done to it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT
from tests.ops.running import READY, Run, free_port, get, gone

pytestmark = [pytest.mark.xdist_group("ops"), pytest.mark.real_clock, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data folder for the file, in a place that only we may enter, like a home of root."""
    above = tmp_path_factory.mktemp("home")
    above.chmod(0o700)
    yield above / "instance"
    for process in psutil.process_iter(["cmdline"]):
        if str(above) in " ".join(process.info["cmdline"] or []):
            process.kill()


def test_it_starts_says_the_sign_ins_and_ctrl_c_ends_every_process(data: Path):
    port = free_port()
    run = Run(data, port)
    run.wait_for(READY)
    assert get(f"{run.url}/readyz") == (200, "ready\n")
    assert get(f"{run.url}/")[0] == 200
    assert get(f"{run.url}/dev/mail")[0] == 200
    assert run.url in run.said
    assert _worker_check(data) == 0, "the worker gives a sign of life"
    assert len(re.findall(r"\S+@example\.jp / \S+", run.said)) >= 8, "a demo sign-in a role"
    family = run.family()
    assert any("postgres" in process.name() for process in family)
    assert data.parent.stat().st_mode & 0o777 == 0o700, "the folders above the data are left as they are"
    assert run.end() == 0
    gone(family)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
    assert "Traceback" not in run.said
    assert not (data / "running.json").exists()


def _worker_check(data: Path) -> int:
    """What the deployment's health check of the worker asks, once the worker had time to come up."""
    command = [Path(sys.executable).with_name("portal"), "worker", "--check"]
    for _ in range(60):
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"PORTAL_DATA_DIR": str(data)}, capture_output=True, check=False
        )
        if done.returncode == 0:
            break
        time.sleep(0.5)
    return done.returncode


def test_a_killed_web_process_is_started_again_and_a_killed_run_leaves_nothing_that_stops_the_next(data: Path):
    run = Run(data, free_port())
    seconds = run.wait_for(READY)
    # The 10 s of an idle machine are measured by `make bench`; here many may share the processors.
    assert seconds < 120, f"the second start took {seconds:.1f} s"
    assert "load" not in run.said.lower()

    web = run.child("gunicorn")
    old = web.children(recursive=True)
    web.kill()
    run.wait_for("web ended (code -9); starting it again")
    # For a moment the old one's workers, without a master, still answer: the new one is waited for.
    gone([process for process in old if process.pid != web.pid])
    deadline = time.monotonic() + 90
    while get(f"{run.url}/readyz")[0] != 200:
        assert time.monotonic() < deadline, run.said
        time.sleep(0.1)
    assert run.child("gunicorn").pid != web.pid

    assert get(f"{run.url}/procedures?q={'%E3%81%82' * 500}")[0] == 200, "a long search is a page, not a bare refusal"

    run.child("postgres").kill()
    run.wait_for("the database ended; it was started again")
    deadline = time.monotonic() + 90
    while get(f"{run.url}/readyz")[0] != 200:
        assert time.monotonic() < deadline, run.said
        time.sleep(0.1)

    family = run.family()
    databases = [process for process in family if process.name() == "postgres"]
    postgres = databases[0]
    run.process.kill()
    run.process.wait()
    gone([process for process in family if process not in databases])
    assert postgres.is_running(), "the database outlives its owner: the next start has to deal with it"
    # A record that names somebody else's living process, as after a restart of the machine.
    record = json.loads((data / "running.json").read_text())
    record["children"].append({"pid": psutil.Process().pid, "created": 1.0})
    (data / "running.json").write_text(json.dumps(record))

    again = Run(data, free_port())
    again.wait_for(READY)
    assert get(f"{again.url}/readyz")[0] == 200
    gone([postgres], 1)

    busy = Run(data, free_port())
    assert busy.process.wait(90) == 1
    assert "another portal is running" in busy.said
    assert get(f"{again.url}/readyz")[0] == 200, "the one that was there first goes on"
    assert "starting it again" not in again.said

    family = again.family()
    assert again.end(signal.SIGTERM) == 0
    gone(family)


def test_a_taken_port_is_said_with_the_command_that_helps(data: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = Run(data, port)
        assert run.process.wait(90) == 1
    assert (
        run.said.strip()
        == f"port {port} is taken: stop what listens there, or choose another: PORT={port + 1} make run"
    )


def test_production_is_not_started_this_way(data: Path):
    run = Run(data, free_port(), PORTAL_ENV="production")
    assert run.process.wait(90) == 2
    assert "development" in run.said
