"""Called off, partly lost, not come; refunds by steps, weeks, options."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from reservations.errors import NotBookable, WrongState
from reservations.models import BookingState
from reservations.policy.refunds import Cancellation
from reservations.rules import Refused
from reservations.services import after_use, returning
from reservations.timetable import TOKYO
from tests import people
from tests.reservations.conftest import FRIDAY, MANAGER, Resident, booking, change_rules

ROOM = "C02-01"
USE = datetime(2026, 12, 4, 9, 0, tzinfo=TOKYO)


def do(what: Callable[..., Any], reference: str, **facts: Any) -> Any:
    with unit_of_work() as session:
        return what(session, reference, facilities=["C02"], actor=MANAGER, now=clock.now(), **facts)


def paid(reference: str) -> int:
    with unit_of_work() as session:
        return returning.paid(session, booking(reference)).amount


def rules(**more: Any) -> Cancellation:
    return Cancellation.model_validate({"ground": "見本", **more})


def refund(of: Cancellation, now: str, day: date = FRIDAY, options: int = 0, paid: int = 1000) -> int:
    return of.refund(
        Yen(paid),
        options=Yen(options),
        day=day,
        starts=datetime(day.year, day.month, day.day, 9, tzinfo=TOKYO),
        confirmed_at=datetime(2026, 1, 1, tzinfo=TOKYO),
        now=datetime.fromisoformat(now).replace(tzinfo=TOKYO),
    ).amount.amount


@pytest.mark.parametrize(
    ("now", "back"),
    [
        ("2026-11-27 23:59", 1000),
        ("2026-11-28 00:00", 0),
    ],
)
def test_until_the_same_weekday_of_the_week_before(now: str, back: int) -> None:
    """C7 芦屋公園: 前週の同曜日まで."""
    assert refund(rules(steps=[{"weeks_before": 1, "percent": 100}]), now) == back


@pytest.mark.parametrize(
    ("now", "back"),
    [("2026-08-28 23:59", 800), ("2026-08-29 00:00", 500), ("2026-11-28 23:59", 500), ("2026-11-29 00:00", 0)],
)
def test_by_months_as_halls_do(now: str, back: int) -> None:
    """C3: ホール6か月前80%・3か月前50%."""
    steps = [{"months_before": 6, "percent": 80}, {"months_before": 3, "percent": 50}]
    assert refund(rules(steps=steps), now, date(2027, 2, 28)) == back


def test_until_an_hour_of_that_day() -> None:
    steps = [{"days_before": 1, "at": "17:00", "percent": 100}]
    assert [refund(rules(steps=steps), f"2026-12-03 {at}") for at in ("16:59", "17:00")] == [1000, 0]


def test_equipment_goes_back_in_full_until_the_use_begins() -> None:
    """C3: 附属設備は使用前100%."""
    made = rules(steps=[{"days_before": 14, "percent": 50}], options_percent=100)
    assert refund(made, "2026-12-04 08:59", options=300) == 300
    assert refund(made, "2026-11-01 08:59", options=300) == 300 + 350
    assert refund(made, "2026-12-04 09:00", options=300) == 0


@given(
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.integers(0, 100),
    st.datetimes(datetime(2026, 6, 1), datetime(2026, 12, 31)),
)
def test_never_more_than_was_paid_goes_back_whatever_the_rules(
    paid: int, options: int, percent: int, now: datetime
) -> None:
    made = rules(steps=[{"days_before": 7, "percent": percent}], options_percent=percent)
    assert 0 <= refund(made, now.isoformat(), options=options, paid=paid) <= paid


@pytest.mark.parametrize(("lost", "percent"), [(40, 100), (39, 50), (20, 50), (19, 0)])
def test_a_share_of_the_lost_time(lost: int, percent: int) -> None:
    """C5: 使用時間の2/3以上使えない→全額、1/3以上→一部."""
    made = rules(lost=[{"share": "2/3", "percent": 100}, {"share": "1/3", "percent": 50}])
    quote = made.lost_refund(Yen(1000), lost=timedelta(minutes=lost), whole=timedelta(minutes=60))
    assert (quote.percent, quote.amount) == (percent, Yen(10 * percent))


def test_called_off_by_the_weather_everything_goes_back_and_the_slot_counts_for_no_cap(hanako: Resident) -> None:
    """C8: 管理者が中止した枠は利用枠の数に入れない."""
    change_rules("room", caps=[{"per": "month", "at_most": 1}])
    reference = hanako.book(ROOM, "am", FRIDAY)
    clock.move_to(USE - timedelta(hours=2))
    do(after_use.call_off, reference, by="weather")
    do(after_use.call_off, reference, by="weather")
    assert (booking(reference).state, paid(reference)) == (BookingState.CANCELLED, 0)
    assert hanako.hold(ROOM, "am", date(2026, 12, 11))


@pytest.mark.parametrize(("by", "back"), [("weather", 300), ("facility", 240), ("city", 150)])
def test_who_called_it_off_decides_what_goes_back(hanako: Resident, by: str, back: int) -> None:
    called_off = {"weather": 100, "facility": 80, "city": 50}
    change_rules("room", cancellation={"ground": "見本", "called_off": called_off})
    reference = hanako.book(ROOM, "am", FRIDAY)
    assert paid(reference) == 300
    do(after_use.call_off, reference, by=by)
    assert paid(reference) == 300 - back


def test_staff_choose_that_the_city_called_it_off(koga: str, client: FlaskClient, hanako: Resident) -> None:
    change_rules("room", cancellation={"ground": "見本", "called_off": {"city": 50}})
    reference = hanako.book(ROOM, "am", FRIDAY)
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "C02"))
    assert "市の都合で" in client.get(f"/staff/bookings/{reference}").text
    assert people.post(client, f"/staff/bookings/{reference}/after-use", {"what": "city"}).status_code == 303
    assert paid(reference) == 150


def test_part_of_the_time_lost_gives_a_share_back_once(hanako: Resident) -> None:
    cancellation = {"ground": "見本", "lost": [{"share": "2/3", "percent": 100}, {"share": "1/3", "percent": 50}]}
    change_rules("room", cancellation=cancellation)
    reference = hanako.book(ROOM, "am", FRIDAY)
    with pytest.raises(WrongState):
        do(after_use.lost_time, reference, minutes=60)
    clock.move_to(USE + timedelta(hours=2))
    do(after_use.lost_time, reference, minutes=60)
    assert paid(reference) == 150
    with pytest.raises(WrongState):
        do(after_use.lost_time, reference, minutes=180)


def test_not_coming_twice_stops_bookings_for_a_month_and_can_be_taken_back(hanako: Resident) -> None:
    change_rules("room", penalty={"no_show": 1, "limit": 2, "within_days": 90, "block_days": 30})
    first, second = hanako.book(ROOM, "am", FRIDAY), hanako.book(ROOM, "pm", FRIDAY)
    with pytest.raises(WrongState):
        do(after_use.no_show, first, came=False)
    clock.move_to(datetime(2026, 12, 4, 20, 0, tzinfo=TOKYO))
    do(after_use.no_show, first, came=False)
    assert hanako.hold(ROOM, "night", date(2026, 12, 8))
    do(after_use.no_show, second, came=False)
    with pytest.raises(NotBookable) as refused:
        hanako.hold(ROOM, "am", date(2026, 12, 9))
    assert refused.value.reason is Refused.SUSPENDED
    assert refused.value.at == clock.now() + timedelta(days=30)
    do(after_use.no_show, second, came=True)
    assert hanako.hold(ROOM, "am", date(2026, 12, 9))
    assert paid(first) == 300
