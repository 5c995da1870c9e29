"""Opening the provider's page: one page for two clicks, whatever happens to the call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from payments import gateways, services
from payments.errors import ChargeSettled, NoSuchCharge, NotPayableOnline, PayTermOver, ProviderDown
from payments.models import PaymentAttempt
from payments.states import AttemptState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.payments.things import CLERK, Things, charge
from tests.stripe_server import StripeServer

Open = Callable[[str], str]
Attempts = Callable[[], list[PaymentAttempt]]


def test_two_tabs_get_the_same_page_and_the_provider_is_called_once(
    things: Things, stripe: StripeServer, open_page: Open
):
    reference = charge("T1")
    assert open_page(reference) == open_page(reference)
    assert len(stripe.calls) == 1


def test_the_page_says_what_is_bought_and_carries_our_references(
    things: Things, stripe: StripeServer, open_page: Open, attempts: Attempts
):
    reference = charge("T1")
    page = open_page(reference)
    session = stripe.books.sessions[page]
    assert session["amount_total"] == 3000
    assert session["client_reference_id"] == reference
    assert session["metadata"] == {"attempt": attempts()[0].reference}


@pytest.mark.parametrize(
    ("how", "facts"), [("after", {"status": 500, "times": 2}), ("cut", {"times": 2}), ("after", {"status": 429})]
)
def test_when_the_answer_is_lost_the_next_click_gets_the_page_that_was_opened(
    things: Things, stripe: StripeServer, open_page: Open, attempts: Attempts, how: str, facts: dict[str, int]
):
    reference = charge("T1")
    stripe.fail("POST", "/v1/checkout/sessions", how, **facts)
    with pytest.raises(ProviderDown):
        open_page(reference)
    assert [attempt.state for attempt in attempts()] == [AttemptState.OPENING.value]
    page = open_page(reference)
    assert list(stripe.books.sessions) == [page]
    assert len(set(stripe.idempotency_keys)) == 1


def test_when_the_provider_is_down_nothing_is_opened_and_a_later_click_works(
    things: Things, stripe: StripeServer, open_page: Open, attempts: Attempts
):
    reference = charge("T1")
    stripe.fail("POST", "/v1/checkout/sessions", "refuse", status=503, times=2)
    with pytest.raises(ProviderDown):
        open_page(reference)
    assert stripe.books.sessions == {}
    open_page(reference)
    assert [attempt.state for attempt in attempts()] == [AttemptState.OPEN.value]


def test_a_slow_provider_is_given_up_in_time(
    things: Things, stripe: StripeServer, open_page: Open, monkeypatch: pytest.MonkeyPatch
):
    from payments.gateways.stripe import StripeGateway

    quick = StripeGateway(
        api_key=stripe.key, webhook_secret=stripe.webhook_secret, api_base=stripe.url, call_seconds=0.3
    )
    gateways.use({"stripe": quick}, online="stripe")
    stripe.fail("POST", "/v1/checkout/sessions", "slow", seconds=1.0, times=2)
    reference = charge("T1")
    with pytest.raises(ProviderDown):
        open_page(reference)
    assert len(stripe.books.sessions) == 1
    assert open_page(reference) in stripe.books.sessions


def test_a_wrong_key_is_refused_for_good_and_the_next_attempt_is_a_new_one(
    things: Things, stripe: StripeServer, open_page: Open, attempts: Attempts
):
    reference = charge("T1")
    right, stripe.key = stripe.key, "sk_test_another"
    with pytest.raises(ProviderDown):
        open_page(reference)
    stripe.key = right
    open_page(reference)
    assert [attempt.state for attempt in attempts()] == [AttemptState.FAILED.value, AttemptState.OPEN.value]


@pytest.mark.parametrize(
    ("amount", "reason"), [(1, "too_small"), (49, "too_small"), (50, None), (300_001, None), (9_999_999, None)]
)
def test_amounts_that_the_provider_does_not_take_are_refused_before_it_is_called(
    things: Things, stripe: StripeServer, open_page: Open, amount: int, reason: str | None
):
    reference = charge("T1", total=amount)
    if reason is None:
        open_page(reference)
        assert len(stripe.calls) == 1
        return
    with pytest.raises(NotPayableOnline) as refused:
        open_page(reference)
    assert refused.value.reason == reason
    assert stripe.calls == []


def test_what_is_free_settled_or_unknown_opens_nothing(things: Things, stripe: StripeServer, open_page: Open):
    free = charge("T0", total=0)
    with pytest.raises(ChargeSettled):
        open_page(free)
    settled = charge("T1")
    with unit_of_work() as session:
        services.take_cash(session, settled, received=Yen(3000), clerk=CLERK, place="koga", now=clock.now())
    with pytest.raises(ChargeSettled):
        open_page(settled)
    with pytest.raises(NoSuchCharge):
        open_page("C-0000-0000-0")
    assert stripe.calls == []


def test_money_of_a_payee_without_an_account_at_the_provider_is_not_taken_into_the_citys_account(
    things: Things, stripe: StripeServer, open_page: Open
):
    """CASES M1: one basket over two payees is two charges; the failure of one leaves the other."""
    city, manager = charge("T1"), charge("T2", payee="manager")
    with pytest.raises(NotPayableOnline) as refused:
        open_page(manager)
    assert refused.value.reason == "payee_offline"
    open_page(city)


def test_after_the_hold_no_page_is_opened(
    things: Things, stripe: StripeServer, open_page: Open, clock_at: Callable[[str], datetime]
):
    reference = charge("T1", pay_until=clock.now() + timedelta(minutes=10))
    clock_at("2026-11-25 10:10")
    with pytest.raises(PayTermOver):
        open_page(reference)
    assert stripe.calls == []


def test_a_page_never_lives_shorter_than_the_provider_allows(
    things: Things, stripe: StripeServer, open_page: Open, attempts: Attempts
):
    open_page(charge("T1", pay_until=clock.now() + timedelta(minutes=10)))
    assert attempts()[0].expires_at == clock.now() + timedelta(minutes=31)


def test_a_page_that_ended_by_itself_makes_room_for_another(
    things: Things,
    stripe: StripeServer,
    open_page: Open,
    clock_at: Callable[[str], datetime],
    converge: Callable[[], int],
):
    reference = charge("T1")
    first = open_page(reference)
    clock_at("2026-11-25 11:10")
    converge()
    assert open_page(reference) != first


def test_a_page_that_ended_a_moment_ago_is_not_handed_out_again(
    things: Things, stripe: StripeServer, open_page: Open, clock_at: Callable[[str], datetime]
):
    reference = charge("T1")
    first = open_page(reference)
    clock_at("2026-11-25 11:01")
    assert open_page(reference) != first


def test_an_attempt_that_never_got_a_page_is_forgotten_when_its_time_is_over(
    things: Things,
    stripe: StripeServer,
    open_page: Open,
    attempts: Attempts,
    clock_at: Callable[[str], datetime],
    converge: Callable[[], int],
):
    stripe.fail("POST", "/v1/checkout/sessions", "refuse", status=500, times=2)
    with pytest.raises(ProviderDown):
        open_page(charge("T1"))
    clock_at("2026-11-25 10:10")
    converge()
    assert attempts()[0].state == AttemptState.OPENING.value
    clock_at("2026-11-25 11:10")
    converge()
    assert attempts()[0].state == AttemptState.FAILED.value
