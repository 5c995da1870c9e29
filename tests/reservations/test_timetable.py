"""Bands, grids, nights and closed days, as tables of cases."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from portal.kernel import dates
from reservations.calendar import months_before
from reservations.timetable import Timetable

DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


def timetable(*closed: dict[str, Any], slots: list[dict[str, Any]] | None = None, **more: Any) -> Timetable:
    return Timetable.model_validate(
        {
            "code": "test",
            "valid_from": date(2020, 1, 1),
            "sample": True,
            "slots": slots or [{"kind": "grid", "start": "9:00", "end": "21:00", "minutes": 120}],
            "closed": list(closed),
            **more,
        },
    )


def closed(table: Timetable, day: date) -> bool:
    return table.closure_on(day, dates.is_holiday) is not None


# 2026: Mon 9/21 敬老の日, Tue 9/22 国民の休日, Wed 9/23 秋分の日; Mon 11/23 勤労感謝の日; Mon 10/12 スポーツの日.
@pytest.mark.parametrize(
    ("moved", "open_days", "closed_days"),
    [
        ("stay", [date(2026, 11, 24)], [date(2026, 11, 23), date(2026, 9, 21)]),
        ("open", [date(2026, 11, 23), date(2026, 11, 24)], [date(2026, 11, 30)]),
        ("next_day", [date(2026, 11, 23), date(2026, 9, 23)], [date(2026, 11, 24), date(2026, 9, 22)]),
        (
            "next_weekday",
            [date(2026, 9, 21), date(2026, 9, 22), date(2026, 9, 23)],
            [date(2026, 9, 24), date(2026, 11, 24)],
        ),
        ("next_not_holiday", [date(2026, 9, 22)], [date(2026, 9, 24)]),
        ("next:wed", [date(2026, 11, 23), date(2026, 11, 24)], [date(2026, 11, 25), date(2026, 10, 14)]),
    ],
)
def test_a_closed_monday_that_is_a_holiday_moves_as_the_rule_says(
    moved: str, open_days: list[date], closed_days: list[date]
) -> None:
    table = timetable({"kind": "weekly", "weekdays": ["mon"], "when_holiday": moved})
    assert [day for day in open_days if closed(table, day)] == []
    assert [day for day in closed_days if not closed(table, day)] == []
    assert closed(table, date(2026, 12, 7))


@pytest.mark.parametrize(
    ("rule", "day", "is_closed"),
    [
        ({"kind": "yearly", "start": "12-28", "end": "01-04"}, date(2026, 12, 31), True),
        ({"kind": "yearly", "start": "12-28", "end": "01-04"}, date(2027, 1, 4), True),
        ({"kind": "yearly", "start": "12-28", "end": "01-04"}, date(2027, 1, 5), False),
        ({"kind": "after_holiday", "except_weekend": True}, date(2026, 11, 4), True),
        ({"kind": "after_holiday", "except_weekend": True}, date(2026, 2, 12), True),
        ({"kind": "after_holiday", "except_weekend": True}, date(2023, 11, 4), False),
        ({"kind": "nth_weekday", "nth": 4, "weekday": "fri"}, date(2026, 11, 27), True),
        ({"kind": "nth_weekday", "nth": 4, "weekday": "fri"}, date(2026, 11, 20), False),
        ({"kind": "monthly", "day": 25}, date(2026, 11, 25), True),
        ({"kind": "dates", "dates": [date(2026, 11, 26)]}, date(2026, 11, 26), True),
    ],
)
def test_other_closed_days(rule: dict[str, Any], day: date, is_closed: bool) -> None:
    assert closed(timetable(rule), day) is is_closed


def test_the_folk_house_is_closed_on_mondays_and_tuesdays_but_not_in_spring() -> None:
    """民家園 (rules.md K9): 月・火 (祝日なら開園し水曜休)、3-5月は無休."""
    rule = {
        "kind": "weekly",
        "weekdays": ["mon", "tue"],
        "when_holiday": "next:wed",
        "not_in": {"start": "03-01", "end": "05-31"},
    }
    table = timetable(rule)
    assert closed(table, date(2026, 12, 7))
    assert closed(table, date(2026, 12, 8))
    assert not closed(table, date(2026, 4, 6))
    assert not closed(table, date(2026, 11, 23))
    assert closed(table, date(2026, 11, 25))


def test_a_single_opening_is_stronger_than_every_rule() -> None:
    table = timetable({"kind": "weekly", "weekdays": ["mon"]}, open_on=[date(2026, 12, 7)])
    assert not closed(table, date(2026, 12, 7))


def test_bands_that_exist_only_in_summer_and_a_lunch_break() -> None:
    """三和SC (K8) closes for lunch but in August; 相模原 adds an evening band from May to August."""
    table = timetable(
        slots=[
            {"kind": "grid", "start": "9:00", "end": "17:00", "minutes": 60, "breaks": [["12:00", "13:00"]]},
            {
                "kind": "bands",
                "when": {"season": {"start": "05-01", "end": "08-31"}},
                "bands": [{"code": "summer", "name": "夏の夕方", "start": "16:30", "end": "18:30"}],
            },
        ],
    )
    winter = [slot.code for slot in table.slots_on(date(2026, 12, 1), dates.is_holiday)]
    assert winter == ["t0900", "t1000", "t1100", "t1300", "t1400", "t1500", "t1600"]
    assert "summer" in [slot.code for slot in table.slots_on(date(2026, 7, 1), dates.is_holiday)]


def test_a_night_ends_on_the_next_day() -> None:
    table = timetable(slots=[{"kind": "night", "start": "15:00", "end": "10:00"}])
    slot = table.slots_on(date(2026, 12, 31), dates.is_holiday)[0]
    assert (slot.start.isoformat(), slot.end.isoformat()) == ("2026-12-31T15:00:00+09:00", "2027-01-01T10:00:00+09:00")


@pytest.mark.parametrize(
    "slots",
    [
        [{"kind": "bands", "bands": [{"code": "am", "name": "午前", "start": "12:00", "end": "9:00"}]}],
        [{"kind": "grid", "start": "9:00", "end": "9:00", "minutes": 60}],
        [{"kind": "grid", "start": "25:00", "end": "26:00", "minutes": 60}],
        [{"kind": "grid", "start": "9:00", "end": "12:00", "minutes": 60, "colour": "red"}],
        [{"kind": "moon"}],
    ],
)
def test_a_timetable_that_cannot_be_is_refused(slots: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        timetable(slots=slots)


@given(day=DAYS, minutes=st.sampled_from([30, 60, 90, 120, 180]))
def test_slots_of_a_grid_follow_each_other_within_the_day(day: date, minutes: int) -> None:
    table = timetable(
        slots=[{"kind": "grid", "start": "9:00", "end": "21:00", "minutes": minutes, "breaks": [["12:15", "13:00"]]}]
    )
    slots = table.slots_on(day, dates.is_holiday)
    assert all(slot.day == day and slot.minutes == minutes for slot in slots)
    assert all(before.end <= after.start for before, after in itertools.pairwise(slots))
    assert len({slot.code for slot in slots}) == len(slots)
    for slot in slots:
        assert table.slot(day, slot.code, dates.is_holiday) == slot


@given(day=DAYS)
def test_a_closed_monday_closes_one_day_a_week_wherever_it_moves(day: date) -> None:
    table = timetable({"kind": "weekly", "weekdays": ["mon"], "when_holiday": "next_day"})
    monday = day - timedelta(days=day.weekday())
    week = [monday + timedelta(days=n) for n in range(7)]
    assert sum(closed(table, one) for one in week) == 1


@given(day=DAYS)
def test_documents_say_the_same_after_they_were_stored(day: date) -> None:
    table = timetable(
        {"kind": "weekly", "weekdays": ["mon"], "when_holiday": "next_weekday"},
        slots=[{"kind": "grid", "start": "9:00", "end": "24:00", "minutes": 60}],
    )
    again = Timetable.model_validate(table.model_dump(mode="json"))
    assert again == table
    assert again.slots_on(day, dates.is_holiday) == table.slots_on(day, dates.is_holiday)


def test_months_before_end_on_the_last_day_where_there_is_no_such_day() -> None:
    assert months_before(date(2027, 5, 31), 3) == date(2027, 2, 28)
    assert months_before(date(2028, 3, 31), 1) == date(2028, 2, 29)
    assert months_before(date(2027, 1, 15), 13) == date(2025, 12, 15)


@pytest.mark.parametrize(
    ("slots", "codes"),
    [
        ([{"kind": "grid", "start": "9:00", "end": "12:00", "minutes": 30}], 6),
        ([{"kind": "grid", "start": "7:00", "end": "24:00", "minutes": 60}], 17),
        ([{"kind": "bands", "bands": [("am", "9:00", "12:00"), ("pm", "13:00", "17:00")]}], 2),
        ([{"kind": "bands", "bands": [("am", "9:00", "12:00"), ("pm", "13:00", "17:00"), ("n", "18:00", "21:00")]}], 3),
        (
            [
                {
                    "kind": "bands",
                    "bands": [
                        ("a", "9:00", "12:00"),
                        ("b", "12:00", "15:00"),
                        ("c", "15:00", "18:00"),
                        ("d", "18:00", "21:00"),
                    ],
                }
            ],
            4,
        ),
        (
            [
                {
                    "kind": "bands",
                    "bands": [
                        ("am", "9:00", "12:00"),
                        ("pm", "13:00", "17:00"),
                        ("n", "18:00", "21:00"),
                        ("am-pm", "9:00", "17:00"),
                        ("pm-n", "13:00", "21:00"),
                        ("day", "9:00", "21:00"),
                        ("early", "7:00", "9:00"),
                    ],
                }
            ],
            7,
        ),
        ([{"kind": "bands", "bands": [("day", "10:00", "15:00"), ("eve", "16:00", "21:00")]}], 2),
        ([{"kind": "night", "start": "15:00", "end": "10:00"}], 1),
        (
            [
                {"kind": "grid", "start": "9:00", "end": "17:00", "minutes": 120},
                {"kind": "grid", "when": {"weekdays": ["fri"]}, "start": "10:00", "end": "16:00", "minutes": 120},
            ],
            7,
        ),
    ],
    ids=[
        "half hours",
        "hours",
        "2 bands",
        "3 bands",
        "4 bands",
        "7 bands",
        "day and night halves",
        "a stay",
        "odd and even",
    ],
)
def test_every_way_to_cut_a_day(slots: list[dict[str, Any]], codes: int) -> None:
    for rule in slots:
        if "bands" in rule:
            rule["bands"] = [{"code": c, "name": c, "start": s, "end": e} for c, s, e in rule["bands"]]
    found = timetable(slots=slots).slots_on(date(2026, 12, 4), dates.is_holiday)
    assert len({slot.code for slot in found}) == len(found) == codes


def test_a_band_that_exists_from_may_to_august_only() -> None:
    """相模原: 16:30-18:30 in May to August."""
    table = timetable(
        slots=[
            {"kind": "grid", "start": "8:30", "end": "16:30", "minutes": 120},
            {
                "kind": "grid",
                "when": {"season": {"start": "05-01", "end": "08-31"}},
                "start": "16:30",
                "end": "18:30",
                "minutes": 120,
            },
        ]
    )
    counts = [len(table.slots_on(date(2026, month, 2), dates.is_holiday)) for month in (4, 5, 8, 9)]
    assert counts == [4, 5, 5, 4]


@pytest.mark.parametrize(
    ("rule", "day", "is_closed"),
    [
        ({"kind": "holidays"}, date(2026, 11, 23), True),
        ({"kind": "holidays"}, date(2026, 11, 24), False),
        ({"kind": "nth_weekday", "nth": -1, "weekday": "fri"}, date(2026, 12, 25), True),
        ({"kind": "nth_weekday", "nth": -1, "weekday": "fri"}, date(2026, 12, 18), False),
        ({"kind": "nth_weekday", "nth": 4, "weekday": "mon", "when_holiday": "next_day"}, date(2026, 11, 24), True),
        ({"kind": "monthly", "day": 25}, date(2026, 12, 25), True),
        ({"kind": "monthly", "day": -1}, date(2026, 2, 28), True),
        ({"kind": "monthly", "day": 31}, date(2026, 6, 30), False),
        ({"kind": "monthly", "day": 23, "when_holiday": "next_weekday"}, date(2026, 11, 24), True),
        ({"kind": "yearly", "start": "11-13", "end": "11-13"}, date(2026, 11, 13), True),
        ({"kind": "yearly", "start": "08-13", "end": "08-16"}, date(2026, 8, 15), True),
        ({"kind": "yearly", "start": "12-27", "end": "01-04"}, date(2027, 1, 4), True),
        (
            {"kind": "weekly", "weekdays": ["mon"], "not_in": {"start": "08-01", "end": "08-31"}},
            date(2026, 8, 3),
            False,
        ),
        ({"kind": "after_holiday", "season": {"start": "01-01", "end": "06-30"}}, date(2026, 11, 24), False),
        ({"kind": "dates", "dates": ["2026-06-01"]}, date(2026, 6, 1), True),
    ],
)
def test_closed_days_of_every_kind_that_cities_publish(rule: dict[str, Any], day: date, is_closed: bool) -> None:
    assert closed(timetable(rule), day) is is_closed


def test_one_day_with_other_hours_and_all_others_without_them() -> None:
    """12/28 until 17:00 only."""
    table = timetable(
        slots=[
            {"kind": "grid", "when": {"not_on": ["2026-12-28"]}, "start": "9:00", "end": "21:00", "minutes": 120},
            {"kind": "grid", "when": {"dates": ["2026-12-28"]}, "start": "9:00", "end": "17:00", "minutes": 120},
        ]
    )
    assert [len(table.slots_on(date(2026, 12, day), dates.is_holiday)) for day in (27, 28, 29)] == [6, 4, 6]


def test_minutes_for_preparing_and_clearing_are_added_to_every_slot_or_not_at_all() -> None:
    plain, added = timetable(), timetable(around={"before": 30, "after": 15})
    day = date(2026, 12, 4)
    assert {(slot.before, slot.after) for slot in plain.slots_on(day, dates.is_holiday)} == {(0, 0)}
    assert {(slot.before, slot.after) for slot in added.slots_on(day, dates.is_holiday)} == {(30, 15)}
