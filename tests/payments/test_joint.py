"""Several charges paid in one sum: one page, one payment, one receipt; each goes back by itself; nobody pays twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from payments import joining, paid, queries, receipts, services
from payments.contract import ChargeLine, Payer, TaxClass
from payments.errors import ChargeSettled, NotJoinable, RefundByPart, RefundTooLarge
from payments.models import AccountCode, Charge, Drawer, Payment, PaymentAttempt, Receipt
from payments.states import ChargeState
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import run_pending
from portal.kernel.money import Yen
from tests.payments.things import (
    CLERK,
    ORDINANCE,
    Things,
    balances,
    charge,
    give_back_in_part,
    line,
    new_things,
    payments_of,
    refunds_of,
    state_of,
)
from tests.people import make_resident, make_staff, post, sign_in
from tests.stripe_server import StripeServer

Take = Callable[[bytes, dict[str, str]], Any]
Open = Callable[[str], str]


@pytest.fixture
def hanako(database: str) -> Payer:
    return Payer(make_resident().person_id, None, "古河 はなこ", "hanako@example.jp")


@pytest.fixture
def three(things: Things, hanako: Payer) -> list[str]:
    """Three charges of はなこ: 1,000, 2,000 and 3,000 yen."""
    return [charge(f"T{n}", total=1000 * n, payer=hanako, description=f"見本 {n}回目") for n in (1, 2, 3)]


def join(*references: str) -> str:
    with unit_of_work() as session:
        return joining.join(session, references, actor=CLERK, now=clock.now()).reference


def void(ref: str) -> bool:
    with unit_of_work() as session:
        return services.void_charge(
            session, payable_kind="thing", payable_ref=ref, reason="hold_ended", now=clock.now()
        )


def pay(stripe: StripeServer, take: Take, page: str) -> None:
    stripe.books.pay(page)
    stripe.deliver(take)


def test_three_are_paid_at_once_with_one_receipt_that_has_all_their_lines(
    three: list[str], things: Things, stripe: StripeServer, take: Take, open_page: Open, database: str
):
    whole = join(*three)
    assert balances() == {AccountCode.RECEIVABLE: 6000, AccountCode.REVENUE: -6000}
    pay(stripe, take, open_page(whole))
    run_pending(database)
    assert [state_of(one) for one in three] == [ChargeState.PAID] * 3
    assert set(things.given.items()) == {(f"T{n}", one) for n, one in enumerate(three, start=1)}
    assert balances() == {AccountCode.PROVIDER: 6000, AccountCode.REVENUE: -6000}
    with unit_of_work() as session:
        views = [queries.charge(session, one) for one in three]
        refundable = paid.refundable(session, "thing", ["T1", "T2", "T3"])
        (receipt,) = session.scalars(select(Receipt.reference)).all()
        printed = receipts.view(session, receipt)
    assert {view.receipt_ref for view in views} == {receipt}
    assert all(view.paid_at is not None for view in views)
    assert [(one.payable_ref, one.amount) for one in refundable] == [
        ("T3", Yen(3000)),
        ("T2", Yen(2000)),
        ("T1", Yen(1000)),
    ]
    assert [(line.label, line.amount.amount) for line in printed.charge.lines] == [
        ("見本 1回目 見本の料金", 1000),
        ("見本 2回目 見本の料金", 2000),
        ("見本 3回目 見本の料金", 3000),
    ]


def test_one_of_them_goes_back_from_the_one_payment_and_no_more_than_it_cost(
    three: list[str], things: Things, stripe: StripeServer, take: Take, open_page: Open, database: str
):
    whole = join(*three)
    pay(stripe, take, open_page(whole))
    give_back_in_part(three[1], 2000)
    run_pending(database)
    stripe.deliver(take)
    assert things.given_back == [("T2", Yen(2000))]
    assert [state_of(one) for one in three] == [ChargeState.PAID, ChargeState.REFUNDED, ChargeState.PAID]
    assert state_of(whole) is ChargeState.PARTLY_REFUNDED
    with pytest.raises(RefundTooLarge):
        give_back_in_part(three[1], 1)
    with pytest.raises(RefundTooLarge):
        give_back_in_part(three[0], 1001)
    with pytest.raises(RefundByPart):
        give_back_in_part(whole, 1000)
    give_back_in_part(three[0], 400)
    give_back_in_part(three[0], 600)
    give_back_in_part(three[2], 3000)
    run_pending(database)
    stripe.deliver(take)
    assert state_of(whole) is ChargeState.REFUNDED
    assert balances() == {}
    assert sum(refund.amount.amount for refund in refunds_of(whole)) == 6000
    with unit_of_work() as session:
        assert [one.amount for one in queries.charge(session, three[0]).refunds] == [Yen(400), Yen(600)]
        assert [(one.amount, one.back) for one in paid.money_of(session, "thing", "T2")] == [(Yen(2000), Yen(2000))]


def test_a_line_that_says_what_its_charge_is_says_it_once(things: Things, hanako: Payer):
    same, other = line(1000, label="証明書の手数料"), line(2000, label="交付の手数料")
    parts = [charge("T1", same, payer=hanako, description="証明書の手数料")]
    parts.append(charge("T2", other, payer=hanako, description="住民票"))
    with unit_of_work() as session:
        found = queries.charge(session, join(*parts))
    assert [each.label for each in found.lines] == ["証明書の手数料", "住民票 交付の手数料"]


def test_a_second_click_finds_the_same_sum(three: list[str]):
    assert join(*three) == join(*reversed(three))


def test_what_is_withdrawn_before_the_payment_takes_the_sum_apart_and_the_others_stay_owed(
    three: list[str], things: Things, stripe: StripeServer, take: Take, open_page: Open, database: str
):
    whole = join(*three)
    page = open_page(whole)
    assert void("T2")
    run_pending(database)
    assert [state_of(one) for one in (*three, whole)] == [
        ChargeState.OPEN,
        ChargeState.VOID,
        ChargeState.OPEN,
        ChargeState.VOID,
    ]
    assert balances() == {AccountCode.RECEIVABLE: 4000, AccountCode.REVENUE: -4000}
    assert stripe.books.sessions[page]["status"] == "expired"
    again = join(three[0], three[2])
    pay(stripe, take, open_page(again))
    assert balances() == {AccountCode.PROVIDER: 4000, AccountCode.REVENUE: -4000}


def test_an_old_page_of_one_of_them_is_paid_and_the_others_are_asked_for_by_themselves(
    three: list[str], things: Things, stripe: StripeServer, take: Take, open_page: Open, database: str
):
    old = open_page(three[0])
    whole = join(*three)
    page = open_page(whole)
    pay(stripe, take, old)
    assert [state_of(one) for one in three] == [ChargeState.PAID, ChargeState.OPEN, ChargeState.OPEN]
    # The page of the sum was paid in the same minute: all of it goes back, nothing is paid twice.
    pay(stripe, take, page)
    run_pending(database)
    stripe.deliver(take)
    assert [state_of(one) for one in three] == [ChargeState.PAID, ChargeState.OPEN, ChargeState.OPEN]
    assert balances() == {
        AccountCode.PROVIDER: 1000,
        AccountCode.RECEIVABLE: 5000,
        AccountCode.REVENUE: -6000,
    }
    assert [one.accepted for one in payments_of(whole)] == [False]


def test_money_for_a_sum_that_was_taken_apart_is_taken_where_all_can_still_be_given(
    three: list[str], things: Things, stripe: StripeServer, take: Take, open_page: Open, database: str
):
    whole = join(*three)
    page = open_page(whole)
    assert void("T2")
    pay(stripe, take, page)
    run_pending(database)
    assert [state_of(one) for one in (*three, whole)] == [ChargeState.PAID] * 4
    assert balances() == {AccountCode.PROVIDER: 6000, AccountCode.REVENUE: -6000}


def test_what_is_gone_when_the_money_comes_goes_back_and_the_rest_is_given(
    three: list[str], things: Things, stripe: StripeServer, take: Take, open_page: Open, database: str
):
    whole = join(*three)
    page = open_page(whole)
    things.gone.add("T2")
    pay(stripe, take, page)
    run_pending(database)
    stripe.deliver(take)
    assert set(things.given) == {"T1", "T3"}
    assert [state_of(one) for one in three] == [ChargeState.PAID, ChargeState.REFUNDED, ChargeState.PAID]
    assert balances() == {AccountCode.PROVIDER: 4000, AccountCode.REVENUE: -4000}


def test_where_nothing_can_be_given_all_of_it_goes_back(
    three: list[str], things: Things, stripe: StripeServer, take: Take, open_page: Open, database: str
):
    whole = join(*three)
    page = open_page(whole)
    things.gone |= {"T1", "T2", "T3"}
    pay(stripe, take, page)
    run_pending(database)
    stripe.deliver(take)
    assert state_of(whole) is ChargeState.VOID
    assert [state_of(one) for one in three] == [ChargeState.OPEN] * 3
    assert balances() == {AccountCode.RECEIVABLE: 6000, AccountCode.REVENUE: -6000}


def test_paying_one_by_one_after_all(three: list[str], stripe: StripeServer, take: Take, open_page: Open):
    whole = join(*three)
    with unit_of_work() as session:
        assert joining.separate(session, whole, actor=CLERK, now=clock.now())
        assert not joining.separate(session, whole, actor=CLERK, now=clock.now())
    pay(stripe, take, open_page(three[0]))
    assert [state_of(one) for one in three] == [ChargeState.PAID, ChargeState.OPEN, ChargeState.OPEN]
    with pytest.raises(ChargeSettled):
        open_page(whole)


def test_the_sum_ends_with_the_first_of_its_terms(things: Things, hanako: Payer):
    soon, later = clock.now() + timedelta(minutes=40), clock.now() + timedelta(days=1)
    ends = [None, later, soon]
    refs = [charge(f"T{n}", payer=hanako, pay_until=end) for n, end in enumerate(ends)]
    with unit_of_work() as session:
        assert queries.charge(session, join(*refs)).pay_until == soon


def test_what_does_not_belong_together_is_not_paid_together(things: Things, hanako: Payer, stripe: StripeServer):
    mine = charge("T1", payer=hanako)
    others = {
        "too_few": [],
        "other_payer": [charge("T2")],
        "other_payee": [charge("T3", payer=hanako, payee="manager")],
        "not_open": [charge("T4", payer=hanako, pay_until=clock.now() - timedelta(minutes=1))],
        "too_large": [charge("T5", ChargeLine("x", Yen(9_999_999), TaxClass.EXEMPT, ORDINANCE), payer=hanako)],
    }
    for reason, more in others.items():
        with pytest.raises(NotJoinable) as refused:
            join(mine, *more)
        assert refused.value.reason == reason
    assert state_of(mine) is ChargeState.OPEN


def test_the_database_refuses_a_payment_of_its_own_beside_the_sum(
    three: list[str], stripe: StripeServer, take: Take, open_page: Open
):
    whole = join(*three)
    pay(stripe, take, open_page(whole))
    with unit_of_work() as session:
        row = session.scalars(select(Payment)).one()
        part = session.scalars(select(Charge.id).where(Charge.reference == three[0])).one()
        columns = {
            column.name: getattr(row, column.name) for column in Payment.__table__.columns if column.name != "id"
        }
    own = columns | {"charge_id": part, "reference": "P-X", "attempt_id": None, "provider_payment_id": "other"}
    with pytest.raises(DBAPIError, match="in one sum with others"), unit_of_work() as session:
        session.execute(insert(Payment).values(own))
    with pytest.raises(DBAPIError, match="stays where it was paid"), unit_of_work() as session:
        session.execute(update(Charge).where(Charge.id == part).values(joined_to_id=None))


def test_the_database_refuses_a_sum_that_is_not_what_its_parts_ask_for(
    three: list[str], stripe: StripeServer, take: Take, open_page: Open
):
    whole = join(*three)
    open_page(whole)
    with unit_of_work() as session:
        found = session.scalars(select(Charge.id).where(Charge.reference == whole)).one()
        attempt = session.scalars(select(PaymentAttempt.id)).one()
    with pytest.raises(DBAPIError, match="not what its parts ask for"), unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO payment (reference, charge_id, attempt_id, provider, method, amount, accepted, paid_at, recorded_at)"
                " VALUES ('P-Y', :charge, :attempt, 'stripe', 'card', 5999, true, now(), now())"
            ),
            {"charge": found, "attempt": attempt},
        )


def test_a_card_at_the_desk_pays_the_sum(three: list[str], things: Things, database: str):
    whole = join(*three)
    with unit_of_work() as session:
        services.take_cash(session, whole, received=Yen(10_000), clerk=CLERK, place="city-hall", now=clock.now())
    assert [state_of(one) for one in three] == [ChargeState.PAID] * 3
    with pytest.raises(ChargeSettled), unit_of_work() as session:
        services.take_cash(session, three[0], received=Yen(10_000), clerk=CLERK, place="city-hall", now=clock.now())


def test_a_sum_taken_at_the_desk_is_not_countered_there_and_the_pages_say_who_gives_it_back(
    koga: str, client: FlaskClient, hanako: Payer
):
    new_things()
    three = [charge(f"T{n}", total=1000, payer=hanako) for n in (1, 2, 3)]
    whole = join(*three)
    sign_in(client, make_staff(Role.COUNTER, email="taker@example.jp"))
    assert (
        post(client, f"/staff/payments/charges/{whole}/cash", {"received": "3000", "place": "koga"}).status_code == 303
    )
    for reference in (whole, three[0]):
        shown = client.get(f"/staff/payments/charges/{reference}").text
        assert "収納の担当が" in shown, reference
        assert f"/charges/{reference}/correction" not in shown
        answer = client.get(f"/staff/payments/charges/{reference}/correction", follow_redirects=True)
        assert "収納の担当が、1つずつ返金します" in answer.text
    with unit_of_work() as session:
        drawer = session.scalars(select(Drawer.reference)).one()
    shown = client.get(f"/staff/till/{drawer}").text
    assert "まとめた支払い" in shown
    assert "/correction" not in shown
    # Whoever the pages name can do it, one by one.
    sign_in(client, make_staff(Role.FINANCE, email="office@example.jp"))
    assert f"/charges/{three[0]}/refund" in client.get(f"/staff/payments/charges/{three[0]}").text
