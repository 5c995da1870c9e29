"""保存年限: counted from the April 1 after a case ended, for the years of its version (CASES A13). Pure."""

from __future__ import annotations

from datetime import date

APRIL = (4, 1)


def kept_until(ended: date, years: int) -> date:
    """The first day on which a case that ended on this day may be disposed of."""
    begins = ended.year if (ended.month, ended.day) < APRIL else ended.year + 1
    return date(begins + years, *APRIL)


def ended_before(today: date, years: int) -> date:
    """Cases of this retention are due today exactly if they ended before this day (the reverse of `kept_until`)."""
    fiscal = today.year if (today.month, today.day) >= APRIL else today.year - 1
    return date(fiscal - years, *APRIL)
