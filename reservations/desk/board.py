"""A facility's week over all its spaces: what is booked, what is free, where a booking could be moved to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy.orm import Session

from portal.kernel import dates
from portal.kernel.errors import NotFound
from reservations.availability import Busy
from reservations.documents import Rules
from reservations.queries import bookings, catalog
from reservations.queries.bookings import BookingLine
from reservations.queries.catalog import FacilityHead, SpaceView
from reservations.timetable import TOKYO, Closed, Slot

DAYS = 7


@dataclass(frozen=True)
class Cell:
    """A space on a day. `free`: slots that nobody has and that are still to come; windows are not asked (staff)."""

    day: date
    bookings: tuple[BookingLine, ...]
    free: tuple[Slot, ...]
    slots: int
    closed: Closed | None


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
    """The week. Five statements, six where a document was never read by this process.

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
    lines = bookings.between(session, facility, start=start, end=end)
    rows = tuple(BoardRow(view, tuple(_cell(view, day, rules, busy, lines, now=now) for day in days)) for view in views)
    return Board(views[0].facility, days, rows)


def _cell(view: SpaceView, day: date, rules: Rules, busy: Busy, lines: Sequence[BookingLine], *, now: datetime) -> Cell:
    timetable = rules.timetable(view.timetable_code, day)
    slots = timetable.slots_on(day, dates.is_holiday) if timetable is not None and view.facility.open_on(day) else ()
    free = tuple(slot for slot in slots if slot.start > now and not busy.taken(view.units, slot))
    here = tuple(line for line in lines if line.space_code == view.code and _on(line, day))
    closed = timetable.closure_on(day, dates.is_holiday) if timetable is not None else None
    return Cell(day, here, free, len(slots), closed)


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
