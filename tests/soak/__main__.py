"""`make soak`: the stated counts of issues 3, 4 and 5; each run prints its count.

Without variables: 10,000 random definitions against a naive oracle, 10,000 interleavings around one case, 100,000 contested attempts,
5,000 payment histories. SOAK=1 makes a fifth of them (the counts of forms and reservations follow SOAK, 5 where it is not set;
HISTORIES says how many histories). `python -m tests.soak forms` runs one domain. The seeds are new each time and are printed: what fails
can be repeated.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

DOMAINS = ("forms", "reservations", "payments")


def main() -> None:
    """Run them, one after the other; the first arguments may name domains, the others are pytest's."""
    os.environ.setdefault("SOAK", "5")  # before the tests are read: they ask how long they are to be
    named = [each for each in sys.argv[1:] if each in DOMAINS]
    others = [each for each in sys.argv[1:] if each not in DOMAINS]
    files = [str(Path(__file__).with_name(f"{domain}.py")) for domain in named or DOMAINS]
    sys.exit(pytest.main(["-q", "-n", "0", "-s", *files, *others]))


if __name__ == "__main__":
    main()
