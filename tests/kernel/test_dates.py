from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel import dates

ANY_DAY = st.dates(min_value=date(1873, 1, 1), max_value=date(2099, 12, 31))


@given(ANY_DAY)
def test_a_date_written_in_wareki_is_read_back_as_the_same_day(day: date) -> None:
    assert dates.parse_date(dates.wareki(day)) == day


@given(ANY_DAY)
def test_a_western_date_is_read_in_every_spelling(day: date) -> None:
    for text in (day.isoformat(), f"{day:%Y/%m/%d}", f"{day:%Y%m%d}", f"{day.year}年{day.month}月{day.day}日"):
        assert dates.parse_date(text) == day
        assert dates.parse_date(text.translate(str.maketrans("0123456789/", "０１２３４５６７８９／"))) == day


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("令和元年13月1日", "impossible"),
        ("2025-02-29", "impossible"),
        ("平成32年1月1日", "outside_era"),
        ("令和元年4月30日", "outside_era"),
        ("昭和64年1月8日", "outside_era"),
        ("令和0年1月1日", "impossible"),
        ("きのう", "unreadable"),
        ("", "unreadable"),
        ("1; DROP TABLE person", "unreadable"),
        ("99999-1-1", "unreadable"),
    ],
)
def test_what_is_no_date_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(dates.DateError) as refused:
        dates.parse_date(text)
    assert refused.value.code == code


def test_the_fiscal_year_begins_in_april() -> None:
    assert dates.fiscal_year(date(2026, 3, 31)) == 2025
    assert dates.fiscal_year(date(2026, 4, 1)) == 2026


def test_offices_rest_at_the_turn_of_the_year_and_on_substitute_holidays() -> None:
    assert not dates.is_working_day(date(2026, 12, 29))
    assert not dates.is_working_day(date(2027, 1, 3))
    assert dates.is_working_day(date(2027, 1, 4))
    assert dates.holiday_name(date(2026, 11, 23)) == "勤労感謝の日"
    assert not dates.is_working_day(date(2026, 5, 6))  # 振替休日 for 5/3 (Sunday)


@given(ANY_DAY, st.integers(min_value=1, max_value=40))
def test_working_days_are_counted_from_the_day_after(day: date, count: int) -> None:
    end = dates.add_working_days(day, count)
    between = [day + timedelta(days=step) for step in range(1, (end - day).days + 1)]
    assert sum(dates.is_working_day(each) for each in between) == count
    assert dates.is_working_day(end)
