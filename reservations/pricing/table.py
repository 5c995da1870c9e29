"""A fee table, and how it prices a case."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fractions import Fraction

from pydantic import Field, model_validator

from portal.kernel.money import Yen
from reservations.calendar import Document
from reservations.pricing.cases import NoFee, PriceCase, Quote, QuoteLine
from reservations.pricing.parts import (
    FixedOption,
    Modifier,
    Option,
    Overtime,
    Reduction,
    Rounding,
    Row,
    ShareOption,
    Tax,
)
from reservations.timetable import Band, Slot


class Covers(Document):
    """What the table must price: names that cases use. `check` looks for holes in it; nothing else depends on it."""

    tariffs: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    traits: tuple[str, ...] | None = None


@dataclass
class _Sheet:
    """A price while it is worked out. Amounts are exact until a step of rounding says otherwise."""

    table: FeeTable
    exact: list[Fraction] = field(default_factory=list)
    names: list[tuple[str, str, str]] = field(default_factory=list)
    below_zero: set[str] = field(default_factory=set)

    def add(self, rule: str, label: str, label_en: str, amount: Fraction | int) -> Fraction:
        """A line. A whole amount (int) stands in the table as it is; a share (Fraction) takes the steps of rounding for lines."""
        value = Fraction(amount)
        if isinstance(amount, Fraction):
            for step in self.table.rounding.steps("line"):
                value = Fraction(step.apply(value))
        self.exact.append(value)
        self.names.append((rule, label, label_en))
        return value

    def lines(self) -> tuple[QuoteLine, ...]:
        shown = [Rounding().apply(value) for value in self.exact]
        due = sum(self.exact, start=Fraction(0))
        for step in self.table.rounding.steps("total"):
            due = Fraction(step.apply(due))
        total = Rounding().apply(due)
        found = [self._line(*name, amount) for name, amount in zip(self.names, shown, strict=True)]
        if total != sum(shown):
            found.append(self._line("rounding", "端数処理", "Rounding", total - sum(shown)))
        return tuple(found)

    def _line(self, rule: str, label: str, label_en: str, amount: int) -> QuoteLine:
        table = self.table
        return QuoteLine(label, label_en, Yen(amount), f"{table.code}@{table.valid_from}#{rule}", table.sample)


class FeeTable(Document):
    """Fees of a kind of space, from a date."""

    code: str
    valid_from: date
    sample: bool
    source: str = ""
    ground: str
    covers: Covers | None = None
    bands: tuple[Band, ...] = ()
    sums: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    rows: tuple[Row, ...] = Field(min_length=1)
    modifiers: tuple[Modifier, ...] = ()
    overtime: tuple[Overtime, ...] = ()
    options: tuple[Option, ...] = ()
    reductions: tuple[Reduction, ...] = ()
    tax: Tax | None = None
    rounding: Rounding = Rounding()

    @model_validator(mode="after")
    def _distinct(self) -> FeeTable:
        names = [part.id for part in (*self.rows, *self.modifiers, *self.options, *self.reductions)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"id が2回出てきます: {'、'.join(twice)}|行・増減・選択・減免のどれとも違う id にします。")
        return self

    def options_for(self, case: PriceCase) -> tuple[FixedOption | ShareOption, ...]:
        """The options that can be chosen in this case."""
        return tuple(option for option in self.options if option.match.holds(case))

    def quote(self, case: PriceCase) -> Quote:
        """The price of a case.

        An option that cannot be chosen here, or more of it than there is, is left out: a page never offers it, so only a forged
        form asks for it.

        Raises:
            NoFee: no base row fits, or the overtime is longer than the table knows.
        """
        return Quote(self.code, self.valid_from, self.ground, self._worked(case).lines())

    def below_zero(self, case: PriceCase) -> frozenset[str]:
        """Rules that would take the price of the case below zero; there it is held at zero.

        Raises:
            NoFee: see `quote`.
        """
        return frozenset(self._worked(case).below_zero)

    def base_row(self, case: PriceCase) -> Row | None:
        """The first row that fits the slot itself."""
        return next((row for row in self.rows if row.holds(case)), None)

    def _worked(self, case: PriceCase) -> _Sheet:
        sheet = _Sheet(self)
        base, running = self._use(sheet, case)
        self._overtime(sheet, case, running)
        options = self._options(sheet, case, base, running)
        self._reduce(sheet, case, options)
        if self.tax is not None:
            due = sum(sheet.exact, start=Fraction(0))
            sheet.add("tax", self.tax.label, self.tax.label_en, due * self.tax.percent / 100)
        return sheet

    def _use(self, sheet: _Sheet, case: PriceCase) -> tuple[Fraction, Fraction]:
        """Base and modifiers: the base, and what has come together."""
        base = self._base(sheet, case)
        running, used = base, set[str]()
        for modifier in self.modifiers:
            if modifier.group in used or not modifier.match.holds(case):
                continue
            if modifier.group is not None:
                used.add(modifier.group)
            change = modifier.change(case, base, running)
            if running + change < 0:
                sheet.below_zero.add(modifier.id)
                change = -running
            running += sheet.add(modifier.id, modifier.label, modifier.label_en, change)
        return base, running

    def _base(self, sheet: _Sheet, case: PriceCase) -> Fraction:
        row = self.base_row(case)
        if row is not None:
            rule = f"{row.id}.{case.slot.code}" if row.amounts is not None else row.id
            return sheet.add(rule, row.label, row.label_en, row.price(case))
        parts = self.sums.get(case.slot.code, ())
        cases = [self._beside(case, code) for code in parts if code not in self.sums]
        if not cases or len(cases) < len(parts):
            raise NoFee(
                f"{self.code}: no row for tariff {case.tariff}, slot {case.slot.code}, {case.category}, {case.purpose}"
            )
        return sum((self._base(sheet, part) for part in cases), start=Fraction(0))

    def _beside(self, case: PriceCase, code: str) -> PriceCase:
        """The same use in another band of the day; with the slot's own times where the table does not say them."""
        slot = Slot(case.slot.start, case.slot.end, code, code)
        band = next((band for band in self.bands if band.code == code), None)
        if band is not None:
            zone = case.slot.start.tzinfo
            start, end = (datetime.combine(case.slot.day, at, tzinfo=zone) for at in (band.start, band.end))
            slot = Slot(start, end, code, band.name, band.name_en)
        return replace(case, slot=slot, overtime=0)

    def _overtime(self, sheet: _Sheet, case: PriceCase, running: Fraction) -> None:
        if case.overtime <= 0:
            return
        rule = next((rule for rule in self.overtime if rule.match.holds(case)), None)
        if rule is None or case.overtime > rule.at_most:
            raise NoFee(f"{self.code}: no overtime of {case.overtime} minutes")
        hours = -(-case.overtime // 60)
        each: Fraction | int
        if rule.amount is not None:
            each = rule.amount
        else:
            of = running if rule.of == "slot" else self._dearer(case, running)
            each = of * (rule.percent or 0) / 100
        sheet.add("overtime", rule.label, rule.label_en, each * hours)

    def _dearer(self, case: PriceCase, running: Fraction) -> Fraction:
        """The fee of the dearer of the bands before and after; the slot's own where there is none."""
        start, end = case.slot.start.time(), case.slot.end.time()
        basic = basic_bands(self.bands)
        before = [band for band in basic if band.end <= start]
        after = [band for band in basic if band.start >= end]
        beside = [*sorted(before, key=lambda band: band.end)[-1:], *sorted(after, key=lambda band: band.start)[:1]]
        fees = [self._use(_Sheet(self), self._beside(case, band.code))[1] for band in beside]
        return max(fees, default=running)

    def _options(self, sheet: _Sheet, case: PriceCase, base: Fraction, running: Fraction) -> dict[str, Fraction]:
        found, used = dict[str, Fraction](), set[str]()
        for option in self.options_for(case):
            pieces = case.options.get(option.id, 0)
            if not 1 <= pieces <= option.at_most or option.group in used:
                continue
            if option.group is not None:
                used.add(option.group)
            amount: Fraction | int
            if isinstance(option, ShareOption):
                amount = (base if option.on == "base" else running) * option.percent / 100
            else:
                amount = option.price(case, pieces)
            found[option.id] = sheet.add(option.id, option.label, option.label_en, amount)
        return found

    def _reduce(self, sheet: _Sheet, case: PriceCase, options: dict[str, Fraction]) -> None:
        full, used = sum(sheet.exact, start=Fraction(0)), set[str]()
        rest = full
        for reduction in self.reductions:
            if reduction.group in used or not reduction.match.holds(case):
                continue
            if reduction.group is not None:
                used.add(reduction.group)
            apart = sum((options.get(code, Fraction(0)) for code in reduction.leaves_out), start=Fraction(0))
            wanted = ((rest if reduction.on == "rest" else full) - apart) * reduction.percent / 100
            if wanted > rest - apart:
                sheet.below_zero.add(reduction.id)
            off = min(max(wanted, Fraction(0)), max(rest - apart, Fraction(0)))
            rest += sheet.add(reduction.id, reduction.label, reduction.label_en, -off)


def basic_bands(bands: tuple[Band, ...]) -> tuple[Band, ...]:
    """Bands that hold no other band: 午前, 午後, 夜間, and not 全日."""
    return tuple(
        band
        for band in bands
        if not any(other != band and band.start <= other.start and other.end <= band.end for other in bands)
    )
