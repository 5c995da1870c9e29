"""An amount of money."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed, one
from forms.definition.words import Words
from portal.kernel.text import digits

YEN = Words(ja="円", en="yen")


class MoneyField(FieldSpec):
    """Whole yen, kept as an integer. "3,000円", "¥3000" and full-width digits are taken.

    Attributes:
        minimum, maximum: bounds in yen, inclusive.
    """

    value_kind: ClassVar[str] = "number"
    unit: ClassVar[Words] = YEN
    type: Literal["money"]
    minimum: int = Field(default=0, ge=0)
    maximum: int = Field(default=1_000_000_000, le=10**15)

    @model_validator(mode="after")
    def _bounds(self) -> MoneyField:
        if self.minimum > self.maximum:
            raise ValueError("minimum は maximum より大きいです|minimum と maximum を入れかえます。")
        return self

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        guarded = self.guard(typed)
        if guarded:
            return Reading(problems=guarded)
        text = re.sub(r"[,，、\s]", "", digits(one(typed))).removesuffix("円").lstrip("¥￥\\")
        if not one(typed):
            return Reading()
        if not re.fullmatch(r"[0-9]{1,16}", text):
            return Reading(problems=(Problem("not_money"),))
        yen = int(text)
        if yen < self.minimum:
            return Reading(problems=(Problem("too_small", facts={"min": self.minimum}),))
        if yen > self.maximum:
            return Reading(problems=(Problem("too_large", facts={"max": self.maximum}),))
        return Reading(yen)

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        if value is None:
            return ""
        return f"¥{value:,}" if locale == "en" else f"{value:,}円"

    def offers(self, value: Any) -> bool:
        """See `FieldSpec.offers`."""
        return isinstance(value, int) and not isinstance(value, bool) and self.minimum <= value <= self.maximum
