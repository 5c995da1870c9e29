"""Cells of a week board that somebody chose, as closures: one for each stretch of days that the same spaces share. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

Cell = tuple[str, date]
"""A space's code and a day."""
MOST = 500
"""Cells that are read of one address."""


@dataclass(frozen=True)
class Block:
    """Spaces that are closed from a first to a last day, every day."""

    spaces: tuple[str, ...]
    first: date
    last: date

    @property
    def cells(self) -> list[Cell]:
        """Every space on every day."""
        days = range((self.last - self.first).days + 1)
        return [(space, self.first + timedelta(days=n)) for n in days for space in self.spaces]


def read(texts: Iterable[str]) -> list[Cell]:
    """Cells written as `S05-01@2026-12-04`; what is not written so is left out."""
    found = []
    for text in list(texts)[:MOST]:
        space, _at, day = text.partition("@")
        try:
            found.append((space, date.fromisoformat(day)))
        except ValueError:
            continue
    return found


def write(cell: Cell) -> str:
    """A cell as `read` reads it."""
    return f"{cell[0]}@{cell[1].isoformat()}"


def blocks(cells: Iterable[Cell]) -> list[Block]:
    """The cells as few blocks that close nothing beside them, the earliest first."""
    days: dict[str, list[date]] = {}
    for space, day in sorted(set(cells)):
        days.setdefault(space, []).append(day)
    spans: dict[tuple[date, date], list[str]] = {}
    for space, own in days.items():
        start = before = own[0]
        for day in own[1:]:
            if day != before + timedelta(days=1):
                spans.setdefault((start, before), []).append(space)
                start = day
            before = day
        spans.setdefault((start, before), []).append(space)
    return [Block(tuple(spaces), *span) for span, spaces in sorted(spans.items())]
