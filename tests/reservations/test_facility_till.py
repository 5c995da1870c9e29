"""A facility's own till: its managers open, count and close it, and see its report; finance sees all."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from payments import giving_back
from payments.models import RefundKind
from payments.settlement import Why
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
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
