"""A large definition for benches and tests: 300 fields in 30 steps with 200 rules."""

from __future__ import annotations

from typing import Any

from forms.definition import Procedure, from_document
from tests.forms.test_rules import document

STEPS, FIELDS, RULES = 30, 300, 200


def large() -> dict[str, Any]:
    """Each step has ten fields; rules of every kind reach back to steps before."""
    steps: list[dict[str, Any]] = []
    rules = 0
    for s in range(STEPS):
        fields: list[dict[str, Any]] = []
        for f in range(FIELDS // STEPS):
            field: dict[str, Any] = {"id": f"q{s}_{f}", "label": f"質問 {s}-{f}", **_kind(s, f)}
            if s and f in _RULES and rules < RULES:
                rule = _RULES[f](s)
                field = {**field, **rule}
                rules += 1
            fields.append(field)
        steps.append({"id": f"s{s}", "title": f"ステップ {s}", "fields": fields})
    assert rules == RULES, rules
    return document(slug="large-form", steps=steps, texts={"guide": "説明", "before_you_start": ["長い申請です。"]})


_RULES: dict[int, Any] = {
    1: lambda s: {"show_if": {"field": f"q{s - 1}_0", "is": True}},
    2: lambda s: {"show_if": {"any": [{"field": f"q{s - 1}_0", "is": True}, {"field": f"q{s - 1}_3", "at_least": 5}]}},
    3: lambda s: {"require_if": {"field": f"q{s}_0", "is": True}, "required": False},
    5: lambda s: {
        "choices": [
            {"code": "a", "label": "A"},
            {"code": "b", "label": "B"},
            {"code": "c", "label": "C", "offer_if": {"field": f"q{s - 1}_3", "at_least": 1}},
        ]
    },
    6: lambda s: {"value": {"sum": [{"field": f"q{s - 1}_6"}, {"field": f"q{s}_3"}]}},
    7: lambda s: {
        "limits": [
            {"must": {"field": f"q{s}_7", "at_least": {"field": f"q{s - 1}_7"}}, "message": "前より後の日です。"}
        ]
    },
    8: lambda s: {"show_if": {"all": [{"applicant": "age", "at_least": 1}, {"field": f"q{s - 1}_0", "is": True}]}},
}


def _kind(s: int, f: int) -> dict[str, Any]:
    choices = [{"code": code, "label": code.upper()} for code in "ab"]
    kinds: dict[int, dict[str, Any]] = {
        0: {"type": "yes_no"},
        3: {"type": "number"},
        5: {"type": "one_of", "choices": choices},
        6: {"type": "calculated", "result": "number", "value": {"field": f"q{s}_3"}},
        7: {"type": "date", "latest": "today"},
    }
    return kinds.get(f, {"type": "text", "required": f % 2 == 0})


def procedure() -> Procedure:
    """The same, read."""
    return from_document(large())


def typed(step: int) -> dict[str, str]:
    """Valid answers to a step, as a browser names its inputs."""
    values = {0: "yes", 3: "7", 5: "a", 7: f"2026-01-{step % 27 + 1:02}" if step < 27 else "2026-02-01"}
    return {f"q{step}_{f}": values.get(f, "答え") for f in range(FIELDS // STEPS) if f != 6}
