"""Where a refund is transferred to, asked of people without an account: a secret address, a paper, finance."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pypdf
import pytest
from flask.testing import FlaskClient

from payments import finance, giving_back, pay_links, refunds, services
from payments.contract import Payer
from payments.models import RefundKind
from payments.sealing import AccountKind, BankAccount
from payments.settlement import Why
from payments.states import RefundState
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.conftest import Mailbox
from tests.payments.things import CLERK, Things, charge, refunds_of
from tests.people import location, make_staff, post, sign_in

ACCOUNT = {"bank": "0001", "branch": "001", "kind": "ordinary", "number": "1234567", "holder": "コガ ハナコ"}


@pytest.fixture
def office(things: Things) -> Actor:
    return Actor(make_staff(Role.FINANCE, email="office@example.jp").id, "staff")


def wanted(office: Actor, payer: Payer, ref: str = "T1") -> str:
    """A refund that waits for its account."""
    reference = charge(ref, payer=payer)
    with unit_of_work() as session:
        services.take_cash(session, reference, received=Yen(3000), clerk=CLERK, place="koga", now=clock.now())
    with unit_of_work() as session:
        return giving_back.start(
            session,
            reference,
            amount=Yen(3000),
            kind=RefundKind.NOT_OWED,
            ground=None,
            why=Why("二重に払った", "台帳 3", to_bank=True),
            seen=Yen(3000),
            actor=office,
            now=clock.now(),
        ).reference


def asked(refund_ref: str) -> str:
    with unit_of_work() as session:
        return next(each.asked for each in finance.open_refunds(session) if each.reference == refund_ref)


def test_a_guest_names_the_account_by_the_secret_address_in_the_mail_and_only_that_one(
    office: Actor, client: FlaskClient, mailbox: Mailbox, run_jobs: Callable[[], None]
):
    made = wanted(office, Payer(None, None, "とおりすがりの人", "guest@example.jp"))
    other = wanted(office, Payer(None, None, "べつの人", "other@example.jp"), "T2")
    assert asked(made) == "mail"
    run_jobs()
    (mail,) = [each for each in mailbox.to("guest@example.jp") if "振込先" in each["Subject"]]
    body = mail.get_body(("plain",))
    assert body is not None
    found = re.search(r"/pay/refunds/links/\S+", body.get_content())
    assert found is not None
    page = f"/pay/refunds/{made}/account"
    assert "/sign-in" in location(client.get(page)), "without the address there is no way in"
    assert client.get(found[0][:-4] + "AAAA").status_code == 404
    assert client.get(f"/pay/refunds/links/{other}/{pay_links.secret_of(made, what='refund')}").status_code == 404
    assert location(client.get(found[0])).endswith(page)
    assert "銀行を選んでください" in client.get(page).get_data(as_text=True)
    assert post(client, page, {**ACCOUNT, "number": "x"}).status_code == 422
    answer = client.get(location(post(client, page, ACCOUNT))).get_data(as_text=True)
    assert "口座を受け取りました" in answer
    (refund,) = [each for ref in ("T1",) for each in refunds_of(charge(ref, payer=Payer(None, None, "")))]
    assert (refund.reference, refund.state) == (made, RefundState.REQUESTED.value)
    assert "/sign-in" in location(client.get(f"/pay/refunds/{other}/account"))


def test_finance_asks_on_paper_whom_nothing_reaches_and_enters_the_answer_with_its_evidence(
    office: Actor, client: FlaskClient
):
    made = wanted(office, Payer(None, None, ""))
    assert asked(made) == "nobody"
    sign_in(client, make_staff(Role.FINANCE, email="second@example.jp"))
    waiting = client.get("/staff/payments/refunds").get_data(as_text=True)
    assert "知らせる方法が登録されていません" in waiting
    paper = client.get(f"/staff/payments/refunds/{made}/question.pdf").data
    words = pypdf.PdfReader(io.BytesIO(paper)).pages[0].extract_text()
    for expected in (made, "3,000", "二重に払った", pay_links.secret_of(made, what="refund")):
        assert expected in words.replace("\n", ""), expected
    page = f"/pay/refunds/{made}/account"
    assert post(client, page, ACCOUNT).status_code == 422
    assert post(client, page, {**ACCOUNT, "evidence": "口座の届 第8号"}).status_code == 303
    (refund,) = refunds_of(charge("T1", payer=Payer(None, None, "")))
    assert (refund.state, refund.account_evidence) == (RefundState.REQUESTED.value, "口座の届 第8号")
    assert "口座の届 第8号" in client.get(f"/staff/payments/charges/{charge('T1', payer=Payer(None, None, ''))}").text


def test_a_chip_says_that_money_is_back_when_it_is_and_what_it_waits_for_until_then(office: Actor, client: FlaskClient):
    made = wanted(office, Payer(None, None, "とおりすがりの人", "guest@example.jp"))
    (reference,) = [charge("T1", payer=Payer(None, None, ""))]
    sign_in(client, make_staff(Role.FINANCE, email="finance@example.jp"))

    def seen() -> str:
        found = client.get(f"/staff/payments/charges/{reference}").get_data(as_text=True)
        return found[found.index("<h1>") : found.index("</h1>")]

    def listed() -> str:
        charge("T2", payer=Payer(None, None, "とおりすがりの人"))
        return client.get("/staff/payments/search?q=とおりすがり").get_data(as_text=True)

    assert "返金の準備中(振込先の口座を待っています)" in seen()
    assert "返金の手続き中" in listed()
    assert "全額を返金" not in seen() + listed()
    with unit_of_work() as session:
        account = BankAccount("0001", "001", AccountKind.ORDINARY, "1234567", "コガ ハナコ")
        refunds.name_account(session, made, account, actor=office, now=clock.now())
    assert "返金の手続き中" in seen()
    with unit_of_work() as session:
        refunds.transferred(session, made, actor=office, now=clock.now())
    assert "全額を返金" in seen()
    assert "全額を返金" in listed()
