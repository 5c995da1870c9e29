"""A person: name, reading, the name they go by (通称), date of birth; each part bound to its own data item."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar, Literal

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed, one
from forms.definition.fields.figures import DateField
from forms.definition.fields.text import KanaField, NameField
from portal.kernel.dates import both

ITEMS: Mapping[str, str] = {
    "name": "person.name",
    "kana": "person.kana",
    "alias": "person.alias",
    "birth_date": "person.birth_date",
}


class PersonField(FieldSpec):
    """Kept as `{name, kana, alias, birth_date}`; what is not asked or left empty is "". Every character of the names is kept.

    A name may be one word (no family name), have 60 characters (shape selectors not counted), and stand beside an alias (CASES A12).

    Attributes:
        alias: whether 通称 is asked (住民基本台帳法施行令 §30の16: recorded beside the legal name); it may always be left empty.
        birth_date: whether the date of birth is asked.
    """

    value_kind: ClassVar[str] = "person"
    parts: ClassVar[tuple[str, ...]] = ("name", "kana", "alias", "birth_date")
    type: Literal["person"]
    alias: bool = True
    birth_date: bool = True

    @property
    def asked(self) -> tuple[str, ...]:
        """The parts that are on the page, in order."""
        left_out = {part for part in ("alias", "birth_date") if not getattr(self, part)}
        return tuple(part for part in self.parts if part not in left_out)

    def _part(self, part: str) -> FieldSpec:
        common: dict[str, Any] = {"id": self.id, "label": self.label}
        if part == "birth_date":
            return DateField(**common, type="date", latest="today")
        return KanaField(**common, type="kana") if part == "kana" else NameField(**common, type="name")

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        guarded = self.guard(typed)
        if guarded:
            return Reading(problems=guarded)
        if not any(one(typed, part) for part in self.asked):
            return Reading()
        value = dict.fromkeys(self.parts, "")
        problems: list[Problem] = []
        flags: tuple[str, ...] = ()
        for part in self.asked:
            reading = self._part(part).read({"": [one(typed, part)]}, at)
            problems += [Problem(p.code, part, p.facts) for p in reading.problems]
            flags = flags or reading.flags
            if reading.value is not None:
                value[part] = str(reading.value)
            elif not reading.problems and part != "alias":
                problems.append(Problem("required_part", part))
        return Reading(problems=tuple(problems)) if problems else Reading(value, flags=flags)

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        if not value:
            return ""
        alias = value.get("alias")
        born = value.get("birth_date")
        lines = [
            value["name"],
            value["kana"],
            (f"Also known as {alias}" if locale == "en" else f"通称 {alias}") if alias else "",
            (born if locale == "en" else f"{both(date.fromisoformat(born))}生まれ") if born else "",
        ]
        return "\n".join(line for line in lines if line)

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {part: [str((value or {}).get(part) or "")] for part in self.parts}

    def parts_of(self, value: Mapping[str, str]) -> dict[str, list[str]]:
        """The same for some of its parts, leaving the others alone."""
        return {part: [text] for part, text in value.items()}

    def offers(self, value: Any) -> bool:
        """A person is not compared with a constant."""
        del value
        return False
