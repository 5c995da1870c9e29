"""A price over several slots or nights: which version of a table holds for each, and all of it as one list of lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from reservations.pricing.cases import PriceCase, Quote
from reservations.pricing.table import FeeTable


def in_force(versions: Sequence[FeeTable], *, use: date, made: date) -> FeeTable | None:
    """The version that prices a day of use of a booking made on a day; None before the first.

    A new version holds for uses from its date (`applies_to: use`), or only for what is permitted from its date on
    (`applies_to: permit`): its own transition clause (経過措置) decides.

    Args:
        versions: of one table; of two from the same day the later one in the list counts.
        use: day of use, Tokyo.
        made: day on which it was booked, Tokyo.
    """
    found = None
    for table in sorted(versions, key=lambda version: version.valid_from):
        if table.valid_from <= (use if table.applies_to == "use" else min(use, made)):
            found = table
    return found


def quote_parts(parts: Sequence[tuple[FeeTable, PriceCase]]) -> Quote:
    """The price of several slots, each by its own version of the table: each night its own lines (CASES B2).

    Args:
        parts: table and case of each slot, at least one; the first names the quote.

    Raises:
        NoFee: a table has a hole.
    """
    tables: list[FeeTable] = []
    for table, _case in parts:
        if table not in tables:
            tables.append(table)
    quotes = [table.quote_together([case for one, case in parts if one == table]) for table in tables]
    first = quotes[0]
    grounds = dict.fromkeys(quote.ground for quote in quotes)
    return Quote(first.table, first.valid_from, "、".join(grounds), tuple(line for q in quotes for line in q.lines))
