"""Who books by telephone cannot pay within minutes: they have days, the clerk reads out until when, and the desk sees who has not paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from flask.testing import FlaskClient

from portal.accounts.models import Role
from reservations import jobs
from reservations.models import BookingState
from tests import people
from tests.reservations.conftest import Resident, booking, change_rules
from tests.reservations.test_behalf import WHO, accept

Move = Callable[[str], datetime]


@pytest.fixture
def manager(koga: str, client: FlaskClient) -> FlaskClient:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    return client


def _booked(client: FlaskClient, **other: str) -> str:
    where = people.location(people.post(client, "/staff/desk/book", {**WHO, **other}))
    accept(client, where)
    return where


def test_a_telephone_booking_is_kept_for_days_and_the_clerk_reads_out_until_when(
    manager: FlaskClient, clock_at: Move
) -> None:
    where = _booked(manager)
    page = manager.get(where).text
    assert "本人に伝えてください" in page
    assert "2026年12月2日(水) 24:00 までに 600円 の支払いがないと" in page
    reference = where.rsplit("/", 1)[-1]
    clock_at("2026-12-02 23:50")
    jobs.tidy(0)
    assert booking(reference).state == BookingState.HELD
    clock_at("2026-12-03 00:05")
    jobs.tidy(0)
    assert booking(reference).state == BookingState.LAPSED


def test_it_is_paid_before_the_use_begins_however_late_somebody_calls(manager: FlaskClient, clock_at: Move) -> None:
    clock_at("2026-12-04 07:30")
    where = _booked(manager)
    assert "2026年12月4日(金) 9:00 までに" in manager.get(where).text


def test_who_stands_at_the_desk_pays_there(manager: FlaskClient) -> None:
    page = manager.get(_booked(manager, source="counter")).text
    assert "2026年11月25日(水) 10:30 までに" in page


def test_the_rules_of_the_city_come_first(manager: FlaskClient) -> None:
    change_rules("sports", payment=[{"when": "within", "days": 3}])
    assert "2026年11月28日(土) 24:00 までに" in manager.get(_booked(manager)).text


def test_the_desk_sees_who_has_not_paid(manager: FlaskClient, hanako: Resident) -> None:
    change_rules("sports", payment=[{"when": "on_day"}])
    reference = hanako.book("S05-01", "t0900", paid=False)
    day = manager.get("/staff/desk/2026-12-04").text
    assert "まだ払っていません" in day
    assert f"/staff/desk/holds/{reference}" in day
    paid = hanako.book("S05-01", "t1100")
    assert f"/staff/desk/holds/{paid}" not in manager.get("/staff/desk/2026-12-04").text
