"""The one evaluator of rules: which steps and fields are shown, which must be answered. Pure; runs on the server only.

An answer is one of four things. *Answered*: it has a value. *Empty*: the person saw the question and left it (`None`). *Absent*: the
person has not come to it (no key). *Hidden*: the rules do not show it, whatever was typed before. Hidden answers are kept in the draft,
so that turning back loses nothing, and are never filed (DESIGN invariant 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from forms.definition import Condition, FieldSpec, Procedure, Step
from forms.definition.conditions import All, Any_, Not, Test

Answers = Mapping[str, Any]
"""Field id → JSON value, or None for left empty. No key: absent."""


class AnswerState(StrEnum):
    """What an answer is; see the module."""

    ANSWERED = "answered"
    EMPTY = "empty"
    ABSENT = "absent"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the rules say about one set of answers.

    Attributes:
        states: of every field that has a value, in the order of the document.
        required: ids of shown fields that must be answered.
        steps: ids of the shown steps, in order.
        shown: ids of the shown fields, notes included.
    """

    states: Mapping[str, AnswerState]
    required: frozenset[str]
    steps: tuple[str, ...]
    shown: frozenset[str]

    def missing(self) -> tuple[str, ...]:
        """Ids of fields that must be answered and are not, in order."""
        return tuple(f for f, state in self.states.items() if f in self.required and state is not AnswerState.ANSWERED)


def is_empty(value: Any) -> bool:
    """Whether a kept value stands for "left empty"."""
    return value is None or value in ("", [], {})


class _Evaluator:
    def __init__(self, procedure: Procedure, answers: Answers) -> None:
        self.answers = answers
        self.places: dict[str, tuple[Step, FieldSpec]] = {f.id: (s, f) for s in procedure.steps for f in s.fields}
        self.known: dict[str, bool] = {}

    def shown(self, field_id: str) -> bool:
        """Whether a field is shown. Published documents have no cycles (`forms.definition.checks`)."""
        if field_id not in self.known:
            step, field = self.places[field_id]
            self.known[field_id] = self.holds(step.show_if, default=True) and self.holds(field.show_if, default=True)
        return self.known[field_id]

    def holds(self, condition: Condition | None, *, default: bool) -> bool:
        if condition is None:
            return default
        if isinstance(condition, All):
            return all(self.holds(part, default=default) for part in condition.all)
        if isinstance(condition, Any_):
            return any(self.holds(part, default=default) for part in condition.any)
        if isinstance(condition, Not):
            return not self.holds(condition.not_, default=default)
        return self.test(condition)

    def test(self, test: Test) -> bool:
        value = self.answers.get(test.field) if test.field in self.places and self.shown(test.field) else None
        if test.answered is not None:
            return test.answered is not is_empty(value)
        if is_empty(value):
            return False
        if test.contains is not None:
            return isinstance(value, list) and test.contains in value
        if test.at_least is not None or test.at_most is not None:
            return _within(value, test.at_least, test.at_most)
        return any(type(value) is type(wanted) and value == wanted for wanted in test.values())


def _within(value: Any, least: int | str | None, most: int | str | None) -> bool:
    """Numbers with numbers, ISO dates with ISO dates: their order as text is their order in time."""
    bounds = [b for b in (least, most) if b is not None]
    if any(type(value) is not type(b) for b in bounds):
        return False
    return (least is None or bool(value >= least)) and (most is None or bool(value <= most))


def evaluate(procedure: Procedure, answers: Answers) -> Evaluation:
    """Run the rules of a version over answers.

    Args:
        procedure: a document that passed its checks.
        answers: may hold ids that the version does not know (they are ignored).
    """
    run = _Evaluator(procedure, answers)
    states: dict[str, AnswerState] = {}
    required: set[str] = set()
    shown: set[str] = set()
    steps: list[str] = []
    for step in procedure.steps:
        visible = [f for f in step.fields if run.shown(f.id)]
        shown.update(f.id for f in visible)
        if any(f.has_value for f in visible):
            steps.append(step.id)
        for field in step.fields:
            if not field.has_value:
                continue
            states[field.id] = _state(answers, field.id, shown=run.shown(field.id))
            if run.shown(field.id) and (field.required or run.holds(field.require_if, default=False)):
                required.add(field.id)
    return Evaluation(states, frozenset(required), tuple(steps), frozenset(shown))


def holds(procedure: Procedure, answers: Answers, condition: Condition) -> bool:
    """Whether one condition holds over answers; the fields it asks about count only where they are shown."""
    return _Evaluator(procedure, answers).holds(condition, default=False)


def _state(answers: Answers, field_id: str, *, shown: bool) -> AnswerState:
    if not shown:
        return AnswerState.HIDDEN
    if field_id not in answers:
        return AnswerState.ABSENT
    return AnswerState.EMPTY if is_empty(answers[field_id]) else AnswerState.ANSWERED


def to_file(procedure: Procedure, answers: Answers) -> dict[str, Any]:
    """What is filed: every shown field with its value, None where it was left empty. Hidden and absent answers are not in it."""
    states = evaluate(procedure, answers).states
    kept = {AnswerState.ANSWERED, AnswerState.EMPTY}
    return {f: (answers[f] if state is AnswerState.ANSWERED else None) for f, state in states.items() if state in kept}
