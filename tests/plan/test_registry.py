"""Domains hand their counts over; parts are added, nothing is counted twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from unittest.mock import Mock

from portal.plan.registry import Evidence, MeasureValue, Registry, merged

TODAY = date(2026, 11, 22)
DOG = Evidence("dog-registration", "犬の登録", "here", address="/procedures/dog-registration")
LIBRARY = Evidence("library-card", "図書館カード", "elsewhere", address="https://library.example/")


def here(*_: object) -> MeasureValue:
    return MeasureValue(Decimal(1), {"here": Decimal(1)}, (DOG,))


def elsewhere(*_: object) -> MeasureValue:
    return MeasureValue(Decimal(1), {"elsewhere": Decimal(1)}, (LIBRARY,))


def test_parts_of_two_domains_are_added_and_kept_apart() -> None:
    registry = Registry()
    registry.provide("1_02", here)
    registry.provide("online_procedures", elsewhere)
    value = registry.read(Mock(), TODAY, ["1_02", "online_procedures"])
    assert value is not None
    assert (value.value, dict(value.parts)) == (Decimal(2), {"here": Decimal(1), "elsewhere": Decimal(1)})
    assert [item.key for item in value.evidence] == ["dog-registration", "library-card"]


def test_a_measure_that_nobody_hands_over_has_no_value() -> None:
    assert Registry().read(Mock(), TODAY, ["1_05"]) is None


def test_handing_the_same_function_over_again_counts_once() -> None:
    registry = Registry()
    for _ in range(3):
        registry.provide("1_02", here)
    value = registry.read(Mock(), TODAY, ["1_02"])
    assert value is not None
    assert value.value == 1
    assert registry.measures() == ["1_02"]


def test_a_procedure_named_by_two_domains_is_counted_once() -> None:
    value = merged(
        [elsewhere(), MeasureValue(Decimal(2), {"elsewhere": Decimal(2)}, (LIBRARY, Evidence("b", "b", "elsewhere")))]
    )
    assert (value.value, value.parts["elsewhere"]) == (Decimal(2), Decimal(2))
    assert [item.key for item in value.evidence] == ["library-card", "b"]


def test_what_is_still_looked_into_is_shown_until_it_counts() -> None:
    unknown = Evidence("library-card", "図書館カード", "elsewhere", counted=False, note="場所が不明")
    waiting = MeasureValue(Decimal(0), {"elsewhere": Decimal(0)}, (unknown,))
    assert merged([waiting]).evidence == (unknown,)
    assert merged([waiting, elsewhere()]).evidence == (LIBRARY,)


def test_what_two_domains_look_into_is_named_once_by_the_one_that_knows_where() -> None:
    vague, known = (
        MeasureValue(Decimal(0), {}, (Evidence("moving-out", "転出届", "elsewhere", address=address, counted=False),))
        for address in (None, "https://services.example/moving-out")
    )
    for order in ([vague, known], [known, vague], [known, known]):
        assert [item.address for item in merged(order).evidence] == ["https://services.example/moving-out"]
