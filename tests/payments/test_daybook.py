"""The provider's books against ours: gross revenue, fees, payouts, disputes, lost notices; every yen explained (M5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from payments import daybook, gateways
from payments.models import AccountCode, Dispute, ProviderLine, Reconciliation, ReconciliationItem
from payments.states import ChargeState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import run_pending
from portal.kernel.money import Yen
from tests.payments.things import Things, balances, charge, give_back_in_part, payments_of, refunds_of, state_of
from tests.stripe_server import StripeServer

Take = Callable[[bytes, dict[str, str]], Any]
Open = Callable[[str], str]


def day(on: date | None = None) -> daybook.Day:
    return daybook.reconcile(gateways.by_code("stripe"), "main", on or clock.today(), now=clock.now())


@pytest.fixture
def pay(things: Things, stripe: StripeServer, take: Take, open_page: Open) -> Callable[..., str]:
    def paid(ref: str = "T1", *, total: int = 3000, told: bool = True) -> str:
        reference = charge(ref, total=total)
        stripe.books.pay(open_page(reference))
        if told:
            stripe.deliver(take)
        else:
            stripe.new_events()
        return reference

    return paid


def test_m5_revenue_is_gross_the_fee_is_an_expense_and_nothing_is_unexplained(
    pay: Callable[..., str], stripe: StripeServer, clock_at: Callable[[str], datetime]
):
    pay(total=100_000)
    payout = stripe.books.pay_out()
    assert payout
    assert stripe.books.payouts[payout]["amount"] == 96_400
    stripe.books.settle_payout(payout)
    found = day()
    assert balances() == {AccountCode.REVENUE: -100_000, AccountCode.FEE: 3_600, AccountCode.BANK: 96_400}
    assert (found.provider_yen, found.fee_yen, found.unexplained_yen) == (Yen(100_000), Yen(3_600), Yen(0))
    assert day() == found, "a day that is done again is the same"
    assert balances() == {AccountCode.REVENUE: -100_000, AccountCode.FEE: 3_600, AccountCode.BANK: 96_400}


def test_a_payment_of_which_every_notice_was_lost_is_found_and_settled(pay: Callable[..., str]):
    reference = pay(told=False)
    assert state_of(reference) is ChargeState.OPEN
    found = day()
    assert state_of(reference) is ChargeState.PAID
    assert payments_of(reference)[0].method == "card"
    assert (found.caught_up, found.ours_count, found.provider_count, found.items) == (1, 1, 1, [])


def test_a_refund_that_came_back_after_more_than_a_week_is_found(
    pay: Callable[..., str], stripe: StripeServer, take: Take, database: str, clock_at: Callable[[str], datetime]
):
    reference = pay()
    give_back_in_part(reference, 1000)
    run_pending(database)
    stripe.deliver(take)
    clock_at("2026-12-10 10:00")
    (made,) = stripe.books.refunds
    stripe.books.settle_refund(made, "failed")
    stripe.new_events()
    found = day()
    assert [each.state for each in refunds_of(reference)] == ["failed"]
    assert (found.caught_up, found.items) == (1, [])
    assert balances()[AccountCode.REFUND_DUE] == -1000


def test_what_nobody_here_knows_is_listed_with_its_yen_and_why(
    pay: Callable[..., str], stripe: StripeServer, things: Things
):
    pay()
    session = stripe.books.create_session(
        {"mode": "payment", "line_items": [{"price_data": {"currency": "jpy", "unit_amount": "777"}, "quantity": "1"}]}
    )
    stripe.books.pay(session["id"])
    found = day()
    assert [(item.kind, item.amount) for item in found.items] == [("line_unknown", Yen(777 - 27))]
    with unit_of_work() as books:
        row = books.scalars(select(Reconciliation)).one()
        assert (row.provider_count, row.ours_count, row.unexplained_yen) == (2, 1, Yen(750))
        assert books.scalars(select(ReconciliationItem.kind)).all() == ["line_unknown"]


def test_money_of_ours_that_the_provider_does_not_know_is_listed(pay: Callable[..., str], stripe: StripeServer):
    reference = pay()
    stripe.books.lines.clear()
    found = day()
    assert [(item.kind, item.amount) for item in found.items] == [("payment_unknown_there", Yen(3000))]
    assert found.items[0].reference == payments_of(reference)[0].reference


def test_a_fee_of_its_own_and_a_payout_that_the_bank_sent_back_explain_themselves(
    pay: Callable[..., str], stripe: StripeServer
):
    pay(total=10_000)
    stripe.books.charge_fee(500)
    first = stripe.books.pay_out()
    assert first
    stripe.books.settle_payout(first, "failed")
    assert day().items == []
    assert balances() == {AccountCode.REVENUE: -10_000, AccountCode.FEE: 860, AccountCode.PROVIDER: 9_140}
    second = stripe.books.pay_out()
    assert second
    assert stripe.books.payouts[second]["amount"] == 9_140
    assert day().items == []
    assert balances() == {AccountCode.REVENUE: -10_000, AccountCode.FEE: 860, AccountCode.BANK: 9_140}


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("won", [True, False])
def test_a_dispute_is_booked_shown_and_ends_won_or_lost(
    pay: Callable[..., str], stripe: StripeServer, take: Take, told: bool, won: bool
):
    pay(total=10_000)
    (intent,) = stripe.books.intents
    dispute = stripe.books.open_dispute(intent)
    if told:
        stripe.deliver(take)
    assert day().items == []
    expected = {AccountCode.REVENUE: -10_000, AccountCode.FEE: 1_860, AccountCode.PROVIDER: -1_860}
    assert balances() == {**expected, AccountCode.DISPUTED: 10_000}
    stripe.books.close_dispute(dispute, won=won)
    if told:
        stripe.deliver(take)
    assert day().items == []
    if won:
        assert balances() == {**expected, AccountCode.PROVIDER: 8_140}
    else:
        assert balances() == {**expected, AccountCode.DISPUTE_LOST: 10_000}
    with unit_of_work() as session:
        assert session.scalars(select(Dispute.state)).one() == ("won" if won else "lost")


def test_money_that_was_owed_back_and_taken_by_the_bank_is_not_paid_back_twice(
    pay: Callable[..., str], stripe: StripeServer, take: Take, database: str
):
    reference = pay()
    give_back_in_part(reference, 3000)
    (intent,) = stripe.books.intents
    dispute = stripe.books.open_dispute(intent)
    run_pending(database)
    assert [each.state for each in refunds_of(reference)] == ["failed"]
    stripe.deliver(take)
    stripe.books.close_dispute(dispute, won=False)
    stripe.deliver(take)
    assert day().items == []
    assert [(each.state, each.provider) for each in refunds_of(reference)] == [
        ("failed", "stripe"),
        ("succeeded", "dispute"),
    ]
    assert AccountCode.REFUND_DUE not in balances()
    assert day().items == []
    assert AccountCode.DISPUTE_LOST not in balances()
    assert AccountCode.DISPUTED not in balances()
    assert stripe.books.refunds == {}


def test_days_that_nobody_did_are_done(books: None):
    today = date(2026, 11, 25)
    assert daybook.days_due("stripe", "main", today=today) == [date(2026, 11, 23), date(2026, 11, 24)]
    with unit_of_work() as session:
        zero = Yen(0)
        sums = dict.fromkeys(("provider_yen", "ours_yen", "fee_yen", "unexplained_yen"), zero)
        counts = dict.fromkeys(("provider_count", "ours_count", "caught_up"), 0)
        last = today - timedelta(days=5)
        session.add(Reconciliation(provider="stripe", merchant="main", day=last, done_at=clock.now(), **sums, **counts))
    assert daybook.days_due("stripe", "main", today=today)[0] == date(2026, 11, 21)


def test_a_day_in_many_pages_is_read_to_its_end(
    things: Things, stripe: StripeServer, monkeypatch: pytest.MonkeyPatch, pay: Callable[..., str]
):
    from payments.gateways import stripe as module

    monkeypatch.setattr(module, "PAGE", 2)
    for number in range(5):
        pay(f"T{number}")
    found = day()
    assert (found.provider_count, found.ours_count, found.items) == (5, 5, [])
    with unit_of_work() as session:
        assert len(session.scalars(select(ProviderLine.id)).all()) == 5
