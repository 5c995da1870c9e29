"""Reading the questions of a page: what was typed, what was on the page, what the answers just opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forms import rules
from forms.definition import FieldSpec, Moment, Problem, Procedure, Step, Typed
from forms.definition.fields import GroupField
from portal.kernel.text import without_control


@dataclass(frozen=True, slots=True)
class ReadFields:
    """What came of reading several fields: values, problems, marks, and the typed texts that may be kept."""

    values: dict[str, Any]
    problems: dict[str, tuple[Problem, ...]]
    flags: dict[str, list[str]]
    keep: dict[str, dict[str, list[str]]]


def read_fields(
    fields: Iterable[FieldSpec], typed: Mapping[str, Typed], at: Moment, *, locked_values: Mapping[str, Any]
) -> ReadFields:
    """Read fields from what was typed. Locked values stay what their source said, whatever was sent (DESIGN invariant 7)."""
    result = ReadFields({}, {}, {}, {})
    for spec in fields:
        if not spec.has_value or spec.computed:
            continue
        if spec.id in locked_values:
            held = result.values[spec.id] = locked_values[spec.id]
            marks = () if spec.stored else spec.read(spec.typed_of(held), at).flags
            if marks:
                result.flags[spec.id] = list(marks)
            continue
        texts = typed.get(spec.id, {})
        reading = spec.read(texts, at)
        if reading.problems:
            result.problems[spec.id] = reading.problems
        else:
            result.values[spec.id] = reading.value
            if reading.flags:
                result.flags[spec.id] = list(reading.flags)
        forget = {p.part for p in reading.problems if p.code == "resident_number"}
        result.keep[spec.id] = {
            part: [without_control(t) for t in each]
            for part, each in texts.items()
            if spec.keeps(part) and part not in forget
        }
    return result


def stored(procedure: Procedure, answers: Mapping[str, Any]) -> dict[str, Any]:
    """What files were handed in so far: only `forms.attachments` changes it, whatever a browser sends."""
    return {spec.id: answers.get(spec.id) for spec in procedure.fields() if spec.stored}


def parts_on_page(step: Step, seen: set[str], typed: Mapping[str, Typed]) -> set[tuple[str, str]]:
    """What was on the page: (field id, "" or the part of an entry)."""
    found = {(field_id, "") for field_id in seen}
    for spec in step.fields:
        if isinstance(spec, GroupField) and spec.id in seen:
            found |= {(spec.id, part) for part in typed.get(spec.id, {}).get("seen", ())}
    return found


def opened_unseen(
    step: Step, evaluation: rules.Evaluation, seen: set[str], on_page: set[tuple[str, str]]
) -> Iterator[str]:
    """Fields of this step that the answers just opened and that the person has not seen."""
    for spec in step.fields:
        if not spec.has_value or spec.computed or spec.id not in evaluation.shown:
            continue
        inside = spec.fields if isinstance(spec, GroupField) else ()
        asking = {f.id for f in inside if f.has_value and not f.computed}
        new = any(
            (spec.id, f"{row.number}.{inner}") not in on_page
            for row in evaluation.rows.get(spec.id, ())
            for inner in row.shown & asking
        )
        if spec.id not in seen or new:
            yield spec.id
