"""Stripe tells us what happened: once, twice, late, in any order, forged, replayed, never. The books end where Stripe's do."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from payments import jobs, services
from payments.gateways.base import NotSignedError
from payments.gateways.stripe import StripeGateway
from payments.models import AccountCode, EventOutcome, Payment, PaymentAttempt, ProviderEvent
from payments.states import AttemptState, ChargeState, RefundState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests.payments.things import (
    CLERK,
    Things,
    balances,
    charge,
    entries,
    give_back_in_part,
    payments_of,
    refunds_of,
    state_of,
)
from tests.stripe_server import StripeServer

Take = Callable[[bytes, dict[str, str]], EventOutcome | None]
Open = Callable[[str], str]


def events() -> list[ProviderEvent]:
    with unit_of_work() as session:
        return list(session.scalars(select(ProviderEvent).order_by(ProviderEvent.id)))


def void(ref: str) -> None:
    with unit_of_work() as session:
        services.void_charge(session, payable_kind="thing", payable_ref=ref, reason="hold_ended", now=clock.now())


def test_a_signed_notice_settles_the_charge(things: Things, stripe: StripeServer, open_page: Open, take: Take):
    reference = charge("T1")
    page = open_page(reference)
    stripe.books.pay(page)
    stripe.deliver(take)
    assert state_of(reference) is ChargeState.PAID
    assert things.given == {"T1": reference}
    assert balances() == {AccountCode.PROVIDER: 3000, AccountCode.REVENUE: -3000}


def test_the_same_notice_ten_times_takes_effect_once(things: Things, stripe: StripeServer, open_page: Open, take: Take):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    event = stripe.new_events()[-1]
    outcomes = [take(*stripe.signed(event)) for _ in range(10)]
    assert set(outcomes) == {EventOutcome.APPLIED}
    assert len(payments_of(reference)) == 1
    assert events()[0].times_received == 10
    assert things.asked == 1


def test_a_notice_that_stopped_halfway_is_worked_on_when_it_comes_again(
    things: Things, stripe: StripeServer, open_page: Open, take: Take, monkeypatch: pytest.MonkeyPatch
):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    event = stripe.new_events()[-1]

    def crash(*_args: Any, **_facts: Any) -> None:
        raise ConnectionError("the process was killed here")

    with monkeypatch.context() as broken:
        broken.setattr(things, "on_paid", crash)
        with pytest.raises(ConnectionError):
            take(*stripe.signed(event))
    assert [kept.outcome for kept in events()] == [EventOutcome.RECEIVED.value]
    assert entries() == 2
    assert take(*stripe.signed(event)) is EventOutcome.APPLIED
    assert state_of(reference) is ChargeState.PAID


def test_a_notice_that_stopped_halfway_and_never_comes_again_is_finished_by_the_periodic_job(
    things: Things,
    stripe: StripeServer,
    open_page: Open,
    take: Take,
    monkeypatch: pytest.MonkeyPatch,
    clock_at: Callable[[str], datetime],
    converge: Callable[[], int],
):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    with monkeypatch.context() as broken:
        broken.setattr(things, "asked", None)
        with pytest.raises(TypeError):
            stripe.deliver(take)
    clock_at("2026-11-25 10:06")
    converge()
    assert state_of(reference) is ChargeState.PAID
    assert [kept.outcome for kept in events()] == ["applied", "known"]


def test_a_lost_notice_is_made_up_for_by_asking(
    things: Things,
    stripe: StripeServer,
    open_page: Open,
    converge: Callable[[], int],
    clock_at: Callable[[str], datetime],
):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    clock_at("2026-11-25 10:06")
    assert converge() == 1
    assert state_of(reference) is ChargeState.PAID
    assert converge() == 0
    assert payments_of(reference)[0].paid_at == datetime(2026, 11, 25, 10, 0, tzinfo=clock.TOKYO)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_notices_in_any_order_end_the_same(
    things: Things, stripe: StripeServer, open_page: Open, take: Take, order: tuple[int, ...]
):
    """A voucher is taken, its page ends for the browser, it is paid: completed (unpaid), expired, succeeded."""
    reference = charge("T1")
    page = open_page(reference)
    stripe.books.take_voucher(page)
    stripe.books.tell("checkout.session.expired", {**stripe.books.sessions[page], "status": "expired"})
    stripe.books.pay_voucher(page)
    sent = [event for event in stripe.new_events() if event["type"].startswith("checkout.")]
    for index in order:
        take(*stripe.signed(sent[index]))
    assert state_of(reference) is ChargeState.PAID
    assert len(payments_of(reference)) == 1
    assert balances() == {AccountCode.PROVIDER: 3000, AccountCode.REVENUE: -3000}


def test_a_voucher_that_is_not_paid_lets_the_payer_begin_again(
    things: Things, stripe: StripeServer, open_page: Open, take: Take
):
    reference = charge("T1")
    page = open_page(reference)
    stripe.books.take_voucher(page)
    stripe.books.voucher_ends(page)
    stripe.deliver(take)
    assert state_of(reference) is ChargeState.OPEN
    assert open_page(reference) != page


def test_the_day_of_entrusting_is_kept_and_not_the_day_of_the_notice(
    things: Things, stripe: StripeServer, open_page: Open, take: Take, clock_at: Callable[[str], datetime]
):
    """CASES M2: paid 3/10 23:58, told 3/12."""
    clock_at("2027-03-10 23:30")
    reference = charge("T1")
    page = open_page(reference)
    paid = clock_at("2027-03-10 23:58")
    stripe.books.pay(page)
    told = clock_at("2027-03-12 09:00")
    stripe.deliver(take)
    payment = payments_of(reference)[0]
    assert (payment.paid_at, payment.recorded_at) == (paid, told)


def _expect_nothing(reference: str) -> None:
    assert state_of(reference) is ChargeState.OPEN
    assert payments_of(reference) == []
    assert balances() == {AccountCode.RECEIVABLE: 3000, AccountCode.REVENUE: -3000}


def test_a_forged_signature_leaves_no_trace(things: Things, stripe: StripeServer, open_page: Open, take: Take):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    event = stripe.new_events()[-1]
    body, headers = stripe.signed(event, secret="whsec_guessed")
    assert take(body, headers) is None
    assert take(body, {}) is None
    assert take(body, {"Stripe-Signature": "nonsense"}) is None
    real, signature = stripe.signed(event)
    assert take(real.replace(b"3000", b"3001"), signature) is None
    assert take(b"\xff\xfe", signature) is None
    assert events() == []
    _expect_nothing(reference)


def test_connected_accounts_notices_have_a_secret_of_their_own(stripe: StripeServer, things: Things, open_page: Open):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    event = stripe.new_events()[-1]
    gateway = StripeGateway(api_key=stripe.key, webhook_secret="whsec_main, whsec_connected", api_base=stripe.url)
    for secret in ("whsec_main", "whsec_connected"):
        assert gateway.read_notice(*stripe.signed(event, secret=secret)).event_id == event["id"]
    with pytest.raises(NotSignedError):
        gateway.read_notice(*stripe.signed(event, secret="whsec_guessed"))


def test_a_replayed_notice_is_too_old(things: Things, stripe: StripeServer, open_page: Open, take: Take):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    event = stripe.new_events()[-1]
    assert take(*stripe.signed(event, at=time.time() - 301)) is None
    assert events() == []
    _expect_nothing(reference)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount_total": 1}, "other_amount"),
        ({"amount_total": 3000.0}, "other_amount"),
        ({"amount_total": "3000"}, "other_amount"),
        ({"amount_total": None}, "other_amount"),
        ({"currency": "usd"}, "other_currency"),
        ({"id": "cs_test_somebody_else", "metadata": {}}, "unknown_session"),
        ({"id": "cs_test_somebody_else", "metadata": {"attempt": "T-0000-0000-0"}}, "unknown_session"),
    ],
)
def test_a_signed_notice_that_does_not_fit_our_books_is_kept_and_changes_nothing(
    things: Things, stripe: StripeServer, open_page: Open, take: Take, change: dict[str, Any], reason: str
):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    event = stripe.new_events()[-1]
    event["data"]["object"] = {**event["data"]["object"], **change}
    assert take(*stripe.signed(event)) is EventOutcome.REFUSED
    assert [(kept.outcome, kept.reason) for kept in events()] == [(EventOutcome.REFUSED.value, reason)]
    _expect_nothing(reference)


def test_a_kind_of_notice_that_we_do_not_know_is_kept_and_ignored(things: Things, stripe: StripeServer, take: Take):
    stripe.books.tell("customer.created", {"id": "cus_1", "object": "customer", "email": "hanako@example.jp"})
    stripe.deliver(take)
    assert [kept.outcome for kept in events()] == [EventOutcome.IGNORED.value]


def test_what_is_kept_of_a_notice_holds_nothing_personal(
    things: Things, stripe: StripeServer, open_page: Open, take: Take
):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    event = stripe.new_events()[-1]
    assert "KOGA HANAKO" in str(event)
    take(*stripe.signed(event))
    kept = str(events()[0].payload)
    assert "HANAKO" not in kept
    assert "@" not in kept
    assert reference in kept


def test_nothing_personal_goes_to_the_provider(things: Things, stripe: StripeServer, open_page: Open):
    open_page(charge("T1"))
    sent = str(stripe.calls)
    assert "はなこ" not in sent
    assert "@example.jp" not in sent


def test_money_after_the_hold_is_accepted_where_the_thing_is_still_free(
    things: Things, stripe: StripeServer, open_page: Open, take: Take
):
    reference = charge("T1")
    page = open_page(reference)
    void("T1")
    stripe.books.pay(page)
    stripe.deliver(take)
    assert state_of(reference) is ChargeState.PAID
    assert things.given == {"T1": reference}
    assert balances() == {AccountCode.PROVIDER: 3000, AccountCode.REVENUE: -3000}


@pytest.mark.parametrize("voided", [True, False])
def test_money_for_something_that_is_gone_goes_back_in_full(
    things: Things, stripe: StripeServer, open_page: Open, take: Take, run_jobs: Callable[[], None], voided: bool
):
    reference = charge("T1")
    page = open_page(reference)
    if voided:
        void("T1")
    things.gone.add("T1")
    stripe.books.pay(page)
    stripe.deliver(take)
    run_jobs()
    stripe.deliver(take)
    assert state_of(reference) is ChargeState.VOID
    assert balances() == {}
    assert stripe.books.held() == 0
    (refund,) = refunds_of(reference)
    assert (refund.state, refund.kind, refund.amount.amount) == (RefundState.SUCCEEDED.value, "not_owed", 3000)
    assert things.given_back == []


def test_a_second_payment_of_the_same_charge_is_recorded_and_goes_back(
    things: Things, stripe: StripeServer, open_page: Open, take: Take, run_jobs: Callable[[], None]
):
    """CASES M3: the page stood open in a tab while the clerk took cash."""
    reference = charge("T1")
    page = open_page(reference)
    with unit_of_work() as session:
        services.take_cash(session, reference, received=payments_amount(), clerk=CLERK, place="koga", now=clock.now())
    stripe.books.pay(page)
    stripe.deliver(take)
    run_jobs()
    stripe.deliver(take)
    first, second = payments_of(reference)
    assert (first.accepted, second.accepted, second.why_not_accepted) == (True, False, "paid_twice")
    assert state_of(reference) is ChargeState.PAID
    assert balances() == {AccountCode.CASH: 3000, AccountCode.REVENUE: -3000}
    assert stripe.books.held() == 0


def payments_amount() -> Any:
    from portal.kernel.money import Yen

    return Yen(3000)


def test_a_hold_that_ends_closes_the_providers_page(
    things: Things, stripe: StripeServer, open_page: Open, take: Take, run_jobs: Callable[[], None]
):
    page = open_page(charge("T1", pay_until=clock.now() + timedelta(minutes=10)))
    void("T1")
    run_jobs()
    assert stripe.books.sessions[page]["status"] == "expired"
    assert stripe.deliver(take) is None
    with unit_of_work() as session:
        assert session.scalars(select(PaymentAttempt.state)).all() == [AttemptState.EXPIRED.value]


def test_a_term_that_ends_without_anybody_saying_so_closes_the_page_too(
    things: Things, stripe: StripeServer, open_page: Open, clock_at: Callable[[str], datetime]
):
    page = open_page(charge("T1", pay_until=clock.now() + timedelta(minutes=10)))
    jobs.end_overdue(0)
    assert stripe.books.sessions[page]["status"] == "open"
    clock_at("2026-11-25 10:10")
    jobs.end_overdue(0)
    assert stripe.books.sessions[page]["status"] == "expired"


def test_a_page_that_was_paid_while_it_was_being_closed_counts_as_paid(
    things: Things, stripe: StripeServer, open_page: Open, run_jobs: Callable[[], None]
):
    reference = charge("T1")
    page = open_page(reference)
    void("T1")
    stripe.books.pay(page)
    run_jobs()
    assert state_of(reference) is ChargeState.PAID


def paid(stripe: StripeServer, open_page: Open, take: Take, ref: str = "T1") -> str:
    reference = charge(ref)
    stripe.books.pay(open_page(reference))
    stripe.deliver(take)
    return reference


def test_a_refund_goes_to_the_provider_once_even_if_the_job_runs_twice(
    things: Things, stripe: StripeServer, open_page: Open, take: Take
):
    reference = paid(stripe, open_page, take)
    give_back_in_part(reference, 1000)
    (refund,) = refunds_of(reference)
    jobs.send_refund(refund.id)
    jobs.send_refund(refund.id)
    stripe.deliver(take)
    assert stripe.books.held() == 2000
    assert things.given_back == [("T1", refund.amount)]
    assert balances() == {AccountCode.PROVIDER: 2000, AccountCode.REVENUE: -2000}


def test_a_refund_whose_answer_was_lost_is_not_sent_twice(
    things: Things,
    stripe: StripeServer,
    open_page: Open,
    take: Take,
    converge: Callable[[], int],
    clock_at: Callable[[str], datetime],
):
    reference = paid(stripe, open_page, take)
    give_back_in_part(reference, 1000)
    stripe.fail("POST", "/v1/refunds", "after", status=500, times=9)
    clock_at("2026-11-25 10:06")
    converge()
    assert stripe.books.held() == 2000
    assert refunds_of(reference)[0].state == RefundState.REQUESTED.value
    stripe.faults.clear()
    clock_at("2026-11-25 10:12")
    converge()
    assert refunds_of(reference)[0].state == RefundState.SUCCEEDED.value
    assert stripe.books.held() == 2000


def test_a_refund_that_comes_back_is_owed_again_and_sent_again_by_a_person(
    things: Things, stripe: StripeServer, open_page: Open, take: Take, run_jobs: Callable[[], None]
):
    reference = paid(stripe, open_page, take)
    give_back_in_part(reference, 3000)
    run_jobs()
    stripe.deliver(take)
    (refund,) = refunds_of(reference)
    stripe.books.settle_refund(refund.provider_id or "", "failed")
    stripe.deliver(take)
    assert balances() == {AccountCode.PROVIDER: 3000, AccountCode.REFUND_DUE: -3000}
    with unit_of_work() as session:
        services.send_refund_again(session, refund.reference, actor=CLERK, now=clock.now())
    run_jobs()
    stripe.deliver(take)
    assert balances() == {}
    assert stripe.books.held() == 0
    assert things.given_back == [("T1", refund.amount)]


def test_a_refund_that_the_provider_refuses_is_shown_as_failed(
    things: Things, stripe: StripeServer, open_page: Open, take: Take, run_jobs: Callable[[], None]
):
    reference = paid(stripe, open_page, take)
    with unit_of_work() as session:
        intent = session.scalars(select(Payment.provider_payment_id)).one()
    stripe.books.create_refund({"payment_intent": intent, "amount": "3000"})
    stripe.new_events()
    give_back_in_part(reference, 1000)
    run_jobs()
    (refund,) = refunds_of(reference)
    assert (refund.state, refund.failure) == (RefundState.FAILED.value, "charge_already_refunded")


def test_a_refund_made_by_hand_at_the_provider_is_left_to_a_person(
    things: Things, stripe: StripeServer, open_page: Open, take: Take
):
    reference = paid(stripe, open_page, take)
    with unit_of_work() as session:
        intent = session.scalars(select(Payment.provider_payment_id)).one()
    stripe.books.create_refund({"payment_intent": intent, "amount": "500"})
    stripe.deliver(take)
    assert events()[-1].reason == "unknown_refund"
    assert state_of(reference) is ChargeState.PAID
