"""Hours of the smallest units (床・室の単位): what several spaces share is offered once and used once. Pure.

A gym of four courts that is open for 12 hours offers 48 hours, however many ways there are to book it (whole, halves, courts, a whole-day
band beside the morning). The whole gym for two hours is 8 of them, one court for two hours is 2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from reservations.timetable import TOKYO, PartOfDay, Slot

Stretch = tuple[int, int, PartOfDay]
"""Minutes after the midnight with which the slot's day begins, and the part of the day."""


def stretch_of(slot: Slot) -> Stretch:
    """A slot as minutes of its day; more than 1,440 where it lasts into the next one."""
    start = slot.start.astimezone(TOKYO)
    begins = start.hour * 60 + start.minute
    return begins, begins + slot.minutes, slot.part


@cache
def once(stretches: frozenset[Stretch]) -> tuple[Stretch, ...]:
    """Each minute once, in the part of the shortest stretch that has it: the morning is morning in a whole day too."""
    taken: list[Stretch] = []
    for begins, ends, part in sorted(stretches, key=lambda one: (one[1] - one[0], one)):
        taken += [(first, last, part) for first, last in _without(begins, ends, taken)]
    return tuple(sorted(taken))


def _without(begins: int, ends: int, taken: Iterable[Stretch]) -> list[tuple[int, int]]:
    left = [(begins, ends)]
    for first, last, _part in taken:
        left = [
            piece
            for low, high in left
            for piece in ((low, min(high, first)), (max(low, last), high))
            if piece[0] < piece[1]
        ]
    return left


@dataclass
class UnitHours:
    """Minutes of units by part of the day, offered and booked."""

    _stretches: dict[tuple[Hashable, date], set[Stretch]] = field(default_factory=lambda: defaultdict(set))
    _booked: dict[tuple[Hashable, PartOfDay], int] = field(default_factory=lambda: defaultdict(int))

    def offer(self, units: Iterable[Hashable], slots: Iterable[Slot]) -> None:
        """A space of these units can be booked for these slots."""
        stretches = [(slot.day, stretch_of(slot)) for slot in slots]
        for unit in units:
            for day, stretch in stretches:
                self._stretches[unit, day].add(stretch)

    def book(self, units: Iterable[Hashable], slot: Slot) -> None:
        """A space of these units was used for a slot. To be told after everything that was offered."""
        begins, ends, part = stretch_of(slot)
        for unit in units:
            rest = ends - begins
            for first, last, of in once(frozenset(self._stretches.get((unit, slot.day), ()))):
                shared = max(0, min(ends, last) - max(begins, first))
                self._booked[unit, of] += shared
                rest -= shared
            # The timetable of today does not have this time any more.
            self._booked[unit, part] += rest

    def offered(self, units: Iterable[Hashable]) -> dict[PartOfDay, int]:
        """Minutes that these units offered, by part of the day."""
        wanted, found = set(units), defaultdict[PartOfDay, int](int)
        for (unit, _day), stretches in self._stretches.items():
            if unit in wanted:
                for first, last, part in once(frozenset(stretches)):
                    found[part] += last - first
        return found

    def booked(self, units: Iterable[Hashable]) -> dict[PartOfDay, int]:
        """Minutes of these units that were booked, by part of the day."""
        wanted, found = set(units), defaultdict[PartOfDay, int](int)
        for (unit, part), minutes in self._booked.items():
            if unit in wanted:
                found[part] += minutes
        return found
