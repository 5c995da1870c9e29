"""What a use costs, as lines that say why. Pure.

A fee table (料金表) is a document that holds from a date: base rows, then modifiers in order, then options, then rounding. Every
line names its rule, so that a person can check it and a past booking prices the same for ever.

Rows and modifiers have conditions (`match`); the first row that fits gives the base. Modifiers of one `group` exclude each other:
the first that fits counts, so a combination that is no product (市外かつ営利 ×3) stands before its parts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Annotated, Literal

from pydantic import Field, model_validator

from portal.kernel.money import Yen
from reservations.calendar import Document, Holidays, Season, Weekday, is_weekend_or_holiday, weekday_of
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
    """

    slot: Slot
    tariff: str
    category: str
    purpose: str
    weekend: bool
    people: int = 1
    options: Mapping[str, int] = field(default_factory=dict)


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


class Match(Document):
    """A condition on a case. Everything given must hold; an empty one always holds."""

    tariffs: tuple[str, ...] | None = None
    slots: tuple[str, ...] | None = None
    parts: tuple[Literal["morning", "afternoon", "evening"], ...] | None = None
    categories: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    weekdays: tuple[Weekday, ...] | None = None
    weekend: bool | None = None
    season: Season | None = None
    people_from: int | None = None

    def holds(self, case: PriceCase) -> bool:
        """Whether the case fits."""
        return (
            _among(case.tariff, self.tariffs)
            and _among(case.slot.code, self.slots)
            and _among(case.slot.part, self.parts)
            and _among(case.category, self.categories)
            and _among(case.purpose, self.purposes)
            and _among(weekday_of(case.slot.day), self.weekdays)
            and (self.weekend is None or self.weekend == case.weekend)
            and (self.season is None or self.season.holds(case.slot.day))
            and (self.people_from is None or case.people >= self.people_from)
        )


ANY = Match()


class Row(Document):
    """A base fee: for the slot, for each begun hour, or for each person."""

    id: str = Field(pattern=r"^[a-z0-9_.-]{1,40}$")
    match: Match = ANY
    amount: int = Field(ge=0, le=9_999_999)
    per: Literal["slot", "hour", "person"] = "slot"
    label: str
    label_en: str = ""

    def price(self, case: PriceCase) -> int:
        """The fee in yen."""
        return self.amount * _quantity(self.per, case)


class Modifier(Document):
    """A surcharge or reduction: so many percent of the base, added or taken off."""

    id: str = Field(pattern=r"^[a-z0-9_.-]{1,40}$")
    group: str | None = None
    match: Match = ANY
    percent: int = Field(ge=-100, le=1000)
    on: Literal["base", "running"] = "base"
    label: str
    label_en: str = ""


class FixedOption(Document):
    """Something chosen for a fixed fee: per slot, per hour or per piece (照明, 冷暖房, 附属設備)."""

    kind: Literal["fixed"]
    id: str = Field(pattern=r"^[a-z0-9_-]{1,30}$")
    match: Match = ANY
    amount: int = Field(ge=0, le=9_999_999)
    per: Literal["slot", "hour", "piece"] = "slot"
    at_most: int = Field(default=1, ge=1, le=100)
    label: str
    label_en: str = ""


class ShareOption(Document):
    """Something chosen for a share of the base fee (冷暖房は基本の3割)."""

    kind: Literal["share"]
    id: str = Field(pattern=r"^[a-z0-9_-]{1,30}$")
    match: Match = ANY
    percent: int = Field(ge=0, le=1000)
    at_most: Literal[1] = 1
    label: str
    label_en: str = ""


Option = Annotated[FixedOption | ShareOption, Field(discriminator="kind")]


class Rounding(Document):
    """端数処理: to a unit, down, up or half up; each line or the total."""

    unit: Literal[1, 10, 50, 100] = 1
    mode: Literal["down", "up", "half_up"] = "down"
    each: Literal["line", "total"] = "line"

    def apply(self, amount: Fraction | int) -> int:
        """The rounded amount in yen; a negative one is rounded by its size."""
        sign = -1 if amount < 0 else 1
        units: Fraction = abs(Fraction(amount) / int(self.unit))
        match self.mode:
            case "down":
                whole = floor(units)
            case "up":
                whole = ceil(units)
            case "half_up":
                whole = floor(units + Fraction(1, 2))
        return sign * whole * self.unit


class FeeTable(Document):
    """Fees of a kind of space, from a date."""

    code: str
    valid_from: date
    sample: bool
    source: str = ""
    ground: str
    rows: tuple[Row, ...] = Field(min_length=1)
    modifiers: tuple[Modifier, ...] = ()
    options: tuple[Option, ...] = ()
    rounding: Rounding = Rounding()

    @model_validator(mode="after")
    def _distinct(self) -> FeeTable:
        names = [part.id for part in (*self.rows, *self.modifiers, *self.options)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"these ids appear twice: {twice}")
        return self

    def options_for(self, case: PriceCase) -> tuple[FixedOption | ShareOption, ...]:
        """The options that can be chosen in this case."""
        return tuple(option for option in self.options if option.match.holds(case))

    def quote(self, case: PriceCase) -> Quote:
        """The price of a case.

        An option that cannot be chosen here, or more of it than there is, is left out: a page never offers it, so only a forged
        form asks for it.

        Raises:
            NoFee: no base row fits.
        """
        row = next((row for row in self.rows if row.match.holds(case)), None)
        if row is None:
            raise NoFee(
                f"{self.code}: no row for tariff {case.tariff}, slot {case.slot.code}, {case.category}, {case.purpose}"
            )
        base = row.price(case)
        lines = [self._line(row.id, row.label, row.label_en, base)]
        running, used = base, set[str]()
        for modifier in self.modifiers:
            if modifier.group in used or not modifier.match.holds(case):
                continue
            if modifier.group is not None:
                used.add(modifier.group)
            amount = self._share(base if modifier.on == "base" else running, modifier.percent)
            running += amount
            lines.append(self._line(modifier.id, modifier.label, modifier.label_en, amount))
        lines.extend(self._options(case, base))
        return Quote(self.code, self.valid_from, self.ground, (*lines, *self._remainder(lines)))

    def _options(self, case: PriceCase, base: int) -> list[QuoteLine]:
        lines = []
        for option in self.options_for(case):
            pieces = case.options.get(option.id, 0)
            if not 1 <= pieces <= option.at_most:
                continue
            if isinstance(option, ShareOption):
                amount = self._share(base, option.percent)
            else:
                amount = option.amount * (pieces if option.per == "piece" else _quantity(option.per, case))
            lines.append(self._line(option.id, option.label, option.label_en, amount))
        return lines

    def _share(self, of: int, percent: int) -> int:
        """A share of a fee in whole yen; where the table rounds the total, a line only loses what is below one yen."""
        exact = Fraction(of * percent, 100)
        return self.rounding.apply(exact) if self.rounding.each == "line" else Rounding().apply(exact)

    def _remainder(self, lines: list[QuoteLine]) -> tuple[QuoteLine, ...]:
        total = sum(line.amount.amount for line in lines)
        difference = self.rounding.apply(total) - total
        if self.rounding.each == "line" or difference == 0:
            return ()
        return (self._line("rounding", "端数処理", "Rounding", difference),)

    def _line(self, rule: str, label: str, label_en: str, amount: int) -> QuoteLine:
        return QuoteLine(label, label_en, Yen(amount), f"{self.code}@{self.valid_from}#{rule}", self.sample)


def _quantity(per: str, case: PriceCase) -> int:
    match per:
        case "hour":
            return -(-case.slot.minutes // 60)
        case "person":
            return case.people
        case _:
            return 1


def _among(value: str, allowed: tuple[str, ...] | None) -> bool:
    return allowed is None or value in allowed
