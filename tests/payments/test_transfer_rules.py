"""When money is taken from an account: banks' days, not the city's; and how the orders of a month move."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from payments.transfers.rules import BatchEvent, BatchState, Calendar, IllegalBatchMoveError, move
from portal.kernel import dates

USUAL = Calendar(day=27, lead=5, retry=14)


@pytest.mark.parametrize(
    ("day", "month", "debit_on", "hand_in_by"),
    [
        (27, date(2026, 11, 1), date(2026, 11, 27), date(2026, 11, 19)),  # 11/23 is a holiday
        (27, date(2026, 12, 1), date(2026, 12, 28), date(2026, 12, 21)),  # a Sunday
        (31, date(2027, 2, 1), date(2027, 3, 1), date(2027, 2, 19)),  # the last day is a Sunday; 2/23 is a holiday
        (
            31,
            date(2026, 12, 1),
            date(2027, 1, 4),
            date(2026, 12, 24),
        ),  # banks rest from 12/31 to 1/3, and work on 12/29 and 30
    ],
)
def test_the_day_is_the_next_bank_day_and_the_file_is_there_some_bank_days_before(
    day: int, month: date, debit_on: date, hand_in_by: date
) -> None:
    calendar = Calendar(day=day, lead=5, retry=14)
    assert calendar.debit_on(month) == debit_on
    assert calendar.hand_in_by(month) == hand_in_by


def test_banks_work_between_christmas_and_the_30th_when_offices_do_not() -> None:
    assert dates.is_bank_day(date(2026, 12, 29))
    assert not dates.is_working_day(date(2026, 12, 29))
    assert not dates.is_bank_day(date(2026, 12, 31))
    assert not dates.is_bank_day(date(2027, 1, 11))


def test_what_is_due_in_a_month_is_taken_with_that_month() -> None:
    assert USUAL.complete_on(date(2026, 12, 1)) == date(2026, 12, 1)
    assert Calendar(day=5, lead=7, retry=14).complete_on(date(2026, 12, 1)) == date(2026, 11, 26)
    assert USUAL.month_of(date(2026, 12, 27)) == date(2026, 12, 1)
    assert USUAL.next_month(date(2026, 12, 21)) == date(2026, 12, 1)
    assert USUAL.next_month(date(2026, 12, 22)) == date(2027, 1, 1)
    assert USUAL.pay_by(date(2026, 12, 30)) == date(2027, 1, 13)


def test_a_month_goes_from_a_draft_by_a_second_look_to_the_bank_and_back_and_no_other_way() -> None:
    way = BatchState.DRAFT
    for event in (BatchEvent.ASK, BatchEvent.WRITE, BatchEvent.RETURN, BatchEvent.SETTLE):
        way = move(way, event)
    assert way is BatchState.SETTLED
    allowed = {
        "draft": {"renew", "ask", "drop"},
        "asked": {"renew", "write", "drop"},
        "written": {"return", "drop"},
        "returned": {"settle"},
        "settled": set(),
        "dropped": set(),
    }
    for state, event in itertools.product(BatchState, BatchEvent):
        if event.value in allowed[state.value]:
            move(state, event)
        else:
            with pytest.raises(IllegalBatchMoveError):
                move(state, event)
