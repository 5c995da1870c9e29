"""A repeated group: the same few questions for each member, pet or date.

Kept as a list of entries, `{"_row": 1, "pet_name": "ポチ", …}`: the number of an entry stays when others go, so that a correction and
what was typed find it again. On the page its inputs are named `f.<group>.<row>.<field>[.<part>]`; `f.<group>.row` lists the entries,
`f.<group>.seen` the questions that were on the page (a question that was not there was not left empty).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed
from forms.definition.fields.simple import SimpleField
from forms.definition.words import Words

ROW = "_row"
MOST = 50


class GroupField(FieldSpec):
    """The keys of a repeated group.

    Attributes:
        minimum, maximum: how many entries; a required group needs one.
        entry: what one entry is called ("人目"): shown behind its number.
        fields: the questions of one entry; their ids are unique in the whole procedure.
    """

    value_kind: ClassVar[str] = "rows"
    inside_groups: ClassVar[bool] = False
    type: Literal["group"]
    minimum: int = Field(default=0, ge=0, le=MOST)
    maximum: int = Field(default=10, ge=1, le=MOST)
    entry: Words = Words(ja="つ目", en="Entry")
    fields: tuple[SimpleField, ...] = Field(min_length=1, max_length=30)

    @model_validator(mode="after")
    def _bounds(self) -> GroupField:
        if self.minimum > self.maximum:
            raise ValueError("minimum は maximum より大きいです|minimum と maximum を入れかえます。")
        return self

    @property
    def fewest(self) -> int:
        """How many entries there must be."""
        return max(self.minimum, 1) if self.required else self.minimum

    def inner(self, field_id: str) -> FieldSpec | None:
        """The question with this id."""
        return next((f for f in self.fields if f.id == field_id), None)

    def rows(self, typed: Typed) -> list[str]:
        """Numbers of the entries on the page, in order; at the beginning as many as there must be."""
        sent = [r for r in typed.get("row", ()) if r.isdigit() and 0 < int(r) < 10_000]
        rows = list(dict.fromkeys(sent))[: self.maximum]
        new = (str(n) for n in range(1, 10_000) if str(n) not in rows)
        while len(rows) < self.fewest:
            rows.append(next(new))
        return rows

    def inside(self, typed: Typed, row: str, field_id: str) -> dict[str, Sequence[str]]:
        """What was typed into one question of one entry, as its own type reads it."""
        start = f"{row}.{field_id}"
        return {
            part.removeprefix(start).removeprefix("."): texts
            for part, texts in typed.items()
            if part == start or part.startswith(start + ".")
        }

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`. Entries in which nothing was answered are dropped, as far as there need not be more."""
        rows = self.rows(typed)
        seen = set(typed.get("seen", ()))
        entries: list[dict[str, Any]] = []
        problems: list[Problem] = []
        flags: list[str] = []
        for row in rows:
            entry: dict[str, Any] = {ROW: int(row)}
            wrong: list[Problem] = []
            for spec in self.fields:
                if not spec.has_value or spec.computed or f"{row}.{spec.id}" not in seen:
                    continue
                reading = spec.read(self.inside(typed, row, spec.id), at)
                wrong += [Problem(p.code, join(row, spec.id, p.part), p.facts) for p in reading.problems]
                flags += [f for f in reading.flags if f not in flags]
                if not reading.problems:
                    entry[spec.id] = reading.value
            problems += wrong
            if wrong or any(v not in (None, "", []) for k, v in entry.items() if k != ROW) or len(rows) <= self.fewest:
                entries.append(entry)
        if problems:
            return Reading(problems=tuple(problems))
        if not any(len(entry) > 1 for entry in entries):
            return Reading()
        return Reading(entries, flags=tuple(flags))

    def written(self, typed: Typed, at: Moment) -> list[dict[str, Any]]:
        """The entries on the page in which something is written, also where some of it cannot be read: what is counted and summed there."""
        said = {
            row
            for row in self.rows(typed)
            for part, texts in typed.items()
            if part.startswith(f"{row}.") and any(text.strip() for text in texts)
        }
        return [entry for entry in self.entries(typed, at) if str(entry[ROW]) in said]

    def entries(self, typed: Typed, at: Moment) -> list[dict[str, Any]]:
        """Every entry on the page, blank ones too, with those answers that can be read: what the page's own rules go by."""
        seen = set(typed.get("seen", ()))
        found: list[dict[str, Any]] = []
        for row in self.rows(typed):
            entry: dict[str, Any] = {ROW: int(row)}
            for spec in self.fields:
                if spec.has_value and not spec.computed and f"{row}.{spec.id}" in seen:
                    reading = spec.read(self.inside(typed, row, spec.id), at)
                    if not reading.problems:
                        entry[spec.id] = reading.value
            found.append(entry)
        return found

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        lines: list[str] = []
        for n, entry in enumerate(value or (), start=1):
            lines.append(f"{self.entry.in_('en')} {n}" if locale == "en" else f"{n}{self.entry.ja}")
            for spec in self.fields:
                if spec.has_value and spec.id in entry:
                    text = spec.show(entry[spec.id], locale) or "—"
                    separator = ": " if locale == "en" else "："
                    lines.append(spec.label.in_(locale) + separator + text)
        return "\n".join(lines)

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        found: dict[str, list[str]] = {"row": [], "seen": []}
        for entry in value or ():
            row = str(entry[ROW])
            found["row"].append(row)
            for spec in self.fields:
                if spec.has_value and not spec.computed and spec.id in entry:
                    found["seen"].append(f"{row}.{spec.id}")
                    found |= {join(row, spec.id, p): t for p, t in spec.typed_of(entry[spec.id]).items()}
        return found

    def keeps(self, part: str) -> bool:
        """See `FieldSpec.keeps`."""
        if part in {"row", "seen"}:
            return True
        row, _dot, rest = part.partition(".")
        field_id, _dot, inner = rest.partition(".")
        spec = self.inner(field_id)
        return row.isdigit() and spec is not None and spec.keeps(inner)

    def merged(self, before: Typed, now: Typed) -> dict[str, list[str]]:
        """What was typed into questions that are not on the page stays, as long as their entry does."""
        seen = set(now.get("seen", ()))
        rows = set(self.rows(now))
        old = {
            part: list(texts)
            for part, texts in before.items()
            if part.partition(".")[0] in rows and ".".join(part.split(".")[:2]) not in seen
        }
        return {**old, **{part: list(texts) for part, texts in now.items()}}

    def added(self, typed: Typed) -> dict[str, list[str]]:
        """One more entry, as far as there may be more; its number is new."""
        rows = self.rows(typed)
        if len(rows) < self.maximum:
            rows.append(str(max((int(r) for r in rows), default=0) + 1))
        return {**{part: list(texts) for part, texts in typed.items()}, "row": rows}

    def removed(self, typed: Typed, row: str) -> dict[str, list[str]]:
        """Without one entry and what was typed into it."""
        kept = {p: list(t) for p, t in typed.items() if not p.startswith(f"{row}.") and p not in {"row", "seen"}}
        seen = [s for s in typed.get("seen", ()) if not s.startswith(f"{row}.")]
        return {**kept, "row": [r for r in self.rows(typed) if r != row], "seen": seen}

    def columns(self) -> tuple[str, ...]:
        """As many entries as there may be, side by side."""
        return tuple(
            f"{self.id}.{n}.{key}"
            for n in range(1, self.maximum + 1)
            for spec in self._asking()
            for key in spec.columns()
        )

    def cells(self, value: Any) -> dict[str, str]:
        """See `FieldSpec.cells`."""
        return {
            f"{self.id}.{n}.{key}": text
            for n, entry in enumerate(value or (), start=1)
            for spec in self._asking()
            for key, text in spec.cells(entry.get(spec.id)).items()
        }

    def _asking(self) -> Iterator[FieldSpec]:
        return (spec for spec in self.fields if spec.has_value)

    def offers(self, value: Any) -> bool:
        """In conditions a group stands for the number of its entries."""
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= self.maximum


def join(row: str | int, field_id: str, part: str = "") -> str:
    """The name of a part inside an entry."""
    return f"{row}.{field_id}" + (f".{part}" if part else "")
