"""The bill pages as a guest, a resident, a clerk and the finance section meet them."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import segno
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from payments.bills import paying
from payments.models import Charge, ChargePayer, ChargeYear
from portal.accounts.models import Role
from portal.kernel import clock, texts
from portal.kernel.database import unit_of_work
from tests.payments import slips
from tests.people import location, make_resident, make_staff, post, sign_in

pytestmark = pytest.mark.usefixtures("koga", "app")
GOOD = {"number": "20260001", "check": slips.CHECK}


@pytest.fixture
def bill() -> str:
    slips.take(slips.row("20260001"))
    with unit_of_work() as session:
        return paying.by_number(session, "20260001")


def opened(client: FlaskClient, **typed: str) -> str:
    return location(post(client, "/bills", {**GOOD, **typed}))


def test_a_guest_types_the_number_sees_the_bill_and_gets_to_the_payment_page(client: FlaskClient, bill: str):
    page = opened(client, number=" ２０２６-0001 ")
    assert page == f"/bills/{bill}"
    shown = client.get(page).get_data(as_text=True)
    for words in ("市県民税", "24,500円", "2026年度", "第3期", "納期限"):
        assert words in shown, words
    charge = location(post(client, page, {"email": "hanako@example.jp"}))
    paying_page = client.get(charge)
    assert paying_page.status_code == 200
    assert "を払う" in paying_page.get_data(as_text=True)
    with unit_of_work() as session:
        payer = session.scalars(select(ChargePayer)).one()
    assert (payer.email, payer.name, payer.person_id) == ("hanako@example.jp", "", None)


def test_a_guest_pays_at_the_sandbox_and_the_bill_says_paid_with_its_receipt(
    client: FlaskClient, bill: str, run_jobs: Callable[[], None]
):
    page = opened(client)
    charge = location(post(client, page))
    address = location(post(client, charge))
    post(client, address, {"act": "pay"})
    run_jobs()
    shown = client.get(page).get_data(as_text=True)
    assert "支払い済みです" in shown
    assert "領収書を見る" in shown
    assert "支払いに進む" not in shown


def test_another_browser_sees_neither_the_bill_nor_its_payment_page(client: FlaskClient, app: Flask, bill: str):
    charge = location(post(client, opened(client)))
    stranger = app.test_client()
    assert stranger.get(f"/bills/{bill}").status_code == 404
    assert location(stranger.get(charge)).startswith("/sign-in")
    signed_in = app.test_client()
    sign_in(signed_in, make_resident(email="taro@example.jp"))
    assert signed_in.get(charge).status_code == 404


def test_wrong_check_digits_and_an_unknown_number_are_told_in_the_same_words(client: FlaskClient, bill: str):
    wrong = post(client, "/bills", {**GOOD, "check": "000000"})
    unknown = post(client, "/bills", {**GOOD, "number": "99999999"})
    assert wrong.status_code == unknown.status_code == 422
    words = "この番号の納付書は見つかりません"
    assert words in wrong.get_data(as_text=True)
    assert words in unknown.get_data(as_text=True)


def test_guessing_check_digits_is_stopped_and_the_owner_elsewhere_is_not(client: FlaskClient, bill: str):
    for _ in range(5):
        post(client, "/bills", {**GOOD, "check": "000000"})
    assert post(client, "/bills", GOOD).status_code == 429
    owner = {"REMOTE_ADDR": "192.0.2.77"}
    assert post(client, "/bills", GOOD, environ_base=owner).status_code == 303


@pytest.mark.parametrize(("typed", "words"), [({"number": "12a"}, "6けたから20けた"), ({"check": "12"}, "6けたの数字")])
def test_what_was_typed_wrong_is_told_at_its_field(client: FlaskClient, typed: dict[str, str], words: str):
    answer = post(client, "/bills", {**GOOD, **typed})
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)


def picture(text: str) -> tuple[io.BytesIO, str]:
    stream = io.BytesIO()
    segno.make_qr(text).save(stream, kind="png", scale=5, border=4)
    return io.BytesIO(stream.getvalue()), "slip.png"


def test_a_picture_of_the_code_fills_the_number_in(client: FlaskClient, bill: str):
    code = f"http://localhost/bills?n=20260001&c={slips.CHECK}"
    shown = post(client, "/bills/read", {"picture": picture(code)}, content_type="multipart/form-data")
    text = shown.get_data(as_text=True)
    assert shown.status_code == 200
    assert 'value="20260001"' in text
    assert f'value="{slips.CHECK}"' in text
    camera = post(client, "/bills/read", {"code": code})
    assert 'value="20260001"' in camera.get_data(as_text=True)


def test_m12_a_picture_of_an_el_qr_leads_to_the_eltax_site(client: FlaskClient):
    shown = post(client, "/bills/read", {"picture": picture("1" * 38)}, content_type="multipart/form-data")
    assert "https://www.payment.eltax.lta.go.jp/" in shown.get_data(as_text=True)


def test_a_picture_without_a_code_asks_for_the_number(client: FlaskClient):
    for upload in (picture("hello"), (io.BytesIO(b"nothing"), "x.png")):
        shown = post(client, "/bills/read", {"picture": upload}, content_type="multipart/form-data")
        assert shown.status_code == 422
        assert "番号を入力" in shown.get_data(as_text=True)


def test_without_a_picture_it_asks_for_one(client: FlaskClient):
    for sent in ({}, {"picture": (io.BytesIO(b""), "")}):
        shown = post(client, "/bills/read", sent, content_type="multipart/form-data")
        assert shown.status_code == 422
        assert "先に、納付書の写真をえらんでください" in shown.get_data(as_text=True)


def test_a_resident_who_is_signed_in_pays_under_her_name(client: FlaskClient, bill: str):
    hanako = make_resident()
    sign_in(client, hanako)
    post(client, opened(client))
    with unit_of_work() as session:
        payer = session.scalars(select(ChargePayer)).one()
    assert payer.person_id == hanako.person_id
    with unit_of_work() as session:
        noted = session.scalars(select(ChargeYear.term_end)).one()
    assert noted is not None
    for page in ("/pay", "/my"):
        shown = client.get(page).get_data(as_text=True)
        assert texts.show_date(noted) in shown, f"{page} says the end of the term, not the slip's last day"


def test_a_clerk_finds_a_bill_by_its_number_and_takes_the_money(client: FlaskClient, bill: str):
    sign_in(client, make_staff(Role.COUNTER))
    search = client.get("/staff/payments/search?q=2026-0001")
    assert location(search) == "/staff/bills?number=2026-0001"
    assert 'value="2026-0001"' in client.get(location(search)).get_data(as_text=True)
    till = location(post(client, "/staff/bills/find", {"number": "20260001"}))
    assert till.startswith("/staff/payments/charges/")
    assert post(client, "/staff/bills/find", {"number": "99999999"}).status_code == 422
    taken = post(client, f"{till}/cash", {"received": "30000", "place": "koga"})
    assert taken.status_code == 303
    with unit_of_work() as session:
        assert session.scalars(select(Charge.state)).one() == "paid"
    assert location(post(client, "/staff/bills/find", {"number": "20260001"})) == till


def test_the_section_takes_files_in_and_out_in_the_browser(client: FlaskClient):
    sign_in(client, make_staff(Role.FINANCE))
    good = slips.content(slips.row("20260001"), encoding="cp932")

    def upload(kind: str, content: bytes) -> tuple[int, str]:
        file = {"file": (io.BytesIO(content), "bills.csv")}
        answer = post(client, f"/staff/bills/import/{kind}", file, content_type="multipart/form-data")
        return answer.status_code, answer.get_data(as_text=True)

    assert upload("bills", good)[0] == 303
    assert upload("bills", good)[0] == 409
    status, text = upload("bills", slips.content(slips.row("20260002", 期="99")))
    assert status == 422
    assert "2行目" in text
    assert "1件も取り込んでいません" in text
    assert post(client, "/staff/bills/export").status_code == 303
    assert "bills.csv" in client.get("/staff/bills").get_data(as_text=True)


def test_files_are_for_finance_only(client: FlaskClient):
    sign_in(client, make_staff(Role.COUNTER))
    assert "税のシステムから" not in client.get("/staff/bills").get_data(as_text=True)
    assert post(client, "/staff/bills/export").status_code == 403


def test_the_sample_slips_can_be_looked_at_with_their_codes(client: FlaskClient):
    from payments.bills import demo

    with unit_of_work() as session:
        demo.seed(session, now=clock.now())
    assert "見本" in client.get("/bills").get_data(as_text=True)
    assert "20260001" in client.get("/bills/samples").get_data(as_text=True)
    code = client.get("/bills/samples/20260001.svg")
    assert code.mimetype == "image/svg+xml"
    assert client.get("/bills/samples/1.svg").status_code == 404
