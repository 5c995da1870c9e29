"""Taking a file of 100,000 tax bills in, in a process of its own so that its memory can be told.

`python -m tests.bench.bills URL FILE` is that process: it prints seconds and mebibytes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from portal.kernel import clock
from tests.conftest import ROOT
from tests.payments import slips

ROWS = 100_000


def measure(url: str, say: Callable[..., None]) -> None:
    """Make a file, take it in (written, all checks), and say how long and how much memory it took."""
    due = clock.today() + timedelta(days=20)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bills.csv"
        with file.open("w", encoding="cp932", newline="") as stream:
            stream.write(slips.HEADER + "\r\n")
            for number in range(ROWS):
                term, tax = number % 4 + 1, number % 4 + 1
                stream.write(
                    f"{10_000_000_000 + number},{number % 1_000_000:06},0{tax},2026,{term},{number % 90_000 + 100},{due},{due},"
                    f"{due},,{20_000_000_000 + number:030},91{number:042},K{number % 50_000:08},\r\n"
                )
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.bills", url, str(file)],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        )
        size = file.stat().st_size / 1024 / 1024
    found = json.loads(done.stdout.splitlines()[-1])
    say(f"bills import: {ROWS:,} rows, {size:.0f} MB, Shift_JIS, committed", found["seconds"], "s", target=60)
    say("bills import: memory of the whole process at its peak", found["mebibytes"], "MiB", target=500)


def _take(url: str, file: str) -> None:
    import portal.models  # noqa: F401 - the metadata is whole before the first statement
    from payments.bills import importing
    from portal.kernel import audit, database

    database.configure(url)
    began = time.perf_counter()
    with Path(file).open("rb") as stream, database.unit_of_work() as session:
        taken = importing.take_bills(session, stream, file_name="bills.csv", actor=audit.SYSTEM, now=clock.now())
    seconds = time.perf_counter() - began
    assert taken.rows == ROWS
    database.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "mebibytes": peak}) + "\n")


if __name__ == "__main__":
    _take(*sys.argv[1:])
