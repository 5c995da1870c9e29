"""Real threads on real connections: what arrives at the same moment takes effect once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments import correcting, services, settlement
from payments.errors import ChargeSettled
from payments.models import AccountCode, Charge
from payments.states import ChargeState
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import transact, unit_of_work
from portal.kernel.money import Yen
from tests.payments.things import CLERK, Things, balances, charge, payments_of, state_of
from tests.people import make_resident, make_staff
from tests.stripe_server import StripeServer


def together(*works: Callable[[], Any]) -> list[Any]:
    """Start all at the same moment; their results, or the errors that they raised."""
    ready = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(index: int) -> None:
        ready.wait()
        try:
            results[index] = works[index]()
        except Exception as error:  # noqa: BLE001 - handed to the test
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_twenty_submits_at_once_are_one_charge(things: Things):
    references = together(*[lambda: charge("T1")] * 20)
    assert len(set(references)) == 1
    assert balances() == {AccountCode.RECEIVABLE: 3000, AccountCode.REVENUE: -3000}


def test_twelve_clicks_at_once_open_one_page(things: Things, stripe: StripeServer, open_page: Callable[[str], str]):
    reference = charge("T1")
    pages = together(*[lambda: open_page(reference)] * 12)
    assert set(pages) == set(stripe.books.sessions)
    assert len(stripe.books.sessions) == 1


def test_the_same_notice_on_eight_connections_takes_effect_once(
    things: Things, stripe: StripeServer, open_page: Callable[[str], str], take: Callable[..., Any]
):
    for number in range(5):
        reference = charge(f"T{number}")
        stripe.books.pay(open_page(reference))
        event = stripe.new_events()[-1]
        outcomes = together(*[lambda event=event: take(*stripe.signed(event))] * 8)
        assert {outcome.value for outcome in outcomes} <= {"applied", "known"}
        assert len(payments_of(reference)) == 1
    assert balances() == {AccountCode.PROVIDER: 15_000, AccountCode.REVENUE: -15_000}


def test_cash_and_the_notice_at_the_same_moment_settle_once_and_the_other_goes_back_or_is_not_taken(
    things: Things,
    stripe: StripeServer,
    open_page: Callable[[str], str],
    take: Callable[..., Any],
    run_jobs: Callable[[], None],
):
    for number in range(5):
        reference = charge(f"T{number}")
        stripe.books.pay(open_page(reference))
        event = stripe.new_events()[-1]

        def cash(reference: str = reference) -> Any:
            return transact(
                lambda session: services.take_cash(
                    session, reference, received=Yen(3000), clerk=CLERK, place="koga", now=clock.now()
                )
            )

        taken, _ = together(cash, lambda event=event: take(*stripe.signed(event)))
        payments = payments_of(reference)
        assert sum(payment.accepted for payment in payments) == 1
        assert isinstance(taken, ChargeSettled) == (len(payments) == 1)
        assert state_of(reference) is ChargeState.PAID
    run_jobs()
    books = balances()
    assert books.get(AccountCode.PROVIDER, 0) == stripe.books.held()


def test_a_refund_asked_for_by_six_at_once_is_promised_once(things: Things):
    reference = charge("T1")
    transact(
        lambda session: services.take_cash(
            session, reference, received=Yen(3000), clerk=CLERK, place="koga", now=clock.now()
        )
    )
    results = together(*[lambda: _give_all_back(reference)] * 6)
    assert sum(isinstance(result, str) for result in results) == 1
    assert balances() == {AccountCode.CASH: 3000, AccountCode.REFUND_DUE: -3000}


def _give_all_back(reference: str) -> str:
    from tests.payments.things import give_back_in_part

    return give_back_in_part(reference, 3000)


def test_countering_a_payment_waits_for_the_thing_before_it_holds_the_charge(things: Things, database: str):
    """Whoever holds the thing and wants its charge (a cancellation) never meets somebody who holds the charge and wants the thing."""
    reference = charge("T1")
    clerk = Actor(make_staff(Role.COUNTER).id, "staff")
    person = make_resident().person_id
    with unit_of_work() as session:
        services.take_cash(session, reference, received=Yen(3000), clerk=clerk, place="koga", now=clock.now())
        charge_id = session.scalars(select(Charge.id).where(Charge.reference == reference)).one()
    lock = text("SELECT id FROM person WHERE id = :person FOR UPDATE")
    told = things.on_refunded
    held = threading.Event()

    def wait_for_the_thing(session: Session, ref: str, **facts: Any) -> None:
        session.execute(lock, {"person": person})
        told(session, ref, **facts)

    things.on_refunded = wait_for_the_thing  # type: ignore[method-assign]  # what a booking does

    def cancel() -> ChargeState:
        with unit_of_work() as session:
            session.execute(lock, {"person": person})
            held.set()
            until = time.monotonic() + 20
            while not session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                assert time.monotonic() < until, "nobody waits"
                time.sleep(0.02)
            return ChargeState(settlement.lock_charge(session, charge_id).state)

    def counter() -> str:
        held.wait(20)
        # Once, without the second try that `transact` makes of a deadlock.
        with unit_of_work() as session:
            made = correcting.correct(
                session, reference, owed=False, reason="x", actor=clerk, finance=False, now=clock.now()
            )
            return made.refund.state

    assert together(cancel, counter) == [ChargeState.PAID, "succeeded"]
    assert state_of(reference) is ChargeState.REFUNDED
    assert things.given_back == [("T1", Yen(3000))], "told once"
