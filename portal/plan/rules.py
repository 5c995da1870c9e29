"""What the plan asks for this fiscal year and where a value stands against it. Pure: no database, time as an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

from portal.kernel.dates import fiscal_year

Direction = Literal["up", "down"]
LineKind = Literal["level", "yearly"]


@dataclass(frozen=True)
class Line:
    """The plan's figure that counts on a day.

    Attributes:
        fiscal_year: the 年度 it belongs to; the target's year where the plan gives no yearly figures.
        value: the figure.
        of: "year" (the plan names this fiscal year), "target" (only the final target is named, or its year has passed).
        due: the last day by which it is to be reached: March 31.
    """

    fiscal_year: int
    value: Decimal
    of: Literal["year", "target"]

    @property
    def due(self) -> date:
        """March 31 of the fiscal year."""
        return date(self.fiscal_year + 1, 3, 31)


def line_on(
    day: date, lines: Mapping[int, Decimal], *, target: Decimal | None, target_year: int, kind: LineKind = "level"
) -> Line | None:
    """The plan's line for the fiscal year of `day`; None where the plan says nothing for it.

    Args:
        day: in Japan.
        lines: figure by fiscal year.
        target: the final target as a number, or None.
        target_year: fiscal year by whose end the target is due.
        kind: "yearly" figures are the amount of one year alone; the total target is no line for them.
    """
    year = fiscal_year(day)
    if year in lines:
        return Line(year, lines[year], "year")
    if kind == "yearly" or target is None:
        return None
    if not lines or year >= target_year:
        return Line(target_year, target, "target")
    return None


def reached(value: Decimal, wanted: Decimal, better: Direction) -> bool:
    """Whether a value is at the line or beyond it, in the direction that is better."""
    return value >= wanted if better == "up" else value <= wanted


def gap(value: Decimal, wanted: Decimal, better: Direction) -> Decimal:
    """How much is missing to the line, never below 0."""
    missing = wanted - value if better == "up" else value - wanted
    return max(missing, Decimal(0))


def share(value: Decimal, target: Decimal) -> int:
    """Whole percent of the target, rounded down so that 149 of 150 is not 100; 0 where the target is 0."""
    if target <= 0:
        return 0
    return int((value * 100 / target).to_integral_value(rounding=ROUND_FLOOR))


def number(value: Decimal | None) -> int | float | None:
    """For JSON: a whole number as int, else a float; None stays None."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)
