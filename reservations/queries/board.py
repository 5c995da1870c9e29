"""The state of every slot of every space over some weeks, whoever looks: free or not."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from reservations import bitmaps
from reservations.queries.catalog import SpaceView
from reservations.queries.stored import Offer, Row, Store, TakenTime, keep, month_of, sight
from reservations.timetable import Slot


@dataclass(frozen=True)
class Board:
    """The state of the slots of spaces: for each space and day, its slots and one byte each (1: free)."""

    first: date
    offer: Offer
    rows: dict[int, tuple[bytes, ...]]
    codes: dict[int, str]

    def slots(self, space_id: int, day: date) -> tuple[Slot, ...]:
        """The slots of the day."""
        return tuple(slot for slot, _parts in self.offer.slots(self.codes[space_id], day))

    def free(self, space_id: int, day: date) -> bytes:
        """One byte a slot of the day, in order: 1 where nobody has it."""
        return self.rows[space_id][(day - self.first).days]


def look(session: Session, views: Sequence[SpaceView], *, first: date, days: int, now: datetime) -> Board:
    """The state of every slot of the spaces on `days` days: free or not, whoever looks. One statement, two where something changed.

    Args:
        session: any; READ COMMITTED.
        views: the spaces.
        first: first day.
        days: how many.
        now: the database's clock; holds that end at it are over.
    """
    seen = sight(session, now=now)
    kept = seen.store
    last = first + timedelta(days=days - 1)
    with kept.lock:
        found = seen.taken(views, first, last)
        rows = {view.id: _row(kept, found, view, seen.offer, first=first, days=days) for view in views}
    return Board(first, seen.offer, rows, {view.id: view.timetable_code for view in views})


def _row(kept: Store, found: TakenTime, view: SpaceView, offer: Offer, *, first: date, days: int) -> tuple[bytes, ...]:
    made_of = [month[unit] for month in found.months.values() for unit in view.units]
    key = (view.id, first, days)
    row = kept.rows.get(key)
    same = row is not None and len(row.made_of) == len(made_of) and all(map(operator.is_, row.made_of, made_of))
    if row is not None and same and (row.changes is None or found.now < row.changes):
        return row.free
    by_month = {month: found.together(view.units, month) for month in found.months}
    ends = [changes for _taken, changes in by_month.values() if changes is not None]
    free = []
    for offset in range(days):
        day = first + timedelta(days=offset)
        free.append(
            bitmaps.free(by_month[month_of(day)][0], [parts for _slot, parts in offer.slots(view.timetable_code, day)])
        )
    made = Row(tuple(free), min(ends, default=None), made_of)
    keep(kept.rows, key, made)
    return made.free
