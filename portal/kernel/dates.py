"""Dates as a Japanese city counts them: fiscal years, eras, holidays, working days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import jpholiday

from portal.kernel.text import dashes, digits

# First day of each era (元号を改める政令 and its predecessors); 明治 by the Gregorian calendar from 1873 on.
_ERAS: tuple[tuple[str, str, date], ...] = (
    ("令和", "R", date(2019, 5, 1)),
    ("平成", "H", date(1989, 1, 8)),
    ("昭和", "S", date(1926, 12, 25)),
    ("大正", "T", date(1912, 7, 30)),
    ("明治", "M", date(1868, 1, 25)),
)
_LIGATURES = str.maketrans({"㋿": "令和", "㍻": "平成", "㍼": "昭和", "㍽": "大正", "㍾": "明治"})
_ERA_DATE = re.compile(
    r"(令和|平成|昭和|大正|明治|[RHSTM令平昭大明])\s*(元|\d{1,2})\s*[年./-]\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})\s*日?",
    re.IGNORECASE,
)
_WESTERN = re.compile(r"(\d{4})\s*[年./-]\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})\s*日?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")


@dataclass
class DateError(ValueError):
    """A text is not a date.

    Attributes:
        code: `unreadable` (not the shape of a date), `impossible` (令和元年13月, 29 February of a common year) or `outside_era`.
        text: what was typed.
    """

    code: str
    text: str


def fiscal_year(day: date) -> int:
    """The 年度 of a day: April to March, named by the year of its April."""
    return day.year if day.month >= 4 else day.year - 1


def parse_date(text: str) -> date:
    """Read a date in 和暦 or 西暦, half or full width: 令和7年4月1日, R7.4.1, 2025-04-01, 2025/4/1, 20250401.

    Raises:
        DateError: what is wrong with it.
    """
    cleaned = digits(text.translate(_LIGATURES)).strip()
    if "年" not in cleaned:
        cleaned = dashes(cleaned)
    era = _ERA_DATE.fullmatch(cleaned)
    if era:
        name, year, month, day = era.groups()
        return _from_era(name, 1 if year == "元" else int(year), int(month), int(day), text)
    western = _WESTERN.fullmatch(cleaned) or _COMPACT.fullmatch(cleaned)
    if not western:
        raise DateError("unreadable", text)
    return _checked(*(int(part) for part in western.groups()), text=text)


def _from_era(name: str, year: int, month: int, day: int, text: str) -> date:
    for position, (long, short, start) in enumerate(_ERAS):
        if name.upper() == short or long.startswith(name):
            if year < 1:
                raise DateError("impossible", text)
            found = _checked(start.year + year - 1, month, day, text=text)
            end = _ERAS[position - 1][2] if position else date.max
            if not start <= found < end:
                raise DateError("outside_era", text)
            return found
    raise DateError("unreadable", text)


def _checked(year: int, month: int, day: int, *, text: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise DateError("impossible", text) from None


def wareki_year(day: date) -> str:
    """The era and year: 令和7年, 平成元年; the western year before 1868."""
    for long, _short, start in _ERAS:
        if day >= start:
            year = day.year - start.year + 1
            return f"{long}{'元' if year == 1 else year}年"
    return f"{day.year}年"


def wareki(day: date) -> str:
    """令和7年4月1日."""
    return f"{wareki_year(day)}{day.month}月{day.day}日"


def both(day: date) -> str:
    """2025年4月1日(令和7年): both calendars, as read back to the person who typed one."""
    return f"{day.year}年{day.month}月{day.day}日({wareki_year(day)})"


@lru_cache(maxsize=4096)
def holiday_name(day: date) -> str | None:
    """The name of a national holiday (国民の祝日に関する法律), or None."""
    name = jpholiday.is_holiday_name(day)
    return str(name) if name else None


def is_holiday(day: date) -> bool:
    """Whether the day is a national holiday."""
    return holiday_name(day) is not None


def is_year_end(day: date) -> bool:
    """Whether city offices rest: December 29 to January 3 (地方自治法4条の2第2項3号)."""
    return (day.month == 12 and day.day >= 29) or (day.month == 1 and day.day <= 3)


def is_working_day(day: date) -> bool:
    """Whether city offices work: not Saturday, Sunday, a holiday or the turn of the year (地方自治法4条の2)."""
    return day.weekday() < 5 and not is_holiday(day) and not is_year_end(day)


def add_working_days(day: date, count: int) -> date:
    """The working day that is `count` working days after `day` (the first day is not counted, 民法140条)."""
    current = day
    remaining = count
    while remaining > 0:
        current += timedelta(days=1)
        if is_working_day(current):
            remaining -= 1
    return current


def next_working_day(day: date) -> date:
    """`day` itself where it is a working day, else the next one (民法142条)."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def is_bank_day(day: date) -> bool:
    """Whether banks work: not Saturday, Sunday, a holiday or December 31 to January 3 (銀行法施行令 第5条)."""
    turn = (day.month == 12 and day.day == 31) or (day.month == 1 and day.day <= 3)
    return day.weekday() < 5 and not is_holiday(day) and not turn


def next_bank_day(day: date) -> date:
    """`day` itself where banks work, else the next day on which they do."""
    while not is_bank_day(day):
        day += timedelta(days=1)
    return day


def bank_days_before(day: date, count: int) -> date:
    """The bank day that is `count` bank days before `day`, which is not counted."""
    while count > 0:
        day -= timedelta(days=1)
        count -= is_bank_day(day)
    return day
