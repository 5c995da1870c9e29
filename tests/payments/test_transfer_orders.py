"""A month's orders to the bank: made payer by payer, seen by two people, written once, settled by the bank's result."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from payments import joining, services
from payments.errors import ChargeOrdered, NotJoinable, NotPayableOnline, SameSecondPerson
from payments.models import TransferRegistration
from payments.states import ChargeState
from payments.transfers import chores, files, filling, orders, results
from payments.transfers import services as registrations
from payments.transfers.errors import (
    NoSuchOrder,
    NothingToOrder,
    OrderNotLikeThis,
    OrderTooEarly,
    OrderTooLate,
)
from payments.transfers.rules import BatchState, Why
from payments.transfers.standing import Standing, Taking
from portal.accounts.models import Account
from portal.kernel import audit, clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.payments import debits
from tests.payments.debits import DECEMBER, Finance, cash, open_page, owes, resident, stands, whole_of
from tests.payments.things import CLERK, Things, new_things, payments_of, state_of

pytestmark = pytest.mark.usefixtures("koga", "app")
DEBIT = date(2026, 12, 28)


@pytest.fixture
def things(koga: str) -> Things:
    return new_things()


@pytest.fixture
def hanako(things: Things) -> Account:
    return resident()


@pytest.fixture
def office(koga: str) -> Finance:
    return debits.finance()


def test_a_months_uses_are_one_order_and_what_nobody_registered_for_is_none(hanako: Account) -> None:
    first, second = owes(hanako, "T1"), owes(hanako, "T2", total=700)
    owes(hanako, "T3", due=date(2027, 1, 27))
    owes(hanako, "T4", from_account=False)
    owes(resident("taro@example.jp", registered=False), "T5")
    reference = debits.make()
    (line,) = debits.lines(reference)
    assert (line.amount, line.state) == (Yen(2200), "planned")
    assert [state_of(each) for each in (first, second)] == [ChargeState.JOINED] * 2
    found = stands(whole_of(first))
    assert found == Standing(Taking.EXPECTED, DEBIT, date(2026, 12, 17), "4321", Yen(2200))
    batch = debits.batch(reference)
    assert (batch.debit_on, batch.hand_in_by, batch.filled_at is not None) == (DEBIT, date(2026, 12, 17), True)


def test_the_list_made_again_is_the_same_and_what_came_joins_the_sum(hanako: Account) -> None:
    owes(hanako, "T1")
    reference = debits.make()
    for _ in range(2):
        assert debits.make() == reference
        assert [line.state for line in debits.lines(reference)] == ["planned"]
    owes(hanako, "T2", total=700)
    filling.fill(debits.batch(reference).id, now=clock.now())
    assert [(line.state, line.amount, line.why) for line in debits.lines(reference)] == [
        ("withdrawn", Yen(1500), "renewed"),
        ("planned", Yen(2200), None),
    ]
    owes(hanako, "T3", total=300)
    filling.fill(debits.batch(reference).id, now=clock.now())
    assert [line.amount for line in debits.lines(reference) if line.state == "planned"] == [Yen(2500)]


def test_what_is_paid_alone_is_an_order_of_its_own(hanako: Account) -> None:
    owes(hanako, "T1", alone=True)
    owes(hanako, "T2", alone=True)
    owes(hanako, "T3")
    assert [line.state for line in debits.lines(debits.make())] == ["planned"] * 3


def test_one_looks_another_writes_and_nobody_writes_alone(hanako: Account, office: Finance) -> None:
    owes(hanako, "T1")
    reference = debits.make()
    with unit_of_work() as session, pytest.raises(OrderTooEarly) as early:
        orders.ask(session, reference, actor=office.one, now=clock.now())
    assert early.value.complete_on == DECEMBER
    debits.wait_for(reference)
    with unit_of_work() as session, pytest.raises(OrderNotLikeThis):
        orders.write(session, reference, actor=office.one, now=clock.now())
    with unit_of_work() as session:
        orders.ask(session, reference, actor=office.one, now=clock.now())
    with unit_of_work() as session, pytest.raises(SameSecondPerson):
        orders.write(session, reference, actor=office.one, now=clock.now())
    # A list that is looked at does not change under one's eyes.
    owes(hanako, "T2")
    filling.fill(debits.batch(reference).id, now=clock.now())
    assert [line.amount for line in debits.lines(reference)] == [Yen(1500)]
    with unit_of_work() as session:
        assert orders.write(session, reference, actor=office.two, now=clock.now()) == 0
    assert debits.state(reference) is BatchState.WRITTEN
    for column in ("written_by = asked_by", "file = NULL", "state = 'settled'", "sha256 = NULL"):
        with pytest.raises((IntegrityError, DBAPIError), match="ck_transfer_batch"), unit_of_work() as session:
            session.execute(text(f"UPDATE transfer_batch SET {column}"))


def test_the_file_holds_account_amount_and_day_and_is_the_same_each_time(hanako: Account, office: Finance) -> None:
    owes(hanako, "T1")
    reference = debits.make()
    debits.write(reference, office)
    content = debits.fetch(reference, office)
    assert debits.fetch(reference, office) == content
    found = files.read(content)
    (order,) = found.orders
    assert (order.amount, order.account.number, order.account.holder) == (Yen(1500), "7654321", "ﾐﾎﾝ ﾊﾅｺ")
    assert (order.account.bank_code, order.account.branch_code, order.new_code) == ("0130", "012", files.NEW)
    assert (found.debit_on.month, found.debit_on.day) == (12, 28)
    with unit_of_work() as session:
        kept = session.execute(
            text("SELECT file, (SELECT sealed_account FROM transfer_registration) FROM transfer_batch")
        )
        assert not any(b"7654321" in bytes(value) for row in kept for value in row)
        actions = session.scalars(select(audit.AuditEntry.action).order_by(audit.AuditEntry.id)).all()
    assert actions[-2:] == ["transfer_order.fetch"] * 2


def test_an_order_that_is_written_is_paid_in_no_other_way_and_says_so(hanako: Account, office: Finance) -> None:
    first, second = owes(hanako, "T1"), owes(hanako, "T2")
    reference = debits.make()
    whole = whole_of(first)
    debits.write(reference, office)
    assert stands(whole) == stands(first)
    found = stands(whole)
    assert found is not None
    assert found.taking is Taking.ORDERED
    with pytest.raises(NotPayableOnline) as refused:
        open_page(whole)
    assert refused.value.reason == "ordered"
    with pytest.raises(ChargeOrdered):
        cash(whole, 3000)
    with unit_of_work() as session:
        assert not joining.separate(session, whole, actor=CLERK, now=clock.now())
    # One of the bookings is withdrawn: its sum falls apart, and what is left is still what the bank takes.
    with unit_of_work() as session:
        services.void_charge(session, payable_kind="thing", payable_ref="T2", reason="cancelled", now=clock.now())
    assert [state_of(each) for each in (whole, first, second)] == [ChargeState.VOID, ChargeState.OPEN, ChargeState.VOID]
    with pytest.raises(NotPayableOnline):
        open_page(first)
    with pytest.raises(ChargeOrdered):
        cash(first, 1500)
    third = owes(hanako, "T3")
    with unit_of_work() as session, pytest.raises(NotJoinable) as not_joined:
        joining.join(session, [first, third], actor=CLERK, now=clock.now())
    assert not_joined.value.reason == "ordered"
    # The database says the same of a clerk's money.
    with pytest.raises((IntegrityError, DBAPIError), match="about to be taken"), unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO payment (reference, charge_id, provider, method, amount, accepted, paid_at, recorded_at, place,"
                " cash_received) SELECT 'P-X', id, 'counter', 'cash', total, true, now(), now(), 'koga', total FROM charge"
                " WHERE reference = :one"
            ),
            {"one": first},
        )


def test_what_was_paid_before_the_file_was_written_leaves_the_list(hanako: Account, office: Finance) -> None:
    taro = resident("taro@example.jp")
    paid, other = owes(hanako, "T1"), owes(taro, "T2", total=900)
    reference = debits.make()
    cash(paid, 1500)
    assert debits.write(reference, office) == 1
    assert [(line.state, line.why) for line in debits.lines(reference)] == [("withdrawn", "settled"), ("ordered", None)]
    assert files.read(debits.fetch(reference, office)).total == Yen(900)
    assert state_of(other) is ChargeState.OPEN


def test_a_registration_that_ended_and_what_a_person_took_out_are_not_ordered(hanako: Account, office: Finance) -> None:
    taro, jiro = resident("taro@example.jp"), resident("jiro@example.jp")
    references = [owes(who, f"T{at}") for at, who in enumerate((hanako, taro, jiro))]
    reference = debits.make()
    with unit_of_work() as session:
        mine = session.scalars(
            select(TransferRegistration.reference).where(TransferRegistration.person_id == hanako.person_id)
        ).one()
        registrations.end(session, mine, person_id=hanako.person_id, actor=CLERK, now=clock.now())
        assert not session.scalar(text("SELECT count(sealed_account) FROM transfer_registration WHERE state = 'ended'"))
    with unit_of_work() as session:
        orders.withdraw(session, reference, debits.lines(reference)[1].id, actor=office.one, now=clock.now())
    filling.fill(debits.batch(reference).id, now=clock.now())
    assert [line.why for line in debits.lines(reference)] == [Why.REGISTRATION, Why.BY_HAND, None]
    assert [stands(each) is not None for each in references] == [False, False, True]
    debits.write(reference, office)
    with unit_of_work() as session, pytest.raises(OrderNotLikeThis):
        orders.withdraw(session, reference, debits.lines(reference)[2].id, actor=office.one, now=clock.now())


def test_nothing_left_or_too_late_is_no_file(
    hanako: Account, office: Finance, clock_at: Callable[[str], datetime]
) -> None:
    reference = debits.make()
    debits.wait_for(reference)
    with unit_of_work() as session, pytest.raises(NothingToOrder):
        orders.ask(session, reference, actor=office.one, now=clock.now())
    one = owes(hanako, "T1")
    debits.make()
    with unit_of_work() as session:
        orders.ask(session, reference, actor=office.one, now=clock.now())
    cash(one, 1500)
    with unit_of_work() as session, pytest.raises(NothingToOrder):
        orders.write(session, reference, actor=office.two, now=clock.now())
    clock_at("2026-12-28 06:00")
    with unit_of_work() as session, pytest.raises(OrderTooLate):
        orders.write(session, reference, actor=office.two, now=clock.now())
    with unit_of_work() as session, pytest.raises(OrderTooLate):
        orders.start(session, debits.ITEM, month=DECEMBER, actor=CLERK, now=clock.now())
    with unit_of_work() as session, pytest.raises(NoSuchOrder):
        orders.start(session, "tax-resident", month=DECEMBER, actor=CLERK, now=clock.now())


def test_orders_are_given_up_with_a_reason_and_after_the_file_was_fetched_not_by_its_writer(
    hanako: Account, office: Finance
) -> None:
    one = owes(hanako, "T1")
    reference = debits.make()
    debits.write(reference, office)
    debits.fetch(reference, office)
    with unit_of_work() as session, pytest.raises(SameSecondPerson):
        orders.drop(session, reference, why="銀行に渡していない", actor=office.two, now=clock.now())
    with unit_of_work() as session, pytest.raises(ValueError, match="reason"):
        orders.drop(session, reference, why=" ", actor=office.one, now=clock.now())
    with unit_of_work() as session:
        orders.drop(session, reference, why="銀行に渡していない", actor=office.one, now=clock.now())
    assert [line.why for line in debits.lines(reference)] == ["dropped"]
    cash(one, 1500)
    assert debits.make() != reference


def test_an_amount_that_is_not_the_charges_and_a_second_live_order_are_refused_by_the_database(hanako: Account) -> None:
    owes(hanako, "T1")
    debits.make()
    copy = (
        "INSERT INTO transfer_line (batch_id, registration_id, charge_id, amount, state, changed_at) SELECT batch_id,"
    )
    with pytest.raises((IntegrityError, DBAPIError), match="what its charge asks"), unit_of_work() as session:
        session.execute(text(f"{copy} registration_id, charge_id, amount + 1, 'planned', now() FROM transfer_line"))
    with pytest.raises(IntegrityError, match="uq_transfer_line_live"), unit_of_work() as session:
        session.execute(text(f"{copy} registration_id, charge_id, amount, 'planned', now() FROM transfer_line"))
    for change in ("amount = amount + 1", "charge_id = charge_id + 1"):
        with pytest.raises(DBAPIError, match="changes nothing but"), unit_of_work() as session:
            session.execute(text(f"UPDATE transfer_line SET {change}"))
    with pytest.raises(IntegrityError, match="uq_transfer_batch_month"), unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO transfer_batch (reference, collector_id, month, debit_on, hand_in_by, state, made_at)"
                " SELECT 'D-X', collector_id, month, debit_on, hand_in_by, 'draft', now() FROM transfer_batch"
            )
        )


def test_the_worker_makes_the_list_before_it_is_due_and_goes_on_with_what_was_left(
    hanako: Account, office: Finance, clock_at: Callable[[str], datetime], run_jobs: Callable[[], None]
) -> None:
    one = owes(hanako, "T1")
    chores.make_due(today=clock.today())
    with unit_of_work() as session:
        assert not session.scalar(text("SELECT count(*) FROM transfer_batch"))
    clock_at("2026-12-10 05:00")
    for _ in range(2):
        chores.make_due(today=clock.today())
    with unit_of_work() as session:
        (reference,) = session.scalars(text("SELECT reference FROM transfer_batch")).all()
    assert [line.amount for line in debits.lines(reference)] == [Yen(1500)]
    debits.write(reference, office)
    ordered = debits.fetch(reference, office)
    with unit_of_work() as session:
        results.take(
            session, reference, debits.answer(ordered), file_name="x", actor=office.one, now=clock.now(), early=True
        )
    assert debits.state(reference) is BatchState.RETURNED
    chores.make_due(today=clock.today())
    assert debits.state(reference) is BatchState.SETTLED
    assert state_of(one) is ChargeState.PAID
    run_jobs()
    assert len(payments_of(one)) == 1


def test_until_the_file_is_due_the_page_says_what_is_going_to_happen_and_afterwards_that_it_is_too_late(
    hanako: Account, clock_at: Callable[[str], datetime]
) -> None:
    one = owes(hanako, "T1")
    found = stands(one)
    assert found == Standing(Taking.EXPECTED, DEBIT, date(2026, 12, 17), "4321", Yen(1500))
    clock_at("2026-12-18 06:00")
    assert stands(one) is None


def test_who_takes_a_voucher_pays_with_it_and_not_from_the_account(hanako: Account, office: Finance) -> None:
    taro = resident("taro@example.jp")
    one, other = owes(hanako, "T1"), owes(taro, "T2")
    reference = debits.make()
    debits.wait_for(reference)
    for charge in (one, other):
        open_page(charge)
    with unit_of_work() as session:
        session.execute(
            text(
                "UPDATE payment_attempt SET state = 'pending' WHERE charge_id = (SELECT id FROM charge WHERE reference = :one)"
            ),
            {"one": one},
        )
    assert debits.write(reference, office) == 1
    assert [(line.state, line.why) for line in debits.lines(reference)] == [("withdrawn", "voucher"), ("ordered", None)]
    assert stands(one) is None
