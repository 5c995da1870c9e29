"""Answers by their path: a field id, or `group.row.field` for one question in one entry of a repeated group. Pure.

Corrections, their reasons, and the list of what a reviewer can ask about use paths, so that one child's birthday is asked again and
nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from forms.definition.fields import ROW, FieldSpec, GroupField, Typed
from forms.definition.procedure import Procedure

SEPARATOR = "."


def spec_at(procedure: Procedure, path: str) -> FieldSpec | None:
    """The field that a path means."""
    field_id, row, inner = _split(path)
    spec = procedure.field(field_id)
    if not row:
        return spec
    return spec.inner(inner) if isinstance(spec, GroupField) else None


def value_at(answers: Mapping[str, Any], path: str) -> tuple[bool, Any]:
    """Whether there is such an answer (empty ones are), and what it is."""
    field_id, row, inner = _split(path)
    if not row:
        return field_id in answers, answers.get(field_id)
    entry = _entry(answers, field_id, row)
    return (entry is not None and inner in entry), (entry or {}).get(inner)


def put(answers: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The answers with one of them changed; the others are the same objects."""
    field_id, row, inner = _split(path)
    if not row:
        return {**answers, field_id: value}
    entries = [{**e, inner: value} if str(e[ROW]) == row else e for e in answers.get(field_id) or ()]
    return {**answers, field_id: entries}


def typed_at(procedure: Procedure, typed: Mapping[str, Typed], path: str) -> Typed:
    """What was typed at a path, as its own type reads it."""
    field_id, row, inner = _split(path)
    spec = procedure.field(field_id)
    sent = typed.get(field_id, {})
    return spec.inside(sent, row, inner) if row and isinstance(spec, GroupField) else sent


def label_at(procedure: Procedure, answers: Mapping[str, Any], path: str, locale: str) -> str:
    """The question in words; inside a group with the place of its entry ("世帯の人 2人目 氏名")."""
    field_id, row, _inner = _split(path)
    spec, owner = spec_at(procedure, path), procedure.field(field_id)
    own = spec.label.in_(locale) if spec else path
    if not row or not isinstance(owner, GroupField):
        return own
    rows = [str(e[ROW]) for e in answers.get(field_id) or ()]
    place = rows.index(row) + 1 if row in rows else int(row)
    entry = f"{owner.entry.in_('en')} {place}" if locale == "en" else f"{place}{owner.entry.ja}"
    return f"{owner.label.in_(locale)} {entry} {own}"


def paths(procedure: Procedure, answers: Mapping[str, Any]) -> Iterator[str]:
    """Every answer that a reviewer can ask about: of a group each question of each entry. What is calculated is none."""
    for spec in procedure.fields():
        if spec.id not in answers or spec.computed:
            continue
        if not isinstance(spec, GroupField) or not answers[spec.id]:
            yield spec.id
            continue
        for entry in answers[spec.id]:
            yield from (
                SEPARATOR.join((spec.id, str(entry[ROW]), inner.id))
                for inner in spec.fields
                if inner.id in entry and not inner.computed
            )


def _split(path: str) -> tuple[str, str, str]:
    field_id, _dot, rest = path.partition(SEPARATOR)
    row, _dot, inner = rest.partition(SEPARATOR)
    return field_id, row, inner


def _entry(answers: Mapping[str, Any], field_id: str, row: str) -> Mapping[str, Any] | None:
    given = answers.get(field_id)
    return next((e for e in given if str(e.get(ROW)) == row), None) if isinstance(given, list) else None
