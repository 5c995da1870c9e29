"""The time. Rules never ask it: they are handed `now`.

Web and jobs ask here; where an invariant hangs on time (holds), the database's clock is asked with `now_in`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

TOKYO = ZoneInfo("Asia/Tokyo")


class _Frozen:
    at: datetime | None = None


def now() -> datetime:
    """The moment, aware, UTC."""
    return _Frozen.at or datetime.now(UTC)


def now_in(session: Session) -> datetime:
    """The moment by the database's clock (one clock for all web processes); the frozen one in tests."""
    if _Frozen.at is not None:
        return _Frozen.at
    # Asked before every booking: the driver's own statement costs a third of a composed one.
    moment: datetime = session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return moment


def given() -> datetime | None:
    """The frozen moment in tests, handed to a statement that else asks the database's clock itself."""
    return _Frozen.at


def of_database(moment: datetime) -> datetime:
    """What a statement has read from the database's clock on its way; the frozen moment in tests."""
    return _Frozen.at or moment


def local(moment: datetime) -> datetime:
    """The same moment as the clock on the wall in Japan shows it."""
    return moment.astimezone(TOKYO)


def today() -> date:
    """The date in Japan."""
    return local(now()).date()


@contextmanager
def freeze(at: datetime) -> Iterator[None]:
    """Hold the clock still (tests only; the whole process sees it).

    Args:
        at: aware.
    """
    before = _Frozen.at
    _Frozen.at = at.astimezone(UTC)
    try:
        yield
    finally:
        _Frozen.at = before


def move_to(at: datetime) -> None:
    """Move a frozen clock.

    Raises:
        RuntimeError: the clock is not frozen.
    """
    if _Frozen.at is None:
        raise RuntimeError("the clock is not frozen")
    _Frozen.at = at.astimezone(UTC)
