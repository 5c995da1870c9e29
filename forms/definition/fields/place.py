"""A place: in words, and where somebody knows them its coordinates."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed, one
from portal.kernel.text import digits

BOUNDS = {"latitude": (Decimal(20), Decimal(46)), "longitude": (Decimal(122), Decimal(154))}
"""Japan with its islands, in degrees (WGS 84)."""


class PlaceField(FieldSpec):
    """A place in words, with coordinates that may be left out; kept as `{spot, latitude, longitude}`.

    Coordinates are texts in degrees (WGS 84) with at most six decimals (some 10 cm), "" where they are not known.
    """

    value_kind: ClassVar[str] = "place"
    parts: ClassVar[tuple[str, ...]] = ("spot", "latitude", "longitude")
    type: Literal["place"]
    max_length: int = Field(default=200, ge=1, le=500)

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        guarded = self.guard({"spot": typed.get("spot") or ()})
        if guarded:
            return Reading(problems=guarded)
        given = {part: one(typed, part) for part in self.parts}
        if not any(given.values()):
            return Reading()
        problems: list[Problem] = []
        if not given["spot"]:
            problems.append(Problem("required_part", "spot"))
        if len(given["spot"]) > self.max_length:
            problems.append(Problem("too_long", "spot", {"max": self.max_length, "now": len(given["spot"])}))
        for part in BOUNDS:
            degrees = _degrees(given[part], part)
            if given[part] and degrees is None:
                problems.append(Problem("not_coordinate", part))
            elif not given[part] and any(given[other] for other in BOUNDS):
                problems.append(Problem("required_part", part))
            given[part] = degrees or ""
        return Reading(problems=tuple(problems)) if problems else Reading(given)

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        if not value:
            return ""
        if not value.get("latitude"):
            return str(value["spot"])
        latitude, longitude = value["latitude"], value["longitude"]
        words = f"{latitude}, {longitude}" if locale == "en" else f"北緯 {latitude} 東経 {longitude}"
        return f"{value['spot']}\n{words}"

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {part: [str((value or {}).get(part) or "")] for part in self.parts}

    def offers(self, value: Any) -> bool:
        """A place is not compared with a constant."""
        del value
        return False


def _degrees(text: str, part: str) -> str | None:
    plain = digits(text).replace("．", ".")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,15})?", plain):
        return None
    low, high = BOUNDS[part]
    degrees = Decimal(plain)
    return str(round(degrees, 6)) if low <= degrees <= high else None
