"""The questions of the booking page: what the fee table asks for, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservations import fee_files
from reservations.pricing import FeeTable, NoFee, PriceCase, asks
from reservations.pricing.worlds import World, declared, matches
from tests.reservations.test_pricing import AM, DAY, NIGHT, case, table

TABLES = Path(__file__).parent / "tables"

HALL = table(
    rows=[
        {"id": "stage", "match": {"tariffs": ["hall"], "traits": ["stage"]}, "amounts": {"am": 3000}, "label": "舞台"},
        {"id": "hall", "match": {"tariffs": ["hall"]}, "amounts": {"am": 9000, "day": 30000}, "label": "ホール"},
        {"id": "pool", "match": {"tariffs": ["pool"]}, "by_user": {"adult": 400, "child": 200}, "label": "プール"},
    ],
    modifiers=[
        {"id": "fee", "match": {"tariffs": ["hall"], "admission_over": 1000}, "percent": 50, "label": "入場料"},
        {"id": "night", "match": {"slots": ["night"], "traits": ["late"]}, "percent": 10, "label": "夜"},
        {"id": "short", "match": {"tariffs": ["hall"], "minutes_to": 120}, "percent": -40, "label": "2時間以内"},
    ],
    options=[
        {"kind": "fixed", "id": "lights", "amount": 100, "per": "half_hour", "label": "照明"},
        {"kind": "fixed", "id": "mike", "amount": 50, "per": "piece", "at_most": 4, "label": "マイク"},
        {"kind": "share", "id": "air", "percent": 30, "label": "冷暖房"},
    ],
    reductions=[
        {"id": "club", "percent": 50, "on_request": True, "label": "社会教育団体"},
        {"id": "half", "match": {"share": {"of": ["disabled"], "percent": 50}}, "percent": 100, "label": "障害者"},
    ],
    traits=[{"code": "stage", "label": "舞台だけを使う"}, {"code": "late", "label": "片付けが夜になる"}],
    users=[
        {"code": "adult", "label": "大人"},
        {"code": "child", "label": "子ども"},
        {"code": "disabled", "label": "障害者"},
    ],
)


def test_a_question_is_asked_only_where_it_can_change_the_price() -> None:
    hall = asks(HALL, case(AM, tariff="hall"))
    assert hall.admission
    assert not hall.admission_total
    assert [fact.label for fact in hall.traits] == ["舞台だけを使う"]
    assert hall.lengths == (120,)
    assert [part.id for part in hall.reductions] == ["club"]
    assert [(ask.option.id, ask.pieces, ask.minutes) for ask in hall.options] == [
        ("lights", 1, (30, 60, 90, 120, 150, 180)),
        ("mike", 4, ()),
        ("air", 1, ()),
    ]
    pool = asks(HALL, case(NIGHT, tariff="pool"))
    assert not pool.admission
    assert [fact.code for fact in pool.traits] == ["late"]
    assert [fact.code for fact in pool.users] == ["adult", "child", "disabled"]


def test_a_row_that_cannot_be_reached_asks_nothing() -> None:
    assert asks(HALL, case(DAY, tariff="hall")).traits == ()


def test_a_table_without_questions_asks_nothing() -> None:
    plain = table(
        rows=[
            {"id": "a", "amount": 100, "label": "a"},
            {"id": "b", "match": {"traits": ["x"]}, "amount": 1, "label": "b"},
        ]
    )
    found = asks(plain, case(AM))
    assert (found.admission, found.traits, found.users, found.lengths, found.options, found.reductions) == (
        False, (), (), (), (), (),
    )  # fmt: skip


def _real() -> list[FeeTable]:
    return [found for file in sorted(TABLES.glob("*.yaml")) for found in fee_files.read(file)]


@pytest.mark.parametrize("fees", _real(), ids=lambda fees: f"{fees.code}@{fees.valid_from}")
@given(data=st.data())
def test_what_is_not_asked_does_not_change_the_price(fees: FeeTable, data: Any) -> None:
    """For each published table: an answer to a question that is not asked leaves every line as it is."""
    world = list(World(fees, declared(fees)).cases([match for _, match in matches(fees)]))[:200]
    asked_for = data.draw(st.sampled_from(world))
    found = asks(fees, asked_for)
    traits = {fact.code for fact in found.traits}
    more: dict[str, Any] = {"traits": frozenset(asked_for.traits & traits)}
    if not found.admission:
        more["admission"] = 0
    plain = PriceCase(**{**asked_for.__dict__, **more})
    try:
        expected = fees.quote(asked_for)
    except NoFee:
        return
    assert fees.quote(plain) == expected
