"""Histories that nobody thought of: whatever payers, clerks, banks, lines and clocks do, the books end where Stripe's do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from payments import finance, jobs, services
from payments.errors import ChargeSettled, NotPayableOnline, PayTermOver, ProviderDown, RefundTooLarge
from payments.models import AccountCode, Charge, Payment, Refund
from payments.states import ChargeState, RefundState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import run_pending
from portal.kernel.money import Yen
from tests.payments.things import CLERK, Things, balances, charge, give_back_in_part, payments_of
from tests.stripe_server import StripeServer

PRICES = st.sampled_from([50, 3000, 300_001])


class Killed(Exception):
    """The process ended here."""


class History(RuleBasedStateMachine):
    """One city counter and everything that can happen around it."""

    server: StripeServer
    things: Things
    take: Callable[[bytes, dict[str, str]], Any]
    open_page: Callable[[str], str]
    database: str
    numbers = iter(range(1, 10**9))

    @initialize()
    def begin(self) -> None:
        self.charges: dict[str, str] = {}
        self.mail: list[dict[str, Any]] = []
        self.server.faults.clear()
        self.server.new_events()

    def _ref(self, number: int) -> str:
        return sorted(self.charges)[number % len(self.charges)]

    def _pages(self, ref: str) -> list[str]:
        reference = self.charges[ref]
        return [
            page for page, session in self.server.books.sessions.items() if session["client_reference_id"] == reference
        ]

    @rule(total=PRICES, hold=st.sampled_from([None, 10, 120]))
    def demand(self, total: int, hold: int | None) -> None:
        if len(self.charges) < 4:
            ref = f"H{next(self.numbers)}"
            until = None if hold is None else clock.now() + timedelta(minutes=hold)
            self.charges[ref] = charge(ref, total=total, pay_until=until)

    @precondition(lambda self: self.charges)
    @rule(number=st.integers(0, 9), fault=st.sampled_from([None, None, "after", "cut", "refuse"]))
    def click_pay(self, number: int, fault: str | None) -> None:
        if fault:
            self.server.fail("POST", "/v1/checkout/sessions", fault, times=2)
        with contextlib.suppress(ChargeSettled, PayTermOver, NotPayableOnline, ProviderDown):
            self.open_page(self.charges[self._ref(number)])
        self.server.faults.clear()

    @precondition(lambda self: self.charges)
    @rule(number=st.integers(0, 9), how=st.sampled_from(["pay", "pay", "take_voucher"]))
    def complete_the_page(self, number: int, how: str) -> None:
        for page in self._pages(self._ref(number)):
            if self.server.books.session(page)["status"] == "open":
                getattr(self.server.books, how)(page)

    @precondition(lambda self: self.charges)
    @rule(number=st.integers(0, 9), paid=st.booleans())
    def voucher_moves_on(self, number: int, paid: bool) -> None:
        for page in self._pages(self._ref(number)):
            session = self.server.books.sessions[page]
            if session["status"] == "complete" and session["payment_status"] == "unpaid":
                (self.server.books.pay_voucher if paid else self.server.books.voucher_ends)(page)

    @precondition(lambda self: self.charges)
    @rule(number=st.integers(0, 9), gone=st.booleans())
    def hold_ends(self, number: int, gone: bool) -> None:
        ref = self._ref(number)
        if gone and ref not in self.things.given:
            self.things.gone.add(ref)
        with unit_of_work() as session:
            services.void_charge(session, payable_kind="thing", payable_ref=ref, reason="hold_ended", now=clock.now())

    @precondition(lambda self: self.charges)
    @rule(number=st.integers(0, 9))
    def pay_in_cash(self, number: int) -> None:
        with contextlib.suppress(ChargeSettled), unit_of_work() as session:
            reference = self.charges[self._ref(number)]
            services.take_cash(session, reference, received=Yen(400_000), clerk=CLERK, place="koga", now=clock.now())

    @precondition(lambda self: self.charges)
    @rule(number=st.integers(0, 9), amount=st.sampled_from([1, 50, 1000, 3000]))
    def give_back(self, number: int, amount: int) -> None:
        with contextlib.suppress(ChargeSettled, RefundTooLarge):
            give_back_in_part(self.charges[self._ref(number)], amount)

    @precondition(lambda self: self.server.books.refunds)
    @rule(number=st.integers(0, 99))
    def refund_comes_back(self, number: int) -> None:
        refunds = sorted(self.server.books.refunds)
        refund = refunds[number % len(refunds)]
        if self.server.books.refunds[refund]["status"] == "succeeded":
            self.server.books.settle_refund(refund, "failed")

    @rule(order=st.randoms(use_true_random=False), fate=st.sampled_from(["come", "twice", "lost", "late"]))
    def notices(self, order: Any, fate: str) -> None:
        self.mail += self.server.new_events()
        if fate == "late":
            return
        order.shuffle(self.mail)
        arriving, self.mail = self.mail, []
        if fate != "lost":
            for event in arriving * (2 if fate == "twice" else 1):
                self.take(*self.server.signed(event))

    @rule()
    def killed_while_taking_a_notice(self) -> None:
        self.mail += self.server.new_events()
        whole = self.things.on_paid

        def killed(*_args: Any, **_facts: Any) -> Any:
            raise Killed

        self.things.on_paid = killed  # type: ignore[method-assign]  # the process dies in there
        for event in self.mail:
            with contextlib.suppress(Killed):
                self.take(*self.server.signed(event))
        self.things.on_paid = whole  # type: ignore[method-assign]  # and is started again

    @rule(minutes=st.sampled_from([1, 5, 15, 45, 400]))
    def time_passes(self, minutes: int) -> None:
        clock.move_to(clock.now() + timedelta(minutes=minutes))

    @rule()
    def worker(self) -> None:
        run_pending(self.database)

    @rule()
    def periodic(self) -> None:
        jobs.end_overdue(0)
        jobs.converge(now=clock.now())

    def teardown(self) -> None:
        """A quiet night: everything answers, the periodic jobs run, finance sends again what came back."""
        if not self.charges:
            return
        self.server.faults.clear()
        for _ in range(3):
            clock.move_to(clock.now() + timedelta(hours=7))
            run_pending(self.database)
            jobs.end_overdue(0)
            jobs.converge(now=clock.now())
            self._send_again_what_came_back()
        self._books_agree()

    def _send_again_what_came_back(self) -> None:
        with unit_of_work() as session:
            waiting = [refund for refund in finance.open_refunds(session) if refund.state is RefundState.FAILED]
            for refund in waiting:
                services.send_refund_again(session, refund.reference, actor=CLERK, now=clock.now())

    def _books_agree(self) -> None:
        books = balances()
        in_cash = 0
        with unit_of_work() as session:
            assert list(finance.differences(session, clock.now())) == []
            for refund in session.scalars(select(Refund).where(Refund.provider == "counter")):
                in_cash += refund.amount.amount
            taken = sum(
                each.amount.amount for each in session.scalars(select(Payment).where(Payment.provider == "counter"))
            )
        assert books.get(AccountCode.PROVIDER, 0) == self.server.books.held()
        assert books.get(AccountCode.CASH, 0) == taken
        assert books.get(AccountCode.REFUND_DUE, 0) == -in_cash
        assert books.get(AccountCode.OVERPAID, 0) == 0
        assert sum(books.values()) == 0
        for ref, reference in self.charges.items():
            self._nobody_paid_twice_or_for_nothing(ref, reference)

    def _nobody_paid_twice_or_for_nothing(self, ref: str, reference: str) -> None:
        with unit_of_work() as session:
            found = session.scalars(select(Charge).where(Charge.reference == reference)).one()
        payments = payments_of(reference)
        accepted = [payment for payment in payments if payment.accepted]
        settled = found.state not in {ChargeState.OPEN.value, ChargeState.VOID.value}
        assert len(accepted) == (1 if settled else 0)
        assert (self.things.given.get(ref) == reference) == settled
        for page in self._pages(ref):
            intent = self.server.books.sessions[page]["payment_intent"]
            if intent and self.server.books.received(intent):
                (payment,) = [each for each in payments if each.provider_payment_id == intent]
                if not payment.accepted:
                    assert self.server.books.refunded(intent) == payment.amount.amount


@pytest.mark.timeout(300)
def test_whatever_happens_the_ledger_ends_where_the_providers_books_do(
    things: Things,
    stripe: StripeServer,
    take: Callable[[bytes, dict[str, str]], Any],
    open_page: Callable[[str], str],
    database: str,
):
    class Here(History):
        pass

    Here.server, Here.things, Here.database = stripe, things, database
    Here.take, Here.open_page = staticmethod(take), staticmethod(open_page)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
