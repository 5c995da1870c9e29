"""When a day can be booked: from when, until when, and what holds when the opening day itself is closed. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from reservations.calendar import Clock, Document, Holidays, MonthDay, is_weekend_or_holiday, months_before
from reservations.timetable import TOKYO, Slot


@dataclass(frozen=True)
class Days:
    """What is known of days: national holidays, and the days on which the facility is closed."""

    holidays: Holidays
    closed: Callable[[date], bool]


class _Opening(Document):
    """What every opening has.

    Attributes:
        at: the hour.
        when_closed: what holds where the facility is closed on that day (休館日なら): the same day all the same, the next day, the
            next weekday that is no holiday (翌平日), the next day on which it is open (直後の開館日).
        instead: days of the year that give way to another (1/1 → 1/4).
    """

    at: Clock = time(9, 0)
    when_closed: Literal["stay", "next_day", "next_weekday", "next_open"] = "stay"
    instead: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _days(self) -> _Opening:
        for text in (*self.instead, *self.instead.values()):
            month, _, day = text.partition("-")
            if not (month.isdigit() and day.isdigit()):
                raise ValueError(f"instead の「{text}」は月日ではありません。|01-04 のように書きます。")
            date(2024, int(month), int(day))
        return self

    def _moment(self, day: date, days: Days | None) -> datetime:
        moved = self.instead.get(f"{day:%m-%d}")
        if moved is not None:
            month, _, number = moved.partition("-")
            day = date(day.year, int(month), int(number))
        elif days is not None and self.when_closed != "stay" and days.closed(day):
            day = self._after(day, days)
        return datetime.combine(day, self.at, TOKYO)

    def _after(self, day: date, days: Days) -> date:
        for step in range(1, 62):
            later = day + timedelta(days=step)
            if (
                self.when_closed == "next_day"
                or (self.when_closed == "next_weekday" and not is_weekend_or_holiday(later, days.holidays))
                or (self.when_closed == "next_open" and not days.closed(later))
            ):
                return later
        return day  # closed for months: nothing better is known


class OpensMonthsBefore(_Opening):
    """Opens so many months before the day of use: on the same day, on the first, or on the nth day of that month.

    `plus_days`: so many days later (市外の方は先着開始の6日後から).
    """

    kind: Literal["months_before"]
    months: int = Field(ge=0, le=24)
    on: Literal["same_day", "first"] | Annotated[int, Field(ge=1, le=31)] = "same_day"
    plus_days: int = Field(default=0, ge=0, le=60)

    def opens(self, day: date, days: Days | None = None) -> datetime:
        """The moment from which the day can be booked."""
        earlier = months_before(day, self.months)
        if self.on == "first":
            earlier = earlier.replace(day=1)
        elif isinstance(self.on, int):
            wanted = self.on
            last = (earlier.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
            earlier = earlier.replace(day=min(wanted, last.day))
        return self._moment(earlier + timedelta(days=self.plus_days), days)


class OpensDaysBefore(_Opening):
    """Opens so many days before the day of use."""

    kind: Literal["days_before"]
    days: int = Field(ge=0, le=730)

    def opens(self, day: date, days: Days | None = None) -> datetime:
        """The moment from which the day can be booked."""
        return self._moment(day - timedelta(days=self.days), days)


class OpensYearly(_Opening):
    """All days of a period of the year open on one day (翌年度分を2月1日から)."""

    kind: Literal["yearly"]
    on: MonthDay
    period_from: MonthDay = (4, 1)

    def opens(self, day: date, days: Days | None = None) -> datetime:
        """The moment from which the day can be booked: the last such day before the period in which it lies."""
        begins = date(day.year, *self.period_from)
        if begins > day:
            begins = date(day.year - 1, *self.period_from)
        opening = date(begins.year, *self.on)
        if opening >= begins:
            opening = date(begins.year - 1, *self.on)
        return self._moment(opening, days)


Opens = Annotated[OpensMonthsBefore | OpensDaysBefore | OpensYearly, Field(discriminator="kind")]


class ClosesDaysBefore(Document):
    """Closes so many days before the day of use, at an hour (24:00: until the end of that day)."""

    kind: Literal["days_before"]
    days: int = Field(ge=0, le=365)
    at: Clock = time.max

    def closes(self, slot: Slot) -> datetime:
        """The moment from which it is too late."""
        return min(moment(slot.day - timedelta(days=self.days), self.at), slot.start)


class ClosesBeforeStart(Document):
    """Closes so many minutes before the slot begins."""

    kind: Literal["before_start"]
    minutes: int = Field(ge=0, le=10_080)

    def closes(self, slot: Slot) -> datetime:
        """The moment from which it is too late."""
        return slot.start - timedelta(minutes=self.minutes)


Closes = Annotated[ClosesDaysBefore | ClosesBeforeStart, Field(discriminator="kind")]


class Window(Document):
    """When a category may book. `categories` empty: every category that no earlier window names.

    `who`: whether somebody books for a registered group, for themselves, or both.
    """

    categories: tuple[str, ...] = ()
    who: Literal["all", "groups", "persons"] = "all"
    opens: Opens
    closes: Closes

    def fits(self, category: str, *, group: bool) -> bool:
        """Whether it holds for somebody."""
        by = self.who == "all" or (self.who == "groups") == group
        return by and (not self.categories or category in self.categories)


def moment(day: date, clock: time) -> datetime:
    """A clock time of a day in Tokyo; 24:00 is the beginning of the next day."""
    if clock == time.max:
        return datetime.combine(day + timedelta(days=1), time(), TOKYO)
    return datetime.combine(day, clock, TOKYO)
