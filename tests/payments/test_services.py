"""Demand, withdraw, give back, take cash: the use cases that forms, reservations and the counter call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from payments import queries, services
from payments.contract import ChargeLine, Ground, Payer, TaxClass
from payments.errors import (
    CashTooLittle,
    ChargeDiffers,
    ChargeSettled,
    NoSuchPayee,
    RefundNotReady,
    RefundTooLarge,
)
from payments.models import AccountCode, RefundKind
from payments.states import ChargeState, RefundState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import NotWholeYenError, Yen
from tests.payments.things import (
    CLERK,
    ORDINANCE,
    Things,
    balances,
    charge,
    entries,
    line,
    payments_of,
    refunds_of,
    request,
    state_of,
)

BYLAW = Ground("古河市見本条例", "第9条(還付)")


def take(reference: str, received: int) -> services.CashTaken:
    with unit_of_work() as session:
        return services.take_cash(
            session, reference, received=Yen(received), clerk=CLERK, place="koga", now=clock.now()
        )


def give_back(reference: str, amount: int, kind: RefundKind = RefundKind.BY_ORDINANCE) -> str:
    with unit_of_work() as session:
        made = services.refund(
            session,
            charge_ref=reference,
            amount=Yen(amount),
            kind=kind,
            ground=BYLAW,
            requested_by=CLERK,
            now=clock.now(),
        )
        return made.reference


def test_the_same_demand_twice_is_one_charge(things: Things):
    first, second = charge("T1"), charge("T1")
    assert first == second
    assert balances() == {AccountCode.RECEIVABLE: 3000, AccountCode.REVENUE: -3000}


def test_another_demand_for_the_same_purpose_is_refused_and_for_another_purpose_is_a_further_charge(things: Things):
    charge("T1")
    with pytest.raises(ChargeDiffers):
        charge("T1", total=2000)
    charge("T1", total=500, purpose="correction-1")
    assert balances()[AccountCode.RECEIVABLE] == 3500


def test_a_demand_names_a_payee_of_the_city_pack(things: Things):
    with pytest.raises(NoSuchPayee):
        charge("T1", payee="nobody")


def test_revenue_is_kept_per_ground_of_the_lines(things: Things):
    reduction = ChargeLine("減免", Yen(-1000), TaxClass.STANDARD, Ground("古河市見本条例", "第7条"))
    reference = charge("T1", line(3000, tax=TaxClass.STANDARD), reduction)
    with unit_of_work() as session:
        by_ground = session.execute(
            text(
                "SELECT g.article, e.amount FROM ledger_entry e JOIN ground g ON g.id = e.ground_id"
                " JOIN ledger_account a ON a.id = e.account_id WHERE a.code = 'revenue' ORDER BY g.article"
            )
        ).all()
        assert queries.charge(session, reference).total == Yen(2000)
    assert [tuple(row) for row in by_ground] == [("第3条", -3000), ("第7条", 1000)]


@pytest.mark.parametrize("amount", [1, 49, 50, 300_000, 300_001, 9_999_999])
def test_amounts_within_the_rule_are_charged(things: Things, amount: int):
    charge("T1", total=amount)
    assert balances()[AccountCode.RECEIVABLE] == amount


@pytest.mark.parametrize("amount", [-1, 10_000_000])
def test_amounts_outside_the_rule_are_refused(things: Things, amount: int):
    with pytest.raises(ValueError, match="a charge is"):
        charge("T1", total=amount)
    assert entries() == 0


@pytest.mark.parametrize("amount", [100.5, 100.0, "100", True, None])
def test_an_amount_is_whole_yen_and_nothing_else(amount: Any):
    with pytest.raises(NotWholeYenError):
        Yen(amount)


def test_a_line_of_something_else_than_yen_is_refused():
    with pytest.raises(TypeError):
        ChargeLine("料金", 100, TaxClass.EXEMPT, ORDINANCE)  # type: ignore[arg-type]  # what a careless caller does


def test_a_charge_of_zero_yen_is_settled_without_provider_and_the_payable_hears_of_it(
    things: Things, run_jobs: Callable[[], None]
):
    reference = charge("T1", total=0)
    assert state_of(reference) is ChargeState.PAID
    assert entries() == 0
    run_jobs()
    assert things.given == {"T1": reference}


def test_cash_settles_a_charge_gives_change_and_a_receipt(things: Things):
    reference = charge("T1")
    taken = take(reference, 5000)
    assert taken.change == Yen(2000)
    assert taken.reference.startswith("R-")
    assert state_of(reference) is ChargeState.PAID
    assert balances() == {AccountCode.CASH: 3000, AccountCode.REVENUE: -3000}


def test_too_little_cash_is_refused_and_nothing_is_taken(things: Things):
    reference = charge("T1")
    with pytest.raises(CashTooLittle):
        take(reference, 2999)
    assert payments_of(reference) == []
    assert things.asked == 0


def test_cash_is_taken_once(things: Things):
    reference = charge("T1")
    take(reference, 3000)
    with pytest.raises(ChargeSettled):
        take(reference, 3000)
    assert len(payments_of(reference)) == 1


def test_cash_for_something_that_is_gone_stays_in_the_payers_hand(things: Things):
    reference = charge("T1")
    things.gone.add("T1")
    with pytest.raises(ChargeSettled):
        take(reference, 3000)
    assert payments_of(reference) == []
    assert balances() == {AccountCode.RECEIVABLE: 3000, AccountCode.REVENUE: -3000}


def test_a_withdrawn_charge_leaves_even_books_and_cannot_be_paid_at_the_counter(things: Things):
    reference = charge("T1")
    with unit_of_work() as session:
        assert services.void_charge(
            session, payable_kind="thing", payable_ref="T1", reason="hold_ended", now=clock.now()
        )
    assert balances() == {}
    with pytest.raises(ChargeSettled):
        take(reference, 3000)


def test_withdrawing_twice_or_what_is_paid_or_unknown_changes_nothing(things: Things):
    charge("T1")
    take(charge("T2"), 3000)

    def void(ref: str) -> bool:
        with unit_of_work() as session:
            return services.void_charge(session, payable_kind="thing", payable_ref=ref, reason="x", now=clock.now())

    assert [void("T1"), void("T1"), void("T2"), void("T3")] == [True, False, False, False]


def test_a_part_and_then_the_rest_goes_back_and_never_more(things: Things):
    reference = charge("T1")
    take(reference, 3000)
    give_back(reference, 1000)
    assert state_of(reference) is ChargeState.PARTLY_REFUNDED
    with pytest.raises(RefundTooLarge) as refused:
        give_back(reference, 2001)
    assert refused.value.refundable == Yen(2000)
    give_back(reference, 2000)
    assert state_of(reference) is ChargeState.REFUNDED
    with pytest.raises(RefundTooLarge):
        give_back(reference, 1)
    assert balances() == {AccountCode.CASH: 3000, AccountCode.REFUND_DUE: -3000}


@pytest.mark.parametrize("amount", [0, -1])
def test_a_refund_is_more_than_nothing(things: Things, amount: int):
    reference = charge("T1")
    take(reference, 3000)
    with pytest.raises(RefundTooLarge):
        give_back(reference, amount)


def test_nothing_goes_back_of_what_was_not_paid(things: Things):
    with pytest.raises(ChargeSettled):
        give_back(charge("T1"), 100)


def test_a_cash_refund_is_handed_out_once_and_the_payable_hears_of_it(things: Things):
    reference = charge("T1")
    take(reference, 3000)
    refund = give_back(reference, 1200)

    def hand_out() -> None:
        with unit_of_work() as session:
            services.pay_out_cash(session, refund, clerk=CLERK, now=clock.now())

    hand_out()
    with pytest.raises(RefundNotReady):
        hand_out()
    assert things.given_back == [("T1", Yen(1200))]
    assert balances() == {AccountCode.CASH: 1800, AccountCode.REVENUE: -1800}
    assert refunds_of(reference)[0].state == RefundState.SUCCEEDED.value


def test_what_a_page_needs_of_a_charge(things: Things, session: Any):
    until = clock.now() + timedelta(minutes=15)
    reference = charge("T1", pay_until=until, payer=Payer(None, None, "古河 はなこ"))
    view = queries.charge_of(session, "thing", "T1")
    assert view is not None
    assert (view.reference, view.total, view.state, view.pay_until) == (reference, Yen(3000), ChargeState.OPEN, until)
    assert view.sample
    assert view.payable_now(clock.now())
    assert not view.payable_now(until)
    assert queries.charge_of(session, "thing", "T2") is None


def test_a_description_longer_than_a_voucher_line_is_refused():
    with pytest.raises(ValueError, match="22"):
        request("T1", description="あ" * 23)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE charge SET total = 1",
        "UPDATE charge SET reference = 'C-0000-0000-0'",
        "DELETE FROM charge",
        "UPDATE charge_line SET amount = 1",
        "DELETE FROM charge_line",
        "UPDATE payment SET amount = 1",
        "DELETE FROM payment",
        "UPDATE ledger_entry SET amount = amount + 1",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "UPDATE ledger_transaction SET kind = 'voided'",
        "DELETE FROM ledger_transaction",
        "UPDATE receipt SET number = number + 1",
        "UPDATE refund SET amount = 1",
        "DELETE FROM refund",
        "TRUNCATE charge CASCADE",
    ],
)
def test_the_database_refuses_to_edit_or_delete_what_is_written(things: Things, session: Any, statement: str):
    reference = charge("T1")
    take(reference, 3000)
    give_back(reference, 100)
    with pytest.raises(DBAPIError, match=r"append-only|changes nothing but"):
        session.execute(text(statement))


def test_the_database_refuses_a_transaction_that_does_not_balance(things: Things, session: Any):
    charge("T1")
    session.execute(
        text(
            "INSERT INTO ledger_entry (transaction_id, account_id, charge_id, payee_id, ground_id, amount)"
            " SELECT transaction_id, account_id, charge_id, payee_id, ground_id, 1 FROM ledger_entry LIMIT 1"
        )
    )
    with pytest.raises(DBAPIError, match="does not balance"):
        session.commit()


def test_the_database_refuses_a_transaction_without_entries(things: Things, session: Any):
    charge("T1")
    session.execute(
        text(
            "INSERT INTO ledger_transaction (kind, charge_id, payee_id, posted_at)"
            " SELECT kind, charge_id, payee_id, posted_at FROM ledger_transaction LIMIT 1"
        )
    )
    with pytest.raises(DBAPIError, match="does not balance"):
        session.commit()


def test_no_entry_moves_one_payees_yen_into_another_payees_books(things: Things, session: Any):
    charge("T1")
    charge("T2", payee="manager")
    with pytest.raises(DBAPIError, match="fk_ledger_entry"):
        session.execute(
            text(
                "INSERT INTO ledger_entry (transaction_id, account_id, charge_id, payee_id, ground_id, amount)"
                " SELECT a.transaction_id, b.account_id, a.charge_id, a.payee_id, a.ground_id, 1"
                " FROM ledger_entry a, ledger_entry b WHERE a.payee_id <> b.payee_id LIMIT 1"
            )
        )
