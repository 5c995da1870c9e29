"""Which domain computes which measure. `portal.app` hands the functions over; nothing is typed in by hand.

Several functions may serve one measure (1_02: what is online here, and what is online elsewhere): their parts are
added, and the same piece of evidence named by two of them is counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Evidence:
    """One thing that is counted, or (counted=False) is known of but lacks a fact and is not.

    Attributes:
        key: identifies it across domains: a procedure's slug, a facility's code.
        name: as people know it.
        part: the part that it counts in: here, elsewhere, …
        address: path or URL where it can be done.
        since: first day it could be done there.
        source: what shows that this is so.
        note: why it is not counted, what is missing.
    """

    key: str
    name: str
    part: str = "here"
    address: str | None = None
    since: date | None = None
    source: str | None = None
    note: str | None = None
    counted: bool = True
    name_en: str | None = None


@dataclass(frozen=True)
class MeasureValue:
    """What is live now. `value` is the sum of `parts`, where there are parts."""

    value: Decimal
    parts: Mapping[str, Decimal] = field(default_factory=dict)
    evidence: Sequence[Evidence] = ()


Provider = Callable[[Session, date], MeasureValue]


class Registry:
    """Functions by measure number (1_02) or by headline (online_procedures), which holds for any city's plan."""

    def __init__(self) -> None:
        self._providers: dict[str, dict[str, Provider]] = {}

    def provide(self, measure: str, fn: Provider) -> None:
        """Register a function; the same function again replaces itself (an app made twice in one process)."""
        name = f"{fn.__module__}.{getattr(fn, '__qualname__', repr(fn))}"
        self._providers.setdefault(measure, {})[name] = fn

    def measures(self) -> list[str]:
        """Numbers and headlines of the measures that are computed."""
        return sorted(self._providers)

    def read(self, session: Session, today: date, names: Iterable[str]) -> MeasureValue | None:
        """One measure's value now from all functions registered under any of its names; None where there is none."""
        functions = [fn for name in names for fn in self._providers.get(name, {}).values()]
        return merged(fn(session, today) for fn in functions) if functions else None


def merged(values: Iterable[MeasureValue]) -> MeasureValue:
    """One value out of several: parts added; evidence named twice is kept once and taken off its part once."""
    total, parts, evidence = Decimal(0), dict[str, Decimal](), list[Evidence]()
    seen: set[str] = set()
    for value in values:
        total += value.value
        for part, amount in value.parts.items():
            parts[part] = parts.get(part, Decimal(0)) + amount
        for item in value.evidence:
            if item.counted and item.key in seen:
                total -= 1
                if item.part in parts:
                    parts[item.part] -= 1
                continue
            if item.counted:
                seen.add(item.key)
            evidence.append(item)
    return MeasureValue(total, parts, tuple(_once(evidence, seen)))


def _once(evidence: Sequence[Evidence], counted: set[str]) -> list[Evidence]:
    """What is counted, then what is not: once, by the entry that knows where; not at all where another counts it."""
    waiting: dict[str, Evidence] = {}
    for item in evidence:
        if not item.counted and (item.key not in waiting or (item.address and not waiting[item.key].address)):
            waiting[item.key] = item
    return [
        *(item for item in evidence if item.counted),
        *(item for key, item in waiting.items() if key not in counted),
    ]


registry = Registry()
"""The process's registry, filled by `portal.app`."""


def provide(measure: str, fn: Provider) -> None:
    """Hand a measure's function over: `provide("online_facilities", reservations.measures.bookable)`."""
    registry.provide(measure, fn)
