"""Filed answers line by line, as pages and papers show them: what stands in the answers, nothing that rules would hide today. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forms import rules
from forms.definition import FieldSpec, Procedure, Step
from forms.definition.fields import ROW, GroupField
from forms.definition.paths import label_at
from forms.definition.procedure import Attachment
from forms.masking import MASK
from portal.kernel.text import beyond_jis2


@dataclass(frozen=True, slots=True)
class Line:
    """One answer: its path (`forms.definition.paths`), question, field, value, and the value in words ("" where it was left empty)."""

    path: str
    label: str
    spec: FieldSpec
    value: Any
    text: str

    @property
    def check_shape(self) -> bool:
        """Whether a name has characters outside JIS level 2, so that a person checks their shape (字形確認)."""
        if self.spec.kind == "name":
            return bool(self.value) and bool(beyond_jis2(str(self.value)))
        if self.spec.kind == "person" and self.value:
            return bool(beyond_jis2(self.value["name"] + self.value.get("alias", "")))
        return False


def on_paper(procedure: Procedure, answers: Mapping[str, Any]) -> list[Attachment]:
    """The papers that these answers ask for and that come by post or to the counter: nothing was uploaded for them."""
    return [
        paper
        for paper in procedure.attachments
        if paper.required
        and "here" not in paper.ways
        and (paper.needed_if is None or rules.holds(procedure, answers, paper.needed_if))
    ]


def lines(
    procedure: Procedure, step: Step, answers: Mapping[str, Any], locale: str, hidden: frozenset[str] = frozenset()
) -> list[Line]:
    """The lines of one step; a repeated group has one for each question of each entry. What is hidden (`forms.masking`) has no value."""
    found = _lines(procedure, step, answers, locale)
    return [Line(x.path, x.label, x.spec, None, MASK) if x.path in hidden else x for x in found]


def _lines(procedure: Procedure, step: Step, answers: Mapping[str, Any], locale: str) -> Iterator[Line]:
    for spec in step.fields:
        if spec.id not in answers:
            continue
        value = answers[spec.id]
        if not isinstance(spec, GroupField) or not value:
            yield Line(spec.id, spec.label.in_(locale), spec, value, spec.show(value, locale))
            continue
        for entry in value:
            for inner in spec.fields:
                if inner.id in entry:
                    path = f"{spec.id}.{entry[ROW]}.{inner.id}"
                    label = label_at(procedure, answers, path, locale)
                    yield Line(path, label, inner, entry[inner.id], inner.show(entry[inner.id], locale))


def steps(
    procedure: Procedure, answers: Mapping[str, Any], locale: str, hidden: frozenset[str] = frozenset()
) -> list[tuple[Step, list[Line]]]:
    """Step by step; steps without an answer are left out."""
    found = [(step, lines(procedure, step, answers, locale, hidden)) for step in procedure.steps]
    return [(step, rows) for step, rows in found if rows]
