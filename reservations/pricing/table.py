"""A fee table, and how it prices a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Literal

from pydantic import Field, model_validator

from portal.kernel.money import Yen
from reservations.calendar import Document
from reservations.pricing.cases import NoFee, PriceCase, Quote, QuoteLine
from reservations.pricing.parts import (
    Fact,
    FixedOption,
    Modifier,
    Option,
    Overtime,
    Reduction,
    Rounding,
    Row,
    ShareOption,
    Tax,
    TicketBook,
)
from reservations.timetable import Band, Slot


class Covers(Document):
    """What the table must price: names that cases use. `check` looks for holes in it; nothing else depends on it."""

    tariffs: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    traits: tuple[str, ...] | None = None
    users: tuple[str, ...] | None = None


@dataclass
class _Sheet:
    """A price while it is worked out. Amounts are exact until a step of rounding says otherwise."""

    table: FeeTable
    exact: list[Fraction] = field(default_factory=list)
    names: list[tuple[str, str, str]] = field(default_factory=list)
    where: tuple[str, str] = ("", "")
    below_zero: set[str] = field(default_factory=set)

    def add(self, rule: str, label: str, label_en: str, amount: Fraction | int) -> Fraction:
        """A line. A whole amount (int) stands in the table as it is; a share (Fraction) takes the steps of rounding for lines."""
        value = Fraction(amount)
        if isinstance(amount, Fraction):
            for step in self.table.rounding.steps("line"):
                value = Fraction(step.apply(value))
        self.exact.append(value)
        self.names.append((rule, label + self.where[0], label_en + self.where[1] if label_en else ""))
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
    applies_to: Literal["use", "permit"] = "use"
    corrects: bool = False
    covers: Covers | None = None
    bands: tuple[Band, ...] = ()
    sums: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    wholes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    traits: tuple[Fact, ...] = ()
    users: tuple[Fact, ...] = ()
    rows: tuple[Row, ...] = Field(min_length=1)
    modifiers: tuple[Modifier, ...] = ()
    overtime: tuple[Overtime, ...] = ()
    options: tuple[Option, ...] = ()
    reductions: tuple[Reduction, ...] = ()
    tickets: tuple[TicketBook, ...] = ()
    tax: Tax | None = None
    rounding: Rounding = Rounding()

    @model_validator(mode="after")
    def _distinct(self) -> FeeTable:
        names = [part.id for part in (*self.rows, *self.modifiers, *self.options, *self.reductions, *self.tickets)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"id が2回出てきます: {'、'.join(twice)}|行・増減・選択・減免・回数券のどれとも違う id にします。"
            )
        plain = {row.id for row in self.rows if row.difference is None}
        for row in self.rows:
            for other in row.difference or ():
                if other not in plain:
                    raise ValueError(
                        f"difference の「{other}」は rows にありません。|差のもとになる行の id を書きます。"
                    )
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
        return self.quote_together([case])

    def quote_together(self, cases: Sequence[PriceCase]) -> Quote:
        """The price of several slots in one booking: each on its own lines, rounded and taxed together.

        Slots of one day that the table prices as one (`wholes`: 午前+午後+夜間 → 全日) are that one; slots that are booked one
        by one never are (CASES B4).

        Raises:
            NoFee: see `quote`.
        """
        return Quote(self.code, self.valid_from, self.ground, self._worked(self._joined(cases)).lines())

    def below_zero(self, case: PriceCase) -> frozenset[str]:
        """Rules that would take the price of the case below zero; there it is held at zero.

        Raises:
            NoFee: see `quote`.
        """
        return frozenset(self._worked([case]).below_zero)

    def _joined(self, cases: Sequence[PriceCase]) -> list[PriceCase]:
        found: list[PriceCase] = []
        rest = sorted(cases, key=lambda case: case.slot)
        longest = sorted(self.wholes.items(), key=lambda item: -len(item[1]))
        while rest:
            for whole, parts in longest:
                head = rest[: len(parts)]
                same_day = len({case.slot.day for case in head}) == 1
                if same_day and tuple(case.slot.code for case in head) == parts:
                    slot = self._beside(head[0], whole).slot
                    slot = replace(slot, start=head[0].slot.start, end=head[-1].slot.end)
                    found.append(replace(head[0], slot=slot))
                    rest = rest[len(parts) :]
                    break
            else:
                found.append(rest.pop(0))
        return found

    def base_row(self, case: PriceCase) -> Row | None:
        """The first row that fits the slot itself."""
        return next((row for row in self.rows if row.holds(case)), None)

    def _worked(self, cases: Sequence[PriceCase]) -> _Sheet:
        sheet, days = _Sheet(self), set[date]()
        one_day = len({case.slot.day for case in cases}) == 1
        for case in cases:
            if len(cases) > 1:
                slot = case.slot
                day, day_en = ("", "") if one_day else (f"{slot.day:%-m/%-d} ", f"{slot.day:%-d %b} ")
                sheet.where = f"({day}{slot.name})", f" ({day_en}{slot.name_en or slot.name})"
            first = len(sheet.exact)
            base, running = self._use(sheet, case)
            self._tickets(sheet, case, base)
            self._overtime(sheet, case, running)
            options = self._options(sheet, case, base, running, again=case.slot.day in days)
            self._reduce(sheet, case, options, first)
            days.add(case.slot.day)
        sheet.where = ("", "")
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
            return sheet.add(rule, row.label, row.label_en, self._row_price(row, case))
        parts = self.sums.get(case.slot.code, ())
        cases = [self._beside(case, code) for code in parts if code not in self.sums]
        if not cases or len(cases) < len(parts):
            raise NoFee(
                f"{self.code}: no row for tariff {case.tariff}, slot {case.slot.code}, {case.category}, {case.purpose}"
            )
        return sum((self._base(sheet, part) for part in cases), start=Fraction(0))

    def _row_price(self, row: Row, case: PriceCase) -> int | Fraction:
        if row.difference is None:
            return row.price(case)
        full, less = (next(other for other in self.rows if other.id == name).price(case) for name in row.difference)
        return max(full - less, 0)

    def _tickets(self, sheet: _Sheet, case: PriceCase, base: Fraction) -> None:
        """Tickets pay the base: each that of one person (an even part), or all of it; never more than there is."""
        open_base = base
        for book in self.tickets:
            pieces = case.tickets.get(book.id, 0)
            if pieces <= 0 or open_base <= 0 or not book.match.holds(case):
                continue
            each = base if book.pays == "slot" else base / max(case.people, 1)
            off = min(each * pieces, open_base)
            open_base -= off
            sheet.add(book.id, f"{book.label} {pieces}枚", f"{book.label_en or book.label} x {pieces}", -off)

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
        hours: dict[int, int] = {}
        for hour in range(-(-case.overtime // 60)):
            at = (case.slot.end + timedelta(hours=hour)).time()
            index = next((index for index, rule in enumerate(self.overtime) if rule.counts(case, at)), None)
            if index is None or case.overtime > self.overtime[index].at_most:
                raise NoFee(f"{self.code}: no overtime of {case.overtime} minutes")
            hours[index] = hours.get(index, 0) + 1
        for index, count in hours.items():
            rule = self.overtime[index]
            each: Fraction | int
            if rule.amount is not None:
                each = rule.amount
            else:
                of = running if rule.of == "slot" else self._dearer(case, running)
                each = of * (rule.percent or 0) / 100
            sheet.add("overtime", rule.label, rule.label_en, each * count)

    def _dearer(self, case: PriceCase, running: Fraction) -> Fraction:
        """The fee of the dearer of the bands before and after; the slot's own where there is none."""
        start, end = case.slot.start.time(), case.slot.end.time()
        basic = basic_bands(self.bands)
        before = [band for band in basic if band.end <= start]
        after = [band for band in basic if band.start >= end]
        beside = [*sorted(before, key=lambda band: band.end)[-1:], *sorted(after, key=lambda band: band.start)[:1]]
        fees = [self._use(_Sheet(self), self._beside(case, band.code))[1] for band in beside]
        return max(fees, default=running)

    def _options(
        self, sheet: _Sheet, case: PriceCase, base: Fraction, running: Fraction, *, again: bool
    ) -> dict[str, Fraction]:
        found, used = dict[str, Fraction](), set[str]()
        for option in self.options_for(case):
            pieces = case.options.get(option.id, 0)
            if not 1 <= pieces <= option.at_most or option.group in used:
                continue
            if again and isinstance(option, FixedOption) and option.per.endswith("day"):
                continue  # once a day
            if option.group is not None:
                used.add(option.group)
            amount: Fraction | int
            if isinstance(option, ShareOption):
                amount = (base if option.on == "base" else running) * option.percent / 100
            else:
                amount = option.price(case, pieces)
            found[option.id] = sheet.add(option.id, option.label, option.label_en, amount)
        return found

    def _reduce(self, sheet: _Sheet, case: PriceCase, options: dict[str, Fraction], first: int) -> None:
        full, used = sum(sheet.exact[first:], start=Fraction(0)), set[str]()
        rest = full
        for reduction in self.reductions:
            if reduction.group in used or not reduction.holds(case):
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
