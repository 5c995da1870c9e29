"""`make soak`: long runs of the race for one slot, of random payment histories, of 10,000 random definitions against a naive oracle.

SOAK=20 makes them twenty times as long as the usual tests (5 where it is not set). The histories are new each time; one that fails is
printed with what repeats it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


def main() -> None:
    """Run them, one after the other."""
    os.environ.setdefault("SOAK", "5")  # before the tests are read: they ask how long they are to be
    sys.exit(pytest.main(["-q", "-n", "0", "-s", str(Path(__file__).with_name("long_runs.py")), *sys.argv[1:]]))


if __name__ == "__main__":
    main()
