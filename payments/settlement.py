"""What happens when money arrives or goes back: the one place for Stripe, sandbox and cash alike.

Order of locks: attempt or refund (only payments takes them, always first), then whatever the payable locks (person,
group, units), then the charge. So the payable is asked before the charge is locked, and the charge's state, read under
its lock, decides at the end whether this money settles it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from payments import fiscal, ledger, mails, methods, years
from payments.contract import Ground, Verdict, Waits, payable
from payments.errors import ChargeOrdered
from payments.models import (
    AccountCode,
    Charge,
    ChargePayer,
    ChargeYear,
    LedgerTransaction,
    Payee,
    Payment,
    PaymentAttempt,
    PaymentYear,
    Receipt,
    Refund,
    RefundAccount,
    RefundKind,
    TransactionKind,
    WhyNotAccepted,
)
from payments.states import LIVE_ATTEMPTS, PAYABLE_STATES, ChargeEvent, ChargeState, RefundState, move
from payments.transfers import standing
from portal.kernel import audit, clock, dates, jobs, references
from portal.kernel.money import Yen

NOT_OWED = Ground("地方自治法施行令", "第165条の7")
"""誤納金又は過納金の戻出: money that was not owed goes back out of the revenue it came into."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Arrival:
    """Money that is there. `cash_received` and `place` belong to the counter, the ids to a provider."""

    provider: str
    method: str
    amount: Yen
    paid_at: datetime
    attempt_id: int | None = None
    provider_payment_id: str | None = None
    clerk_account_id: int | None = None
    place: str | None = None
    cash_received: Yen | None = None


@dataclass(frozen=True)
class Why:
    """What staff say of a refund that they begin: why, which paper shows it, and whether it goes by transfer instead of the usual way."""

    reason: str = ""
    evidence: str = ""
    to_bank: bool = False


class _Sums:
    """What to do with a part of a sum that is paid by itself; handed over by `payments.joint` (it stands on this module)."""

    leave: Callable[[Session, int, datetime], None] | None = None


def on_part_paid(leave: Callable[[Session, int, datetime], None]) -> None:
    """Say how a charge leaves the sum that it was joined to."""
    _Sums.leave = staticmethod(leave)


def lock_charge(session: Session, charge_id: int) -> Charge:
    """The charge as it is now, locked until the transaction ends."""
    return session.scalars(
        select(Charge)
        .where(Charge.id == charge_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _lock_with_companions(session: Session, charge_id: int) -> tuple[Charge, tuple[object, ...]]:
    """The charge, locked, and what `fiscal` and `mails` are about to read of it, in the same statement.

    Year, payer and payee are found by their keys in the session for as long as the caller holds them.
    """
    found = session.execute(
        select(Charge, ChargeYear, ChargePayer, Payee)
        .join(Payee, Payee.id == Charge.payee_id)
        .outerjoin(ChargeYear, ChargeYear.charge_id == Charge.id)
        .outerjoin(ChargePayer, ChargePayer.charge_id == Charge.id)
        .where(Charge.id == charge_id)
        .with_for_update(key_share=True, of=Charge)
        .execution_options(populate_existing=True)
    ).one()
    return found[0], tuple(found[1:])


def change_state(charge: Charge, event: ChargeEvent, now: datetime) -> None:
    """Move a locked charge."""
    charge.state = move(ChargeState(charge.state), event).value
    charge.state_at = now


def take_in(session: Session, charge_id: int, arrival: Arrival, *, now: datetime) -> Payment:
    """Record money that arrived for a charge, and settle the charge with it or send it back.

    Args:
        session: the transaction; the attempt is locked by the caller.
        charge_id: the charge.
        arrival: the money; its amount is the charge's total (checked by the caller).
        now: moment of processing, aware.

    Raises:
        ChargeOrdered: money at a counter for what the bank is about to take from the payer's account; nothing was taken.
    """
    query = select(Charge.state, Charge.reference, Charge.payable_kind, Charge.payable_ref).where(
        Charge.id == charge_id
    )
    asked = session.execute(query).one()
    if asked.state == ChargeState.JOINED.value and _Sums.leave is not None:
        # An old page of one of several was paid: the others are asked for by themselves again.
        _Sums.leave(session, charge_id, now)
        asked = session.execute(query).one()
    verdict: Verdict | None = None
    if ChargeState(asked.state) in PAYABLE_STATES:
        verdict = payable(asked.payable_kind).on_paid(
            session, asked.payable_ref, charge_ref=asked.reference, paid_at=arrival.paid_at, now=now
        )
    charge, _held = _lock_with_companions(session, charge_id)
    if arrival.provider in ledger.BY_HAND and standing.is_ordered(session, charge_id):
        raise ChargeOrdered(charge.reference)
    why: WhyNotAccepted | None = None
    if ChargeState(charge.state) not in PAYABLE_STATES:
        gone = charge.state == ChargeState.WRITTEN_OFF.value
        why = WhyNotAccepted.REFUSED if gone else WhyNotAccepted.PAID_TWICE
    elif verdict is not Verdict.ACCEPTED:
        why = WhyNotAccepted.REFUSED
    payment = _record(session, charge, arrival, why, now)
    if why is None:
        _settle(session, charge, payment, now)
    else:
        _send_back(session, charge, payment, why, now)
    return payment


def keep_waiting(session: Session, attempt: PaymentAttempt, *, now: datetime) -> None:
    """Ask the payable to keep its thing until the attempt's voucher cannot have been paid any more (CASES M2)."""
    charge = session.execute(
        select(Charge.reference, Charge.payable_kind, Charge.payable_ref).where(Charge.id == attempt.charge_id)
    ).one()
    found = payable(charge.payable_kind)
    if attempt.voucher_until is not None and isinstance(found, Waits):
        until = methods.kept_until(attempt.voucher_until)
        found.on_waiting(session, charge.payable_ref, charge_ref=charge.reference, until=until, now=now)


def way_back(payment: Payment, *, now: datetime) -> str:
    """How a refund goes: the way the money came; by bank transfer where the provider cannot do that (konbini)."""
    way = payment.provider
    if way not in ledger.NEVER_CALLED and not methods.returns_by_itself(
        payment.method, paid_at=payment.paid_at, now=now
    ):
        return ledger.BANK_PROVIDER
    # 充当 and 口座振替: no provider holds this money and no drawer did; it goes back by transfer.
    return ledger.BANK_PROVIDER if way in {ledger.OFFSET_PROVIDER, ledger.DEBIT_PROVIDER} else way


def request_refund(
    session: Session,
    charge: Charge,
    payment: Payment,
    *,
    amount: Yen,
    kind: RefundKind,
    ground: Ground,
    requested_by: audit.Actor,
    now: datetime,
    needs_agreement: bool = False,
    part: Charge | None = None,
    why: Why | None = None,
) -> Refund:
    """Promise money back and have a job send it, or wait for a second person. The charge is locked; the caller checked the amount.

    The way back is `way_back`, or by bank transfer where `why` says so. `part`: for which of several charges that were paid in one sum.
    """
    said = why or Why()
    way = ledger.BANK_PROVIDER if said.to_bank else way_back(payment, now=now)
    state = RefundState.NEEDS_ACCOUNT if way == ledger.BANK_PROVIDER else RefundState.REQUESTED
    refund = Refund(
        reference=references.new("V"),
        payment_id=payment.id,
        charge_id=charge.id,
        amount=amount,
        kind=kind.value,
        ground_id=ledger.ground_id(session, ground),
        state=(RefundState.AWAITING if needs_agreement else state).value,
        provider=way,
        requested_by_kind=requested_by.kind,
        requested_by_account_id=requested_by.account_id,
        requested_at=now,
        changed_at=now,
        checked_at=now,
        needs_agreement=needs_agreement,
        part_id=part.id if part is not None else None,
        reason=said.reason,
        evidence=said.evidence,
    )
    session.add(refund)
    session.flush()
    audit.record(
        session,
        actor=requested_by,
        action="refund.request",
        subject_kind="refund",
        subject_ref=refund.reference,
        detail={"charge": (part or charge).reference, "kind": kind.value, "yen": amount.amount},
    )
    if not needs_agreement:
        promise(session, charge, payment, refund, now=now)
    return refund


def promise(session: Session, charge: Charge, payment: Payment, refund: Refund, *, now: datetime) -> None:
    """Write down that money is owed to the payer, and have it sent."""
    source = AccountCode.REVENUE if payment.accepted else AccountCode.OVERPAID
    ledger.post(
        session,
        TransactionKind.REFUND_REQUESTED,
        charge,
        ledger.pair(source, AccountCode.REFUND_DUE, refund.ground_id, refund.amount),
        at=now,
        refund=refund,
    )
    if refund.state == RefundState.NEEDS_ACCOUNT.value:
        ask_for_account(session, refund)
    elif refund.provider not in ledger.NEVER_CALLED:
        jobs.defer(session, "payments.send_refund", refund_id=refund.id)


def ask_for_account(session: Session, refund: Refund) -> None:
    """Ask the payer by mail where a refund is to be transferred to."""
    mails.account_wanted(session, session.get_one(Charge, refund.charge_id), refund)


def post_refund_move(session: Session, refund: Refund, kind: TransactionKind, now: datetime) -> None:
    """Write into the ledger that a refund has left us, or has come back."""
    charge = session.get_one(Charge, refund.charge_id)
    held = ledger.held_in(refund.provider)
    sides = ledger.pair(AccountCode.REFUND_DUE, held, refund.ground_id, refund.amount)
    if kind is TransactionKind.REFUND_RETURNED:
        sides = ledger.countered(sides)
    ledger.post(session, kind, charge, sides, at=now, refund=refund)


def end_attempts(session: Session, charge_id: int) -> None:
    """Have a job close the provider's page, if one may be open."""
    live = select(PaymentAttempt.id).where(
        PaymentAttempt.charge_id == charge_id, PaymentAttempt.state.in_([state.value for state in LIVE_ATTEMPTS])
    )
    if session.scalar(live.limit(1)) is not None:
        jobs.defer(session, "payments.end_attempts", charge_id=charge_id)


def _record(session: Session, charge: Charge, arrival: Arrival, why: WhyNotAccepted | None, now: datetime) -> Payment:
    payment = Payment(
        reference=references.new("P"),
        charge_id=charge.id,
        attempt_id=arrival.attempt_id,
        provider=arrival.provider,
        provider_payment_id=arrival.provider_payment_id,
        method=arrival.method,
        amount=arrival.amount,
        accepted=why is None,
        why_not_accepted=why.value if why else None,
        paid_at=arrival.paid_at,
        recorded_at=now,
        clerk_account_id=arrival.clerk_account_id,
        place=arrival.place,
        cash_received=arrival.cash_received,
    )
    session.add(payment)
    session.flush()
    return payment


def _settle(session: Session, charge: Charge, payment: Payment, now: datetime) -> None:
    if charge.state == ChargeState.VOID.value:
        ledger.post(session, TransactionKind.REVIVED, charge, ledger.demand(session, charge), at=now)
    change_state(charge, ChargeEvent.PAY, now)
    held = ledger.held_in(payment.provider)
    ledger.post(
        session,
        TransactionKind.PAID,
        charge,
        ledger.pair(held, AccountCode.RECEIVABLE, charge.ground_id, payment.amount),
        at=now,
        payment=payment,
    )
    receipt = None
    if charge.receipt or payment.place is not None:
        receipt = Receipt(reference=references.new("R"), payment_id=payment.id, issued_at=now)
        session.add(receipt)
    fiscal.book(session, charge, payment)
    end_attempts(session, charge.id)
    mails.paid(session, charge, payment, receipt)


def _send_back(session: Session, charge: Charge, payment: Payment, why: WhyNotAccepted, now: datetime) -> None:
    if charge.state == ChargeState.OPEN.value:
        void(session, charge, now=now)
    held = ledger.held_in(payment.provider)
    ledger.post(
        session,
        TransactionKind.OVERPAID,
        charge,
        ledger.pair(held, AccountCode.OVERPAID, charge.ground_id, payment.amount),
        at=now,
        payment=payment,
    )
    refund = request_refund(
        session,
        charge,
        payment,
        amount=payment.amount,
        kind=RefundKind.NOT_OWED,
        ground=NOT_OWED,
        requested_by=audit.SYSTEM,
        now=now,
    )
    log.warning("money_sent_back", charge=charge.reference, why=why.value, refund=refund.reference)
    mails.sent_back(session, charge, payment, refund)


def void(session: Session, charge: Charge, *, now: datetime) -> None:
    """Counter an open, locked charge."""
    change_state(charge, ChargeEvent.VOID, now)
    if charge.total:
        sides = ledger.countered(ledger.demand(session, charge))
        ledger.post(session, TransactionKind.VOIDED, charge, sides, at=now)
    end_attempts(session, charge.id)


def refund_gone(session: Session, refund: Refund, *, now: datetime, told: bool = False) -> None:
    """The money of a locked refund has left us: tell the payable, write it down, tell the payer.

    `told`: the caller tells both itself; whoever locked the charge has told the payable before (order of locks).
    """
    charge, accepted = session.execute(
        select(Charge, Payment.accepted)
        .join(Payment, Payment.id == refund.payment_id)
        .where(Charge.id == refund.charge_id)
    ).one()
    meant = session.get_one(Charge, refund.part_id) if refund.part_id is not None else charge
    if accepted and not told and not _sent_before(session, refund):
        payable(meant.payable_kind).on_refunded(
            session, meant.payable_ref, charge_ref=meant.reference, amount=refund.amount, now=now
        )
    refund.state = RefundState.SUCCEEDED.value
    refund.changed_at = now
    refund.booked_as = booked_as(session, refund.payment_id, now=now).value
    session.execute(delete(RefundAccount).where(RefundAccount.refund_id == refund.id))
    session.flush()
    post_refund_move(session, refund, TransactionKind.REFUND_SENT, now)
    if accepted and not told:
        mails.refunded(session, charge, refund)


def booked_as(session: Session, payment_id: int, *, now: datetime) -> years.RefundOut:
    """How money that goes back now is booked: 戻出 until 5/31, then 歳出, by the year that the payment belongs to (CASES M4)."""
    return years.refund_out_of(year_of(session, payment_id), clock.local(now).date())


def year_of(session: Session, payment_id: int) -> int:
    """The fiscal year that a payment belongs to; by its day where none was written down."""
    year = session.scalar(select(PaymentYear.fiscal_year).where(PaymentYear.payment_id == payment_id))
    if year is not None:
        return year
    paid_at = session.scalars(select(Payment.paid_at).where(Payment.id == payment_id)).one()
    return dates.fiscal_year(clock.local(paid_at).date())


def _sent_before(session: Session, refund: Refund) -> bool:
    """Whether a refund that this one replaces was on its way once (and came back): the payable knows already."""
    earlier = refund.replaces_id
    while earlier is not None:
        sent = select(LedgerTransaction.id).where(
            LedgerTransaction.refund_id == earlier, LedgerTransaction.kind == TransactionKind.REFUND_SENT.value
        )
        if session.scalar(sent.limit(1)) is not None:
            return True
        earlier = session.scalars(select(Refund.replaces_id).where(Refund.id == earlier)).one()
    return False
