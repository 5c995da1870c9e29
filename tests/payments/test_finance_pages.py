"""Finance's screens: search by anything, days, charts, ways to pay, refunds, disputes, the export; and the payer's account page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from payments import daybook, gateways, overview, receipts, services
from payments.models import MethodSwitch, Receipt, RefundAccount
from payments.refunds import refund
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import run_pending
from portal.kernel.money import Yen
from tests.payments.things import CLERK, ORDINANCE, Things, charge, payments_of, refunds_of
from tests.people import make_resident, make_staff, post, sign_in
from tests.stripe_server import StripeServer


@pytest.fixture
def paid(
    things: Things,
    stripe: StripeServer,
    take: Callable[[bytes, dict[str, str]], Any],
    open_page: Callable[[str], str],
    client: FlaskClient,
) -> str:
    sign_in(client, make_staff(Role.FINANCE))
    reference = charge("T1", total=50_000)
    page = open_page(reference)
    stripe.books.take_voucher(page)
    stripe.books.pay_voucher(page)
    stripe.deliver(take)
    return reference


def test_finance_finds_a_charge_by_reference_name_sum_and_the_providers_id(
    client: FlaskClient, paid: str, stripe: StripeServer
):
    (page,) = stripe.books.sessions
    (intent,) = stripe.books.intents
    with unit_of_work() as session:
        receipt = receipts.view(session, session.scalars(select(Receipt.reference)).one())
    for typed in (
        receipts.printed_number(receipt),
        receipt.reference,
        paid,
        "はなこ",
        "古河はなこ",
        "50,000",
        page,
        intent,
        payments_of(paid)[0].reference,
    ):
        answer = client.get("/staff/payments/search", query_string={"q": typed})
        assert answer.headers.get("Location", "").endswith(f"/staff/payments/charges/{paid}"), typed
    charge("T2", total=50_000)
    assert paid in client.get("/staff/payments/search", query_string={"q": "50000"}).text
    assert client.get("/staff/payments/search", query_string={"q": "nobody"}).status_code == 303


def test_a_day_is_compared_shown_and_exported(client: FlaskClient, paid: str, database: str):
    today = clock.today().isoformat()
    assert post(client, "/staff/payments/days", data={"day": today}).status_code == 303
    run_pending(database)
    shown = client.get(f"/staff/payments/days/{today}").text
    assert "50,000円" in shown
    assert "1,800円" in shown
    assert "すべてのお金に説明がつきます" in shown
    assert "50,000円" in client.get("/staff/payments/days").text
    export = client.get(f"/staff/payments/days/{today}/export.csv")
    rows = [line.split(",") for line in export.get_data(as_text=True).lstrip("\ufeff").splitlines()]
    assert tuple(rows[0]) == overview.COLUMNS
    debit, credit = (sum(int(row[column] or 0) for row in rows[1:]) for column in (9, 10))
    assert debit == credit == 50_000 * 2 + 1_800
    assert {row[2] for row in rows[1:]} == {"charged", "paid", "fee"}


def test_what_does_not_explain_itself_is_on_the_days_page(client: FlaskClient, paid: str, stripe: StripeServer):
    stripe.books.lines.clear()
    daybook.reconcile(gateways.by_code("stripe"), "main", clock.today(), now=clock.now())
    shown = client.get(f"/staff/payments/days/{clock.today().isoformat()}").text
    assert "市の記録にあり、決済サービスの帳簿にない入金" in shown
    assert payments_of(paid)[0].reference in shown


def test_charts_are_drawings_with_the_same_figures_as_tables(client: FlaskClient, paid: str):
    shown = client.get("/staff/payments/charts").text
    assert shown.count('<div class="chart-frame"><svg') == shown.count("<table") == 3
    assert "table-scroll" not in shown, (
        "three columns fit a phone; the wide tables of staff keep 44rem, with the figures out of sight"
    )
    for word in ("事務手数料", "コンビニ払い", "オンライン"):
        assert word in shown


def test_a_way_to_pay_is_turned_off_and_on_by_finance_only(client: FlaskClient, paid: str):
    assert "PayPay" in client.get("/staff/payments/methods").text
    form = {"kind": "office_fee", "method": "paypay", "enabled": "no"}
    assert post(client, "/staff/payments/methods", data=form).status_code == 303
    with unit_of_work() as session:
        row = session.get_one(MethodSwitch, ("office_fee", "paypay"))
        assert (row.enabled, row.changed_by_account_id is not None) == (False, True)
    assert post(client, "/staff/payments/methods", data={**form, "method": "cheque"}).status_code == 404
    sign_in(client, make_staff(Role.COUNTER))
    assert post(client, "/staff/payments/methods", data=form).status_code == 403


def test_a_large_konbini_refund_from_the_second_person_to_the_transfer(client: FlaskClient, paid: str):
    first = make_staff(Role.FINANCE, email="first@example.jp")
    with unit_of_work() as session:
        asked = refund(
            session,
            charge_ref=paid,
            amount=Yen(50_000),
            kind=services.RefundKind.BY_ORDINANCE,
            ground=ORDINANCE,
            requested_by=Actor(first.id, "staff"),
            now=clock.now(),
        ).reference
    here = "/staff/payments/refunds"
    assert "返金を認める" in client.get(here).text
    assert post(client, f"{here}/{asked}/agree").status_code == 303
    account = f"/pay/refunds/{asked}/account"
    assert "銀行の名前か番号" in client.get(account).text
    assert "みずほ" in client.get(account, query_string={"q": "みずほ"}).text
    assert "支店" in client.get(account, query_string={"bank": "0001", "q": "東京"}).text
    wrong = {"bank": "0001", "branch": "001", "kind": "ordinary", "number": "12345678", "holder": "コガ ハナコ"}
    assert post(client, account, data=wrong).status_code == 422
    on_paper = {**wrong, "number": "1234567", "evidence": "口座の届 第8号"}
    assert post(client, account, data=on_paper).status_code == 303
    waiting = client.get(here).text
    assert "1234567" in waiting
    assert "振り込んだ" in waiting
    assert post(client, f"{here}/{asked}/transferred").status_code == 303
    assert [each.state for each in refunds_of(paid)] == ["succeeded"]
    with unit_of_work() as session:
        assert session.scalars(select(RefundAccount)).all() == []
    assert "1234567" not in client.get(here).text


def test_a_dispute_is_on_finances_page(client: FlaskClient, paid: str, stripe: StripeServer):
    (intent,) = stripe.books.intents
    stripe.books.open_dispute(intent)
    daybook.reconcile(gateways.by_code("stripe"), "main", clock.today(), now=clock.now())
    shown = client.get("/staff/payments/disputes").text
    assert paid in shown
    assert "回答を待っています" in shown
    assert "払った覚えがない" in shown
    assert "unrecognized" not in shown


def test_the_account_page_of_somebody_elses_refund_is_not_there(client: FlaskClient, paid: str):
    with unit_of_work() as session:
        asked = refund(
            session,
            charge_ref=paid,
            amount=Yen(100),
            kind=services.RefundKind.BY_ORDINANCE,
            ground=ORDINANCE,
            requested_by=CLERK,
            now=clock.now(),
        ).reference
    sign_in(client, make_resident())
    assert client.get(f"/pay/refunds/{asked}/account").status_code == 404
    assert client.get(f"/pay/refunds/{asked[:-2]}00/account").status_code == 404
