"""Patterns of fees that ordinances use and no published table of ours has: each as it is written in a fee table (docs/rules-covered.md)."""

from __future__ import annotations

from datetime import date

import pytest

from portal.kernel.money import Yen
from reservations.pricing import FeeTable
from tests.reservations.test_pricing import AM, DAY, NIGHT, PM, case, table

ROOM = {"id": "room", "amount": 1000, "label": "室"}


@pytest.mark.parametrize("whole", [2700, 3000, 3400])
def test_a_whole_day_is_less_than_its_parts_or_their_sum_or_more(whole: int) -> None:
    amounts = {"am": 900, "pm": 1100, "night": 1000}
    written = table(rows=[{"id": "room", "amounts": amounts | {"day": whole}, "label": "室"}])
    assert written.quote(case(DAY)).total == Yen(whole)
    summed = table(rows=[{"id": "room", "amounts": amounts, "label": "室"}], sums={"day": ["am", "pm", "night"]})
    assert summed.quote(case(DAY)).total == Yen(3000)


@pytest.mark.parametrize(("end", "price"), [(12, 600), (13, 1000)])
def test_three_hours_or_less_cost_six_tenths(end: int, price: int) -> None:
    short = table(
        rows=[ROOM], modifiers=[{"id": "short", "match": {"minutes_to": 180}, "times": "6/10", "label": "3時間以内"}]
    )
    assert short.quote(case(("am", 9, end))).total == Yen(price)


@pytest.mark.parametrize(
    ("day", "tariff", "price"),
    [
        (date(2026, 12, 2), "hall", 1000),
        (date(2026, 12, 5), "hall", 1200),
        (date(2026, 12, 5), "gate-ball", 1000),
    ],
)
def test_a_fifth_more_at_the_weekend_but_not_for_some(day: date, tariff: str, price: int) -> None:
    weekend = {"id": "weekend", "match": {"weekend": True, "unless": {"tariffs": ["gate-ball"]}}}
    more = table(rows=[ROOM], modifiers=[{**weekend, "percent": 20, "label": "土日祝"}])
    assert more.quote(case(day=day, tariff=tariff)).total == Yen(price)


@pytest.mark.parametrize(("traits", "price"), [((), 1000), (("drinks",), 2000), (("tv",), 11000)])
def test_drinking_doubles_and_television_adds_ten_thousand(traits: tuple[str, ...], price: int) -> None:
    uses = table(
        rows=[ROOM],
        modifiers=[
            {"id": "drinks", "match": {"traits": ["drinks"]}, "times": 2, "label": "飲酒を伴う"},
            {"id": "tv", "match": {"traits": ["tv"]}, "amount": 10000, "label": "テレビ中継"},
        ],
        traits=[{"code": "drinks", "label": "飲酒を伴う"}, {"code": "tv", "label": "テレビ中継"}],
    )
    assert uses.quote(case(traits=frozenset(traits))).total == Yen(price)


@pytest.mark.parametrize(
    ("admission", "price"), [(0, 1000), (500, 1500), (1000, 1500), (1001, 2000), (3000, 2000), (3001, 3000)]
)
def test_the_admission_fee_counts_in_steps(admission: int, price: int) -> None:
    steps = table(
        rows=[ROOM],
        modifiers=[
            {"id": "high", "group": "a", "match": {"admission_over": 3000}, "times": 3, "label": "3,000円超"},
            {"id": "middle", "group": "a", "match": {"admission_over": 1000}, "times": 2, "label": "1,000円超"},
            {"id": "low", "group": "a", "match": {"admission_from": 1}, "times": "1.5", "label": "1,000円以下"},
        ],
    )
    assert steps.quote(case(admission=admission)).total == Yen(price)


@pytest.mark.parametrize("percent", [20, 30, 50, 60])
@pytest.mark.parametrize(
    ("day", "on"), [(date(2026, 11, 4), True), (date(2027, 4, 30), True), (date(2026, 5, 7), False)]
)
def test_heating_is_a_share_of_the_base_and_only_in_its_months(percent: int, day: date, on: bool) -> None:
    heated = table(
        rows=[ROOM],
        options=[
            {
                "kind": "share",
                "id": "heat",
                "match": {"season": {"start": "11-01", "end": "04-30"}},
                "percent": percent,
                "label": "暖房",
            }
        ],
    )
    assert heated.quote(case(day=day, options={"heat": 1})).total == Yen(1000 + on * 10 * percent)


def _lights() -> FeeTable:
    months = (("summer", "05-01", "08-31", "18:00"), ("winter", "09-01", "04-30", "16:00"))
    return table(
        rows=[ROOM],
        options=[
            {
                "kind": "fixed",
                "id": f"{size}-{name}",
                "group": "lights",
                "match": {"season": {"start": start, "end": end}, "starts_from": hour},
                "amount": amount,
                "per": "half_hour",
                "label": f"照明 {size}",
            }
            for name, start, end, hour in months
            for size, amount in (("full", 400), ("half", 200))
        ],
    )


@pytest.mark.parametrize(
    ("day", "start", "choice", "price"),
    [
        (date(2026, 12, 2), 16, "full-winter", 1000 + 4 * 400),
        (date(2026, 12, 2), 16, "half-winter", 1000 + 4 * 200),
        (date(2026, 12, 2), 14, "full-winter", 1000),
        (date(2026, 7, 1), 16, "full-summer", 1000),
        (date(2026, 7, 1), 18, "full-summer", 1000 + 4 * 400),
    ],
)
def test_lights_begin_by_the_month_and_cost_by_half_hours(day: date, start: int, choice: str, price: int) -> None:
    assert _lights().quote(case(("slot", start, start + 2), day=day, options={choice: 1})).total == Yen(price)


@pytest.mark.parametrize(("band", "price"), [(AM, 1500), (PM, 1500), (NIGHT, 1500), (DAY, 2500)])
def test_equipment_for_the_whole_day_costs_three_times(band: tuple[str, int, int], price: int) -> None:
    piano = {"kind": "fixed", "id": "piano", "amount": 500, "per": "slot", "by_slot": {"day": 3}, "label": "ピアノ"}
    assert table(rows=[ROOM], options=[piano]).quote(case(band, options={"piano": 1})).total == Yen(price)


@pytest.mark.parametrize(("traits", "price"), [((), 1000), (("preparation",), 300), (("rehearsal",), 450)])
def test_preparing_costs_three_tenths_and_a_rehearsal_has_a_row_of_its_own(traits: tuple[str, ...], price: int) -> None:
    hall = table(
        rows=[{"id": "rehearsal", "match": {"traits": ["rehearsal"]}, "amount": 450, "label": "リハーサル"}, ROOM],
        modifiers=[{"id": "prepare", "match": {"traits": ["preparation"]}, "times": "3/10", "label": "準備"}],
        traits=[{"code": "preparation", "label": "準備"}, {"code": "rehearsal", "label": "リハーサル"}],
    )
    assert hall.quote(case(traits=frozenset(traits))).total == Yen(price)


@pytest.mark.parametrize(("circuits", "minutes", "price"), [(1, 30, 1300), (3, 90, 1000 + 3 * 3 * 300), (2, 31, 2200)])
def test_lights_by_circuit_cost_for_each_begun_half_hour(circuits: int, minutes: int, price: int) -> None:
    lights = {"kind": "fixed", "id": "c", "amount": 300, "per": "piece_half_hour", "at_most": 4, "label": "照明 1回路"}
    lit = case(NIGHT, options={"c": circuits}, option_minutes={"c": minutes})
    assert table(rows=[ROOM], options=[lights]).quote(lit).total == Yen(price)


@pytest.mark.parametrize(
    ("end", "minutes", "amounts"),
    [
        (21, 60, [1000, 300]),
        (21, 61, [1000, 300, 800]),
        (21, 180, [1000, 300, 1600]),
        (22, 1, [1000, 800]),
        (23, 240, [1000, 3200]),
    ],
)
def test_the_hours_of_overtime_in_the_night_cost_more_whenever_the_band_ended(
    end: int, minutes: int, amounts: list[int]
) -> None:
    """Group 13: 22時から5時. The span runs over midnight; each begun hour counts where it begins."""
    over = table(
        rows=[ROOM],
        overtime=[
            {"hours": {"start": "22:00", "end": "5:00"}, "amount": 800, "at_most": 240, "label": "深夜"},
            {"percent": 30, "at_most": 240, "label": "延長 3割"},
        ],
    )
    quote = over.quote(case(("late", end - 2, end), overtime=minutes))
    assert [line.amount.amount for line in quote.lines] == amounts


@pytest.mark.parametrize(("start", "minutes", "price"), [(18, 60, 1300), (22, 30, 1500), (22, 60, 1500)])
def test_overtime_in_the_night_has_a_price_of_its_own(start: int, minutes: int, price: int) -> None:
    over = table(
        rows=[ROOM],
        overtime=[
            {"match": {"starts_from": "22:00"}, "amount": 500, "label": "深夜"},
            {"percent": 30, "label": "延長 3割"},
        ],
    )
    assert over.quote(case(("late", start, start + 1), overtime=minutes)).total == Yen(price)
