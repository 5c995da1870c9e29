"""Money for a bill that came twice, here and elsewhere (過誤納, CASES M3): returned, or applied to another bill of the person.

Returned by 地方税法 第17条 (還付), applied by 第17条の2 (充当). Neither happens by itself: the section decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from payments import ledger, services, settlement
from payments.bills import paying
from payments.bills.errors import ExcessSettled, NoSuchBill, NotApplicable
from payments.contract import Ground, Payer
from payments.models import (
    AccountCode,
    Bill,
    BillElsewhere,
    BillExcess,
    Charge,
    ExcessOutcome,
    Payment,
    Refund,
    RefundKind,
    TransactionKind,
)
from payments.settlement import Arrival
from payments.states import ChargeEvent, ChargeState, RefundState
from portal.kernel import audit, clock, references
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

RETURN = Ground("地方税法", "第17条")
APPLY = Ground("地方税法", "第17条の2")


@dataclass(frozen=True)
class ExcessView:
    """One overpayment as the list shows it."""

    reference: str
    bill_number: str
    charge_ref: str
    amount: Yen
    elsewhere_on: date
    elsewhere_at: str
    found_at: datetime
    outcome: str | None
    subject_known: bool


def waiting(session: Session, *, also_settled: bool = False) -> Sequence[ExcessView]:
    """Overpayments without a decision, the oldest first."""
    query = (
        select(BillExcess, Bill, BillElsewhere, Charge.reference)
        .join(Bill, Bill.id == BillExcess.bill_id)
        .join(BillElsewhere, BillElsewhere.id == BillExcess.elsewhere_id)
        .join(Charge, Charge.id == BillExcess.charge_id)
        .order_by(BillExcess.id)
        .limit(200)
    )
    if not also_settled:
        declined = exists().where(Refund.id == BillExcess.refund_id, Refund.state == RefundState.DECLINED.value)
        query = query.where(or_(BillExcess.outcome.is_(None), declined))
    return [
        ExcessView(
            row.BillExcess.reference,
            row.Bill.number,
            row.reference,
            row.BillExcess.amount,
            row.BillElsewhere.paid_on,
            row.BillElsewhere.channel,
            row.BillExcess.found_at,
            row.BillExcess.outcome,
            bool(row.Bill.subject_key),
        )
        for row in session.execute(query)
    ]


def give_back(session: Session, reference: str, *, actor: Actor, now: datetime) -> Refund:
    """Return an overpayment to whoever paid here (還付).

    Raises:
        NoSuchBill: unknown reference.
        ExcessSettled: somebody decided already.
    """
    found = _locked(session, reference)
    charge = session.get_one(Charge, found.charge_id)
    refund = services.refund(
        session,
        charge_ref=charge.reference,
        amount=found.amount,
        kind=RefundKind.NOT_OWED,
        ground=RETURN,
        requested_by=actor,
        now=now,
    )
    _settle(session, found, ExcessOutcome.RETURNED, refund, actor=actor, now=now)
    return refund


def apply_to(session: Session, reference: str, *, number: str, actor: Actor, now: datetime) -> Charge:
    """Apply an overpayment to another open bill of the same person (充当); what is left over goes back.

    Args:
        session: the transaction.
        reference: the overpayment's.
        number: number of the bill that it pays.
        actor: who decided.
        now: aware.

    Raises:
        NoSuchBill: unknown reference or number.
        ExcessSettled: somebody decided already.
        NotApplicable: not open, another person's, or larger than the overpayment.
    """
    found = _locked(session, reference)
    source = session.get_one(Bill, found.bill_id)
    target_ref = paying.by_number(session, number)
    target = session.scalars(select(Bill).where(Bill.reference == target_ref)).one()
    if not source.subject_key or source.subject_key != target.subject_key or target.id == source.id:
        raise NotApplicable("other_person", target.amount)
    if target.amount > found.amount:
        raise NotApplicable("too_large", target.amount)
    if not paying.view(session, target_ref, today=clock.local(now).date()).payable:
        raise NotApplicable("not_open", target.amount)
    wanted = paying.ask_for(session, target_ref, payer=Payer(None, None, ""), now=now)
    # Both charges, in the order of their ids: nobody else holds one and waits for the other.
    for charge_id in sorted((found.charge_id, wanted.id)):
        settlement.lock_charge(session, charge_id)
    refund = _offset(session, found, target.amount, actor=actor, now=now)
    arrival = Arrival(
        provider=ledger.OFFSET_PROVIDER,
        method="offset",
        amount=target.amount,
        paid_at=now,
        provider_payment_id=refund.reference,
    )
    settlement.take_in(session, wanted.id, arrival, now=now)
    left = found.amount - target.amount
    if left:
        services.refund(
            session,
            charge_ref=session.get_one(Charge, found.charge_id).reference,
            amount=left,
            kind=RefundKind.NOT_OWED,
            ground=RETURN,
            requested_by=actor,
            now=now,
        )
    _settle(session, found, ExcessOutcome.APPLIED, refund, actor=actor, now=now, applied_to=target.id)
    return wanted


def _offset(session: Session, found: BillExcess, amount: Yen, *, actor: Actor, now: datetime) -> Refund:
    """Take money off the overpaid charge: promised back and gone at once, into the clearing account."""
    charge = settlement.lock_charge(session, found.charge_id)
    payment = session.scalars(select(Payment).where(Payment.charge_id == charge.id, Payment.accepted.is_(True))).one()
    refund = Refund(
        reference=references.new("V"),
        payment_id=payment.id,
        charge_id=charge.id,
        amount=amount,
        kind=RefundKind.NOT_OWED.value,
        ground_id=ledger.ground_id(session, APPLY),
        state=RefundState.SUCCEEDED.value,
        provider=ledger.OFFSET_PROVIDER,
        requested_by_kind=actor.kind,
        requested_by_account_id=actor.account_id,
        requested_at=now,
        changed_at=now,
        checked_at=now,
    )
    session.add(refund)
    session.flush()
    moves = (
        (TransactionKind.REFUND_REQUESTED, AccountCode.REVENUE, AccountCode.REFUND_DUE),
        (TransactionKind.REFUND_SENT, AccountCode.REFUND_DUE, AccountCode.CLEARING),
    )
    for kind, debit, credit in moves:
        ledger.post(session, kind, charge, ledger.pair(debit, credit, refund.ground_id, amount), at=now, refund=refund)
    event = ChargeEvent.REFUND_REST if amount == payment.amount else ChargeEvent.REFUND_PART
    settlement.change_state(charge, event, now)
    session.flush()
    return refund


def _locked(session: Session, reference: str) -> BillExcess:
    found = session.scalars(select(BillExcess).where(BillExcess.reference == reference).with_for_update()).one_or_none()
    if found is None:
        raise NoSuchBill
    if found.outcome is not None and session.get_one(Refund, found.refund_id).state != RefundState.DECLINED.value:
        raise ExcessSettled(reference)
    state = session.scalars(select(Charge.state).where(Charge.id == found.charge_id)).one()
    if state != ChargeState.PAID.value:
        raise ExcessSettled(reference)
    return found


def _settle(
    session: Session,
    found: BillExcess,
    outcome: ExcessOutcome,
    refund: Refund,
    *,
    actor: Actor,
    now: datetime,
    applied_to: int | None = None,
) -> None:
    found.outcome, found.refund_id, found.applied_to_id = outcome.value, refund.id, applied_to
    found.decided_by, found.decided_at = actor.account_id, now
    session.flush()
    audit.record(
        session,
        actor=actor,
        action=f"excess.{outcome.value}",
        subject_kind="bill_excess",
        subject_ref=found.reference,
        detail={"yen": found.amount.amount, "refund": refund.reference},
    )
