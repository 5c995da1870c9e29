"""What nobody can ever see or choose: steps, questions and choices whose conditions no answers fulfil. Pure.

A condition is tried with every combination of the answers and facts that matter to it (each choice, each side of each bound, left empty).
Where there are more than `MOST` combinations, or where it compares answers with each other, nothing is said: the check never calls a
sound document wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import product
from math import prod
from typing import Any, Literal

from forms.definition.checks import every_field
from forms.definition.complaints import Complaint
from forms.definition.conditions import Condition, Test, tests_of
from forms.definition.fields import (
    ROW,
    CalculatedField,
    ChooseField,
    FieldSpec,
    GroupField,
    ManyOfField,
    NumberField,
    OneOfField,
    YesNoField,
)
from forms.definition.procedure import Procedure
from forms.rules import Evaluator, Facts

MOST = 4_000
"""Combinations tried for one condition."""
HINT = "条件がたがいに打ち消していないか、見てください。"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a test is about: an answer, a fact about the applicant, the day."""

    kind: Literal["field", "applicant", "date"]
    name: str


def never_shown(procedure: Procedure) -> Iterator[Complaint]:
    """Steps, fields and choices that no answers can bring up, and what to look at."""
    lost: set[str] = set()
    for s, step in enumerate(procedure.steps):
        if step.show_if is not None and not possible(procedure, [step.show_if]):
            lost.update(f.id for f in step.fields)
            lost.update(inner.id for f in step.fields if isinstance(f, GroupField) for inner in f.fields)
            yield Complaint(("steps", s, "show_if"), f"ステップ「{step.id}」は、どう答えても出てきません。", HINT)
    for path, field, group in every_field(procedure):
        if field.id in lost or (group is not None and group.id in lost):
            continue
        step = procedure.places[field.id].step
        outer = [c for c in (step.show_if, group.show_if if group is not None else None) if c is not None]
        if field.show_if is not None and not possible(procedure, [*outer, field.show_if], group):
            lost.add(field.id)
            must = "必須の" if field.required and field.has_value else ""
            yield Complaint((*path, "show_if"), f"{must}項目「{field.id}」は、どう答えても出てきません。", HINT)
            continue
        own = [*outer, *([field.show_if] if field.show_if is not None else [])]
        for n, choice in enumerate(getattr(field, "choices", ())):
            if choice.offer_if is not None and not possible(procedure, [*own, choice.offer_if], group):
                yield Complaint(
                    (*path, "choices", n, "offer_if"), f"選択肢「{choice.code}」は、どう答えても選べません。", HINT
                )


def possible(procedure: Procedure, conditions: list[Condition], group: GroupField | None = None) -> bool:
    """Whether some answers fulfil all conditions; True where that cannot be said.

    Args:
        procedure: whose answers.
        conditions: all of them at once.
        group: the repeated group in whose entry they are asked.
    """
    found = _tests(procedure, conditions, group)
    if found is None:
        return True
    subjects = sorted(found, key=lambda s: (s.kind, s.name))
    domains = [_domain(procedure, subject, found[subject]) for subject in subjects]
    if prod(len(d) for d in domains) > MOST:
        return True
    return any(
        _holds(procedure, dict(zip(subjects, values, strict=True)), conditions, group) for values in product(*domains)
    )


def _holds(
    procedure: Procedure, values: Mapping[Subject, Any], conditions: list[Condition], group: GroupField | None
) -> bool:
    answers: dict[str, Any] = {}
    inside: dict[str, dict[str, Any]] = {group.id: {}} if group is not None else {}
    counts: dict[str, int] = {}
    for subject, value in values.items():
        place = procedure.places.get(subject.name) if subject.kind == "field" else None
        if place is None:
            continue
        if isinstance(place.field, GroupField):
            counts[subject.name] = value
        elif place.group is not None:
            inside.setdefault(place.group.id, {})[subject.name] = value
        else:
            answers[subject.name] = value
    for group_id in {*inside, *counts}:
        entry = inside.get(group_id, {})
        answers[group_id] = [{ROW: n, **entry} for n in range(1, counts.get(group_id, 1) + 1)]
    facts = {s.name: v for s, v in values.items() if s.kind == "applicant"}
    day = next((v for s, v in values.items() if s == Subject("date", "today")), None)
    opened = procedure.open_from.date() if procedure.open_from else None
    run = Evaluator(procedure, answers, Facts(today=day, opened=opened, **facts), only=frozenset(answers))
    row = None
    if group is not None:
        entries = answers[group.id]
        if not entries:
            return False
        row = entries[0]
    return all(run.holds(condition, default=False, row=row) for condition in conditions)


def _tests(
    procedure: Procedure, conditions: list[Condition], group: GroupField | None
) -> dict[Subject, list[Test]] | None:
    """Every test that has a say, by its subject: also those that decide whether that is shown. None: cannot be tried."""
    found: dict[Subject, list[Test]] = {}
    entries: Counter[str] = Counter()
    waiting = [(condition, group) for condition in conditions]
    seen = set[str]()
    while waiting:
        condition, inside = waiting.pop()
        for test in tests_of(condition):
            if not _is_plain(procedure, test):
                return None
            subject = _subject(test)
            found.setdefault(subject, []).append(test)
            if subject.kind != "field":
                continue
            place = procedure.places[subject.name]
            if place.group is not None and place.group is not inside:
                # True of one entry: two such tests may be about two entries, and only one is tried here.
                entries[place.group.id] += 1
            if subject.name in seen:
                continue
            seen.add(subject.name)
            own = [place.field.show_if, *(c.offer_if for c in getattr(place.field, "choices", ()))]
            outer = [place.step.show_if, place.group.show_if if place.group is not None else None]
            waiting += [(c, place.group) for c in own if c is not None]
            waiting += [(c, None) for c in outer if c is not None]
    own_entry = group is not None and any(s.kind == "field" and procedure.places[s.name].group is group for s in found)
    if any(n > 1 or (own_entry and group is not None and g == group.id) for g, n in entries.items()):
        return None
    return found


def _is_plain(procedure: Procedure, test: Test) -> bool:
    if test.part is not None or any(not isinstance(v, (bool, int, str)) for v in test.compared()):
        return False
    if test.date == "opened":
        return False
    if test.field is None:
        return True
    place = procedure.places.get(test.field)
    return place is not None and not isinstance(place.field, CalculatedField)


def _subject(test: Test) -> Subject:
    if test.field is not None:
        return Subject("field", test.field)
    if test.applicant is not None:
        return Subject("applicant", test.applicant)
    return Subject("date", "today")


def _domain(procedure: Procedure, subject: Subject, tests: list[Test]) -> list[Any]:
    """Values that can make a difference: each that a test names and that there can be, its neighbours, and nothing."""
    if subject.kind == "applicant":
        if subject.name == "age":
            return [None, *sorted({n for t in tests for b in t.compared() for n in _beside(b) if n >= 0})]
        return [None, *(("city", "outside") if subject.name == "residence" else ("person", "guest"))]
    if subject.kind == "date":
        return sorted({day for t in tests for b in t.compared() for day in _days(b)}) or [date(2026, 4, 1)]
    field = procedure.places[subject.name].field
    if isinstance(field, GroupField):
        bounds = {n for t in tests for b in t.compared() for n in _beside(b)}
        return sorted({n for n in (*bounds, 0, field.fewest, field.maximum) if 0 <= n <= field.maximum})
    return _answers(field, tests)


def _answers(field: FieldSpec, tests: list[Test]) -> list[Any]:
    if isinstance(field, YesNoField):
        return [True, False, None]
    if isinstance(field, (OneOfField, ChooseField)):
        return [*(c.code for c in field.choices), None]
    if isinstance(field, ManyOfField):
        named = [str(v) for t in tests for v in t.values()]
        codes = [c.code for c in field.choices if c.code in named][:6]
        some = [[c for c, on in zip(codes, mask, strict=True) if on] for mask in product((0, 1), repeat=len(codes))]
        # A choice that no test names may still be the only one that is offered.
        return [*some, *([c.code] for c in field.choices if c.code not in codes), [c.code for c in field.choices]]
    values: list[Any] = [None, *(v for test in tests for v in _around(test, field))]
    if isinstance(field, NumberField):
        values += [field.minimum, field.maximum]
    return list(dict.fromkeys(values))


def _around(test: Test, field: FieldSpec) -> Iterator[Any]:
    """Answers on both sides of what one test asks."""
    yield from (v for v in test.values() if field.offers(v))
    for bound in (test.at_least, test.at_most):
        if isinstance(bound, int):
            yield from (v for v in (bound - 1, bound, bound + 1) if field.offers(v))
        elif bound is not None:
            yield from (bound, f"{bound}~", "0000-01-01")
    if test.answered is not None and not isinstance(field, NumberField):
        yield "·"


def _beside(bound: Any) -> tuple[int, ...]:
    return (bound - 1, bound, bound + 1) if isinstance(bound, int) and not isinstance(bound, bool) else ()


def _days(bound: Any) -> Iterator[date]:
    """Days on both sides of a date or of a fiscal year."""
    if isinstance(bound, int):
        yield from (date(year, 4, 1) for year in (bound - 1, bound, bound + 1))
    elif isinstance(bound, str):
        day = date.fromisoformat(bound)
        yield from (day, date.fromordinal(day.toordinal() - 1), date.fromordinal(day.toordinal() + 1))
