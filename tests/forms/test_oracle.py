"""Random definitions and answers: the evaluator and a naive oracle say the same. `make soak` tries 10,000 of them."""

from __future__ import annotations

from datetime import date
from typing import Any

from forms.definition import from_document, to_document
from forms.reach import never_shown
from forms.rules import Facts, evaluate, to_file
from tests.forms.oracle import Maker, Oracle
from tests.forms.test_rules import document

SHARE = 120
"""Of the 10,000 definitions of `make soak`."""
ANSWERS = 4


def differences(seeds: range) -> list[tuple[int, str]]:
    """Seeds for which the two do not agree, with what about."""
    found: list[tuple[int, str]] = []
    for seed in seeds:
        maker = Maker(seed)
        raw = maker.document(document())
        procedure = from_document(raw)
        if seed % 10 == 0:
            assert from_document(to_document(procedure)) == procedure
        seen: set[str] = set()
        for _turn in range(ANSWERS):
            answers = maker.answers(raw)
            facts = Facts(
                today=date(2026, 11, 25),
                age=maker.random.choice([None, 17, 18]),
                residence=maker.random.choice(["city", "outside"]),
                kind=maker.random.choice(["person", "guest"]),
            )
            known = {
                "today": "2026-11-25",
                "opened": None,
                "fiscal_year": 2026,
                "age": facts.age,
                "residence": facts.residence,
                "kind": facts.kind,
            }
            oracle, ours = Oracle(raw, answers, known), evaluate(procedure, answers, facts)
            shown = {f for (f, _row), is_shown in oracle.shown.items() if is_shown and oracle.fields[f][2] is None}
            gaps = {f"{f}.{p}" if p else f for f, parts in ours.gaps().items() for p in parts}
            seen |= {f for (f, _row), is_shown in oracle.shown.items() if is_shown}
            pairs: dict[str, tuple[Any, Any]] = {
                "shown": (shown, set(ours.shown)),
                "filed": (oracle.filed(), to_file(procedure, answers, facts)),
                "gaps": (oracle.gaps(), gaps),
            }
            found += [
                (seed, f"{what}: {ours} for {wanted}") for what, (wanted, ours) in pairs.items() if wanted != ours
            ]
        if seed % 20 == 0:
            lost = [c.message for c in never_shown(procedure)]
            found += [(seed, message) for message in lost if any(f"「{field_id}」" in message for field_id in seen)]
    return found


def test_random_definitions_mean_the_same_to_the_evaluator_and_to_a_naive_oracle() -> None:
    assert differences(range(SHARE)) == []
