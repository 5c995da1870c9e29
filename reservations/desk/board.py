"""A facility's week over all its spaces: what is booked, what is free, where a booking could be moved to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy.orm import Session

from portal.kernel import dates
from portal.kernel.errors import NotFound
from reservations.availability import Busy
from reservations.desk import closures
from reservations.desk.closures import Taken
from reservations.documents import Rules
from reservations.queries import bookings, catalog
from reservations.queries.bookings import BookingLine
from reservations.queries.catalog import FacilityHead, SpaceView
from reservations.timetable import TOKYO, Closed, Slot

DAYS = 7


@dataclass(frozen=True)
class Shut:
    """Part of a day that a closure takes.

    Attributes:
        whole: all that the timetable offers on that day.
        by: ids of the spaces that are closed, where this one only shares their floor; empty: it is closed itself.
    """

    kind: str
    reason: str
    reason_en: str
    start: datetime
    end: datetime
    whole: bool
    by: tuple[int, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A space on a day.

    `bookings`: also what is only kept for a while. `free`: slots that nobody has and that are still to come; windows are not asked (staff).
    `shut`: closures and uses of the city that take some of the space's units on that day, each once.
    """

    day: date
    bookings: tuple[BookingLine, ...]
    free: tuple[Slot, ...]
    slots: int
    closed: Closed | None
    shut: tuple[Shut, ...] = ()


@dataclass(frozen=True)
class BoardRow:
    """A space and its week."""

    space: SpaceView
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Board:
    """A facility's week from a day on."""

    facility: FacilityHead
    days: tuple[date, ...]
    rows: tuple[BoardRow, ...]


def board(session: Session, facility: str, first: date, *, facilities: Collection[str], now: datetime) -> Board:
    """The week. Six statements, seven where a document was never read by this process.

    Raises:
        NotFound: not of these facilities, or nothing there can be booked.
    """
    views = catalog.spaces(session, on=first, facility=facility) if facility in facilities else []
    if not views:
        raise NotFound
    days = tuple(first + timedelta(days=n) for n in range(DAYS))
    rules = catalog.rules_for(session, views)
    start = datetime.combine(first, time(), TOKYO)
    end = start + timedelta(days=DAYS + 1)
    busy = catalog.busy(session, views, start=start, end=end, now=now)
    lines = bookings.between(session, facility, start=start, end=end, now=now)
    units = sorted({unit for view in views for unit in view.units})
    taken = closures.between(session, units, start=start, end=end, now=now)
    week = _Week(rules, busy, lines, taken)
    rows = tuple(BoardRow(view, tuple(_cell(view, day, week, now=now) for day in days)) for view in views)
    return Board(views[0].facility, days, rows)


@dataclass(frozen=True)
class _Week:
    """What was read for all cells."""

    rules: Rules
    busy: Busy
    lines: Sequence[BookingLine]
    taken: Sequence[Taken]


def _cell(view: SpaceView, day: date, week: _Week, *, now: datetime) -> Cell:
    timetable = week.rules.timetable(view.timetable_code, day)
    slots = timetable.slots_on(day, dates.is_holiday) if timetable is not None and view.facility.open_on(day) else ()
    free = tuple(slot for slot in slots if slot.start > now and not week.busy.taken(view.units, slot))
    here = tuple(line for line in week.lines if line.space_code == view.code and _on(line, day))
    closed = timetable.closure_on(day, dates.is_holiday) if timetable is not None else None
    return Cell(day, here, free, len(slots), closed, _shut(view, day, slots, week.taken))


def _shut(view: SpaceView, day: date, slots: Sequence[Slot], taken: Sequence[Taken]) -> tuple[Shut, ...]:
    """What closures take of the space on the day; several units of one closure are one."""
    midnight = datetime.combine(day, time(), TOKYO)
    until = max([midnight + timedelta(days=1), *(slot.end for slot in slots)])
    found: dict[str, Shut] = {}
    for one in taken:
        if one.unit not in view.units or one.end <= midnight or one.start >= until or one.closure.reference in found:
            continue
        whole = bool(slots) and all(one.start <= slot.start and slot.end <= one.end for slot in slots)
        facts = one.closure
        start, end = max(one.start, midnight), min(one.end, until)
        by = () if view.id in facts.space_ids else tuple(facts.space_ids)
        found[facts.reference] = Shut(facts.kind, facts.reason, facts.reason_en, start, end, whole, by)
    return tuple(found.values())


def _on(line: BookingLine, day: date) -> bool:
    return line.starts_at.astimezone(TOKYO).date() == day


def following(session: Session, space: str, day: date, slot: str, *, count: int) -> tuple[str, ...]:
    """So many slots of a space from one on, each beginning when the one before ends; fewer where there are not so many."""
    views = catalog.spaces(session, on=day, space_code=space)
    timetable = catalog.rules_for(session, views).timetable(views[0].timetable_code, day) if views else None
    if timetable is None:
        return (slot,)
    every = timetable.slots_on(day, dates.is_holiday)
    chosen = [one for one in every if one.code == slot][:1]
    while chosen and len(chosen) < count:
        after = next((one for one in every if one.start >= chosen[-1].end), None)
        if after is None:
            break
        chosen.append(after)
    return tuple(one.code for one in chosen) or (slot,)
