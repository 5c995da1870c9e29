"""A facility's own till: its managers open, count and close it, and see its report; finance sees all."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from payments import giving_back
from payments.models import RefundKind
from payments.settlement import Why
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from portal.kernel.texts import show_until
from reservations.models import FIRM, Booking
from tests import people
from tests.payments.things import refunds_of
from tests.reservations.conftest import charge_of
from tests.reservations.test_behalf import WHO, accept


@pytest.fixture
def manager(koga: str, client: FlaskClient) -> FlaskClient:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05", email="one@example.jp"))
    return client


def booked(manager: FlaskClient, slot: str = "t0900", **who: str) -> str:
    """A booking by telephone that waits for its 600 yen."""
    where = people.location(people.post(manager, "/staff/desk/book", {**WHO, "slot": slot, **who}))
    accept(manager, where)
    return where.rsplit("/", 1)[-1]


def _charge(booking: str) -> str:
    found = charge_of(booking)
    assert found is not None
    return found.reference


def test_a_manager_opens_counts_and_closes_the_facilitys_till_and_pays_it_in(manager: FlaskClient, koga: str):
    home = manager.get("/staff/till").get_data(as_text=True)
    assert 'value="S05"' in home
    assert 'value="koga"' not in home, "an office is no place of theirs"
    assert people.post(manager, "/staff/till", {"place": "koga", "fund": "0"}).status_code == 422
    page = people.location(people.post(manager, "/staff/till", {"place": "S05", "fund": "10,000"}))
    first = booked(manager)
    assert people.post(manager, f"/staff/desk/bookings/{first}/cash", {"received": "1000"}).status_code == 303
    shown = manager.get(page).get_data(as_text=True)
    assert "10,600円" in shown
    assert not re.search(r'/staff/payments/charges/[^/"]+"', shown), "no way into pages that are closed to them"

    short = {"pieces_10000": "1", "pieces_500": "1"}
    refused = people.post(manager, f"{page}/close", short)
    assert refused.status_code == 422
    assert "記録より100円少ない" in refused.get_data(as_text=True)
    assert people.post(manager, f"{page}/close", {**short, "explanation": "おつりのまちがい"}).status_code == 303
    assert people.post(manager, "/staff/till/pay-in", {"place": "koga"}).status_code == 404
    assert people.post(manager, "/staff/till/pay-in", {"place": "S05"}).status_code == 303
    report = manager.get("/staff/till/report").get_data(as_text=True)
    for words in ("窓口 太郎", "-100円", "おつりのまちがい", "施設使用料"):
        assert words in report, words
    assert manager.get("/staff/till/report.pdf").data.startswith(b"%PDF")

    people.sign_in(manager, people.make_staff(Role.FACILITY_MANAGER, "S01", email="other@example.jp"))
    assert "おつりのまちがい" not in manager.get("/staff/till/report?place=S05").get_data(as_text=True)
    assert "おつりのまちがい" not in manager.get("/staff/till/report.csv?place=S05").get_data(as_text=True)
    assert manager.get(page).status_code == 404
    people.sign_in(manager, people.make_staff(Role.COUNTER, email="office@example.jp"))
    assert "おつりのまちがい" not in manager.get("/staff/till/report").get_data(as_text=True)
    people.sign_in(manager, people.make_staff(Role.FINANCE, email="finance@example.jp"))
    assert "おつりのまちがい" in manager.get("/staff/till/report").get_data(as_text=True)
    assert "10,600円" in manager.get(page).get_data(as_text=True), "finance looks into any till"


def test_the_facilitys_card_terminal_is_recorded_and_corrected_and_cash_goes_back_there(
    manager: FlaskClient, koga: str
):
    first, second = (
        booked(manager),
        booked(manager, "t1300", name="窓口 二郎", kana="マドグチ ジロウ", phone="0280-33-1111"),
    )
    desk = "/staff/desk/bookings"
    assert people.post(manager, f"{desk}/{first}/terminal", {"slip": ""}).status_code == 422
    assert people.post(manager, f"{desk}/{first}/terminal", {"slip": "0012"}).status_code == 303
    assert people.post(manager, f"{desk}/{second}/terminal", {"slip": "0012"}).status_code == 409
    assert people.post(manager, f"{desk}/{second}/cash", {"received": "600"}).status_code == 303
    charges = _charge(first), _charge(second)
    office = Actor(people.make_staff(Role.FINANCE, email="finance@example.jp").id, "staff")
    with unit_of_work() as session:
        giving_back.start(
            session,
            charges[1],
            amount=Yen(600),
            kind=RefundKind.NOT_OWED,
            ground=None,
            why=Why("雨で使えなかった", "日誌 11/25"),
            seen=Yen(600),
            actor=office,
            now=clock.now(),
        )
    (waiting,) = refunds_of(charges[1])
    assert waiting.reference in manager.get("/staff/till").get_data(as_text=True)
    people.sign_in(manager, people.make_staff(Role.FACILITY_MANAGER, "S01", email="other@example.jp"))
    assert waiting.reference not in manager.get("/staff/till").get_data(as_text=True)
    assert people.post(manager, f"/staff/till/refunds/{waiting.reference}").status_code == 404
    correction = f"/staff/payments/charges/{charges[0]}/correction"
    assert manager.get(correction).status_code == 404, "another clerk took it"

    people.sign_in(manager, people.make_staff(Role.FACILITY_MANAGER, "S05", email="two@example.jp"))
    assert people.post(manager, f"/staff/till/refunds/{waiting.reference}").status_code == 303
    report = manager.get("/staff/till/report").get_data(as_text=True)
    for words in ("現金の払戻し", "カード端末", "-600円"):
        assert words in report, words


def test_a_booking_whose_payment_was_countered_is_unpaid_for_the_person_and_the_manager_with_a_day(
    manager: FlaskClient, koga: str
):
    number = booked(manager)
    desk, day = f"/staff/desk/bookings/{number}", "2026-12-04"
    people.post(manager, f"{desk}/cash", {"received": "600"})
    assert "まだ払っていません" not in manager.get(f"/staff/desk/{day}").text
    said = {"owed": "yes", "reason": "となりの人のお金だった"}
    assert people.post(manager, f"/staff/payments/charges/{_charge(number)}/correction", said).status_code == 303
    again = charge_of(number)
    assert again is not None
    assert (again.state, again.total) == ("open", Yen(600))
    assert again.pay_until is not None
    with manager.application.test_request_context():
        until = f"期限: {show_until(again.pay_until)} まで"
    for page in (f"/staff/desk/holds/{number}", f"/staff/bookings/{number}"):
        assert until in manager.get(page).text, page
    for page in (f"/staff/bookings/{number}", f"/staff/desk/{day}", f"/staff/bookings/sheet/{day}"):
        assert "まだ払っていません" in manager.get(page).text, page
    with unit_of_work() as session:
        booking = session.scalars(select(Booking).where(Booking.reference == number)).one()
        person_id = booking.person_id
        assert booking.state in FIRM, "a clerk's mistake takes nobody's permission away"
    with unit_of_work() as session:
        resident = people.make_resident(session, email="denwa@example.jp", commit=False)
        session.execute(update(Booking).where(Booking.reference == number).values(person_id=resident.person_id))
    assert person_id != resident.person_id
    people.sign_in(manager, resident)
    shown = manager.get(f"/bookings/{number}").text
    assert f"{show_until(again.pay_until)} までに支払ってください" in shown
    assert "まだ支払っていない料金" in manager.get("/my/bookings").text
    # The day is over: what to do is said all the same.
    clock.move_to(again.pay_until + timedelta(minutes=1))
    people.sign_in(manager, resident)
    assert "が過ぎています" in manager.get(f"/bookings/{number}").text
    clock.move_to(again.pay_until - timedelta(hours=1))
    # Paid at the desk, it is like any other.
    people.sign_in(manager, people.make_staff(Role.FACILITY_MANAGER, "S05", email="two@example.jp"))
    assert people.post(manager, f"{desk}/cash", {"received": "600"}).status_code == 303
    assert "まだ払っていません" not in manager.get(f"/staff/desk/{day}").text
    paid = charge_of(number)
    assert paid is not None
    assert paid.state == "paid"
