"""Invariants 11 to 13 of money, whatever values and orders are drawn."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

import payments.models
from payments import jobs
from payments.models import AccountCode
from portal.kernel import clock
from portal.kernel.database import Base, YenType, unit_of_work
from portal.kernel.money import NotWholeYenError, Yen
from tests.payments.things import Things, balances, charge, give_back_in_part, payments_of, refunds_of
from tests.stripe_server import StripeServer

NOT_WHOLE = st.one_of(
    st.floats(),
    st.decimals(),
    st.fractions(),
    st.booleans(),
    st.text(),
    st.none(),
    st.binary(),
    st.lists(st.integers()),
)


@given(NOT_WHOLE)
def test_11_nothing_but_an_integer_is_an_amount(value: Any):
    with pytest.raises(NotWholeYenError):
        Yen(value)


@given(st.integers(), st.integers(), st.integers(-1000, 1000))
def test_11_amounts_that_are_added_and_multiplied_stay_whole(one: int, other: int, times: int):
    for found in (Yen(one) + Yen(other), Yen(one) - Yen(other), Yen(one) * times, -Yen(one)):
        assert type(found.amount) is int
    assert (Yen(one) + Yen(other)) - Yen(other) == Yen(one)
    for share in (Fraction(1, 3), Decimal("0.1"), 0.1):
        with pytest.raises(NotWholeYenError):
            Yen(one) * share  # type: ignore[operator]


def test_11_no_column_of_payments_can_hold_a_part_of_a_yen(session: Session):
    tables = {
        mapper.local_table.name
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith(f"{payments.models.__name__}.")
    }
    rows = session.execute(
        text(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = ANY(:tables)"
        ),
        {"tables": sorted(tables)},
    ).all()
    assert {row.table_name for row in rows} == tables
    fractional = {"numeric", "real", "double precision", "money"}
    assert [tuple(row) for row in rows if row.data_type in fractional] == []
    money = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, YenType) and table.name in tables
    }
    assert {row.data_type for row in rows if (row.table_name, row.column_name) in money} == {"bigint"}


ORDERS = st.lists(st.integers(0, 5), max_size=12)


@pytest.mark.timeout(600)
def test_12_notices_in_any_order_any_number_of_times_or_not_at_all_end_where_the_provider_is(
    things: Things,
    stripe: StripeServer,
    take: Callable[[bytes, dict[str, str]], Any],
    open_page: Callable[[str], str],
    run_jobs: Callable[[], None],
):
    numbers = iter(range(10**6))

    @settings(max_examples=8, phases=[Phase.generate])
    @given(ORDERS)
    def end_the_same(order: list[int]) -> None:
        ref = f"T{next(numbers):04}"
        reference = charge(ref)
        begun = balances()
        page = open_page(reference)
        stripe.books.take_voucher(page)
        stripe.books.pay_voucher(page)
        events = stripe.new_events()
        for number in order:
            take(*stripe.signed(events[number % len(events)]))
        clock.move_to(clock.now() + jobs.ASK_LIVE_AFTER)
        jobs.converge(now=clock.now())
        for number in reversed(order):
            take(*stripe.signed(events[number % len(events)]))
        (payment,) = payments_of(reference)
        session = stripe.books.sessions[page]
        assert payment.accepted
        assert payment.provider_payment_id == session["payment_intent"]
        assert payment.amount == Yen(stripe.books.received(session["payment_intent"]))
        assert things.given[ref] == reference
        ended = balances()
        moved = {account: ended.get(account, 0) - begun.get(account, 0) for account in {*begun, *ended}}
        assert {account: amount for account, amount in moved.items() if amount} == {
            AccountCode.PROVIDER: 3000,
            AccountCode.RECEIVABLE: -3000,
        }

    end_the_same()


@pytest.mark.timeout(600)
def test_13_every_yen_belongs_to_a_charge_a_payee_and_a_ground(
    things: Things,
    stripe: StripeServer,
    take: Callable[[bytes, dict[str, str]], Any],
    open_page: Callable[[str], str],
    run_jobs: Callable[[], None],
):
    """An entry without a charge is the provider's own: a fee that belongs to no payment, or a payout."""
    numbers = iter(range(10**6))

    @settings(max_examples=6, phases=[Phase.generate])
    @given(st.integers(50, 300_000), st.integers(1, 300_000), st.sampled_from(["city", "manager"]))
    def hold(total: int, back: int, payee: str) -> None:
        reference = charge(f"T{next(numbers):04}", total=total, payee=payee)
        if payee == "city":
            stripe.books.pay(open_page(reference))
            stripe.deliver(take)
            give_back_in_part(reference, min(back, total))
            run_jobs()
            stripe.deliver(take)
            assert [each.state for each in refunds_of(reference)] == ["succeeded"]

    hold()
    with unit_of_work() as session:
        alone = session.scalar(
            text(
                "SELECT count(*) FROM ledger_entry e LEFT JOIN charge c ON c.id = e.charge_id"
                " LEFT JOIN payee p ON p.id = e.payee_id LEFT JOIN ground g ON g.id = e.ground_id"
                " WHERE c.id IS NULL OR p.id IS NULL OR g.title = '' OR g.id IS NULL OR c.payee_id <> e.payee_id"
            )
        )
        uneven = session.scalar(
            text(
                "SELECT count(*) FROM (SELECT charge_id FROM ledger_entry"
                " GROUP BY transaction_id, charge_id, payee_id HAVING sum(amount) <> 0) uneven"
            )
        )
        written = session.scalar(text("SELECT count(*) FROM ledger_entry"))
    assert (alone, uneven) == (0, 0)
    assert written


def test_13_what_is_written_stays_whatever_the_programs_own_role_says(things: Things, session: Session):
    """The role of the running program owns the tables, and still: each table of the ledger refuses each of the three."""
    charge("T1")
    for table in ("ledger_entry", "ledger_transaction", "charge_line"):
        for statement in (
            f"UPDATE {table} SET charge_id = charge_id",
            f"DELETE FROM {table}",
            f"TRUNCATE {table} CASCADE",
        ):
            with pytest.raises(Exception, match="append-only"), session.begin_nested():
                session.execute(text(statement))
    session.rollback()
    assert balances()
