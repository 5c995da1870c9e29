"""A series is said once, accepted once and paid once; each of its bookings stays a booking of its own."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient

from payments import joining
from payments import queries as payment_queries
from payments import services as payments
from payments.errors import ChargeSettled
from payments.queries import ChargeView
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import run_pending
from portal.kernel.money import Yen
from reservations.errors import PriceChanged
from reservations.models import Booking, BookingState, Source
from reservations.operations import series
from reservations.operations.models import BookingSeries
from reservations.operations.series import SeriesRequest
from reservations.services import returning, together
from tests.people import location, make_resident, post, sign_in
from tests.reservations.conftest import CLERK, Resident, booking, charge_of, pay

TUESDAY = date(2026, 12, 1)


def ask(who: Resident) -> BookingSeries:
    with unit_of_work() as session:
        wanted = SeriesRequest(
            who.person_id, who.account_id, "S05-01", TUESDAY, date(2026, 12, 22), (TUESDAY.weekday(),), ("t0900",)
        )
        return series.ask(session, wanted, actor=who.actor, now=clock.now())


def bookings_of(made: BookingSeries) -> list[Booking]:
    with unit_of_work() as session:
        return series.bookings_of(session, made.id)


def accept_all(who: Resident, made: BookingSeries, *, people: int = 2, accepted: str = "") -> str:
    references = [one.reference for one in bookings_of(made)]
    details = who.details(references[0], people=people)
    with unit_of_work() as session:
        together.say(session, references, details, person_id=who.person_id, actor=who.actor, now=clock.now())
    with unit_of_work() as session:
        found = series.bookings_of(session, made.id)
        seen = together.open_holds(found, now=clock.now()).digest
        charge = together.accept_all(
            session,
            found,
            details,
            accepted=accepted or seen,
            person_id=who.person_id,
            actor=who.actor,
            now=clock.now(),
        )
    assert charge is not None
    return charge


def charge(reference: str) -> ChargeView:
    with unit_of_work() as session:
        return payment_queries.charge(session, reference)


def take(reference: str) -> None:
    with unit_of_work() as session:
        total = payment_queries.charge(session, reference).total
        payments.take_cash(session, reference, received=total, clerk=CLERK, place="総和庁舎", now=clock.now())


def test_four_tuesdays_are_accepted_at_once_and_paid_in_one_payment(hanako: Resident, database: str) -> None:
    made = ask(hanako)
    whole = charge(accept_all(hanako, made))
    each = bookings_of(made)
    assert len(each) == 4
    assert whole.total == sum((one.total or Yen(0) for one in each), start=Yen(0))
    assert len(whole.parts) == 4
    take(whole.reference)
    run_pending(database)
    assert {one.state for one in bookings_of(made)} == {BookingState.CONFIRMED.value}
    assert {booking(one.reference).source for one in each} == {Source.SERIES.value}
    receipts = {view.receipt_ref for one in each if (view := charge_of(one.reference)) is not None}
    assert len(receipts) == 1
    assert None not in receipts


def test_one_day_of_a_paid_series_is_cancelled_and_only_its_money_goes_back(hanako: Resident, database: str) -> None:
    made = ask(hanako)
    whole = accept_all(hanako, made)
    take(whole)
    run_pending(database)
    last = bookings_of(made)[-1]
    back = hanako.refund(last.reference)
    assert back == last.total
    hanako.cancel(last.reference, back)
    run_pending(database)
    assert charge(whole).refunded == back
    with unit_of_work() as session:
        paid = {one.reference: returning.paid(session, one) for one in series.bookings_of(session, made.id)}
    assert paid == {
        one.reference: Yen(0) if one.reference == last.reference else one.total for one in bookings_of(made)
    }
    assert [one.state for one in bookings_of(made)] == ["confirmed"] * 3 + ["cancelled"]


def test_a_day_that_is_let_go_before_the_payment_leaves_the_others_to_be_paid_together(
    hanako: Resident, database: str
) -> None:
    made = ask(hanako)
    first = accept_all(hanako, made)
    gone = bookings_of(made)[1]
    hanako.release(gone.reference)
    assert charge(first).state == "void"
    with unit_of_work() as session:
        second = together.pay_together(
            session, series.bookings_of(session, made.id), actor=hanako.actor, now=clock.now()
        )
    assert second is not None
    assert len(charge(second).parts) == 3
    take(second)
    run_pending(database)
    assert [one.state for one in bookings_of(made)] == ["confirmed", "released", "confirmed", "confirmed"]


def test_when_the_holds_end_the_sum_ends_and_nothing_is_owed(hanako: Resident, stranger: Resident) -> None:
    made = ask(hanako)
    whole = accept_all(hanako, made)
    until = charge(whole).pay_until
    assert until == min(one.held_until for one in bookings_of(made))
    clock.move_to(until + timedelta(seconds=1))
    assert stranger.hold("S05-01", "t0900", TUESDAY)
    assert not charge(whole).payable_now(clock.now())


def test_the_price_that_was_seen_is_the_price_that_is_asked_for(hanako: Resident) -> None:
    made = ask(hanako)
    with pytest.raises(PriceChanged):
        accept_all(hanako, made, accepted="other")
    assert {one.accepted_at for one in bookings_of(made)} == {None}


def test_one_of_them_is_paid_at_the_desk_and_the_rest_stays_owed(hanako: Resident, database: str) -> None:
    made = ask(hanako)
    accept_all(hanako, made)
    one = bookings_of(made)[0]
    view = charge_of(one.reference)
    assert view is not None
    assert view.state == "joined"
    with pytest.raises(ChargeSettled):
        pay(one.reference)
    with unit_of_work() as session:
        joining.separate(session, view.joined_to or "", actor=CLERK, now=clock.now())
    pay(one.reference)
    run_pending(database)
    assert [each.state for each in bookings_of(made)] == ["confirmed", "held", "held", "held"]
    with unit_of_work() as session:
        assert len(together.owed(session, series.bookings_of(session, made.id))) == 3


def test_the_pages_of_a_series_ask_once_and_lead_to_one_payment(client: FlaskClient, koga: str) -> None:
    sign_in(client, make_resident())
    page = post(
        client,
        f"/spaces/S05-01/series/{TUESDAY}",
        {"slot": "t0900", "until": "2026-12-22", "every": "1"},
    )
    address = location(page)
    shown = client.get(address).get_data(as_text=True)
    purpose = re.search(r'name="purpose".*?value="(\d+)"', shown, re.DOTALL)
    assert purpose is not None
    said = {"purpose": purpose.group(1), "people": "2"}
    assert post(client, address, {**said, "people": ""}).status_code == 422
    assert post(client, address, {**said, "action": "compute"}).status_code == 303
    priced = client.get(address).get_data(as_text=True)
    assert "4日分の合計" in priced
    accepted = re.search(r'name="accepted"[^>]*value="([^"]*)"', priced)
    assert accepted is not None
    wrong = post(client, address, {**said, "accepted": "x", "action": "accept"})
    assert wrong.status_code == 409
    done = post(client, address, {**said, "accepted": accepted.group(1), "action": "accept"})
    pay_page = location(done)
    assert "/pay/C-" in pay_page
    paying = client.get(pay_page).get_data(as_text=True)
    assert "まとめて払うもの(4件)" in paying
    # One of the bookings leads to the same payment.
    first = re.search(r'href="(/bookings/[^"]+)"', paying)
    assert first is not None
    assert pay_page in client.get(first.group(1)).get_data(as_text=True)
    assert post(client, f"{pay_page}/separate", {}).status_code == 303
    mine = client.get("/pay").get_data(as_text=True)
    refs = re.findall(r'name="charge" value="([^"]+)"', mine)
    assert len(refs) == 4
    assert post(client, "/pay", {}).status_code == 422
    assert "/pay/C-" in location(post(client, "/pay", {"charge": refs[:2]}))
