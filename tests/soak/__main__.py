"""`make soak`: the stated counts of issues 3, 4 and 5; each run prints its count.

Without variables: 10,000 random definitions against a naive oracle, 10,000 interleavings around one case, 100,000 contested attempts,
5,000 payment histories. SOAK=1 makes a fifth of them (the counts of forms and reservations follow SOAK, 5 where it is not set;
HISTORIES says how many histories). `python -m tests.soak forms` runs one domain. The seeds are new each time and are printed: what fails
can be repeated.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DOMAINS = ("forms", "reservations", "payments")


def main() -> None:
    """Run them, one after the other; the first arguments may name domains, the others are pytest's."""
    os.environ.setdefault("SOAK", "5")  # before the tests are read: they ask how long they are to be
    named = [each for each in sys.argv[1:] if each in DOMAINS]
    others = [each for each in sys.argv[1:] if each not in DOMAINS]
    domains = [domain for domain in named or DOMAINS if domain != "payments"]
    files = [str(Path(__file__).with_name(f"{domain}.py")) for domain in domains]
    ended = int(pytest.main(["-q", "-n", "0", "-s", *files, *others])) if files else 0
    if len(domains) < len(named or DOMAINS):
        ended = max(ended, _histories(others))
    sys.exit(ended)


def _histories(others: list[str]) -> int:
    """Payment histories in two processes, each with a database server of its own and half of the count."""
    every = int(os.environ.get("HISTORIES", "5000"))
    file = str(Path(__file__).with_name("payments.py"))
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-n", "0", "-s", file, *others],
            env={**os.environ, "HISTORIES": str(part)},
        )
        for part in (every - every // 2, every // 2)
        if part
    ]
    return max(process.wait() for process in running)


if __name__ == "__main__":
    main()
