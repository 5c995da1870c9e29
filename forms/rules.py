"""The one evaluator of rules: show, require, offer, calculate, limit. Pure; runs on the server only.

An answer is one of four things. *Answered*: it has a value. *Empty*: the person saw the question and left it (`None`). *Absent*: the
person has not come to it (no key), or chose what is not offered any more. *Hidden*: the rules do not show it, whatever was typed before.
Hidden answers are kept in the draft, so that turning back loses nothing, and are never filed (DESIGN invariant 8). What is calculated is
never read from an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Literal

from forms.definition import Condition, FieldSpec, Problem, Procedure
from forms.definition.conditions import All, Any_, Not, Test
from forms.definition.fields import ROW, CalculatedField, GroupField
from forms.definition.values import ApplicantValue, Count, DateValue, FieldValue, Sum, operands
from forms.operations import compute
from portal.kernel.dates import fiscal_year

Answers = Mapping[str, Any]
"""Field id → JSON value, or None for left empty. No key: absent. Of a repeated group: a list of entries."""


class AnswerState(StrEnum):
    """What an answer is; see the module."""

    ANSWERED = "answered"
    EMPTY = "empty"
    ABSENT = "absent"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules may ask besides answers; None: not known, and a test about it is false.

    Attributes:
        today: in Japan; the day of filing for what is filed.
        opened: the day from which the procedure is taken.
        age: of the applicant, whole years today.
        residence: of the applicant.
        kind: "person" (signed in, or known at the counter), "guest".
    """

    today: date | None = None
    opened: date | None = None
    age: int | None = None
    residence: Literal["city", "outside"] | None = None
    kind: Literal["person", "guest"] | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is kept with a filed case."""
        return {k: v.isoformat() if isinstance(v, date) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Facts:
        """As it was kept."""
        days = {k: date.fromisoformat(kept[k]) if kept.get(k) else None for k in ("today", "opened")}
        return cls(**days, age=kept.get("age"), residence=kept.get("residence"), kind=kept.get("kind"))

    def of_day(self, name: str) -> Any:
        """A fact about the day."""
        if name == "fiscal_year":
            return fiscal_year(self.today) if self.today else None
        day = self.today if name == "today" else self.opened
        return day.isoformat() if day else None


NOTHING_KNOWN = Facts()


@dataclass(frozen=True, slots=True)
class RowEvaluation:
    """What the rules say about one entry of a repeated group: as `Evaluation`, for the fields inside."""

    number: int
    states: Mapping[str, AnswerState]
    required: frozenset[str]
    shown: frozenset[str]
    offered: Mapping[str, frozenset[str]]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the rules say about one set of answers.

    Attributes:
        states: of every field that has a value, in the order of the document.
        required: ids of shown fields that must be answered.
        steps: ids of the shown steps, in order.
        shown: ids of the shown fields, notes included.
        values: what counts, by id: answers that are shown and offered, and what is calculated.
        offered: codes that can be chosen, of the fields whose choices hang on rules.
        rows: entries of each shown repeated group.
    """

    states: Mapping[str, AnswerState]
    required: frozenset[str]
    steps: tuple[str, ...]
    shown: frozenset[str]
    values: Mapping[str, Any] = field(default_factory=dict)
    offered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rows: Mapping[str, tuple[RowEvaluation, ...]] = field(default_factory=dict)

    def gaps(self) -> dict[str, tuple[str, ...]]:
        """What must be answered and is not: field id → parts ("" for the field, `1.pet_name` inside an entry), in order."""
        found: dict[str, tuple[str, ...]] = {}
        for field_id, state in self.states.items():
            if field_id in self.required and state is not AnswerState.ANSWERED:
                found[field_id] = ("",)
                continue
            inside = tuple(
                f"{row.number}.{inner}"
                for row in self.rows.get(field_id, ())
                for inner, inner_state in row.states.items()
                if inner in row.required and inner_state is not AnswerState.ANSWERED
            )
            if inside:
                found[field_id] = inside
        return found

    def missing(self) -> tuple[str, ...]:
        """Ids of fields that must be answered and are not, in order."""
        return tuple(self.gaps())


def is_empty(value: Any) -> bool:
    """Whether a kept value stands for "left empty"."""
    return value is None or value in ("", [], {})


Row = Mapping[str, Any] | None
"""The entry of a repeated group in which a rule is asked; None: outside of groups."""


class Evaluator:
    """The rules of one version over one set of answers; remembers what it found.

    With `only`, just these fields are looked at beforehand (the others when they are asked for).
    """

    def __init__(
        self, procedure: Procedure, answers: Answers, facts: Facts, *, only: frozenset[str] | None = None
    ) -> None:
        self.answers, self.facts = answers, facts
        self.places = procedure.places
        self.groups = {f for f, place in self.places.items() if isinstance(place.field, GroupField)}
        self.known: dict[tuple[str, int], bool] = {}
        self.found: dict[tuple[str, int], Any] = {}
        for field_id in procedure.order:
            # In this order nothing waits for something that waits again: no deep recursion.
            if self.places[field_id].group is None and (only is None or field_id in only):
                self.value(field_id)

    def shown(self, field_id: str, row: Row = None) -> bool:
        """Whether a field is shown. Published documents have no cycles (`forms.definition.checks`)."""
        key = (field_id, row[ROW] if row is not None else 0)
        if key not in self.known:
            place = self.places[field_id]
            outer = (
                self.shown(place.group.id) if place.group is not None else self.holds(place.step.show_if, default=True)
            )
            self.known[key] = outer and self.holds(place.field.show_if, default=True, row=row)
        return self.known[key]

    def entries(self, group: GroupField) -> list[Mapping[str, Any]]:
        """The entries that count: none where the group is hidden."""
        given = self.answers.get(group.id)
        return given if isinstance(given, list) and self.shown(group.id) else []

    def value(self, field_id: str, row: Row = None) -> Any:
        """What counts as the answer: nothing where it is hidden, not offered, absent or empty."""
        key = (field_id, row[ROW] if row is not None else 0)
        if key not in self.found:
            self.found[key] = self._value(field_id, row)
        return self.found[key]

    def _value(self, field_id: str, row: Row) -> Any:
        if not self.shown(field_id, row):
            return None
        spec = self.places[field_id].field
        if isinstance(spec, CalculatedField):
            return self._calculated(spec, row)
        given = (self.answers if row is None else row).get(field_id)
        if is_empty(given):
            return None
        codes = self.offered(spec, row)
        if codes is not None:
            given = [c for c in given if c in codes] if isinstance(given, list) else given if given in codes else None
        return None if is_empty(given) else given

    def _calculated(self, spec: CalculatedField, row: Row) -> Any:
        way = next((c.value for c in spec.cases if self.holds(c.when, default=False, row=row)), spec.value)
        return None if way is None else self.work(way, row)

    def offered(self, spec: FieldSpec, row: Row = None) -> frozenset[str] | None:
        """The codes that can be chosen; None where all of them always can."""
        choices = getattr(spec, "choices", ())
        if all(c.offer_if is None for c in choices):
            return None
        return frozenset(c.code for c in choices if self.holds(c.offer_if, default=True, row=row))

    def work(self, value: Any, row: Row = None) -> Any:
        """What a value of the definition comes to; None where something it needs is missing."""
        if isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, (FieldValue, Count)):
            return self._answer(value, row)
        if isinstance(value, ApplicantValue):
            return getattr(self.facts, value.applicant)
        if isinstance(value, DateValue):
            return self.facts.of_day(value.date)
        if isinstance(value, Sum) and isinstance(value.sum, str):
            return self._total(value.sum)
        return compute(value, [self.work(operand, row) for operand in operands(value)])

    def _answer(self, value: FieldValue | Count, row: Row) -> Any:
        place = self.places.get(value.field if isinstance(value, FieldValue) else value.count)
        if place is None or not self._here(place, row):
            return None
        if isinstance(place.field, GroupField):
            return len(self.entries(place.field)) if self.shown(place.field.id) else None
        if isinstance(value, Count):
            return None
        found = self.value(value.field, row if place.group is not None else None)
        if value.part is not None:
            return found.get(value.part) if isinstance(found, dict) else None
        return found

    def _total(self, field_id: str) -> int | None:
        place = self.places.get(field_id)
        if place is None or place.group is None:
            return None
        each = [self.value(field_id, entry) for entry in self.entries(place.group)]
        return sum(v for v in each if isinstance(v, int) and not isinstance(v, bool))

    def _here(self, place: Any, row: Row) -> bool:
        """Whether an answer is of the entry in which it is asked for, or of no entry."""
        return place.group is None or (row is not None and self._in(place.group, row))

    def _in(self, group: GroupField, row: Mapping[str, Any]) -> bool:
        return any(row is entry for entry in self.entries(group))

    def holds(self, condition: Condition | None, *, default: bool, row: Row = None) -> bool:
        """Whether a condition holds; `default` where there is none."""
        if condition is None:
            return default
        if isinstance(condition, All):
            return all(self.holds(part, default=default, row=row) for part in condition.all)
        if isinstance(condition, Any_):
            return any(self.holds(part, default=default, row=row) for part in condition.any)
        if isinstance(condition, Not):
            return not self.holds(condition.not_, default=default, row=row)
        return self.test(condition, row)

    def test(self, test: Test, row: Row) -> bool:
        """One test; from outside of a repeated group, about something inside, true where it is in one entry."""
        place = self.places.get(test.field) if test.field is not None else None
        if place is not None and place.group is not None and not self._here(place, row):
            return any(self._asked(test, entry) for entry in self.entries(place.group))
        return self._asked(test, row)

    def _asked(self, test: Test, row: Row) -> bool:
        value = self.work(test.subject, row)
        if test.answered is not None:
            # Of a group: whether it has entries.
            return test.answered is not (is_empty(value) or (value == 0 and test.field in self.groups))
        if is_empty(value):
            return False
        if test.contains is not None:
            return isinstance(value, list) and test.contains in value
        if test.at_least is not None or test.at_most is not None:
            bounds = [None if b is None else self.work(b, row) for b in (test.at_least, test.at_most)]
            given = [b for b in (test.at_least, test.at_most) if b is not None]
            if sum(b is not None for b in bounds) < len(given):
                return False
            return _within(value, *bounds)
        wanted = test.in_ if test.in_ is not None else (self.work(test.is_, row),)
        return any(type(value) is type(w) and value == w for w in wanted)


def _within(value: Any, least: Any, most: Any) -> bool:
    """Numbers with numbers, ISO dates with ISO dates: their order as text is their order in time."""
    bounds = [b for b in (least, most) if b is not None]
    if any(type(value) is not type(b) for b in bounds):
        return False
    return (least is None or bool(value >= least)) and (most is None or bool(value <= most))


def evaluate(procedure: Procedure, answers: Answers, facts: Facts = NOTHING_KNOWN) -> Evaluation:
    """Run the rules of a version over answers.

    Args:
        procedure: a document that passed its checks.
        answers: may hold ids that the version does not know (they are ignored).
        facts: about the applicant and the day.
    """
    run = Evaluator(procedure, answers, facts)
    states: dict[str, AnswerState] = {}
    required: set[str] = set()
    shown: set[str] = set()
    steps: list[str] = []
    values: dict[str, Any] = {}
    offered: dict[str, frozenset[str]] = {}
    rows: dict[str, tuple[RowEvaluation, ...]] = {}
    for step in procedure.steps:
        visible = [f for f in step.fields if run.shown(f.id)]
        shown.update(f.id for f in visible)
        if any(f.has_value for f in visible):
            steps.append(step.id)
        states |= {f.id: _state(run, f, None) for f in step.fields if f.has_value}
        for spec in (f for f in visible if f.has_value):
            if isinstance(spec, GroupField):
                rows[spec.id] = tuple(_row(run, spec, entry) for entry in run.entries(spec))
            if states[spec.id] is AnswerState.ANSWERED:
                inside = [_filed_entry(row) for row in rows.get(spec.id, ())]
                values[spec.id] = inside if isinstance(spec, GroupField) else run.value(spec.id)
            codes = run.offered(spec)
            if codes is not None:
                offered[spec.id] = codes
            if _must(run, spec, None):
                required.add(spec.id)
    return Evaluation(states, frozenset(required), tuple(steps), frozenset(shown), values, offered, rows)


def _must(run: Evaluator, spec: FieldSpec, row: Row) -> bool:
    return not spec.computed and (spec.required or run.holds(spec.require_if, default=False, row=row))


def _row(run: Evaluator, group: GroupField, entry: Mapping[str, Any]) -> RowEvaluation:
    shown = [f for f in group.fields if run.shown(f.id, entry)]
    asking = [f for f in group.fields if f.has_value]
    states = {f.id: _state(run, f, entry) for f in asking}
    return RowEvaluation(
        int(entry[ROW]),
        states,
        frozenset(f.id for f in shown if f.has_value and _must(run, f, entry)),
        frozenset(f.id for f in shown),
        {f.id: codes for f in shown if (codes := run.offered(f, entry)) is not None},
        {f: run.value(f, entry) for f, state in states.items() if state is AnswerState.ANSWERED},
    )


def _filed_entry(row: RowEvaluation) -> dict[str, Any]:
    kept = {f: row.values.get(f) for f, s in row.states.items() if s in {AnswerState.ANSWERED, AnswerState.EMPTY}}
    return {ROW: row.number, **kept}


def holds(procedure: Procedure, answers: Answers, condition: Condition, facts: Facts = NOTHING_KNOWN) -> bool:
    """Whether one condition holds over answers; the fields it asks about count only where they are shown."""
    return Evaluator(procedure, answers, facts).holds(condition, default=False)


def _state(run: Evaluator, spec: FieldSpec, row: Row) -> AnswerState:
    if not run.shown(spec.id, row):
        return AnswerState.HIDDEN
    value = run.value(spec.id, row)
    if spec.computed:
        return AnswerState.EMPTY if value is None else AnswerState.ANSWERED
    given = run.answers if row is None else row
    if spec.id not in given:
        return AnswerState.ABSENT
    if is_empty(given[spec.id]):
        return AnswerState.EMPTY
    return AnswerState.ABSENT if value is None else AnswerState.ANSWERED


def to_file(procedure: Procedure, answers: Answers, facts: Facts = NOTHING_KNOWN) -> dict[str, Any]:
    """What is filed: every shown field with its value, None where it was left empty. Hidden and absent answers are not in it."""
    evaluation = evaluate(procedure, answers, facts)
    kept = {AnswerState.ANSWERED, AnswerState.EMPTY}
    return {f: evaluation.values.get(f) for f, state in evaluation.states.items() if state in kept}


def broken_limits(
    procedure: Procedure, answers: Answers, facts: Facts = NOTHING_KNOWN
) -> dict[str, tuple[Problem, ...]]:
    """Answers that are not what their limits ask: field id → problems (part `1.pet_name` inside an entry), with the rule's own words.

    A limit is asked once every answer that it is about is given; a fact that is not known breaks none.
    """
    run = Evaluator(procedure, answers, facts)
    found: dict[str, tuple[Problem, ...]] = {}
    for field_id, place in procedure.places.items():
        limits = place.field.limits
        if not limits:
            continue
        for row in [None] if place.group is None else run.entries(place.group):
            for limit in limits:
                if _given(run, field_id, limit.must, row) and not run.holds(limit.must, default=True, row=row):
                    owner = field_id if place.group is None else place.group.id
                    part = "" if row is None else f"{row[ROW]}.{field_id}"
                    found[owner] = (*found.get(owner, ()), Problem("limit", part, {"help": limit.message}))
    return found


def _given(run: Evaluator, field_id: str, must: Condition, row: Row) -> bool:
    """Whether the answer itself and everything that a limit compares it with is known."""
    if run.value(field_id, row) is None:
        return False
    return all(run.work(value, row) is not None for value in _asked_for(run, must, row))


def _asked_for(run: Evaluator, must: Condition, row: Row) -> Iterator[Any]:
    from forms.definition.conditions import tests_of

    for test in tests_of(must):
        for value in (test.subject, *test.compared()):
            place = run.places.get(value.field) if isinstance(value, FieldValue) else None
            outside = place is not None and place.group is not None and row is None
            if not outside and not (isinstance(value, FieldValue) and test.answered is not None):
                yield value


__all__ = [
    "NOTHING_KNOWN",
    "AnswerState",
    "Answers",
    "Evaluation",
    "Evaluator",
    "Facts",
    "RowEvaluation",
    "broken_limits",
    "evaluate",
    "holds",
    "is_empty",
    "to_file",
]
