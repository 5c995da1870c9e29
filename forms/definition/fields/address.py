"""An address in Japan: postal code → prefecture, city and town; then block and building."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed, one
from forms.normalising import normal

PARTS = ("postal_code", "prefecture", "city", "town", "block", "building")
MAX = {"prefecture": 4, "city": 30, "town": 60, "block": 60, "building": 80}


class AddressField(FieldSpec):
    """Postal code, prefecture, city, town, block (番地), building (may be empty). Every character is kept."""

    value_kind: ClassVar[str] = "address"
    parts: ClassVar[tuple[str, ...]] = PARTS
    type: Literal["address"]

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`. What the postal code says fills what was left empty; what was typed wins."""
        guarded = self.guard(typed)
        if guarded:
            return Reading(problems=guarded)
        given = {part: one(typed, part) for part in PARTS}
        if not any(given.values()):
            return Reading()
        problems: list[Problem] = []
        code = normal("postal_code", given["postal_code"])
        town = at.postal(code) if len(code) == 7 else None
        if not given["postal_code"]:
            problems.append(Problem("required_part", "postal_code"))
        elif len(code) != 7:
            problems.append(Problem("not_postal_code", "postal_code"))
        elif town is None:
            problems.append(Problem("unknown_postal_code", "postal_code"))
        if town is not None:
            given |= {
                k: given[k] or v for k, v in (("prefecture", town.prefecture), ("city", town.city), ("town", town.town))
            }
        problems += [Problem("required_part", part) for part in ("prefecture", "city", "block") if not given[part]]
        problems += [
            Problem("too_long", part, {"max": most, "now": len(given[part])})
            for part, most in MAX.items()
            if len(given[part]) > most
        ]
        if problems:
            return Reading(problems=tuple(problems))
        return Reading({**given, "postal_code": f"{code[:3]}-{code[3:]}"})

    def fill(self, typed: Typed, at: Moment) -> tuple[dict[str, list[str]], tuple[Problem, ...]]:
        """Answer the "search the address" button: what to put into the inputs, and what is wrong with the postal code."""
        filled = {part: [one(typed, part)] for part in PARTS}
        code = normal("postal_code", filled["postal_code"][0])
        if len(code) != 7:
            return filled, (Problem("not_postal_code", "postal_code"),)
        town = at.postal(code)
        if town is None:
            return filled, (Problem("unknown_postal_code", "postal_code"),)
        return {**filled, "prefecture": [town.prefecture], "city": [town.city], "town": [town.town]}, ()

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        del locale
        if not value:
            return ""
        place = "".join(value.get(part) or "" for part in ("prefecture", "city", "town", "block"))
        building = value.get("building") or ""
        code = re.sub(r"^(\d{3})(\d{4})$", r"\1-\2", str(value["postal_code"]))  # a source may keep seven digits
        return "\n".join(line for line in (f"〒{code}", place, building) if line)

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {part: [str((value or {}).get(part) or "")] for part in PARTS}

    def offers(self, value: Any) -> bool:
        """An address is not compared with a constant."""
        del value
        return False
