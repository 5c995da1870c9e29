"""A time of day; a period from one day to another."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed, one
from forms.definition.fields.figures import DateField
from portal.kernel.text import digits

_TIME = re.compile(
    r"(?P<half>午前|午後|am|pm)?\s*(?P<hour>[0-9]{1,2})\s*(?:[:.時]\s*(?:(?P<minute>[0-9]{1,2})\s*分?|(?P<thirty>半))?)?",
    re.IGNORECASE,
)
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def parse_time(text: str) -> str | None:
    """A time as people write it ("9:30", "９時半", "午後3時", "0930") as "09:30"; None where it cannot be read."""
    plain = digits(text).replace("：", ":").strip()
    if re.fullmatch(r"[0-9]{4}", plain):
        plain = f"{plain[:2]}:{plain[2:]}"
    found = _TIME.fullmatch(plain)
    if found is None or (found["half"] is None and not re.search(r"[:.時]", plain)):
        return None
    hour, minute = int(found["hour"]), 30 if found["thirty"] else int(found["minute"] or 0)
    half = (found["half"] or "").lower()
    if half and hour > 12:
        return None
    if half in {"午後", "pm"}:
        hour = hour % 12 + 12
    elif half == "am":
        hour %= 12
    if hour > 23 or minute > 59:
        return None
    return f"{hour:02}:{minute:02}"


class TimeField(FieldSpec):
    """A time of day, kept as HH:MM.

    Attributes:
        earliest, latest: bounds, inclusive, HH:MM.
    """

    value_kind: ClassVar[str] = "time"
    type: Literal["time"]
    earliest: str = Field(default="00:00", pattern=CLOCK)
    latest: str = Field(default="23:59", pattern=CLOCK)

    @model_validator(mode="after")
    def _bounds(self) -> TimeField:
        if self.earliest > self.latest:
            raise ValueError("earliest は latest より後です|earliest と latest を入れかえます。")
        return self

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        guarded = self.guard(typed)
        if guarded:
            return Reading(problems=guarded)
        text = one(typed)
        if not text:
            return Reading()
        found = parse_time(text)
        if found is None:
            return Reading(problems=(Problem("not_time"),))
        if not self.earliest <= found <= self.latest:
            return Reading(
                problems=(Problem("outside_hours", facts={"earliest": self.earliest, "latest": self.latest}),)
            )
        return Reading(found)

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        if value is None:
            return ""
        clock = time.fromisoformat(value)
        if locale == "en":
            return str(value)
        return f"{clock.hour}時{clock.minute}分" if clock.minute else f"{clock.hour}時"

    def offers(self, value: Any) -> bool:
        """See `FieldSpec.offers`."""
        return isinstance(value, str) and re.fullmatch(CLOCK, value) is not None


class PeriodField(FieldSpec):
    """From one day to another, both included; kept as `{from, until}`, each ISO 8601.

    Attributes:
        earliest, latest: bounds of both days, as in `DateField`.
        max_days: longest period, in days, both ends counted.
    """

    value_kind: ClassVar[str] = "period"
    parts: ClassVar[tuple[str, ...]] = ("from", "until")
    type: Literal["period"]
    earliest: str | None = "1868-10-23"
    latest: str | None = None
    max_days: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _bounds_can_be_read(self) -> PeriodField:
        self._day()
        return self

    def _day(self) -> DateField:
        return DateField(id=self.id, label=self.label, type="date", earliest=self.earliest, latest=self.latest)

    def between(self, today: date) -> tuple[date | None, date | None]:
        """The first and the last day that can be written on this day; None: no bound."""
        return self._day().between(today)

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        guarded = self.guard(typed)
        if guarded:
            return Reading(problems=guarded)
        if not any(one(typed, part) for part in self.parts):
            return Reading()
        days: dict[str, str] = {}
        problems: list[Problem] = []
        for part in self.parts:
            reading = self._day().read({"": [one(typed, part)]}, at)
            problems += [Problem(p.code, part, p.facts) for p in reading.problems]
            if reading.value is not None:
                days[part] = reading.value
            elif not reading.problems:
                problems.append(Problem("required_part", part))
        if problems:
            return Reading(problems=tuple(problems))
        if days["until"] < days["from"]:
            return Reading(problems=(Problem("ends_before", "until"),))
        length = (date.fromisoformat(days["until"]) - date.fromisoformat(days["from"])).days + 1
        if self.max_days is not None and length > self.max_days:
            return Reading(problems=(Problem("too_many_days", "until", {"max": self.max_days, "now": length}),))
        return Reading(days)

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        if not value:
            return ""
        first, last = (self._day().show(value[part], locale) for part in self.parts)
        return f"{first} – {last}" if locale == "en" else f"{first}から\n{last}まで"

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {part: [str((value or {}).get(part) or "")] for part in self.parts}

    def offers(self, value: Any) -> bool:
        """A period is not compared with a constant."""
        del value
        return False
