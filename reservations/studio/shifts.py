"""Which closed days a holiday moves, and where to: what the person who writes a timetable looks for first. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from reservations.calendar import Holidays
from reservations.timetable import Closed, Moving, Timetable


@dataclass(frozen=True)
class Shift:
    """A closed day that is a holiday.

    Attributes:
        day: the holiday.
        closed: why the place is closed on it all the same; None: open.
        instead: closed in its place; None: no day is.
    """

    day: date
    closed: Closed | None
    instead: date | None


def shifts(table: Timetable, first: date, days: int, holidays: Holidays) -> list[Shift]:
    """The closed days of the timetable that are holidays, from `first` on over so many days."""
    return list(_found(table, first, days, holidays))


def _found(table: Timetable, first: date, days: int, holidays: Holidays) -> Iterator[Shift]:
    rules = [rule for rule in table.closed if isinstance(rule, Moving)]
    for day in filter(holidays, (first + timedelta(days=n) for n in range(days))):
        for rule in rules:
            if rule.in_season(day) and rule.falls_on(day):
                yield Shift(day, table.closure_on(day, holidays), rule.moves(day, holidays))
