"""Paying on the pages: who may see what, one page for two clicks, and that coming back proves nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from payments import gateways
from payments.contract import ChargeLine, Payer, TaxClass
from payments.models import PaymentAttempt, Receipt, SandboxSession
from payments.states import ChargeState
from portal.accounts.models import Account, Role
from portal.kernel.audit import AuditEntry
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests import people
from tests.payments.things import (
    ORDINANCE,
    Things,
    charge,
    define_payees,
    give_back_in_part,
    new_things,
    payments_of,
    state_of,
)


@pytest.fixture
def things(koga: str) -> Things:
    with unit_of_work() as session:
        define_payees(session)
    return new_things()


@pytest.fixture
def hanako(things: Things) -> Account:
    return people.make_resident()


@pytest.fixture
def signed_in(client: FlaskClient, hanako: Account) -> FlaskClient:
    people.sign_in(client, hanako)
    return client


def of(account: Account, ref: str = "T1", *lines: ChargeLine, **facts: object) -> str:
    payer = Payer(account.person_id, account.id, "古河 花子", "hanako@example.jp")
    return charge(ref, *lines, payer=payer, **facts)  # type: ignore[arg-type]  # facts of a request


def html(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def act(client: FlaskClient, address: str, what: str) -> TestResponse:
    return people.post(client, address, {"act": what})


def start(client: FlaskClient, reference: str) -> str:
    answer = people.post(client, f"/pay/{reference}")
    assert answer.status_code == 303, html(answer)
    return people.location(answer)


def receipt_of(reference: str) -> str:
    with unit_of_work() as session:
        payment = payments_of(reference)[0]
        return session.scalars(select(Receipt.reference).where(Receipt.payment_id == payment.id)).one()


def test_hanako_pays_by_card_and_takes_her_receipt(
    signed_in: FlaskClient, hanako: Account, things: Things, run_jobs: Callable[[], None]
):
    reference = of(hanako)
    page = html(signed_in.get(f"/pay/{reference}"))
    for words in ("3,000円", "見本", "古河市", "古河市見本条例 第3条", reference):
        assert words in page
    sandbox = start(signed_in, reference)
    back = act(signed_in, sandbox, "pay")
    assert people.location(back) == f"/pay/{reference}/return"
    waiting = html(signed_in.get(f"/pay/{reference}/return"))
    assert "お支払いを確認しています" in waiting
    assert 'data-again="4" data-most="30"' in waiting, "looks again by itself, not for ever"
    assert f'href="/pay/{reference}/return"' in waiting, "without script"
    run_jobs()
    assert "お支払いありがとうございました" in html(signed_in.get(f"/pay/{reference}/return"))
    assert things.given == {"T1": reference}
    receipt = receipt_of(reference)
    assert "領収書" in html(signed_in.get(f"/pay/receipts/{receipt}"))
    pdf = people.post(signed_in, f"/pay/receipts/{receipt}")
    assert pdf.mimetype == "application/pdf"
    assert pdf.data.startswith(b"%PDF")


def test_coming_back_without_a_notice_settles_nothing(signed_in: FlaskClient, hanako: Account):
    reference = of(hanako)
    act(signed_in, start(signed_in, reference), "pay")
    for _ in range(3):
        answer = signed_in.get(f"/pay/{reference}/return?session_id=whatever&status=paid")
        assert "お支払いを確認しています" in html(answer)
    assert state_of(reference) is ChargeState.OPEN


def test_a_double_click_and_a_second_tab_open_the_same_page(signed_in: FlaskClient, hanako: Account):
    reference = of(hanako)
    assert start(signed_in, reference) == start(signed_in, reference)
    with unit_of_work() as session:
        assert len(session.scalars(select(PaymentAttempt)).all()) == 1


def test_a_refused_card_and_a_failed_authentication_leave_the_charge_open(
    signed_in: FlaskClient, hanako: Account, run_jobs: Callable[[], None]
):
    reference = of(hanako)
    sandbox = start(signed_in, reference)
    refused = act(signed_in, sandbox, "refuse")
    assert "カードが使えませんでした" in html(signed_in.get(people.location(refused)))
    authenticate = act(signed_in, sandbox, "authenticate")
    assert "本人認証" in html(signed_in.get(people.location(authenticate)))
    failed = act(signed_in, sandbox, "fail_authentication")
    assert "本人の確認ができませんでした" in html(signed_in.get(people.location(failed)))
    run_jobs()
    assert state_of(reference) is ChargeState.OPEN


def test_a_voucher_is_paid_days_later(
    signed_in: FlaskClient, hanako: Account, run_jobs: Callable[[], None], clock_at: Callable[[str], object]
):
    reference = of(hanako)
    sandbox = start(signed_in, reference)
    act(signed_in, sandbox, "voucher")
    run_jobs()
    shown = html(signed_in.get(f"/pay/{reference}"))
    assert "お金が届くのを待っています" in shown
    assert "お店や銀行で払ってください" in shown
    # Nothing is being confirmed yet: it is still to be paid.
    returned = html(signed_in.get(f"/pay/{reference}/return"))
    assert "<h1>あとで払う手続きができました</h1>" in returned
    assert "まだお金は払われていません" in returned
    clock_at("2026-11-28 12:00")
    act(signed_in, sandbox, "pay_voucher")
    run_jobs()
    assert state_of(reference) is ChargeState.PAID
    assert payments_of(reference)[0].method == "konbini"


def test_an_english_reader_learns_what_is_to_be_paid(signed_in: FlaskClient, hanako: Account):
    named = ChargeLine("会議室", Yen(3000), TaxClass.STANDARD, ORDINANCE, label_en="Meeting room")
    of(hanako, "T1", named)
    reference = of(hanako, "T2")
    assert "Meeting room" not in html(signed_in.get("/pay"))
    for page in ("/pay", "/my"):
        assert "Meeting room (見本の手数料) 3,000" in html(signed_in.get(f"{page}?lang=en")), page
    assert "見本の手数料" in html(signed_in.get(f"/pay/{reference}?lang=en")), "the city has no English for it"


def test_a_stranger_and_a_guest_do_not_learn_that_the_charge_exists(
    client: FlaskClient, hanako: Account, run_jobs: Callable[[], None]
):
    reference = of(hanako)
    people.sign_in(client, hanako)
    act(client, start(client, reference), "pay")
    run_jobs()
    receipt = receipt_of(reference)
    people.sign_out(client)
    pages = [f"/pay/{reference}", f"/pay/{reference}/return", f"/pay/receipts/{receipt}"]
    assert [client.get(page).status_code for page in pages] == [303, 303, 303]
    people.sign_in(client, people.make_resident(email="stranger@example.jp"))
    assert [client.get(page).status_code for page in pages] == [404, 404, 404]
    assert people.post(client, f"/pay/{reference}").status_code == 404
    assert people.post(client, f"/pay/receipts/{receipt}").status_code == 404
    assert client.get("/pay/C-0000-0000-0").status_code == 404
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER))
    assert [client.get(page).status_code for page in pages] == [404, 404, 404]


def test_a_clerk_sees_it_and_that_is_on_record(client: FlaskClient, hanako: Account):
    reference = of(hanako)
    clerk = people.make_staff(Role.COUNTER)
    people.sign_in(client, clerk)
    assert client.get(f"/staff/payments/charges/{reference}").status_code == 200
    with unit_of_work() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "charge.read")).one()
    assert (entry.actor_account_id, entry.subject_ref) == (clerk.id, reference)


def test_a_stale_token_and_a_missing_one_open_nothing(signed_in: FlaskClient, hanako: Account):
    reference = of(hanako)
    assert signed_in.post(f"/pay/{reference}").status_code == 400
    with unit_of_work() as session:
        assert session.scalars(select(PaymentAttempt)).all() == []


def test_a_forged_price_is_not_even_read(signed_in: FlaskClient, hanako: Account):
    reference = of(hanako)
    people.post(signed_in, f"/pay/{reference}", {"amount": "1", "total": "1"})
    with unit_of_work() as session:
        assert session.scalars(select(SandboxSession)).one().amount.amount == 3000


def test_what_is_paid_is_not_paid_again(signed_in: FlaskClient, hanako: Account, run_jobs: Callable[[], None]):
    reference = of(hanako)
    act(signed_in, start(signed_in, reference), "pay")
    run_jobs()
    assert start(signed_in, reference) == f"/pay/{reference}"
    assert "もう一度払う必要はありません" in html(signed_in.get(f"/pay/{reference}"))


@pytest.mark.parametrize(("total", "payee"), [(49, "city"), (3000, "manager")])
def test_what_cannot_be_paid_online_says_so_and_points_to_the_counter(
    signed_in: FlaskClient, hanako: Account, total: int, payee: str
):
    reference = of(hanako, total=total, payee=payee)
    page = html(signed_in.get(f"/pay/{reference}"))
    assert "窓口で、現金で払えます" in page
    assert "払う</button>" not in page
    assert start(signed_in, reference) == f"/pay/{reference}"


def test_zero_yen_asks_for_nothing(signed_in: FlaskClient, hanako: Account):
    assert "料金は0円です" in html(signed_in.get(f"/pay/{of(hanako, total=0)}"))


def test_an_unsigned_notice_is_refused(client: FlaskClient, things: Things):
    answer = client.post("/hooks/sandbox", data=b'{"id": "x"}', headers={"Sandbox-Signature": "t=1,v1=00"})
    assert answer.status_code == 400
    assert client.post("/hooks/stripe", data=b"{}").status_code == 404
    assert client.post("/hooks/else", data=b"{}").status_code == 404


def test_the_sandbox_is_not_there_where_it_is_not_served(client: FlaskClient, things: Things):
    gateways.use({}, online=None)
    assert client.get("/sandbox/sessions").status_code == 404
    assert client.get("/sandbox/pay/sbx_1").status_code == 404


def test_the_clerk_takes_cash_and_is_told_the_change(client: FlaskClient, hanako: Account):
    reference = of(hanako)
    people.sign_in(client, people.make_staff(Role.COUNTER))
    address = f"/staff/payments/charges/{reference}/cash"
    for typed in ("", "abc", "2999", "-1", "1.5"):
        answer = people.post(client, address, {"received": typed, "place": "koga"})
        assert answer.status_code == 422, typed
    offices = html(client.get(f"/staff/payments/charges/{reference}"))
    place = offices.split('<option value="')[1].split('"')[0]
    assert people.post(client, address, {"received": "5,000", "place": place}).status_code == 303
    assert "おつりは2,000円です" in html(client.get(f"/staff/payments/charges/{reference}"))
    assert people.post(client, address, {"received": "5,000", "place": place}).status_code == 303
    assert len(payments_of(reference)) == 1
    today = html(client.get("/staff/payments"))
    assert "3,000円" in today
    name = offices.split(f'<option value="{place}">')[1].split("<")[0]
    assert f"<td>{name}</td>" in today, "the office by its name"
    assert "すべてのお金に説明がつきます" in today


def test_finance_finds_a_charge_by_any_reference_and_hands_out_a_cash_refund_once(client: FlaskClient, hanako: Account):
    reference = of(hanako)
    people.sign_in(client, people.make_staff(Role.FINANCE))
    place = html(client.get(f"/staff/payments/charges/{reference}")).split('<option value="')[1].split('"')[0]
    people.post(client, f"/staff/payments/charges/{reference}/cash", {"received": "3000", "place": place})
    refund = give_back_in_part(reference, 1000)
    wanted = f"/staff/payments/charges/{reference}"
    for typed in (
        reference,
        reference.replace("-", "").lower(),
        "T1",
        refund,
        receipt_of(reference),
        payments_of(reference)[0].reference,
    ):
        assert people.location(client.get(f"/staff/payments/search?q={typed}")) == wanted
    assert people.location(client.get("/staff/payments/search?q=nothing")) == "/staff/payments"
    assert refund in html(client.get("/staff/payments"))
    for _ in range(2):
        assert people.post(client, f"/staff/payments/refunds/{refund}/cash").status_code == 303
    assert refund not in html(client.get("/staff/payments"))


def test_residents_do_not_see_the_finance_pages(signed_in: FlaskClient):
    assert signed_in.get("/staff/payments").status_code == 403


def test_what_is_to_be_paid_is_on_my_own_page_until_it_is_paid(
    signed_in: FlaskClient, hanako: Account, run_jobs: Callable[[], None]
):
    reference = of(hanako)
    mine = html(signed_in.get("/my"))
    assert f'href="/pay/{reference}"' in mine
    assert 'href="/pay"' in mine, "the way to the list, where several are paid together"
    act(signed_in, start(signed_in, reference), "pay")
    run_jobs()
    assert f'href="/pay/{reference}"' not in html(signed_in.get("/my"))


def test_a_clerk_is_told_that_the_payer_may_be_on_the_way_to_a_shop(
    client: FlaskClient, hanako: Account, run_jobs: Callable[[], None]
):
    reference = of(hanako)
    people.sign_in(client, hanako)
    act(client, start(client, reference), "voucher")
    run_jobs()
    people.sign_in(client, people.make_staff(Role.COUNTER))
    shown = html(client.get(f"/staff/payments/charges/{reference}"))
    assert "もう払っていないか、聞いてください" in shown


def test_a_refund_that_came_back_promises_nothing_false(
    signed_in: FlaskClient, hanako: Account, run_jobs: Callable[[], None]
):
    reference = of(hanako)
    sandbox = start(signed_in, reference)
    act(signed_in, sandbox, "paypay")
    run_jobs()
    act(signed_in, sandbox, "refund_fails")
    give_back_in_part(reference, 1000)
    run_jobs()
    shown = html(signed_in.get(f"/pay/{reference}"))
    assert "銀行から市にもどってきました" in shown
    assert "明細に出るまで数日" not in shown
