"""What is wrong with answers that can each be read: missing, not offered (any more), against a limit. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forms import rules
from forms.definition import Problem, Procedure
from forms.rules import AnswerState, Evaluation, Facts

Problems = dict[str, tuple[Problem, ...]]


def wrong(procedure: Procedure, answers: Mapping[str, Any], evaluation: Evaluation, facts: Facts) -> Problems:
    """Field id → problems, of shown fields only.

    Args:
        procedure: the version.
        answers: as they are kept.
        evaluation: of these answers and facts.
        facts: about the applicant and the day.
    """
    found: Problems = {}
    for field_id, codes in evaluation.offered.items():
        given = answers.get(field_id)
        if not rules.is_empty(given) and not set(given if isinstance(given, list) else [given]) <= codes:
            found[field_id] = (Problem("not_offered"),)
    for field_id, rows in evaluation.rows.items():
        entries = {e["_row"]: e for e in answers.get(field_id) or ()}
        parts = [
            f"{row.number}.{inner}"
            for row in rows
            for inner in row.offered
            if row.states[inner] is AnswerState.ABSENT and not rules.is_empty(entries[row.number].get(inner))
        ]
        if parts:
            found[field_id] = tuple(Problem("not_offered", part) for part in parts)
    for field_id, gaps in evaluation.gaps().items():
        known = {p.part for p in found.get(field_id, ())}
        more = tuple(Problem("required", part) for part in gaps if part not in known)
        found[field_id] = (*found.get(field_id, ()), *more)
    for field_id, problems in rules.broken_limits(procedure, answers, facts).items():
        found.setdefault(field_id, problems)
    for field_id in evaluation.values:
        spec = procedure.field(field_id)
        fewest = getattr(spec, "fewest", 0)
        if field_id not in found and fewest and len(evaluation.values[field_id]) < fewest:
            found[field_id] = (Problem("too_few_entries", facts={"min": fewest}),)
    return found
