"""Time as bits: one integer a unit and day, one bit a minute of Tokyo's day. Pure.

What takes a unit is a mask, a slot is a mask; whether the slot is free is one AND. Minutes round outward, so nothing that overlaps
a slot is lost; slots begin and end on whole minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from reservations.timetable import Slot

DAY = 1440
TOKYO_MINUTES = 540
EPOCH = date(1970, 1, 1)
FULL = (1 << DAY) - 1

Parts = tuple[tuple[int, int], ...]
"""A stretch as (day number since 1970, mask), one for each day that it touches."""


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def parts(start: int, end: int) -> Iterator[tuple[int, int]]:
    """A stretch of Tokyo minutes since 1970, [start, end), day by day."""
    while start < end:
        day, first = divmod(start, DAY)
        length = min(end - start, DAY - first)
        yield day, ((1 << length) - 1) << first
        start += length


def minute(at: datetime) -> int:
    """The Tokyo minute since 1970 in which a moment lies."""
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(minutes=1)) + TOKYO_MINUTES


def slot_parts(slot: Slot) -> Parts:
    """What a slot takes, with preparing and clearing."""
    return tuple(parts(minute(slot.taken_from), minute(slot.taken_until)))


@dataclass
class UnitTime:
    """When a unit is taken: for good by day, and by holds until each one's own end."""

    firm: dict[int, int] = field(default_factory=dict)
    holds: list[tuple[float, Parts]] = field(default_factory=list)
    """(end of the hold, seconds since 1970; what it takes)."""

    @classmethod
    def of(cls, rows: Iterable[tuple[int | None, int | None, float | None]], first: int, last: int) -> UnitTime:
        """From (start, end, end of the hold or None): Tokyo minutes, [first, last) day numbers are kept; the end in seconds."""
        taken = cls()
        firm = taken.firm
        low, high = first * DAY, last * DAY
        for start, end, until in rows:
            begin = low if start is None or start < low else start
            stop = high if end is None or end > high else end
            if begin >= stop:
                continue
            if until is not None:
                taken.holds.append((until, tuple(parts(begin, stop))))
                continue
            day, offset = divmod(begin, DAY)
            if stop - begin <= DAY - offset:  # nearly all lie within one day
                firm[day] = firm.get(day, 0) | ((1 << (stop - begin)) - 1) << offset
                continue
            for number, mask in parts(begin, stop):
                firm[number] = firm.get(number, 0) | mask
        return taken


def together(units: Sequence[UnitTime], *, now: float) -> tuple[dict[int, int], float | None]:
    """What a space of these units has taken, by day, and when (seconds since 1970) that changes by itself; None: it does not."""
    if len(units) == 1 and not units[0].holds:
        return units[0].firm, None
    taken: dict[int, int] = {}
    changes: float | None = None
    for unit in units:
        for day, mask in unit.firm.items():
            taken[day] = taken.get(day, 0) | mask
        for until, pieces in unit.holds:
            if until <= now:
                continue
            changes = until if changes is None else min(changes, until)
            for day, mask in pieces:
                taken[day] = taken.get(day, 0) | mask
    return taken, changes


def free(taken: dict[int, int], slots: Sequence[Parts]) -> bytes:
    """One byte a slot: 1 where it is free."""
    found = bytearray(len(slots))
    for index, pieces in enumerate(slots):
        for day, mask in pieces:
            if taken.get(day, 0) & mask:
                break
        else:
            found[index] = 1
    return bytes(found)
