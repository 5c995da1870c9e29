"""A day and a time to choose from what the city offers: working days in a window, the same times each day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed, one
from forms.definition.fields.moments import CLOCK, TimeField
from portal.kernel.dates import both, is_holiday, is_working_day

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_JA = "月火水木金土日"


class AppointmentField(FieldSpec):
    """Kept as `{day, time}`. How many people come at one time is not counted here: what takes places is a booking.

    Attributes:
        earliest_days, latest_days: the window, in days from today.
        weekdays: days that are offered; none: the office's working days.
        closed: days on which nothing is offered. National holidays never are.
        times: when one can come, HH:MM.
    """

    value_kind: ClassVar[str] = "appointment"
    parts: ClassVar[tuple[str, ...]] = ("day", "time")
    type: Literal["appointment"]
    earliest_days: int = Field(default=1, ge=0, le=365)
    latest_days: int = Field(default=30, ge=1, le=365)
    weekdays: tuple[Weekday, ...] = ()
    closed: tuple[date, ...] = ()
    times: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _window(self) -> AppointmentField:
        if self.earliest_days > self.latest_days:
            raise ValueError("earliest_days は latest_days より後です|2つを入れかえます。")
        for time in self.times:
            TimeField(id=self.id, label=self.label, type="time", earliest=time)
        return self

    def days(self, today: date) -> list[date]:
        """The days that can be chosen today."""
        window = (today + timedelta(days=n) for n in range(self.earliest_days, self.latest_days + 1))
        return [day for day in window if self._is_open(day)]

    def _is_open(self, day: date) -> bool:
        if day in self.closed:
            return False
        if self.weekdays:
            return WEEKDAYS[day.weekday()] in self.weekdays and not is_holiday(day)
        return is_working_day(day)

    def day_words(self, day: date, locale: str) -> str:
        """A day with its weekday."""
        if locale == "en":
            return f"{day.isoformat()} ({WEEKDAYS[day.weekday()].title()})"
        return f"{day.month}月{day.day}日({_JA[day.weekday()]})"

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        guarded = self.guard(typed)
        if guarded:
            return Reading(problems=guarded)
        given = {part: one(typed, part) for part in self.parts}
        if not any(given.values()):
            return Reading()
        problems = [Problem("required_part", part) for part in self.parts if not given[part]]
        if given["day"] and given["day"] not in {day.isoformat() for day in self.days(at.today)}:
            problems.append(Problem("not_offered", "day"))
        if given["time"] and given["time"] not in self.times:
            problems.append(Problem("not_offered", "time"))
        return Reading(problems=tuple(problems)) if problems else Reading(given)

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        if not value:
            return ""
        day = date.fromisoformat(value["day"])
        if locale == "en":
            return f"{self.day_words(day, 'en')} {value['time']}"
        return f"{both(day)} {_JA[day.weekday()]}曜日\n{value['time']}"

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {part: [str((value or {}).get(part) or "")] for part in self.parts}

    def offers(self, value: Any) -> bool:
        """An appointment is not compared with a constant."""
        del value
        return False


__all__ = ["CLOCK", "AppointmentField"]
