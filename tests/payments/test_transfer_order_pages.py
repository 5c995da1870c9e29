"""Orders to the banks in the browser: the payer's pages, finance's list, file and result."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from payments import transfers
from payments.transfers import files
from payments.transfers.files import Result
from portal.accounts.models import Account, Role
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.payments import debits
from tests.payments.debits import owes
from tests.payments.things import Things, new_things
from tests.people import make_staff, post, sign_in

pytestmark = pytest.mark.usefixtures("koga", "app")


@pytest.fixture
def things(koga: str) -> Things:
    return new_things()


@pytest.fixture
def hanako(things: Things) -> Account:
    return debits.resident()


def page(client: FlaskClient, path: str) -> str:
    return client.get(path).get_data(as_text=True)


def upload(client: FlaskClient, path: str, content: bytes, name: str = "kekka.txt"):  # type: ignore[no-untyped-def]
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page(client, path.rsplit("/", 1)[0]))
    assert found
    return client.post(path, data={"csrf_token": found[1], "file": (io.BytesIO(content), name)})


def test_the_payer_reads_when_how_much_and_from_which_account_and_what_if_not(
    client: FlaskClient, hanako: Account, run_jobs: Callable[[], None]
) -> None:
    first = owes(hanako, "T1")
    owes(hanako, "T2", total=700)
    sign_in(client, hanako)
    mine = page(client, "/pay")
    assert "2026年12月28日(月) に口座(末尾 4321)から引き落とす予定です" in mine
    reference = debits.make()
    office = debits.finance()
    debits.write(reference, office)
    mine = page(client, "/pay")
    assert "2026年12月28日(月) に口座(末尾 4321)から引き落とします" in mine
    assert "2,200円" in mine
    assert 'type="checkbox"' not in mine
    whole = re.search(r'href="(/pay/C-[^"]+)"', mine)
    assert whole
    paying = page(client, whole[1])
    assert "引き落とせなかったときは、理由と新しい期限を知らせます" in paying
    assert "を払う</button>" not in paying
    assert "別々に払う" not in paying
    assert post(client, whole[1]).headers["Location"].endswith(whole[1])
    assert "ほかとまとめて" in page(client, f"/pay/{first}") or "まとめて払うページへ" in page(client, f"/pay/{first}")
    assert "に口座から引き落とし" in page(client, "/my")
    debits.take(reference, debits.answer(debits.fetch(reference, office), n1=Result.NO_FUNDS), office)
    mine = page(client, "/pay")
    assert "口座から引き落とせませんでした" in mine
    assert "口座のお金が足りませんでした" in mine
    assert "2027年1月11日(月) までに、ほかの方法で払ってください" in mine
    assert "を払う</button>" in page(client, whole[1])


def test_who_has_registered_nothing_is_shown_the_way_and_registers_for_fees(
    client: FlaskClient, things: Things
) -> None:
    who = debits.resident(registered=False)
    owes(who, "T1")
    sign_in(client, who)
    assert "口座振替を登録する" in page(client, "/pay")
    form = page(client, "/my/transfers?tax=facility-fee")
    assert "施設使用料" in form
    assert "決まった日に引き落とされます" in form
    debits.register(who)
    assert "登録済み" in page(client, "/my/transfers")
    assert "引き落とす予定です" in page(client, "/pay")


def test_finance_makes_looks_writes_hands_over_and_takes_the_result_in(
    client: FlaskClient, hanako: Account, run_jobs: Callable[[], None], clock_at: Callable[[str], datetime]
) -> None:
    taro = debits.resident("taro@example.jp")
    owes(hanako, "T1")
    owes(taro, "T2", total=900)
    one, two = (make_staff(Role.FINANCE, email=f"{name}@example.jp") for name in ("one", "two"))
    sign_in(client, one)
    assert "引き落としの依頼" in page(client, "/staff/books")
    assert "2026年12月28日(月)" in page(client, "/staff/transfers/orders")
    made = post(client, "/staff/transfers/orders", {"item": "facility-fee", "month": "2026-12-01"})
    where = made.headers["Location"]
    assert "一覧を作っています" in page(client, where)
    run_jobs()
    shown = page(client, where)
    assert "2件 2,400円" in shown
    assert "2026年12月1日(火) から確認できます" in shown
    post(client, f"{where}/ask")
    assert "前の月の利用が終わっていない" in page(client, where)
    clock_at("2026-12-01 09:00")
    assert post(client, f"{where}/ask").status_code == 303
    assert "1人目の確認をした人は、ファイルを作れません" in page(client, where)
    post(client, f"{where}/write")
    assert "別の人が決めます" in page(client, where), "the one who asked"
    sign_in(client, two)
    assert "2件 2,400円 のファイルを作る" in page(client, where)
    post(client, f"{where}/write")
    got = post(client, f"{where}/file")
    assert "attachment" in got.headers["Content-Disposition"]
    ordered = got.get_data()
    found = files.read(ordered)
    assert found.total == Yen(2400)
    answered = post(client, f"{where}/double", {f"n{found.orders[1].customer}": "1"}).get_data()
    assert answered == debits.answer(ordered, n2=Result.NO_FUNDS)
    assert upload(client, f"{where}/result", b"").status_code == 422
    refused = upload(client, f"{where}/result", answered.replace(b"0000000900", b"0000000901"))
    assert refused.status_code == 422
    assert "「引落金額」が依頼とちがいます" in refused.get_data(as_text=True)
    assert upload(client, f"{where}/result", answered).status_code == 303
    run_jobs()
    done = page(client, where)
    assert "終わりました" in done
    assert "口座のお金が足りませんでした" in done
    assert "1件 1,500円" in done
    again = upload(client, f"{where}/result", answered)
    assert again.status_code == 409
    assert "もう取り込まれています" in again.get_data(as_text=True)
    assert "口座振替" in page(client, "/staff/payments?day=2026-12-01")


def test_an_order_is_taken_out_and_a_month_given_up(client: FlaskClient, hanako: Account) -> None:
    owes(hanako, "T1")
    reference = debits.make()
    where = f"/staff/transfers/orders/{reference}"
    debits.wait_for(reference)
    sign_in(client, make_staff(Role.FINANCE))
    line = debits.lines(reference)[0].id
    assert post(client, f"{where}/lines/{line}/withdraw").status_code == 303
    assert "職員が外した" in page(client, where)
    post(client, f"{where}/ask")
    assert "引き落とすものがありません" in page(client, where)
    post(client, f"{where}/renew")
    assert post(client, f"{where}/drop", {"why": ""}).status_code == 422
    assert post(client, f"{where}/drop", {"why": "12月は休み"}).status_code == 303
    assert "12月は休み" in page(client, where)
    assert post(client, f"{where}/file").status_code == 303
    assert client.get("/staff/transfers/orders/D-0000-0000-0").status_code == 404


def test_nobody_but_finance_sees_accounts_and_orders(client: FlaskClient, hanako: Account) -> None:
    owes(hanako, "T1")
    reference = debits.make()
    for who in (make_staff(Role.COUNTER), hanako):
        sign_in(client, who)
        assert client.get(f"/staff/transfers/orders/{reference}").status_code in {403, 404}
        assert client.post(f"/staff/transfers/orders/{reference}/file").status_code in {400, 403, 404}


def test_without_a_double_no_result_is_invented(client: FlaskClient, hanako: Account) -> None:
    owes(hanako, "T1")
    reference = debits.make()
    debits.write(reference, debits.finance())
    sign_in(client, make_staff(Role.FINANCE))
    assert "練習用の銀行" in page(client, f"/staff/transfers/orders/{reference}")
    chosen = transfers.gateway()
    transfers.use(None)
    try:
        assert post(client, f"/staff/transfers/orders/{reference}/double").status_code == 404
        assert "練習用の銀行" not in page(client, f"/staff/transfers/orders/{reference}")
    finally:
        transfers.use(chosen)
    with unit_of_work() as session:
        assert session.scalar(text("SELECT fetched_at IS NULL FROM transfer_batch"))


def test_the_counter_takes_no_money_for_what_is_with_the_bank(client: FlaskClient, hanako: Account) -> None:
    owes(hanako, "T1")
    reference = debits.make()
    with unit_of_work() as session:
        charge = session.scalar(text("SELECT c.reference FROM charge c JOIN transfer_line l ON l.charge_id = c.id"))
    clerk = make_staff(Role.COUNTER)
    sign_in(client, clerk)
    where = f"/staff/payments/charges/{charge}"
    before = page(client, where)
    assert "引き落とす予定です" in before
    assert "現金を受け取る" in before
    debits.write(reference, debits.finance())
    after = page(client, where)
    assert "現金を受け取る" not in after
    place = re.search(r'<option[^>]*value="([^"]+)"', before)
    assert place
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', before)
    assert token
    answer = client.post(f"{where}/cash", data={"csrf_token": token[1], "received": "1500", "place": place[1]})
    assert answer.status_code == 303
    assert "お金は受け取らないでください" in page(client, where)
    terminal = client.post(
        f"/staff/till/terminal/{charge}", data={"csrf_token": token[1], "slip": "1", "place": place[1]}
    )
    assert terminal.status_code == 303
    assert "カード端末で取り消してください" in page(client, where)
