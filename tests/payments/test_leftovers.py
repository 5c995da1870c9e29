"""Notices that were kept when the process died: finished by asking, so nothing of them is left for a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from payments import daybook, finance, gateways, leftovers
from payments.errors import ProviderDown
from payments.models import Dispute, EventOutcome, ProviderEvent
from payments.states import ChargeState, DisputeState, RefundState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests.payments.crashes import Crashes
from tests.payments.things import Things, charge, give_back_in_part, refunds_of, state_of
from tests.stripe_server import StripeServer

Take = Callable[[bytes, dict[str, str]], Any]
AFTER_KEEPING = 2
"""The process dies when it begins the second transaction of a notice: at its third edge."""


def outcomes() -> dict[str, str]:
    with unit_of_work() as session:
        return {each.kind: each.outcome for each in session.scalars(select(ProviderEvent))}


@pytest.fixture
def dies(stripe: StripeServer, take: Take) -> Callable[[], None]:
    """Every new notice is kept, and then the process dies; nobody sends it again."""

    def run() -> None:
        crashes = Crashes()
        with crashes.watching():
            for event in stripe.new_events():
                with crashes.at(AFTER_KEEPING, event["type"]):
                    take(*stripe.signed(event))

    return run


def later(converge: Callable[[], int]) -> list[finance.Difference]:
    clock.move_to(clock.now() + timedelta(hours=1))
    converge()
    with unit_of_work() as session:
        return list(finance.differences(session, clock.now()))


def test_what_notices_said_about_money_that_came_went_and_was_taken_back_is_asked_for(
    things: Things,
    stripe: StripeServer,
    open_page: Callable[[str], str],
    dies: Callable[[], None],
    converge: Callable[[], int],
    run_jobs: Callable[[], None],
):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    dies()
    assert set(outcomes().values()) == {EventOutcome.RECEIVED.value}
    assert later(converge) == []
    assert state_of(reference) is ChargeState.PAID
    give_back_in_part(reference, 500)
    jobs_run_and_the_bank_returns(stripe, run_jobs)
    dies()
    assert later(converge) == []
    assert [each.state for each in refunds_of(reference)] == [RefundState.FAILED.value]
    (intent,) = stripe.books.intents
    stripe.books.open_dispute(intent)
    dies()
    assert later(converge) == []
    with unit_of_work() as session:
        assert session.scalars(select(Dispute.state)).one() == DisputeState.NEEDS_RESPONSE.value
    assert EventOutcome.RECEIVED.value not in outcomes().values()


def jobs_run_and_the_bank_returns(stripe: StripeServer, run_jobs: Callable[[], None]) -> None:
    run_jobs()
    (refund,) = stripe.books.refunds
    stripe.books.settle_refund(refund, "failed")


def test_a_dispute_whose_payment_nobody_told_us_of_waits_for_the_payment(
    things: Things,
    stripe: StripeServer,
    open_page: Callable[[str], str],
    dies: Callable[[], None],
    converge: Callable[[], int],
):
    reference = charge("T1")
    stripe.books.pay(open_page(reference))
    stripe.new_events()
    (intent,) = stripe.books.intents
    stripe.books.open_dispute(intent)
    dies()
    leftovers.finish_all(now=clock.now() + timedelta(minutes=3))
    assert outcomes() == {"charge.dispute.created": EventOutcome.REFUSED.value}
    daybook.reconcile(gateways.by_code("stripe"), "main", clock.today(), now=clock.now())
    assert outcomes() == {"charge.dispute.created": EventOutcome.KNOWN.value}
    assert later(converge) == []


def test_a_notice_that_changes_nothing_here_is_closed_as_it_is_kept(
    things: Things,
    stripe: StripeServer,
    open_page: Callable[[str], str],
    dies: Callable[[], None],
    converge: Callable[[], int],
):
    stripe.books.pay(open_page(charge("T1")))
    stripe.new_events()
    assert stripe.books.pay_out()
    dies()
    assert outcomes() == {"payout.created": EventOutcome.IGNORED.value}
    assert later(converge) == []


def test_a_page_whose_answer_was_lost_and_whose_end_was_kept_only_is_known_by_our_own_name(
    things: Things,
    stripe: StripeServer,
    open_page: Callable[[str], str],
    dies: Callable[[], None],
    converge: Callable[[], int],
):
    stripe.fail("POST", "/v1/checkout/sessions", "cut", times=2)
    with pytest.raises(ProviderDown):
        open_page(charge("T1"))
    (page,) = stripe.books.sessions
    stripe.books.expire_session(page)
    dies()
    assert later(converge) == []
    assert outcomes() == {"checkout.session.expired": EventOutcome.KNOWN.value}
