"""The state of slots: what is free, what is taken, what cannot be booked and why. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reservations.rules import Days, Policy, Refusal, Refused
from reservations.timetable import Slot


class State(StrEnum):
    """What a person sees of a slot."""

    FREE = "free"
    TAKEN = "taken"
    PAST = "past"
    NOT_YET = "not_yet"
    TOO_LATE = "too_late"
    NOT_FOR_YOU = "not_for_you"


_STATES = {
    Refused.PAST: State.PAST,
    Refused.NOT_YET_OPEN: State.NOT_YET,
    Refused.TOO_LATE: State.TOO_LATE,
    Refused.NOT_FOR_CATEGORY: State.NOT_FOR_YOU,
}


class Mark(StrEnum):
    """A day at a glance: ○ half or more is free, △ little is, × nothing is, − nothing can be booked."""

    PLENTY = "plenty"
    FEW = "few"
    FULL = "full"
    NONE = "none"


@dataclass(frozen=True)
class SlotState:
    """A slot and what it is to the person who looks; `refusal` says until or from when a rule stands against it."""

    slot: Slot
    state: State
    refusal: Refusal | None = None


@dataclass
class Busy:
    """When units are taken. Occupancies of one unit never overlap, so a sorted list and one look are enough."""

    _starts: dict[int, list[datetime]] = field(default_factory=dict)
    _ends: dict[int, list[datetime]] = field(default_factory=dict)

    @classmethod
    def of(cls, occupancies: Iterable[tuple[int, datetime, datetime]]) -> Busy:
        """From (unit id, start, end) in any order."""
        busy = cls()
        for unit, start, end in sorted(occupancies):
            busy._starts.setdefault(unit, []).append(start)
            busy._ends.setdefault(unit, []).append(end)
        return busy

    def taken(self, units: Sequence[int], slot: Slot) -> bool:
        """Whether any of the units is taken at some time of the slot."""
        for unit in units:
            starts = self._starts.get(unit)
            if starts is None:
                continue
            before = bisect_left(starts, slot.taken_until) - 1
            if before >= 0 and self._ends[unit][before] > slot.taken_from:
                return True
        return False


def refused(
    slot: Slot, policy: Policy, category: str, *, now: datetime, days: Days | None = None, group: bool = False
) -> SlotState | None:
    """What the rules of use say against the slot for somebody of the category, now; None where nothing."""
    refusal = policy.may_book(slot, category, now=now, days=days, group=group)
    return None if refusal is None else SlotState(slot, _STATES[refusal.reason], refusal)


def mark(states: Iterable[SlotState]) -> Mark:
    """A day at a glance, over all its slots."""
    free = taken = 0
    for state in states:
        free += state.state is State.FREE
        taken += state.state is State.TAKEN
    if free == 0:
        return Mark.FULL if taken else Mark.NONE
    return Mark.PLENTY if free >= taken else Mark.FEW
