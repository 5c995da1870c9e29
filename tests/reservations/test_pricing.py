"""Prices as lines: published tables of real cities, and what must always hold."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from portal.kernel.money import Yen
from reservations.pricing import FeeTable, NoFee, PriceCase, Rounding
from reservations.timetable import TOKYO, Slot

AM = ("am", 9, 12)
PM = ("pm", 13, 17)
NIGHT = ("night", 18, 21)
DAY = ("day", 9, 21)


def table(**more: Any) -> FeeTable:
    return FeeTable.model_validate(
        {"code": "test", "valid_from": date(2025, 4, 1), "sample": True, "ground": "見本", **more}
    )


def case(
    band: tuple[str, int, int] = AM,
    *,
    tariff: str = "room",
    category: str = "resident",
    purpose: str = "meeting",
    **more: Any,
) -> PriceCase:
    code, start, end = band
    day = more.pop("day", date(2026, 12, 2))
    slot = Slot(
        datetime(day.year, day.month, day.day, start, tzinfo=TOKYO),
        datetime(day.year, day.month, day.day, end, tzinfo=TOKYO),
        code,
        code,
    )
    return PriceCase(slot, tariff, category, purpose, more.pop("weekend", day.weekday() >= 5), **more)


CLOVER = table(
    rows=[
        {"id": f"{tariff}-{band}", "match": {"tariffs": [tariff], "slots": [band]}, "amount": amount, "label": tariff}
        for tariff, amounts in (("whole", (3820, 5100, 4570)), ("half", (1910, 2550, 2290)))
        for band, amount in zip(("am", "pm", "night"), amounts, strict=True)
    ],
    modifiers=[
        {"id": "weekend", "match": {"weekend": True}, "percent": 20, "label": "土日祝"},
        {"id": "profit", "match": {"purposes": ["profit"]}, "percent": 200, "label": "営利"},
    ],
)


@pytest.mark.parametrize(
    ("tariff", "band", "price"),
    [
        ("whole", AM, 3820),
        ("whole", PM, 5100),
        ("whole", NIGHT, 4570),
        ("half", AM, 1910),
        ("half", PM, 2550),
        ("half", NIGHT, 2290),
    ],
)
def test_clover_plaza_gym(tariff: str, band: tuple[str, int, int], price: int) -> None:
    """F2: 体育館 全面・半面 (http://www.cloverplaza.jp/charges/a001.html)."""
    assert CLOVER.quote(case(band, tariff=tariff)).total == Yen(price)


def test_clover_plaza_at_the_weekend_costs_a_fifth_more() -> None:
    assert CLOVER.quote(case(AM, tariff="whole", weekend=True)).total == Yen(3820 + 764)


def test_hamakawasaki_whole_day_costs_more_than_its_parts() -> None:
    """F6: 中体育室 5,220/6,960/6,960、全日 22,620 (https://kc-sks.jp/hamasen/price.html)."""
    kawasaki = table(
        rows=[
            {"id": name, "match": {"slots": [name]}, "amount": amount, "label": name}
            for name, amount in (("am", 5220), ("pm", 6960), ("night", 6960), ("day", 22620))
        ],
        options=[
            {"kind": "fixed", "id": "lights", "amount": 870, "per": "hour", "label": "全灯"},
            {"kind": "fixed", "id": "lights-half", "amount": 435, "per": "hour", "label": "半灯"},
        ],
    )
    parts = sum(kawasaki.quote(case(band)).total.amount for band in (AM, PM, NIGHT))
    assert parts == 19140
    assert kawasaki.quote(case(DAY)).total == Yen(22620)
    assert kawasaki.quote(case(NIGHT, options={"lights": 1})).total == Yen(6960 + 3 * 870)


def test_fujieda_outside_and_for_profit_is_three_times_not_three_and_a_half() -> None:
    """F8: 市外×1.5、営利×2、市外かつ営利×3 (藤枝 19628.html): a value of its own, not a product of the two surcharges added."""
    fujieda = table(
        rows=[{"id": "base", "amount": 1000, "label": "会議室"}],
        modifiers=[
            {
                "id": "both",
                "group": "who",
                "match": {"categories": ["outsider"], "purposes": ["profit"]},
                "percent": 200,
                "label": "市外・営利",
            },
            {"id": "outsider", "group": "who", "match": {"categories": ["outsider"]}, "percent": 50, "label": "市外"},
            {"id": "profit", "group": "who", "match": {"purposes": ["profit"]}, "percent": 100, "label": "営利"},
        ],
    )
    prices = [
        fujieda.quote(case(category=category, purpose=purpose)).total.amount
        for category in ("resident", "outsider")
        for purpose in ("meeting", "profit")
    ]
    assert prices == [1000, 2000, 1500, 3000]


def test_tsuchiura_tennis_outsiders_have_a_table_of_their_own() -> None:
    """rules.md 2: 市内 1,040/1,475/1,910、市外 2,080/2,525/2,970: the night is not twice."""
    amounts = {"resident": (1040, 1475, 1910), "outsider": (2080, 2525, 2970)}
    tsuchiura = table(
        rows=[
            {"id": f"{who}-{band}", "match": {"categories": [who], "slots": [band]}, "amount": amount, "label": band}
            for who, prices in amounts.items()
            for band, amount in zip(("am", "pm", "night"), prices, strict=True)
        ],
    )
    for who, prices in amounts.items():
        assert tuple(tsuchiura.quote(case(b, category=who)).total.amount for b in (AM, PM, NIGHT)) == prices


def test_air_conditioning_as_a_share_of_the_base_rounded_down_to_ten_yen() -> None:
    """F8 香美町: 冷暖房3割、10円未満切捨て."""
    kami = table(
        rows=[{"id": "base", "amount": 310, "label": "会議室"}],
        options=[{"kind": "share", "id": "air", "percent": 30, "label": "冷暖房"}],
        rounding={"unit": 10, "mode": "down", "each": "line"},
    )
    quote = kami.quote(case(options={"air": 1}))
    assert [line.amount.amount for line in quote.lines] == [310, 90]


def test_rounding_the_total_is_a_line_of_its_own() -> None:
    tajima = table(
        rows=[{"id": "base", "amount": 1234, "label": "芝生"}],
        modifiers=[{"id": "preparation", "percent": -70, "label": "準備は3/10"}],
        rounding={"unit": 10, "mode": "down", "each": "total"},
    )
    quote = tajima.quote(case())
    assert [line.amount.amount for line in quote.lines] == [1234, -863, -1]
    assert quote.total == Yen(370)
    assert quote.lines[-1].rule == "test@2025-04-01#rounding"


@pytest.mark.parametrize(
    ("mode", "unit", "amount", "rounded"),
    [
        ("down", 10, 1239, 1230),
        ("up", 10, 1231, 1240),
        ("half_up", 100, 1250, 1300),
        ("half_up", 100, 1249, 1200),
        ("down", 50, 1299, 1250),
        ("down", 10, -1239, -1230),
    ],
)
def test_rounding(mode: str, unit: int, amount: int, rounded: int) -> None:
    assert Rounding.model_validate({"mode": mode, "unit": unit}).apply(amount) == rounded


def test_a_hole_in_the_table_is_an_error_not_a_free_room() -> None:
    with pytest.raises(NoFee):
        CLOVER.quote(case(DAY, tariff="whole"))


@pytest.mark.parametrize(
    "more",
    [
        {"rows": []},
        {"rows": [{"id": "a", "amount": -1, "label": "x"}]},
        {"rows": [{"id": "a", "amount": 1.5, "label": "x"}]},
        {"rows": [{"id": "a", "amount": 1, "label": "x"}, {"id": "a", "amount": 2, "label": "y"}]},
        {"rows": [{"id": "a", "amount": 1, "label": "x", "match": {"moon": ["full"]}}]},
    ],
)
def test_a_table_that_cannot_be_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        table(**more)


CASES = st.builds(
    case,
    st.sampled_from([AM, PM, NIGHT]),
    tariff=st.sampled_from(["whole", "half"]),
    category=st.sampled_from(["resident", "outsider"]),
    purpose=st.sampled_from(["meeting", "profit"]),
    weekend=st.booleans(),
    people=st.integers(1, 500),
    options=st.dictionaries(st.sampled_from(["air", "lights", "forged"]), st.integers(-5, 1000), max_size=3),
)


@given(what=CASES)
def test_a_quote_is_the_sum_of_its_lines_and_the_same_every_time(what: PriceCase) -> None:
    quote = CLOVER.quote(what)
    assert quote.total.amount == sum(line.amount.amount for line in quote.lines)
    assert quote == CLOVER.quote(what)
    assert quote.digest == FeeTable.model_validate(CLOVER.model_dump(mode="json")).quote(what).digest
    assert all(line.rule.startswith("test@2025-04-01#") and line.sample for line in quote.lines)


@given(what=CASES, amount=st.integers(0, 100_000), other=st.integers(0, 100_000))
def test_the_digest_tells_any_other_price(what: PriceCase, amount: int, other: int) -> None:
    one = table(rows=[{"id": "a", "amount": amount, "label": "x"}]).quote(what)
    two = table(rows=[{"id": "a", "amount": other, "label": "x"}]).quote(what)
    assert (one.digest == two.digest) == (amount == other)


@given(
    what=CASES,
    base=st.integers(0, 1_000_000),
    percent=st.integers(-100, 300),
    unit=st.sampled_from([1, 10, 50, 100]),
    mode=st.sampled_from(["down", "up", "half_up"]),
    each=st.sampled_from(["line", "total"]),
)
def test_rounding_never_moves_a_total_by_more_than_a_unit_a_line(
    what: PriceCase, base: int, percent: int, unit: int, mode: str, each: str
) -> None:
    quote = table(
        rows=[{"id": "a", "amount": base, "label": "x"}],
        modifiers=[{"id": "m", "percent": percent, "label": "y"}],
        rounding={"unit": unit, "mode": mode, "each": each},
    ).quote(what)
    exact = base + base * percent / 100
    assert abs(quote.total.amount - exact) < unit + 1
    if each == "total":
        assert quote.total.amount % unit == 0
