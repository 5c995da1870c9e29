"""`make soak`: the stated counts of issues 3, 4 and 5; each run prints its count.

Without variables: 10,000 random definitions against a naive oracle, 10,000 interleavings around one case, 100,000 contested attempts,
5,000 payment histories. SOAK=1 makes a fifth of them (the counts of forms and reservations follow SOAK, 5 where it is not set;
HISTORIES says how many histories). Forms and payments run in two processes, each with half of the count. `python -m tests.soak forms`
runs one domain. The seeds are new each time and are printed: what fails can be repeated.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

DOMAINS = ("forms", "reservations", "payments")


def main() -> None:
    """Run them, one domain after the other; the first arguments may name domains, the others are pytest's."""
    os.environ.setdefault("SOAK", "5")  # before the tests are read: they ask how long they are to be
    named = [each for each in sys.argv[1:] if each in DOMAINS]
    others = [each for each in sys.argv[1:] if each not in DOMAINS]
    histories = int(os.environ.get("HISTORIES", "5000"))
    parts: dict[str, tuple[dict[str, str], ...]] = {
        "forms": ({"SOAK_PARTS": "2"}, {"SOAK_PARTS": "2"}),
        "reservations": ({},),
        "payments": ({"HISTORIES": str(histories - histories // 2)}, {"HISTORIES": str(histories // 2)}),
    }
    sys.exit(max([_together(domain, parts[domain], others) for domain in named or DOMAINS]))


def _together(domain: str, parts: Sequence[Mapping[str, str]], others: Sequence[str]) -> int:
    """One domain in as many processes as it has parts, each with a database server of its own; how the worst ended."""
    file = str(Path(__file__).with_name(f"{domain}.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-s", file, *others]
    running = [subprocess.Popen(command, env={**os.environ, **part}) for part in parts if part.get("HISTORIES") != "0"]
    return max((process.wait() for process in running), default=0)


if __name__ == "__main__":
    main()
