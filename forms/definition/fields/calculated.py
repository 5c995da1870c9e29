"""A value that the rules compute from answers, the applicant and the day; nobody types it."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, Literal

from pydantic import Field

from forms.definition.conditions import Condition
from forms.definition.fields.base import FieldSpec, Moment, Reading, Typed
from forms.definition.values import Value
from forms.definition.words import Strict, Words
from portal.kernel.dates import both


class Case(Strict):
    """One way to compute: taken where `when` holds."""

    when: Condition
    value: Value


class CalculatedField(FieldSpec):
    """Shown where it stands, filed with the rest, never read from the page.

    Attributes:
        result: what comes out; checked against what goes in.
        value: how it is computed; nothing is shown where that gives nothing.
        cases: other ways, the first whose condition holds wins over `value`.
        unit: what is counted, behind a number.
    """

    computed: ClassVar[bool] = True
    type: Literal["calculated"]
    result: Literal["number", "money", "date", "text"]
    value: Value | None = None
    cases: tuple[Case, ...] = Field(default=(), max_length=50)
    unit: Words | None = None
    required: bool = False

    def read(self, typed: Typed, at: Moment) -> Reading:
        """Nothing that is sent is taken."""
        del typed, at
        return Reading()

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        if value is None:
            return ""
        if self.result == "money":
            return f"¥{value:,}" if locale == "en" else f"{value:,}円"
        if self.result == "date":
            return str(value) if locale == "en" else both(date.fromisoformat(value))
        if self.result == "number":
            unit = self.unit.in_(locale) if self.unit else ""
            return f"{value:,}{' ' if unit and locale == 'en' else ''}{unit}"
        return str(value)

    def keeps(self, part: str) -> bool:
        """Nothing is kept."""
        del part
        return False

    def offers(self, value: Any) -> bool:
        """See `FieldSpec.offers`."""
        if self.result in {"number", "money"}:
            return isinstance(value, int) and not isinstance(value, bool)
        return isinstance(value, str)

    @property
    def values(self) -> tuple[Any, ...]:
        """Every way to compute it."""
        return (*(case.value for case in self.cases), *(() if self.value is None else (self.value,)))
