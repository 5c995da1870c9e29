"""Somebody telephones and does not come: the clerk reads out what goes back and cancels for them, as they would themselves."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from payments import paid as paid_for
from portal.accounts.models import Person, Role
from portal.kernel import clock, jobs
from portal.kernel.audit import AuditEntry
from portal.kernel.database import unit_of_work
from portal.notices.models import Notice
from reservations.models import BookingEvent, BookingState
from tests import people
from tests.reservations.conftest import Resident, booking, change_rules, charge_of
from tests.reservations.test_behalf import WHO, accept


@pytest.fixture
def manager(koga: str, client: FlaskClient) -> FlaskClient:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    return client


def shown(client: FlaskClient, reference: str) -> dict[str, str]:
    page = client.get(f"/staff/bookings/{reference}/cancel")
    assert page.status_code == 200
    return dict(re.findall(r'name="(expected|owed)"[^>]*value="(\d+)"', page.text))


def leave(client: FlaskClient, reference: str, told: str = "telephone") -> int:
    sent = people.post(client, f"/staff/bookings/{reference}/cancel", {**shown(client, reference), "told": told})
    return sent.status_code


def events(reference: str) -> list[BookingEvent]:
    with unit_of_work() as session:
        made = booking(reference)
        return list(
            session.scalars(select(BookingEvent).where(BookingEvent.booking_id == made.id).order_by(BookingEvent.id))
        )


def test_the_clerk_reads_out_what_the_person_would_see_and_it_goes_back(
    manager: FlaskClient, koga: str, hanako: Resident
) -> None:
    reference = hanako.book("S05-01", "t0900")
    clock.move_to(clock.now() + timedelta(hours=1))
    wanted = hanako.refund(reference)
    assert wanted.amount
    assert "本人の申し出で取り消す" in manager.get(f"/staff/bookings/{reference}").text
    assert shown(manager, reference) == {"expected": str(wanted.amount), "owed": "0"}
    assert "メールで知らせます" in manager.get(f"/staff/bookings/{reference}/cancel").text
    assert leave(manager, reference) == 303
    assert booking(reference).state == BookingState.CANCELLED
    last = events(reference)[-1]
    assert (last.kind, last.actor_kind, last.detail["told"]) == ("cancelled", "staff", "telephone")
    assert "取り消した (職員・電話で)" in manager.get(f"/staff/bookings/{reference}").text
    with unit_of_work() as session:
        assert sum(one.back.amount for one in paid_for.money_of(session, "booking", reference)) == wanted.amount
        audited = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_ref == reference)).all()
    assert "booking.cancelled" in audited
    jobs.run_pending(koga)
    with unit_of_work() as session:
        keys = session.scalars(select(Notice.key)).all()
    assert f"reservations.cancelled:{reference}" in keys


def test_a_sum_that_changed_meanwhile_is_read_out_again(manager: FlaskClient, hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    before = shown(manager, reference)
    clock.move_to(booking(reference).starts_at - timedelta(hours=1))
    people.sign_in(manager, people.make_staff(Role.FACILITY_MANAGER, "S05", email="second@example.jp"))
    sent = people.post(manager, f"/staff/bookings/{reference}/cancel", {**before, "told": "counter"})
    assert sent.status_code == 409
    assert "金額が変わりました" in sent.text
    assert booking(reference).state == BookingState.CONFIRMED


def test_how_it_was_said_is_asked_for_and_others_facilities_are_not_there(
    manager: FlaskClient, hanako: Resident
) -> None:
    reference = hanako.book("S05-01", "t0900")
    asked = people.post(manager, f"/staff/bookings/{reference}/cancel", shown(manager, reference))
    assert asked.status_code == 422
    assert booking(reference).state == BookingState.CONFIRMED
    people.sign_in(manager, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    assert manager.get(f"/staff/bookings/{reference}/cancel").status_code == 404
    refused = people.post(
        manager, f"/staff/bookings/{reference}/cancel", {"expected": "0", "owed": "0", "told": "counter"}
    )
    assert refused.status_code == 404


def test_somebody_without_account_or_address_is_told_at_once(manager: FlaskClient, koga: str) -> None:
    where = people.location(people.post(manager, "/staff/desk/book", WHO))
    accept(manager, where)
    reference = where.rsplit("/", 1)[-1]
    assert people.post(manager, f"/staff/desk/bookings/{reference}/cash", {"received": "1000"}).status_code == 303
    assert "いま本人に伝えてください" in manager.get(f"/staff/bookings/{reference}/cancel").text
    with unit_of_work() as session:
        session.get_one(Person, booking(reference).person_id).email = "denwa@example.jp"
    assert "メールで知らせます" in manager.get(f"/staff/bookings/{reference}/cancel").text
    assert leave(manager, reference) == 303
    assert booking(reference).state == BookingState.CANCELLED
    assert manager.get(f"/staff/bookings/{reference}/cancel").status_code == 303, "there is nothing left to cancel"


def test_a_booking_that_waits_for_its_money_is_found_and_let_go(
    manager: FlaskClient, koga: str, hanako: Resident
) -> None:
    change_rules("sports", payment=[{"when": "within", "days": 7}])
    reference = hanako.book("S05-01", "t0900", paid=False)
    assert booking(reference).state == BookingState.HELD
    found = people.post(manager, "/staff/desk/find", {"words": reference})
    assert found.status_code in {200, 303}
    assert "まだ支払われていない予約です" in manager.get(f"/staff/bookings/{reference}/cancel").text
    assert leave(manager, reference, "counter") == 303
    assert booking(reference).state == BookingState.RELEASED
    charge = charge_of(reference)
    assert charge is None or not charge.waits
    assert events(reference)[-1].detail == {"told": "counter"}
    jobs.run_pending(koga)
    with unit_of_work() as session:
        assert f"reservations.released:{reference}" in session.scalars(select(Notice.key)).all()
