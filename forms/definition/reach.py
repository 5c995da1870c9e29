"""Which steps and questions nobody can ever see: a condition that no answers fulfil. Pure.

A condition is tried with every combination of the answers that matter to it (each choice, each side of each bound, left empty). Where
there are more than `MOST` combinations nothing is said: the check never calls a sound document wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from forms.definition.checks import Complaint
from forms.definition.conditions import Condition, Test, tests_of
from forms.definition.fields import ChooseField, FieldSpec, ManyOfField, NumberField, OneOfField, YesNoField

if TYPE_CHECKING:
    from forms.definition.procedure import Procedure

MOST = 4_000
"""Combinations tried for one condition."""


def never_shown(procedure: Procedure) -> Iterator[Complaint]:
    """Steps and fields that no answers can bring up, and what to look at."""
    lost: set[str] = set()
    for s, step in enumerate(procedure.steps):
        if step.show_if is not None and not _possible(procedure, [step.show_if]):
            lost.update(f.id for f in step.fields)
            yield Complaint(
                ("steps", s, "show_if"),
                f"ステップ「{step.id}」は、どう答えても出てきません。",
                "show_if の条件がたがいに打ち消していないか、見てください。",
            )
            continue
        for f, field in enumerate(step.fields):
            if field.show_if is None or field.id in lost:
                continue
            conditions = [c for c in (step.show_if, field.show_if) if c is not None]
            if not _possible(procedure, conditions):
                lost.add(field.id)
                must = "必須の" if field.required and field.has_value else ""
                yield Complaint(
                    ("steps", s, "fields", f, "show_if"),
                    f"{must}項目「{field.id}」は、どう答えても出てきません。",
                    "show_if の条件がたがいに打ち消していないか、見てください。",
                )


def _possible(procedure: Procedure, conditions: list[Condition]) -> bool:
    from forms import rules  # the evaluator stands on the definition; this check stands on both

    tests = _tests(procedure, conditions)
    names = sorted(tests)
    domains = [_domain(procedure, name, tests[name]) for name in names]
    if prod(len(d) for d in domains) > MOST:
        return True
    return any(
        all(rules.holds(procedure, dict(zip(names, values, strict=True)), c) for c in conditions)
        for values in product(*domains)
    )


def _tests(procedure: Procedure, conditions: list[Condition]) -> dict[str, list[Test]]:
    """Every test that has a say, by the field it asks about: also those that decide whether that field is shown."""
    found: dict[str, list[Test]] = {}
    waiting, seen = list(conditions), set[str]()
    while waiting:
        for test in tests_of(waiting.pop()):
            found.setdefault(test.field, []).append(test)
            if test.field in seen:
                continue
            seen.add(test.field)
            field, step = procedure.field(test.field), procedure.step_of(test.field)
            waiting += [owner.show_if for owner in (field, step) if owner is not None and owner.show_if is not None]
    return found


def _domain(procedure: Procedure, field_id: str, tests: list[Test]) -> list[Any]:
    """Answers that can make a difference: each that a test names and the field offers, its neighbours, and nothing."""
    field = procedure.field(field_id)
    if field is None:
        return [None]
    if isinstance(field, YesNoField):
        return [True, False, None]
    if isinstance(field, (OneOfField, ChooseField)):
        return [*(c.code for c in field.choices), None]
    if isinstance(field, ManyOfField):
        named = [str(v) for t in tests for v in t.values()]
        codes = [c.code for c in field.choices if c.code in named][:6]
        return [[c for c, on in zip(codes, mask, strict=True) if on] for mask in product((0, 1), repeat=len(codes))] + [
            ["·"]
        ]
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
