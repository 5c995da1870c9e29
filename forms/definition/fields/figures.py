"""A number; a date in 和暦 or 西暦."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed, one
from forms.definition.words import Words
from forms.normalising import normal
from portal.kernel.dates import DateError, both
from portal.kernel.text import digits

_OFFSET = re.compile(r"^today([+-]\d{1,5})?$")


class NumberField(FieldSpec):
    """A whole number. Full-width digits and a thousands comma are taken.

    Attributes:
        minimum, maximum: bounds, inclusive.
        unit: what is counted, shown behind the number.
        year: it counts nothing, it names a year: shown without a comma.
    """

    value_kind: ClassVar[str] = "number"
    type: Literal["number"]
    minimum: int = 0
    maximum: int = Field(default=1_000_000_000, le=10**15)
    unit: Words | None = None
    year: bool = False

    @model_validator(mode="after")
    def _bounds(self) -> NumberField:
        if self.minimum > self.maximum:
            raise ValueError("minimum は maximum より大きいです|minimum と maximum を入れかえます。")
        return self

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        guarded = self.guard(typed)
        if guarded:
            return Reading(problems=guarded)
        text = digits(one(typed)).replace(",", "").replace("，", "").replace("、", "")
        if not text:
            return Reading()
        if not re.fullmatch(r"[-−]?[0-9]{1,16}", text):
            return Reading(problems=(Problem("not_number"),))
        number = int(text.replace("−", "-"))
        if number < self.minimum:
            return Reading(problems=(Problem("too_small", facts={"min": self.minimum}),))
        if number > self.maximum:
            return Reading(problems=(Problem("too_large", facts={"max": self.maximum}),))
        return Reading(number)

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        if value is None:
            return ""
        unit = self.unit.in_(locale) if self.unit else ""
        number = str(value) if self.year else f"{value:,}"
        return f"{number}{' ' if unit and locale == 'en' else ''}{unit}"

    def offers(self, value: Any) -> bool:
        """See `FieldSpec.offers`."""
        return isinstance(value, int) and not isinstance(value, bool) and self.minimum <= value <= self.maximum


class DateField(FieldSpec):
    """A day, typed in 和暦 or 西暦; kept as ISO 8601, shown as both.

    Attributes:
        earliest, latest: bounds, inclusive: an ISO date, or `today`, `today+14`, `today-365` (days).
    """

    value_kind: ClassVar[str] = "date"
    type: Literal["date"]
    earliest: str | None = "1868-10-23"
    latest: str | None = None

    @field_validator("earliest", "latest")
    @classmethod
    def _can_be_read(cls, bound: str | None) -> str | None:
        if bound is not None and not _OFFSET.match(bound):
            try:
                date.fromisoformat(bound)
            except ValueError:
                raise ValueError(
                    f"「{bound}」は日付として読めません|2026-04-01、today、today+14 のように書きます。"
                ) from None
        return bound

    def between(self, today: date) -> tuple[date | None, date | None]:
        """The first and the last day that can be written on this day; None: no bound."""
        return self._bound(self.earliest, today), self._bound(self.latest, today)

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        guarded = self.guard(typed)
        if guarded:
            return Reading(problems=guarded)
        text = one(typed)
        if not text:
            return Reading()
        try:
            day = date.fromisoformat(normal("day", text))
        except DateError:
            return Reading(problems=(Problem("not_date"),))
        earliest, latest = self.between(at.today)
        if latest is not None and day > latest:
            code = "in_the_future" if self.latest == "today" else "too_late"
            return Reading(problems=(Problem(code, facts={"latest": latest}),))
        if earliest is not None and day < earliest:
            return Reading(problems=(Problem("too_early", facts={"earliest": earliest}),))
        return Reading(day.isoformat())

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        if value is None:
            return ""
        return str(value) if locale == "en" else both(date.fromisoformat(value))

    def offers(self, value: Any) -> bool:
        """See `FieldSpec.offers`."""
        try:
            date.fromisoformat(str(value))
        except ValueError:
            return False
        return True

    @staticmethod
    def _bound(bound: str | None, today: date) -> date | None:
        if bound is None:
            return None
        found = _OFFSET.match(bound)
        return today + timedelta(days=int(found.group(1) or 0)) if found else date.fromisoformat(bound)
