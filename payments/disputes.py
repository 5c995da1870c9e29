"""A payer's bank takes money back: recorded, booked, shown to finance; won, it returns, lost, a person decides what follows.

What a dispute does to the money is booked from the provider's own lines (`payments.daybook`); here its state is merged. While one
is open nothing of its payment is refunded: the payer would get the money twice.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, aliased

from payments import ledger, settlement
from payments.gateways.base import CURRENCY, DisputeReport
from payments.models import (
    AccountCode,
    Charge,
    Dispute,
    EventOutcome,
    LedgerTransaction,
    Payment,
    ProviderEvent,
    Refund,
    TransactionKind,
)
from payments.states import DisputeState, RefundState, merge_dispute
from portal.kernel import audit, references
from portal.kernel.money import Yen

log = structlog.get_logger(__name__)

Outcome = tuple[EventOutcome, str]


def apply_dispute(session: Session, provider: str, report: DisputeReport, *, now: datetime) -> Outcome:
    """Apply what a provider says about a dispute. One of a payment that is not ours is refused and left to a person."""
    payment = session.scalars(
        select(Payment).where(Payment.provider == provider, Payment.provider_payment_id == report.payment_id)
    ).one_or_none()
    if payment is None:
        return EventOutcome.REFUSED, "unknown_payment"
    if report.currency != CURRENCY:
        return EventOutcome.REFUSED, "other_currency"
    if type(report.amount) is not int or not 0 < report.amount <= payment.amount.amount:
        return EventOutcome.REFUSED, "other_amount"
    dispute = session.scalars(
        select(Dispute)
        .where(Dispute.provider == provider, Dispute.provider_id == report.provider_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if dispute is None:
        dispute = _open(session, payment, report, now)
    elif merge_dispute(DisputeState(dispute.state), report.state).value == dispute.state:
        return EventOutcome.KNOWN, ""
    else:
        dispute.state = merge_dispute(DisputeState(dispute.state), report.state).value
        dispute.evidence_due_at = report.evidence_due_at
        dispute.changed_at = now
        _audit(session, "dispute.change", dispute)
    session.flush()
    settle(session, dispute, now=now)
    return EventOutcome.APPLIED, ""


def settle(session: Session, dispute: Dispute, *, now: datetime) -> None:
    """Book what a lost dispute leaves, once the taking itself was booked from the provider's line. Safe to call again."""
    if dispute.state != DisputeState.LOST.value or not _posted(session, dispute, TransactionKind.DISPUTE_OPENED):
        return
    if _posted(session, dispute, TransactionKind.DISPUTE_LOST):
        return
    charge = session.get_one(Charge, dispute.charge_id)
    left = dispute.amount - _owed_refunds_done(session, charge, dispute, now)
    if left:
        ledger.post(
            session,
            TransactionKind.DISPUTE_LOST,
            charge,
            ledger.pair(AccountCode.DISPUTE_LOST, AccountCode.DISPUTED, charge.ground_id, left),
            at=now,
            dispute=dispute,
        )


def _owed_refunds_done(session: Session, charge: Charge, dispute: Dispute, now: datetime) -> Yen:
    """Refunds that were owed on this payment and could not be sent: the payer has the money by now, through the bank."""
    again = aliased(Refund)
    owed = session.scalars(
        select(Refund)
        .outerjoin(again, again.replaces_id == Refund.id)
        .where(
            Refund.payment_id == dispute.payment_id,
            Refund.state == RefundState.FAILED.value,
            again.id.is_(None),
        )
        .order_by(Refund.id)
    ).all()
    # What an earlier call has done already counts: with nothing left there is no other mark that this was settled.
    done = session.scalar(
        select(func.sum(Refund.amount)).where(
            Refund.payment_id == dispute.payment_id, Refund.provider == ledger.DISPUTE_PROVIDER
        )
    ) or Yen(0)
    for refund in owed:
        if done + refund.amount > dispute.amount:
            break
        through_the_bank = Refund(
            reference=references.new("V"),
            payment_id=refund.payment_id,
            charge_id=charge.id,
            amount=refund.amount,
            kind=refund.kind,
            ground_id=refund.ground_id,
            state=RefundState.REQUESTED.value,
            provider=ledger.DISPUTE_PROVIDER,
            replaces_id=refund.id,
            requested_by_kind=audit.SYSTEM.kind,
            requested_at=now,
            changed_at=now,
            checked_at=now,
        )
        session.add(through_the_bank)
        session.flush()
        settlement.refund_gone(session, through_the_bank, now=now)
        done += refund.amount
    return done


def _open(session: Session, payment: Payment, report: DisputeReport, now: datetime) -> Dispute:
    assert type(report.amount) is int
    dispute = Dispute(
        provider=payment.provider,
        provider_id=report.provider_id,
        payment_id=payment.id,
        charge_id=payment.charge_id,
        amount=Yen(report.amount),
        reason=report.reason,
        state=report.state.value,
        evidence_due_at=report.evidence_due_at,
        opened_at=report.opened_at,
        changed_at=now,
    )
    session.add(dispute)
    session.flush()
    # A notice that came before the payment's own was refused; by now it explains itself.
    session.execute(
        update(ProviderEvent)
        .where(
            ProviderEvent.provider == dispute.provider,
            ProviderEvent.object_id == dispute.provider_id,
            ProviderEvent.outcome == EventOutcome.REFUSED.value,
            ProviderEvent.reason == "unknown_payment",
        )
        .values(outcome=EventOutcome.KNOWN.value, reason="overtaken")
    )
    _audit(session, "dispute.open", dispute)
    log.warning("dispute", payment=payment.reference, state=dispute.state)
    return dispute


def _posted(session: Session, dispute: Dispute, kind: TransactionKind) -> bool:
    query = select(LedgerTransaction.id).where(
        LedgerTransaction.dispute_id == dispute.id, LedgerTransaction.kind == kind.value
    )
    return session.scalar(query.limit(1)) is not None


def _audit(session: Session, action: str, dispute: Dispute) -> None:
    audit.record(
        session,
        actor=audit.SYSTEM,
        action=action,
        subject_kind="dispute",
        subject_ref=dispute.provider_id,
        detail={"state": dispute.state, "yen": dispute.amount.amount},
    )
