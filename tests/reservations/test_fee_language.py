"""The rarer words of the fee language: kinds of users, differences, shares of the takings, ticket books, several slots, transition."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.money import Yen
from reservations.pricing import Fact, FeeTable, NoFee, PriceCase, in_force, quote_parts
from reservations.pricing.check import check
from reservations.timetable import TOKYO, Slot
from tests.reservations.test_pricing import AM, DAY, NIGHT, PM, case, table

POOL = table(
    rows=[
        {"id": "children", "match": {"tariffs": ["group"], "only": ["child"]}, "amount": 1000, "label": "子どもだけ"},
        {"id": "adults", "match": {"tariffs": ["group"]}, "amount": 2000, "label": "大人"},
        {
            "id": "each",
            "match": {"tariffs": ["each"]},
            "by_user": {"adult": 400, "child": 200, "infant": 0},
            "label": "個人",
        },
    ],
    reductions=[
        {"id": "disabled", "match": {"share": {"of": ["disabled"], "percent": 50}}, "percent": 100, "label": "半数以上"}
    ],
    tickets=[{"id": "book", "match": {"tariffs": ["each"]}, "pieces": 11, "amount": 4000, "label": "回数券"}],
    users=[{"code": code, "label": code} for code in ("adult", "child", "infant", "disabled")],
)


@pytest.mark.parametrize(
    ("users", "price"), [({"child": 9}, 1000), ({"adult": 1, "child": 9}, 2000), ({"adult": 3}, 2000)]
)
def test_a_mixed_group_pays_as_adults(users: dict[str, int], price: int) -> None:
    """D9: 子どもと大人が混在すると大人料金."""
    assert POOL.quote(case(AM, tariff="group", users=users)).total == Yen(price)


def test_each_person_pays_by_their_kind() -> None:
    assert POOL.quote(case(AM, tariff="each", users={"adult": 2, "child": 3, "infant": 1})).total == Yen(1400)


def test_a_kind_of_user_that_has_no_price_is_a_hole_and_not_free() -> None:
    with pytest.raises(NoFee):
        POOL.quote(case(AM, tariff="each", users={"adult": 2, "disabled": 1}))


@pytest.mark.parametrize(("disabled", "price"), [(5, 0), (6, 0), (4, 2000)])
def test_half_of_the_users_free_the_group(disabled: int, price: int) -> None:
    """D6: 障害者 専用は半数以上で免除."""
    users = {"adult": 10 - disabled, "disabled": disabled}
    assert POOL.quote(case(AM, tariff="group", users=users)).total == Yen(price)


@pytest.mark.parametrize(("tickets", "price"), [(0, 1200), (1, 800), (3, 0), (9, 0)])
def test_a_ticket_pays_one_person_and_never_more_than_there_is(tickets: int, price: int) -> None:
    """D11: 回数券."""
    paid = case(AM, tariff="each", users={"adult": 3}, people=3, tickets={"book": tickets})
    assert POOL.quote(paid).total == Yen(price)


def test_a_price_by_difference() -> None:
    """D8: 高校生額 = 規程額 − 小中学生額."""
    beach = table(
        rows=[
            {"id": "pupil", "match": {"purposes": ["pupil"]}, "amount": 1100, "label": "小中学生"},
            {"id": "high", "match": {"purposes": ["high"]}, "difference": ["full", "pupil"], "label": "高校生"},
            {"id": "full", "amount": 3000, "label": "規程額"},
        ]
    )
    assert [beach.quote(case(AM, purpose=who)).total.amount for who in ("pupil", "high", "other")] == [1100, 1900, 3000]


@pytest.mark.parametrize(("total", "price"), [(0, 10_000), (300_000, 15_000), (9_000_000, 100_000)])
def test_a_share_of_the_takings_between_two_bounds(total: int, price: int) -> None:
    """§7.6: 入場料の総額×5%上下限."""
    share = {"percent": 5, "of": "admission_total", "at_least": 10_000, "at_most": 100_000}
    stadium = table(rows=[{"id": "show", "share": share, "label": "興行"}])
    assert stadium.quote(case(AM, admission_total=total)).total == Yen(price)


def test_the_highest_admission_times_the_seats_is_a_surcharge() -> None:
    seats = table(
        rows=[{"id": "base", "amount": 5000, "label": "基本"}],
        modifiers=[{"id": "seats", "share": {"percent": 10, "of": "capacity"}, "label": "入場料×定員の1割"}],
    )
    assert seats.quote(case(AM, admission=500, capacity=300)).total == Yen(5000 + 15_000)


def test_a_reduction_that_is_asked_for_counts_once_it_is_granted() -> None:
    club = table(
        rows=[{"id": "base", "amount": 1000, "label": "基本"}],
        options=[{"kind": "fixed", "id": "lights", "amount": 300, "label": "照明"}],
        reductions=[{"id": "club", "percent": 50, "on_request": True, "leaves_out": ["lights"], "label": "減免"}],
    )
    lit = {"options": {"lights": 1}}
    assert club.quote(case(AM, **lit)).total == Yen(1300)
    assert club.quote(case(AM, granted=frozenset({"club"}), **lit)).total == Yen(800)


ROOM = table(
    bands=[
        {"code": "am", "name": "午前", "start": "9:00", "end": "12:00"},
        {"code": "pm", "name": "午後", "start": "13:00", "end": "17:00"},
        {"code": "night", "name": "夜間", "start": "18:00", "end": "21:00"},
        {"code": "day", "name": "全日", "start": "9:00", "end": "21:00"},
    ],
    rows=[{"id": "room", "amounts": {"am": 300, "pm": 400, "night": 400, "day": 1000}, "label": "会議室"}],
    options=[
        {"kind": "fixed", "id": "screen", "amount": 100, "per": "day", "label": "スクリーン"},
        {"kind": "fixed", "id": "mike", "amount": 50, "label": "マイク"},
    ],
)
WITH_WHOLE = ROOM.model_copy(update={"wholes": {"day": ("am", "pm", "night")}})


def test_b4_bands_together_are_the_whole_day_only_where_the_table_says_so() -> None:
    """Booked one by one they stay three prices; the gaps between them are nobody's."""
    bands = [case(band) for band in (AM, PM, NIGHT)]
    assert ROOM.quote_together(bands).total == Yen(1100)
    assert WITH_WHOLE.quote_together(bands).total == Yen(1000) == WITH_WHOLE.quote(case(DAY)).total
    assert sum((WITH_WHOLE.quote(band).total for band in bands), start=Yen(0)) == Yen(1100)


def test_b4_bands_with_one_missing_or_of_two_days_are_no_whole_day() -> None:
    other_day = case(NIGHT, day=date(2026, 12, 3))
    assert WITH_WHOLE.quote_together([case(AM), case(PM)]).total == Yen(700)
    assert WITH_WHOLE.quote_together([case(AM), case(PM), other_day]).total == Yen(1100)


def test_an_option_by_the_day_is_charged_once_a_day_and_others_in_each_slot() -> None:
    chosen = {"options": {"screen": 1, "mike": 1}}
    together = [case(AM, **chosen), case(PM, **chosen), case(AM, day=date(2026, 12, 3), **chosen)]
    assert ROOM.quote_together(together).total == Yen(300 + 400 + 300 + 2 * 100 + 3 * 50)


def test_each_line_of_several_slots_says_for_which() -> None:
    assert [line.label for line in ROOM.quote_together([case(AM), case(PM)]).lines] == ["会議室(am)", "会議室(pm)"]


def _night(day: date, **more: Any) -> PriceCase:
    start = datetime(day.year, day.month, day.day, 15, tzinfo=TOKYO)
    slot = Slot(start, start + timedelta(hours=19), "night", "1泊", "1 night")
    return PriceCase(slot, "cabin", "resident", "stay", weekend=False, **more)


def _stay_table(valid_from: date, amount: int, tax: int, applies_to: str) -> FeeTable:
    return FeeTable.model_validate(
        {
            "code": "stay",
            "valid_from": valid_from,
            "sample": True,
            "ground": f"見本の条例({valid_from})",
            "applies_to": applies_to,
            "rows": [
                {"id": "group", "match": {"categories": ["group"]}, "amount": amount // 2, "label": "登録団体 1泊"},
                {"id": "night", "amount": amount, "label": "1泊"},
            ],
            "tax": {"percent": tax},
        }
    )


@pytest.mark.parametrize(
    ("clause", "lines"),
    [
        ("use", [("stay@2026-04-01#group", 2000), ("tax", 200), ("stay@2027-04-01#night", 5000), ("tax", 600)]),
        ("permit", [("stay@2026-04-01#group", 2000), ("stay@2026-04-01#night", 4000), ("tax", 600)]),
    ],
)
def test_b2_a_stay_over_a_new_table_tax_and_the_end_of_a_group(clause: str, lines: list[tuple[str, int]]) -> None:
    """31 March and 1 April: each night by the version that the transition clause names; the group ends between them."""
    versions = [_stay_table(date(2026, 4, 1), 4000, 10, "use"), _stay_table(date(2027, 4, 1), 5000, 12, clause)]
    made = date(2027, 2, 1)
    nights = [_night(date(2027, 3, 31)), _night(date(2027, 4, 1))]
    parts = []
    for night, category in zip(nights, ("group", "resident"), strict=True):
        version = in_force(versions, use=night.slot.day, made=made)
        assert version is not None
        parts.append((version, PriceCase(**{**night.__dict__, "category": category})))
    quote = quote_parts(parts)
    found = [(line.rule if "tax" not in line.rule else "tax", line.amount.amount) for line in quote.lines]
    assert found == lines
    assert quote.total.amount == sum(amount for _, amount in lines)


def test_b2_before_the_first_version_there_is_none() -> None:
    assert (
        in_force([_stay_table(date(2026, 4, 1), 4000, 10, "use")], use=date(2026, 3, 31), made=date(2026, 1, 1)) is None
    )


@given(st.lists(st.sampled_from([AM, PM, NIGHT]), min_size=1, max_size=3, unique=True))
def test_the_order_in_which_slots_are_named_makes_no_difference(bands: list[tuple[str, int, int]]) -> None:
    straight = WITH_WHOLE.quote_together([case(band) for band in sorted(bands, key=lambda band: band[1])])
    assert WITH_WHOLE.quote_together([case(band) for band in bands]) == straight


def test_a_difference_of_a_row_that_is_not_there_is_told() -> None:
    with pytest.raises(ValueError, match="difference の「nobody」"):
        table(
            rows=[
                {"id": "high", "difference": ["full", "nobody"], "label": "高校生"},
                {"id": "full", "amount": 3000, "label": "規程額"},
            ]
        )


def test_the_check_tries_kinds_of_users() -> None:
    """A table by kinds of users has no false hole, and a kind without a price is found."""
    whole = table(
        rows=[{"id": "each", "by_user": {"adult": 400, "child": 200}, "label": "1人"}],
        users=[{"code": "adult", "label": "大人"}, {"code": "child", "label": "子ども"}],
    )
    assert check(whole) == []
    missing = whole.model_copy(update={"users": (*whole.users, Fact(code="senior", label="65歳以上"))})
    assert "料金がない場合" in check(missing)[0].message
