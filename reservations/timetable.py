"""When a space can be used: bands, grids and nights on each date, and the days that are closed. Pure.

A timetable is a document that holds from a date. Every slot rule whose condition holds on a day adds its slots, so bands that
exist only in summer are one more rule; slots may overlap each other (a whole-day band beside its parts): who takes what is
decided by the exclusion constraint, not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from reservations.calendar import (
    ALWAYS,
    Clock,
    Document,
    Holidays,
    MonthDay,
    Season,
    Weekday,
    When,
    is_weekend_or_holiday,
    next_day_where,
    weekday_of,
)

TOKYO = ZoneInfo("Asia/Tokyo")
PartOfDay = Literal["morning", "afternoon", "evening"]


@dataclass(frozen=True, order=True)
class Slot:
    """One piece of time that can be booked: half open, aware, in Tokyo's time.

    `before` and `after`: minutes for preparing and clearing that the units are taken beside it (0 where the slot includes them).
    """

    start: datetime
    end: datetime
    code: str
    name: str
    name_en: str = ""
    before: int = 0
    after: int = 0

    @property
    def day(self) -> date:
        """The day of use: the one on which it begins."""
        return self.start.date()

    @property
    def minutes(self) -> int:
        """Length in minutes."""
        return int((self.end - self.start).total_seconds()) // 60

    @property
    def taken_from(self) -> datetime:
        """From when the units are taken: the start, or earlier for preparing."""
        return self.start - timedelta(minutes=self.before)

    @property
    def taken_until(self) -> datetime:
        """Until when the units are taken: the end, or later for clearing."""
        return self.end + timedelta(minutes=self.after)

    @property
    def overnight(self) -> bool:
        """Whether it is a stay (1泊): it ends on a later day than it begins, and not at midnight."""
        return self.end.date() > self.start.date() and self.end.time() != time()

    @property
    def part(self) -> PartOfDay:
        """Morning until noon, evening from 17:00, by the beginning."""
        if self.start.hour < 12:
            return "morning"
        return "afternoon" if self.start.hour < 17 else "evening"


@dataclass(frozen=True)
class Closed:
    """Why a day is closed: the rule's code and its words for people."""

    code: str
    label: str
    label_en: str


class Band(Document):
    """A named piece of a day (コマ), such as 午前 9:00-12:00."""

    code: str = Field(pattern=r"^[a-z0-9_-]{1,20}$")
    name: str
    name_en: str = ""
    start: Clock
    end: Clock

    @model_validator(mode="after")
    def _forward(self) -> Band:
        if self.end <= self.start:
            raise ValueError(f"band {self.code}: the end {self.end:%H:%M} is not after the start {self.start:%H:%M}")
        return self


class Bands(Document):
    """Two to seven named bands a day."""

    kind: Literal["bands"]
    when: When = ALWAYS
    bands: tuple[Band, ...] = Field(min_length=1)


class Grid(Document):
    """Equal pieces from opening to closing; pieces that touch a break are left out."""

    kind: Literal["grid"]
    when: When = ALWAYS
    start: Clock
    end: Clock
    minutes: int = Field(ge=15, le=720)
    breaks: tuple[tuple[Clock, Clock], ...] = ()

    @model_validator(mode="after")
    def _forward(self) -> Grid:
        if self.end <= self.start:
            raise ValueError("grid: the end is not after the start")
        return self


class Night(Document):
    """A stay from check-in to check-out on the next day (1泊)."""

    kind: Literal["night"]
    when: When = ALWAYS
    code: str = "night"
    name: str = "1泊"
    name_en: str = "1 night"
    start: Clock
    end: Clock


SlotRule = Annotated[Bands | Grid | Night, Field(discriminator="kind")]


class Seasonal(Document):
    """A rule that may hold in a season only, or rest in one (特定月だけ無休)."""

    season: Season | None = None
    not_in: Season | None = None

    def in_season(self, day: date) -> bool:
        """Whether the rule is at work on the day."""
        if self.season is not None and not self.season.holds(day):
            return False
        return self.not_in is None or not self.not_in.holds(day)


class Moving(Seasonal):
    """A closed day that comes again and again; what happens when it is a holiday differs by city.

    `stay`: closed all the same. `open`: open, no day instead. `next_day`: the day after. `next_weekday`: the next day that is
    neither weekend nor holiday. `next_not_holiday`: the next day that is no holiday. `next:wed`: the next Wednesday.
    """

    when_holiday: Literal[
        "stay",
        "open",
        "next_day",
        "next_weekday",
        "next_not_holiday",
        "next:mon",
        "next:tue",
        "next:wed",
        "next:thu",
        "next:fri",
    ] = "stay"

    def closes(self, day: date, holidays: Holidays) -> bool:
        """Whether the rule closes the day, itself or instead of an earlier one."""
        if self._own(day):
            return not holidays(day) or self.when_holiday == "stay"
        if self.when_holiday in {"stay", "open"}:
            return False
        earlier = (day - timedelta(days=back) for back in range(1, 15))
        return any(holidays(d) and self._own(d) and self._instead(d, holidays) == day for d in earlier)

    def moves(self, day: date, holidays: Holidays) -> date | None:
        """The day that is closed instead of one of the rule's own that is a holiday; None where nothing moves."""
        if not (self._own(day) and holidays(day)) or self.when_holiday in {"stay", "open"}:
            return None
        return self._instead(day, holidays)

    def _own(self, day: date) -> bool:
        return self.in_season(day) and self.falls_on(day)

    def falls_on(self, day: date) -> bool:
        """Whether the day is one of the rule's own, holiday or not."""
        raise NotImplementedError  # each rule has its own; this class is never a rule itself

    def _instead(self, day: date, holidays: Holidays) -> date:
        match self.when_holiday:
            case "next_weekday":
                return next_day_where(day, lambda d: not is_weekend_or_holiday(d, holidays))
            case "next_not_holiday":
                return next_day_where(day, lambda d: not holidays(d))
            case "next_day":
                return day + timedelta(days=1)
            case named:
                return next_day_where(day, lambda d: weekday_of(d) == named.removeprefix("next:"))


class ClosedWeekly(Moving):
    """Closed each such weekday."""

    kind: Literal["weekly"]
    weekdays: tuple[Weekday, ...] = Field(min_length=1)
    label: str = "休館日"
    label_en: str = "Closed"

    def falls_on(self, day: date) -> bool:
        """Whether the day is such a weekday."""
        return weekday_of(day) in self.weekdays


class ClosedYearly(Document):
    """Closed from one day of the year to another, both included (年末年始)."""

    kind: Literal["yearly"]
    start: MonthDay
    end: MonthDay
    label: str = "年末年始の休み"
    label_en: str = "Closed for the New Year"

    def closes(self, day: date, holidays: Holidays) -> bool:
        """Whether the day lies in the span."""
        del holidays
        return Season(start=self.start, end=self.end).holds(day)


class ClosedHolidays(Seasonal):
    """Closed on holidays themselves (祝日休館)."""

    kind: Literal["holidays"]
    label: str = "祝日の休み"
    label_en: str = "Closed on holidays"

    def closes(self, day: date, holidays: Holidays) -> bool:
        """Whether the day is a holiday."""
        return self.in_season(day) and holidays(day)


class ClosedAfterHoliday(Seasonal):
    """Closed on the day after a holiday (祝日の翌日)."""

    kind: Literal["after_holiday"]
    except_weekend: bool = False
    label: str = "祝日の翌日の休み"
    label_en: str = "Closed after a holiday"

    def closes(self, day: date, holidays: Holidays) -> bool:
        """Whether yesterday was a holiday and today is none."""
        if not self.in_season(day) or (self.except_weekend and day.weekday() >= 5):
            return False
        return holidays(day - timedelta(days=1)) and not holidays(day)


class ClosedNthWeekday(Moving):
    """Closed on the nth such weekday of each month (館内整理日: 毎月第4金曜); -1: the last one."""

    kind: Literal["nth_weekday"]
    nth: Literal[1, 2, 3, 4, 5, -1]
    weekday: Weekday
    label: str = "館内整理日"
    label_en: str = "Closed for upkeep"

    def falls_on(self, day: date) -> bool:
        """Whether the day is that one."""
        if weekday_of(day) != self.weekday:
            return False
        if self.nth == -1:
            return (day + timedelta(days=7)).month != day.month
        return (day.day - 1) // 7 + 1 == self.nth


class ClosedMonthly(Moving):
    """Closed on a day of each month (毎月25日); -1: the last day. A day that the month does not have is left out."""

    kind: Literal["monthly"]
    day: int = Field(ge=-1, le=31)
    label: str = "休館日"
    label_en: str = "Closed"

    def falls_on(self, day: date) -> bool:
        """Whether the day is that one."""
        return day.day == self.day or (self.day == -1 and (day + timedelta(days=1)).day == 1)

    @model_validator(mode="after")
    def _a_day(self) -> ClosedMonthly:
        if self.day == 0:
            raise ValueError("a month has no day 0; -1 is its last day")
        return self


class ClosedDates(Document):
    """Single closed days (臨時休館)."""

    kind: Literal["dates"]
    dates: tuple[date, ...]
    label: str = "臨時の休み"
    label_en: str = "Closed for the day"

    def closes(self, day: date, holidays: Holidays) -> bool:
        """Whether the day is listed."""
        del holidays
        return day in self.dates


ClosedRule = Annotated[
    ClosedWeekly | ClosedYearly | ClosedHolidays | ClosedAfterHoliday | ClosedNthWeekday | ClosedMonthly | ClosedDates,
    Field(discriminator="kind"),
]


class Around(Document):
    """Minutes that are added before and after each use for preparing and clearing; a slot that includes them needs none."""

    before: int = Field(default=0, ge=0, le=720)
    after: int = Field(default=0, ge=0, le=720)


class Timetable(Document):
    """Opening times of a kind of space, from a date (開館表)."""

    code: str
    valid_from: date
    sample: bool
    source: str = ""
    slots: tuple[SlotRule, ...] = Field(min_length=1)
    closed: tuple[ClosedRule, ...] = ()
    open_on: tuple[date, ...] = ()
    around: Around | None = None

    def closure_on(self, day: date, holidays: Holidays) -> Closed | None:
        """Why the day is closed, or None. A single opening (`open_on`) is stronger than every rule."""
        if day in self.open_on:
            return None
        for rule in self.closed:
            if rule.closes(day, holidays):
                return Closed(rule.kind, rule.label, rule.label_en)
        return None

    def slots_on(self, day: date, holidays: Holidays) -> tuple[Slot, ...]:
        """All slots of the day in order; none on a closed day."""
        if self.closure_on(day, holidays) is not None:
            return ()
        found = sorted(slot for rule in self.slots if rule.when.holds(day, holidays) for slot in _slots(rule, day))
        return tuple([self._with_around(slot) for slot in found])

    def opens_after(self, day: date, holidays: Holidays) -> date | None:
        """The next day that has slots, within a year; None where there is none."""
        later = (day + timedelta(days=n) for n in range(1, 367))
        return next((one for one in later if self.slots_on(one, holidays)), None)

    def slot(self, day: date, code: str, holidays: Holidays) -> Slot | None:
        """The slot with that code on that day, or None where there is none."""
        if self.closure_on(day, holidays) is not None:
            return None
        rules = (rule for rule in self.slots if rule.when.holds(day, holidays))
        found = min((slot for rule in rules for slot in _slots(rule, day) if slot.code == code), default=None)
        return found and self._with_around(found)

    def _with_around(self, slot: Slot) -> Slot:
        return replace(slot, before=self.around.before, after=self.around.after) if self.around else slot


@lru_cache(maxsize=4096)
def _slots(rule: SlotRule, day: date) -> tuple[Slot, ...]:
    return tuple(_made(rule, day))


def _made(rule: SlotRule, day: date) -> Iterator[Slot]:
    match rule:
        case Bands():
            for band in rule.bands:
                yield Slot(_at(day, band.start), _at(day, band.end), band.code, band.name, band.name_en)
        case Grid():
            yield from _grid(rule, day)
        case Night():
            yield Slot(_at(day, rule.start), _at(day + timedelta(days=1), rule.end), rule.code, rule.name, rule.name_en)


def _grid(rule: Grid, day: date) -> Iterator[Slot]:
    step, end = timedelta(minutes=rule.minutes), _at(day, rule.end)
    breaks = [(_at(day, start), _at(day, stop)) for start, stop in rule.breaks]
    start = _at(day, rule.start)
    while start + step <= end:
        stop = start + step
        blocking = [pause_end for pause, pause_end in breaks if start < pause_end and pause < stop]
        if blocking:
            start = max(blocking)
            continue
        label = f"{start:%H:%M}〜{_hour(stop, day)}"
        yield Slot(start, stop, f"t{start:%H%M}", label, label.replace("〜", "-"))
        start = stop


def _at(day: date, clock: time) -> datetime:
    if clock == time.max:
        return datetime.combine(day + timedelta(days=1), time(), TOKYO)
    return datetime.combine(day, clock, TOKYO)


def _hour(moment: datetime, day: date) -> str:
    return f"{moment:%H:%M}" if moment.date() == day else "24:00"
