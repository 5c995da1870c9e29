"""Coming up quickly: what is imported stays, so the search for garbage need not go over it again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick() -> Iterator[None]:
    """Import and put together without a search for garbage; what is there at the end is never searched.

    A quarter of the time of importing the program; and what a forked process does not search it goes on sharing.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
