"""Which fiscal year a yen of revenue belongs to. Pure.

The rule is 地方自治法施行令 第142条 (歳入の会計年度所属区分); the books of a year stay open until May 31 (出納整理期間, 地方自治法
第235条の5); what is unpaid then is carried over (滞納繰越) and belongs to the next year from June 1. The day of the provider's
payout decides nothing (CASES M6).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from portal.kernel.dates import fiscal_year


class Timing(StrEnum):
    """The kinds of revenue that 第142条 tells apart."""

    TERM = "term"
    """一号: 納期の一定している収入 (taxes): the year of the term's last day."""
    NOTICE = "notice"
    """二号: 随時の収入で通知書を発するもの: the year of the notice."""
    RECEIPT = "receipt"
    """三号: 随時の収入で通知書を発しないもの (a fee at the counter, a booking paid at once): the year of the receipt."""
    ACCRUAL = "accrual"
    """公営企業 (地方公営企業法 第20条): the year in which it arose; no 出納整理期間."""


class Part(StrEnum):
    """Where in the year's books a receipt stands."""

    CURRENT = "current"
    """現年度分."""
    CARRIED = "carried"
    """滞納繰越分."""


class RefundOut(StrEnum):
    """How money that goes back is booked (施行令165条の7; CASES M4)."""

    REVENUE = "revenue"
    """戻出: out of the revenue that it came into, while that year's books are open."""
    EXPENDITURE = "expenditure"
    """歳出 of the running year, once they are closed."""


@dataclass(frozen=True, slots=True)
class YearOf:
    """A fiscal year (named by the year of its April) and the part of its books."""

    year: int
    part: Part


def closes_on(year: int) -> date:
    """The last day on which money may be booked into a fiscal year: May 31 after it (地方自治法235条の5)."""
    return date(year + 1, 5, 31)


def oldest_open(day: date) -> int:
    """The oldest fiscal year whose books are open on a day: in April and May two are, then the older."""
    return day.year if day.month >= 6 else day.year - 1


def assessed(timing: Timing, *, noticed_on: date, term_end: date | None = None) -> int | None:
    """The year that a charge belongs to before anything is paid; None where only the receipt decides.

    Args:
        timing: the kind of revenue.
        noticed_on: when the notice went out (the charge was raised).
        term_end: last day of the term (納期の末日, before any shift by a holiday), for `Timing.TERM`.

    Raises:
        ValueError: revenue by term without a term.
    """
    if timing is Timing.TERM:
        if term_end is None:
            raise ValueError("revenue by term needs the last day of its term")
        # 第142条第2項: no notice by the end of that year: the year of the notice.
        return max(fiscal_year(term_end), fiscal_year(noticed_on))
    if timing is Timing.RECEIPT:
        return None
    return fiscal_year(noticed_on)


def belongs(timing: Timing, assessed_year: int | None, received_on: date) -> YearOf:
    """The year that a receipt belongs to.

    Args:
        timing: the kind of revenue.
        assessed_year: from `assessed`.
        received_on: when the payer paid (with a 指定納付受託者: the day of entrusting, 地方自治法231条の2の5).
    """
    if timing is Timing.RECEIPT or assessed_year is None:
        return YearOf(fiscal_year(received_on), Part.CURRENT)
    if timing is Timing.ACCRUAL or received_on <= closes_on(assessed_year):
        return YearOf(assessed_year, Part.CURRENT)
    return YearOf(oldest_open(received_on), Part.CARRIED)


def carried_to(timing: Timing, assessed_year: int | None, on: date) -> int | None:
    """The year that an unpaid charge is carried into by a day; None where it still stands in its own year."""
    if timing in {Timing.RECEIPT, Timing.ACCRUAL} or assessed_year is None or on <= closes_on(assessed_year):
        return None
    return oldest_open(on)


def refund_out_of(revenue_year: int, on: date) -> RefundOut:
    """How a refund on a day is booked: until May 31 out of the revenue, afterwards as expenditure."""
    return RefundOut.REVENUE if on <= closes_on(revenue_year) else RefundOut.EXPENDITURE
