"""What is priced, and the price as lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from portal.kernel.money import Yen
from reservations.calendar import Holidays, is_weekend_or_holiday
from reservations.timetable import Slot


@dataclass(frozen=True)
class PriceCase:
    """What a price depends on.

    Attributes:
        slot: the time that is used.
        tariff: which rows of the table hold for the space ("whole", "half", "meeting-room").
        category: code of the resident category.
        purpose: code of the purpose.
        weekend: Saturday, Sunday or a holiday.
        people: number of users.
        options: chosen options by code, with their quantity (1 for a plain yes).
        admission: the highest admission fee that visitors pay, yen; 0 where it is free.
        traits: what else is known of the use, in the table's own words ("preparation", "registered-group").
        option_minutes: how long an option runs, by code, where that is not the whole slot.
        overtime: minutes used before and after the slot, together.
        users: number of users by kind, in the table's words ("adult", "child"); empty where nobody asked. Their sum is `people`.
        admission_total: all that visitors pay together, yen.
        capacity: how many people the space holds.
        granted: reductions that staff have granted, by id; those that need no decision are not named here.
        tickets: tickets handed in (回数券), by the book's id.
    """

    slot: Slot
    tariff: str
    category: str
    purpose: str
    weekend: bool
    people: int = 1
    options: Mapping[str, int] = field(default_factory=dict)
    admission: int = 0
    traits: frozenset[str] = frozenset()
    option_minutes: Mapping[str, int] = field(default_factory=dict)
    overtime: int = 0
    users: Mapping[str, int] = field(default_factory=dict)
    admission_total: int = 0
    capacity: int = 0
    granted: frozenset[str] = frozenset()
    tickets: Mapping[str, int] = field(default_factory=dict)

    def only(self, kinds: Sequence[str]) -> bool:
        """Whether there are users and all of them are of these kinds (混在は大人: mixed ones are not)."""
        present = {kind for kind, count in self.users.items() if count > 0}
        return bool(present) and present <= set(kinds)

    def share_of(self, kinds: Sequence[str]) -> Fraction:
        """Which part of the users is of these kinds, 0 to 1."""
        total = sum(self.users.values())
        return Fraction(sum(self.users.get(kind, 0) for kind in kinds), total) if total else Fraction(0)


def case_of(
    slot: Slot,
    holidays: Holidays,
    *,
    tariff: str,
    category: str,
    purpose: str,
    people: int = 1,
    options: Mapping[str, int] | None = None,
) -> PriceCase:
    """A case with the kind of day found from the slot."""
    weekend = is_weekend_or_holiday(slot.day, holidays)
    return PriceCase(slot, tariff, category, purpose, weekend, people, dict(options or {}))


@dataclass(frozen=True)
class QuoteLine:
    """One line of a price.

    Attributes:
        label: words for the payer, from the table.
        label_en: the same in English, may be empty.
        amount: whole yen, tax included; negative for a reduction.
        rule: table code @ date # rule.
        sample: no source gives this figure (見本).
    """

    label: str
    label_en: str
    amount: Yen
    rule: str
    sample: bool


@dataclass(frozen=True)
class Quote:
    """A price from one version of one table."""

    table: str
    valid_from: date
    ground: str
    lines: tuple[QuoteLine, ...]

    @property
    def total(self) -> Yen:
        """The sum of the lines, never below zero."""
        return sum((line.amount for line in self.lines), start=Yen(0))

    @property
    def digest(self) -> str:
        """What the person accepted, as 16 hex digits: changes with any line, amount or table version."""
        facts = [
            self.table,
            self.valid_from.isoformat(),
            [[line.label, line.amount.amount, line.rule] for line in self.lines],
        ]
        return hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()[:16]


class NoFee(LookupError):
    """The table has a hole: no row fits the case."""
