"""Several slots in one booking: which go together, and what time they take. Pure.

One booking is used on one day, in one stretch or in several (morning and evening), or is a stay of nights that follow each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from reservations.timetable import TOKYO, Slot

MOST = 31
"""Slots in one booking, at most: half hours from 7:00 to 22:30."""


class Unfit(StrEnum):
    """Why slots cannot be one booking."""

    OVERLAP = "overlap"
    """Two of them overlap: the whole day and the morning."""
    DAYS = "days"
    """They lie on several days and are not nights that follow each other."""
    MANY = "many"
    """More than `MOST`."""


@dataclass(frozen=True)
class Span:
    """A stretch for which the units are taken, half open, aware."""

    start: datetime
    end: datetime


def unfit(slots: Sequence[Slot]) -> Unfit | None:
    """Why the slots (in order) cannot be one booking; None where they can."""
    if len(slots) > MOST:
        return Unfit.MANY
    pairs = list(itertools.pairwise(slots))
    if any(one.end > other.start for one, other in pairs):
        return Unfit.OVERLAP
    one_day = len({slot.day for slot in slots}) == 1
    nights = all(slot.overnight for slot in slots) and all(
        other.day - one.day == timedelta(days=1) for one, other in pairs
    )
    return None if one_day or nights else Unfit.DAYS


def spans(slots: Iterable[Slot]) -> tuple[Span, ...]:
    """What the slots take, with preparing and clearing: those that touch are one stretch, gaps between are not owned (CASES B4).

    Nights that follow each other keep the room during the day between them.
    """
    found: list[Span] = []
    last: Slot | None = None
    for slot in sorted(slots):
        stays_on = last is not None and last.overnight and slot.overnight
        if found and (stays_on or slot.taken_from <= found[-1].end):
            found[-1] = Span(found[-1].start, max(found[-1].end, slot.taken_until))
        else:
            found.append(Span(slot.taken_from, slot.taken_until))
        last = slot
    return tuple(found)


def stretches(slots: Iterable[Slot]) -> tuple[Span, ...]:
    """What is used, as people say it: slots that touch are one stretch, nights that follow each other one stay; nothing is added."""
    return spans(replace(slot, before=0, after=0) for slot in slots)


def stored(slots: Iterable[Slot]) -> list[dict[str, str]]:
    """The slots as a booking keeps them."""
    return [
        {
            "day": slot.day.isoformat(),
            "code": slot.code,
            "name": slot.name,
            "name_en": slot.name_en,
            "start": slot.start.astimezone(TOKYO).isoformat(),
            "end": slot.end.astimezone(TOKYO).isoformat(),
        }
        for slot in slots
    ]


def restored(kept: Iterable[Mapping[str, Any]]) -> tuple[Slot, ...]:
    """The slots that a booking keeps."""
    return tuple(
        Slot(
            datetime.fromisoformat(one["start"]).astimezone(TOKYO),
            datetime.fromisoformat(one["end"]).astimezone(TOKYO),
            one["code"],
            one["name"],
            one.get("name_en", ""),
        )
        for one in kept
    )
