"""Which figure of the plan counts on a day, and where a value stands against it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.plan.rules import Line, gap, line_on, number, reached, share

ONLINE = {2022: Decimal(50), 2023: Decimal(75), 2024: Decimal(100), 2025: Decimal(125), 2026: Decimal(150)}


@pytest.mark.parametrize(
    ("day", "line"),
    [
        (date(2026, 11, 22), Line(2026, Decimal(150), "year")),
        (date(2026, 4, 1), Line(2026, Decimal(150), "year")),
        (date(2026, 3, 31), Line(2025, Decimal(125), "year")),
        (date(2023, 3, 31), Line(2022, Decimal(50), "year")),
        (date(2022, 3, 31), None),
        (date(2027, 4, 1), Line(2026, Decimal(150), "target")),
    ],
)
def test_the_line_for_online_procedures_follows_the_fiscal_year(day: date, line: Line | None) -> None:
    assert line_on(day, ONLINE, target=Decimal(150), target_year=2026) == line


def test_a_measure_without_yearly_figures_is_held_against_its_target() -> None:
    assert line_on(date(2024, 7, 1), {}, target=Decimal(71), target_year=2026) == Line(2026, Decimal(71), "target")


def test_a_year_for_which_the_plan_says_nothing_has_no_line() -> None:
    lines = {2024: Decimal(7_200_000), 2026: Decimal(9_600_000)}
    assert line_on(date(2025, 5, 1), lines, target=Decimal(9_600_000), target_year=2026) is None


def test_what_is_done_year_by_year_is_never_held_against_the_total() -> None:
    lines = {2022: Decimal(64), 2023: Decimal(32)}
    assert line_on(date(2028, 5, 1), lines, target=Decimal(192), target_year=2026, kind="yearly") is None


def test_the_target_is_due_on_the_last_of_march() -> None:
    assert Line(2026, Decimal(150), "year").due == date(2027, 3, 31)


@given(st.dates(date(2022, 4, 1), date(2027, 3, 31)))
def test_within_the_plan_each_day_has_exactly_its_own_years_line(day: date) -> None:
    line = line_on(day, ONLINE, target=Decimal(150), target_year=2026)
    assert line is not None
    assert date(line.fiscal_year, 4, 1) <= day <= line.due
    assert line.value == ONLINE[line.fiscal_year]


@given(st.dates(date(2022, 4, 1), date(2030, 1, 1)))
def test_the_line_never_goes_down_from_one_day_to_the_next(day: date) -> None:
    today, tomorrow = (
        line_on(moment, ONLINE, target=Decimal(150), target_year=2026) for moment in (day, day + timedelta(days=1))
    )
    assert today is not None
    assert tomorrow is not None
    assert tomorrow.value >= today.value


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_value_has_reached_its_line_exactly_when_nothing_is_missing(value: int, line: int) -> None:
    for better in ("up", "down"):
        assert reached(Decimal(value), Decimal(line), better) == (gap(Decimal(value), Decimal(line), better) == 0)


@given(st.integers(0, 500), st.integers(1, 500))
def test_a_share_of_100_means_the_target_and_no_less(value: int, target: int) -> None:
    assert (share(Decimal(value), Decimal(target)) >= 100) == (value >= target)


def test_149_of_150_is_not_100_percent_and_a_target_of_0_has_no_share() -> None:
    assert share(Decimal(149), Decimal(150)) == 99
    assert share(Decimal(3), Decimal(0)) == 0


def test_numbers_for_json_are_whole_where_they_are_whole() -> None:
    assert [number(value) for value in (Decimal(150), Decimal("34.8"), None)] == [150, 34.8, None]
