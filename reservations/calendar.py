"""Days as ordinances speak of them: weekdays, seasons, holidays. Pure: holidays are handed in as a function."""

from __future__ import annotations

import calendar as _calendar
from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

Holidays = Callable[[date], bool]
"""Says whether a date is a national holiday (国民の祝日に関する法律)."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Document(BaseModel):
    """A part of a rule document: frozen, and unknown words are an error, so that a typing slip is seen at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _clock(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):  # YAML 1.1 reads 9:00 as 540
        return time(value // 60, value % 60)
    if isinstance(value, str):
        hours, _, minutes = value.partition(":")
        if not (hours.isdigit() and minutes.isdigit() and len(minutes) == 2):
            raise ValueError(f"{value!r} is not a time like 09:00")
        if (hours, minutes) == ("24", "00"):
            return time.max
        return time(int(hours), int(minutes))
    return value


def _written(value: time) -> str:
    return "24:00" if value == time.max else f"{value:%H:%M}"


Clock = Annotated[time, BeforeValidator(_clock), PlainSerializer(_written, return_type=str)]
"""A time of day in Tokyo, written 09:00."""


def _month_day(value: Any) -> Any:
    if isinstance(value, str):
        month, _, day = value.partition("-")
        if not (month.isdigit() and day.isdigit()):
            raise ValueError(f"{value!r} is not a month and day like 12-29")
        date(2024, int(month), int(day))  # a leap year: 02-29 is a day of the calendar
        return (int(month), int(day))
    return value


MonthDay = Annotated[
    tuple[int, int],
    BeforeValidator(_month_day),
    PlainSerializer(lambda md: f"{md[0]:02}-{md[1]:02}", return_type=str),
]
"""A day of every year, written 12-29."""


class Season(Document):
    """From one day of the year to another, both included; may run over the year's end."""

    start: MonthDay
    end: MonthDay

    def holds(self, day: date) -> bool:
        """Whether the day lies in the season."""
        today = (day.month, day.day)
        if self.start <= self.end:
            return self.start <= today <= self.end
        return today >= self.start or today <= self.end


class When(Document):
    """A condition on a day. Every condition that is given must hold; an empty one always holds.

    `dates`: only on these days (12/28 until 17:00); `not_on`: on all but these.
    """

    weekdays: tuple[Weekday, ...] | None = None
    season: Season | None = None
    holiday: bool | None = None
    weekend_or_holiday: bool | None = None
    dates: tuple[date, ...] | None = None
    not_on: tuple[date, ...] = ()

    def holds(self, day: date, holidays: Holidays) -> bool:
        """Whether the condition holds on the day."""
        if day in self.not_on or (self.dates is not None and day not in self.dates):
            return False
        if self.weekdays is not None and weekday_of(day) not in self.weekdays:
            return False
        if self.season is not None and not self.season.holds(day):
            return False
        if self.holiday is not None and holidays(day) != self.holiday:
            return False
        return self.weekend_or_holiday is None or is_weekend_or_holiday(day, holidays) == self.weekend_or_holiday


ALWAYS = When()


def weekday_of(day: date) -> Weekday:
    """The weekday as rule documents write it."""
    return WEEKDAYS[day.weekday()]


def is_weekend_or_holiday(day: date, holidays: Holidays) -> bool:
    """Saturday, Sunday or a national holiday (土日祝)."""
    return day.weekday() >= 5 or holidays(day)


def next_day_where(day: date, wanted: Callable[[date], bool]) -> date:
    """The first day after `day` for which `wanted` is true, within a month (one always is in practice)."""
    for step in range(1, 32):
        candidate = day + timedelta(days=step)
        if wanted(candidate):
            return candidate
    raise ValueError("no such day within a month")


def months_before(day: date, months: int) -> date:
    """The same day `months` earlier; the month's last day where there is no such day (5/31 → 2/28)."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    last = _calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))
