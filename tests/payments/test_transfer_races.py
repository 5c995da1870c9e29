"""Real threads on real connections: an order is written while its payer pays, and whatever wins, nobody pays twice unseen."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from payments import settlement
from payments.errors import ChargeOrdered, NotPayableOnline
from payments.models import AccountCode, Charge, PaymentAttempt
from payments.states import ChargeState
from payments.transfers import filling, orders, results
from payments.transfers.errors import NothingToOrder, OrderNotLikeThis, TransferResultKnown
from payments.transfers.rules import BatchState, LineState
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.money import Yen
from tests.payments import debits
from tests.payments.debits import cash, open_page, owes, resident
from tests.payments.test_concurrency import together
from tests.payments.things import balances, new_things, payments_of, refunds_of, state_of

pytestmark = pytest.mark.usefixtures("koga", "app")
ROUNDS = 6
"""Each round is a month of its own."""


@pytest.fixture
def office(koga: str) -> debits.Finance:
    new_things()
    return debits.finance()


def asked(at: int, office: debits.Finance, *people: Any) -> tuple[str, list[str]]:
    """A list that waits for its second look, with one order for each person; its reference and the charges."""
    month = debits.DECEMBER.replace(year=2027 + at)
    owed = [owes(who, f"T{at}-{number}", due=month.replace(day=27)) for number, who in enumerate(people)]
    reference = debits.make(month)
    debits.wait_for(reference)
    with unit_of_work() as session:
        orders.ask(session, reference, actor=office.one, now=clock.now())
    return reference, owed


def write(reference: str, office: debits.Finance) -> Any:
    return transact(lambda session: orders.write(session, reference, actor=office.two, now=clock.now()))


def test_cash_and_the_file_at_the_same_moment_one_of_them_has_it(office: debits.Finance) -> None:
    hanako, taro = resident(), resident("taro@example.jp")
    for at in range(ROUNDS):
        reference, (one, _other) = asked(at, office, hanako, taro)
        taken, _written = together(
            lambda one=one: cash(one, 1500), lambda reference=reference: write(reference, office)
        )
        first, second = debits.lines(reference)
        assert second.state == LineState.ORDERED
        if isinstance(taken, ChargeOrdered):
            assert (first.state, state_of(one)) == (LineState.ORDERED, ChargeState.OPEN)
        else:
            assert taken is None
            assert (first.state, first.why, state_of(one)) == (LineState.WITHDRAWN, "settled", ChargeState.PAID)
        assert len(payments_of(one)) == (taken is None)


def test_a_page_that_opens_while_the_file_is_written_is_refused_or_closed(office: debits.Finance) -> None:
    hanako = resident()
    for at in range(ROUNDS):
        reference, (one,) = asked(at, office, hanako)
        opened, written = together(lambda one=one: open_page(one), lambda reference=reference: write(reference, office))
        assert written == 0
        with unit_of_work() as session:
            attempts = session.scalars(select(PaymentAttempt.id).join(Charge).where(Charge.reference == one)).all()
        assert isinstance(opened, NotPayableOnline) == (not attempts)


def test_a_cards_money_beside_the_file_is_written_down_and_the_banks_goes_back(office: debits.Finance) -> None:
    hanako = resident()
    both = 0
    for at in range(ROUNDS):
        reference, (one,) = asked(at, office, hanako)

        def card(one: str = one, at: int = at) -> bool:
            def use_case(session: Any) -> bool:
                charge_id = session.scalars(select(Charge.id).where(Charge.reference == one)).one()
                arrival = settlement.Arrival(
                    "sandbox", "card", Yen(1500), paid_at=clock.now(), provider_payment_id=f"pi_{at}"
                )
                return settlement.take_in(session, charge_id, arrival, now=clock.now()).accepted

            return transact(use_case)

        accepted, written = together(card, lambda reference=reference: write(reference, office))
        assert accepted is True
        (line,) = debits.lines(reference)
        if isinstance(written, NothingToOrder):
            # The whole transaction is gone: the list still waits, with an order that leaves it next time.
            assert debits.state(reference) is BatchState.ASKED
            continue
        both += 1
        assert line.state == LineState.ORDERED
        debits.take(reference, debits.answer(debits.fetch(reference, office)), office)
        assert [each.accepted for each in payments_of(one)] == [True, False]
        assert [each.amount for each in refunds_of(one)] == [Yen(1500)]
    books = balances()
    assert books[AccountCode.REVENUE] == -1500 * ROUNDS
    assert books.get(AccountCode.BANK, 0) == 1500 * both == -books.get(AccountCode.REFUND_DUE, 0)
    assert AccountCode.RECEIVABLE not in books


def test_a_file_is_written_once_a_result_taken_once_and_settled_once_whoever_is_at_it(office: debits.Finance) -> None:
    hanako, taro = resident(), resident("taro@example.jp")
    reference, owed = asked(0, office, hanako, taro)
    wrote = together(*[lambda: write(reference, office)] * 4)
    assert wrote.count(0) == 1
    assert sum(isinstance(each, OrderNotLikeThis) for each in wrote) == 3
    content = debits.answer(debits.fetch(reference, office))

    def take() -> int:
        return transact(
            lambda session: results.take(
                session, reference, content, file_name="x", actor=office.one, now=clock.now(), early=True
            )
        )

    took = together(*[take] * 4)
    assert took.count(2) == 1
    assert sum(isinstance(each, TransferResultKnown) for each in took) == 3
    batch_id = debits.batch(reference).id
    assert together(*[lambda: results.settle(batch_id, now=clock.now())] * 4) == [None] * 4
    assert [len(payments_of(each)) for each in owed] == [1, 1]
    assert debits.state(reference) is BatchState.SETTLED
    assert balances() == {AccountCode.BANK: 3000, AccountCode.REVENUE: -3000}


def test_a_list_that_two_workers_make_while_it_is_looked_at_has_each_charge_once(office: debits.Finance) -> None:
    people = [resident(f"p{number}@example.jp") for number in range(4)]
    for number, who in enumerate(people):
        owes(who, f"A{number}")
        owes(who, f"B{number}", total=300)
    reference = debits.make()
    for number, who in enumerate(people):
        owes(who, f"C{number}", total=50)
    batch_id = debits.batch(reference).id
    debits.wait_for(reference)

    def look() -> None:
        transact(lambda session: orders.ask(session, reference, actor=office.one, now=clock.now()))

    fill = [lambda: filling.fill(batch_id, now=clock.now())] * 2
    assert [each for each in together(*fill, look) if isinstance(each, Exception)] == []
    planned = [line for line in debits.lines(reference) if line.state == LineState.PLANNED]
    assert len(planned) == 4
    assert {line.amount for line in planned} <= {Yen(1800), Yen(1850)}
    assert write(reference, office) == 0
