"""Whether something is taken from its payer's account: what pages say of it, and what keeps it from being paid twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from payments.contract import MoneyKind
from payments.models import (
    BudgetItem,
    Charge,
    ChargePart,
    ChargePayer,
    ChargeYear,
    PaymentAttempt,
    TransferBatch,
    TransferCollector,
    TransferLine,
    TransferRegistration,
    TransferState,
)
from payments.states import AttemptState, ChargeState
from payments.transfers.files import Result
from payments.transfers.rules import BatchState, LineState, Why
from portal.kernel import clock
from portal.kernel.money import Yen


class Taking(StrEnum):
    """What is going to happen, or has happened, with the payer's account."""

    EXPECTED = "expected"
    """It is going to be taken; until the file is written it can be paid in another way."""
    ORDERED = "ordered"
    """The file is written: it cannot be paid in another way."""
    FAILED = "failed"
    """The bank could not take it: it is to be paid in another way."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a charge stands with its payer's account.

    Attributes:
        taking: what happens.
        debit_on: the day on which it is, or was to be, taken.
        until: the last day on which it can be paid in another way instead, where it is expected.
        last_digits: of the account.
        amount: what is taken at once: of the charge, or of the sum that it is in.
        result: why the bank did not take it.
        pay_by: until when to pay in another way.
    """

    taking: Taking
    debit_on: date
    until: date
    last_digits: str
    amount: Yen
    result: Result | None = None
    pay_by: date | None = None

    @property
    def by_account(self) -> bool:
        """Whether nobody has to pay: it is taken from the account."""
        return self.taking is not Taking.FAILED


def of_charge_or_sum() -> ColumnElement[bool]:
    """An order (`TransferLine`) is about a charge (`Charge`): itself, or a sum that it was put into."""
    sums = select(ChargePart.joint_id).where(ChargePart.charge_id == Charge.id).correlate(Charge)
    return or_(TransferLine.charge_id == Charge.id, TransferLine.charge_id.in_(sums))


def has_order(*states: LineState) -> ColumnElement[bool]:
    """Whether a charge has an order in one of these states, itself or in a sum."""
    return (
        select(TransferLine.id)
        .where(of_charge_or_sum(), TransferLine.state.in_([state.value for state in states]))
        .correlate(Charge)
        .exists()
    )


def has_new_term(today: date) -> ColumnElement[bool]:
    """Whether the bank could not take a charge and the days to pay it in another way are not over."""
    return (
        select(TransferLine.id)
        .where(of_charge_or_sum(), TransferLine.state == LineState.FAILED.value, TransferLine.pay_by >= today)
        .correlate(Charge)
        .exists()
    )


def is_ordered(session: Session, charge_id: int) -> bool:
    """Whether the order of a charge is with the bank; asked under the charge's lock. One statement."""
    return session.scalar(select(Charge.id).where(Charge.id == charge_id, has_order(LineState.ORDERED))) is not None


def eligible() -> Select[Charge, int | None, TransferRegistration, TransferCollector, ChargeYear]:
    """Charges that wait for money, are to be taken from an account, and whose payer has registered one for such money.

    Those that the bank could not take, that a person took out of the orders, or that have a voucher out, are not among them.
    """
    pending = (
        select(PaymentAttempt.id)
        .where(PaymentAttempt.charge_id == Charge.id, PaymentAttempt.state == AttemptState.PENDING.value)
        .correlate(Charge)
    )
    by_hand = select(TransferLine.id).where(of_charge_or_sum(), TransferLine.why == Why.BY_HAND.value).correlate(Charge)
    return (
        select(Charge, ChargePayer.person_id.label("person_id"), TransferRegistration, TransferCollector, ChargeYear)
        .select_from(Charge)
        .join(ChargePayer, ChargePayer.charge_id == Charge.id)
        .join(ChargeYear, ChargeYear.charge_id == Charge.id)
        .join(BudgetItem, BudgetItem.id == ChargeYear.budget_item_id)
        .join(TransferCollector, and_(TransferCollector.budget_item == BudgetItem.code, TransferCollector.active))
        .join(
            TransferRegistration,
            and_(
                TransferRegistration.person_id == ChargePayer.person_id,
                TransferRegistration.budget_item_id == BudgetItem.id,
                TransferRegistration.state == TransferState.CONFIRMED.value,
                TransferRegistration.sealed_account.is_not(None),
            ),
        )
        .where(
            Charge.from_account,
            Charge.total > Yen(0),
            Charge.state == ChargeState.OPEN.value,
            ChargeYear.term_end.is_not(None),
            ~has_order(LineState.FAILED, LineState.TAKEN),
            ~by_hand.exists(),
            ~pending.exists(),
        )
        .order_by(Charge.id)
    )


@dataclass(frozen=True, slots=True)
class Account:
    """From which account, and on which day, something that is not charged yet would be taken."""

    debit_on: date
    last_digits: str


def account_for(session: Session, *, person_id: int, payee: str, money_kind: MoneyKind, due_on: date) -> Account | None:
    """The account that a person has registered for a payee's usual money of a kind; None where there is none. One statement."""
    row = session.execute(
        select(TransferCollector, TransferRegistration.last_digits)
        .join(BudgetItem, BudgetItem.code == TransferCollector.budget_item)
        .join(TransferRegistration, TransferRegistration.budget_item_id == BudgetItem.id)
        .where(
            TransferCollector.active,
            BudgetItem.payee_code == payee,
            BudgetItem.money_kind == money_kind.value,
            BudgetItem.is_default,
            TransferRegistration.person_id == person_id,
            TransferRegistration.state == TransferState.CONFIRMED.value,
            TransferRegistration.sealed_account.is_not(None),
        )
    ).one_or_none()
    if row is None:
        return None
    calendar = row.TransferCollector.calendar
    return Account(calendar.debit_on(calendar.month_of(due_on)), row.last_digits)


def of_charges(session: Session, charge_refs: Collection[str], *, now: datetime) -> Mapping[str, Standing]:
    """How charges stand with their payers' accounts; those that have nothing to do with one are left out. Two statements."""
    if not charge_refs:
        return {}
    rows = session.execute(
        select(Charge.reference, TransferLine, TransferBatch, TransferRegistration.last_digits)
        .select_from(Charge)
        .join(TransferLine, of_charge_or_sum())
        .join(TransferBatch, TransferBatch.id == TransferLine.batch_id)
        .join(TransferRegistration, TransferRegistration.id == TransferLine.registration_id)
        .where(
            Charge.reference.in_(charge_refs),
            TransferLine.state.in_([LineState.PLANNED.value, LineState.ORDERED.value, LineState.FAILED.value]),
        )
        .order_by(TransferLine.id)
    )
    found = {row.reference: _of_line(row.TransferLine, row.TransferBatch, row.last_digits) for row in rows}
    rest = [each for each in charge_refs if each not in found]
    return {**_expected(session, rest, today=clock.local(now).date()), **found}


def of_charge(session: Session, charge_ref: str, *, now: datetime) -> Standing | None:
    """How one charge stands; None where it has nothing to do with an account. Two statements."""
    return of_charges(session, [charge_ref], now=now).get(charge_ref)


def _of_line(line: TransferLine, batch: TransferBatch, last_digits: str) -> Standing:
    taking = {LineState.ORDERED: Taking.ORDERED, LineState.FAILED: Taking.FAILED}.get(
        LineState(line.state), Taking.EXPECTED
    )
    return Standing(
        taking,
        batch.debit_on,
        batch.hand_in_by,
        last_digits,
        line.amount,
        Result(line.result) if line.result and taking is Taking.FAILED else None,
        line.pay_by,
    )


def _expected(session: Session, charge_refs: Collection[str], *, today: date) -> dict[str, Standing]:
    if not charge_refs:
        return {}
    rows = session.execute(
        eligible()
        .add_columns(TransferBatch.state.label("batch_state"))
        .outerjoin(
            TransferBatch,
            and_(
                TransferBatch.collector_id == TransferCollector.id,
                func.date_trunc("month", ChargeYear.term_end) == TransferBatch.month,
                TransferBatch.state != BatchState.DROPPED.value,
            ),
        )
        .where(Charge.reference.in_(charge_refs))
    )
    found = {}
    for row in rows:
        calendar = row.TransferCollector.calendar
        month = calendar.month_of(row.ChargeYear.term_end)
        open_still = row.batch_state in {None, BatchState.DRAFT.value, BatchState.ASKED.value}
        if open_still and today <= calendar.hand_in_by(month):
            found[row.Charge.reference] = Standing(
                Taking.EXPECTED,
                calendar.debit_on(month),
                calendar.hand_in_by(month),
                row.TransferRegistration.last_digits,
                row.Charge.total,
            )
    return found
