"""Every kind of closed day, and lists of them, against a calendar that walks day by day and knows nothing of the rules' code."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel import dates
from tests.reservations.test_timetable import closed, timetable

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOVES = ("stay", "open", "next_day", "next_weekday", "next_not_holiday", "next:wed", "next:thu")
FIRST, LAST = date(2025, 1, 1), date(2028, 12, 31)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _nth(day: date, nth: int) -> bool:
    """Whether the day is the nth of its weekday in its month, counted through the month's weeks."""
    same = [week[day.weekday()] for week in calendar.monthcalendar(day.year, day.month) if week[day.weekday()]]
    return day.day == (same[-1] if nth == -1 else same[nth - 1] if nth <= len(same) else 0)


def _own(rule: dict[str, Any], day: date) -> bool:
    match rule["kind"]:
        case "weekly":
            return NAMES[day.weekday()] in rule["weekdays"]
        case "nth_weekday":
            return NAMES[day.weekday()] == rule["weekday"] and _nth(day, rule["nth"])
        case _:
            last = calendar.monthrange(day.year, day.month)[1]
            return day.day == (last if rule["day"] == -1 else rule["day"])


def _stands_in(move: str, day: date) -> bool:
    match move:
        case "next_day":
            return True
        case "next_weekday":
            return day.weekday() < 5 and not dates.is_holiday(day)
        case "next_not_holiday":
            return not dates.is_holiday(day)
        case named:
            return NAMES[day.weekday()] == named.removeprefix("next:")


def _all_closed(rule: dict[str, Any]) -> set[date]:
    """The closed days of one rule: each of its own days is taken, or the first later day that may stand in for it."""
    found: set[date] = set()
    for day in _days(FIRST - timedelta(days=20), LAST):
        if not _own(rule, day):
            continue
        move = rule["when_holiday"]
        if not dates.is_holiday(day) or move == "stay":
            found.add(day)
        elif move != "open":
            found.add(next(d for d in _days(day + timedelta(days=1), day + timedelta(days=20)) if _stands_in(move, d)))
    return found


RULES = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("weekly"),
            "weekdays": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
            "when_holiday": st.sampled_from(MOVES),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("nth_weekday"),
            "nth": st.sampled_from([1, 2, 3, 4, 5, -1]),
            "weekday": st.sampled_from(NAMES),
            "when_holiday": st.sampled_from(MOVES),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("monthly"),
            "day": st.sampled_from([-1, 1, 25, 29, 30, 31]),
            "when_holiday": st.sampled_from(MOVES),
        }
    ),
)


@given(rules=st.lists(RULES, min_size=1, max_size=3), start=st.dates(FIRST, LAST - timedelta(days=40)))
def test_closed_days_that_move_are_those_of_a_calendar_walked_by_hand(rules: list[dict[str, Any]], start: date) -> None:
    table = timetable(*rules)
    expected = set().union(*(_all_closed(rule) for rule in rules))
    for day in _days(start, start + timedelta(days=40)):
        assert closed(table, day) == (day in expected), (day, rules)


@pytest.mark.parametrize(
    ("rule", "closed_days", "open_days"),
    [
        pytest.param(
            {"kind": "yearly", "start": "11-13", "end": "11-13", "label": "県民の日"},
            [date(2026, 11, 13), date(2027, 11, 13)],
            [date(2026, 11, 12), date(2026, 11, 14)],
            id="県民の日",
        ),
        pytest.param(
            {"kind": "yearly", "start": "08-13", "end": "08-16", "label": "お盆"},
            [date(2026, 8, 13), date(2026, 8, 16)],
            [date(2026, 8, 12), date(2026, 8, 17)],
            id="お盆",
        ),
        *(
            pytest.param(
                {"kind": "yearly", "start": start, "end": end},
                [date(2026, 12, int(start[3:])), date(2026, 12, 31), date(2027, 1, int(end[3:]))],
                [date(2026, 12, int(start[3:]) - 1), date(2027, 1, int(end[3:]) + 1)],
                id=f"年末年始 {start}から{end}",
            )
            for start, end in (("12-27", "01-04"), ("12-28", "01-03"), ("12-29", "01-03"), ("12-28", "01-04"))
        ),
        pytest.param(
            {"kind": "nth_weekday", "nth": 4, "weekday": "fri", "label": "館内整理日"},
            [date(2026, 9, 25), date(2026, 10, 23)],
            [date(2026, 9, 18), date(2026, 10, 30)],
            id="館内整理日 第4金曜",
        ),
        pytest.param(
            {"kind": "weekly", "weekdays": ["mon"], "not_in": {"start": "07-01", "end": "08-31"}},
            [date(2026, 6, 29), date(2026, 9, 7)],
            [date(2026, 7, 6), date(2026, 8, 31)],
            id="特定月だけ無休",
        ),
        pytest.param(
            {"kind": "after_holiday", "except_weekend": True},
            [date(2026, 11, 4), date(2026, 11, 24)],
            [date(2026, 11, 3), date(2026, 9, 22), date(2026, 3, 21)],
            id="祝日の翌日、土日を除く",
        ),
        pytest.param(
            {"kind": "dates", "dates": [date(2026, 6, 1)]}, [date(2026, 6, 1)], [date(2026, 6, 2)], id="臨時休館"
        ),
    ],
)
def test_closed_days_as_ordinances_name_them(
    rule: dict[str, Any], closed_days: list[date], open_days: list[date]
) -> None:
    table = timetable(rule)
    assert [closed(table, day) for day in closed_days] == [True] * len(closed_days)
    assert [closed(table, day) for day in open_days] == [False] * len(open_days)


def test_closing_with_the_sun_is_a_grid_for_each_season() -> None:
    """日没まで: each season has its own end; the seasons fill the year and no day has two."""
    table = timetable(
        slots=[
            {"kind": "grid", "start": "9:00", "end": end, "minutes": 60, "when": {"season": {"start": a, "end": b}}}
            for a, b, end in (
                ("04-01", "04-30", "18:00"),
                ("05-01", "08-31", "19:00"),
                ("09-01", "10-31", "17:00"),
                ("11-01", "03-31", "16:00"),
            )
        ]
    )
    ends = {4: 18, 5: 19, 6: 19, 7: 19, 8: 19, 9: 17, 10: 17, 11: 16, 12: 16, 1: 16, 2: 16, 3: 16}
    for day in _days(date(2026, 1, 1), date(2026, 12, 31)):
        slots = table.slots_on(day, dates.is_holiday)
        assert slots[-1].end.hour == ends[day.month]
        assert len(slots) == ends[day.month] - 9
