"""The use cases of payments that others call inside their own transaction: demand, withdraw, give back, take cash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments import fiscal, ledger, settlement
from payments.contract import ChargeLine, ChargeRequest, Ground, TaxClass
from payments.errors import (
    ChargeDiffers,
    ChargeSettled,
    NoSuchCharge,
    NoSuchPayee,
    RefundNotReady,
    RefundTooLarge,
)
from payments.gateways import counter
from payments.models import (
    Charge,
    ChargeLineRow,
    ChargePayer,
    GroundRow,
    Payee,
    PayeeKind,
    Payment,
    Receipt,
    Refund,
    RefundKind,
    TransactionKind,
)
from payments.states import ChargeEvent, ChargeState, RefundState
from portal.kernel import audit, jobs, references
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

__all__ = [
    "CashTaken",
    "Defined",
    "RefundKind",
    "define_payee",
    "pay_out_cash",
    "raise_charge",
    "refund",
    "send_refund_again",
    "take_cash",
    "void_charge",
]


class Defined(Enum):
    """What `define_payee` did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class CashTaken:
    """What the clerk hands over: the change, and the receipt."""

    receipt: Receipt
    change: Yen

    @property
    def reference(self) -> str:
        """The receipt's reference, for "payments.receipt"."""
        return self.receipt.reference


def define_payee(
    session: Session,
    *,
    code: str,
    kind: PayeeKind,
    name: str,
    name_en: str = "",
    registration_number: str | None = None,
    merchant: str | None = None,
    sample: bool = False,
) -> Defined:
    """Write down or correct a payee and give it its accounts.

    Args:
        session: the caller's transaction.
        code: the payee's name in the city pack.
        kind: whose money it is.
        name: as on receipts.
        name_en: in English.
        registration_number: 適格請求書発行事業者 number, T and 13 digits.
        merchant: the provider's account; None: no online payment for this payee.
        sample: made up for trying out.
    """
    facts = {
        "kind": kind.value,
        "name": name,
        "name_en": name_en,
        "registration_number": registration_number,
        "merchant": merchant,
        "sample": sample,
    }
    payee = session.scalars(select(Payee).where(Payee.code == code)).one_or_none()
    if payee is None:
        payee = Payee(code=code, **facts)
        session.add(payee)
        session.flush()
        ledger.open_accounts(session, payee.id)
        return Defined.CREATED
    differs = {column: value for column, value in facts.items() if getattr(payee, column) != value}
    for column, value in differs.items():
        setattr(payee, column, value)
    session.flush()
    return Defined.CHANGED if differs else Defined.UNCHANGED


def raise_charge(session: Session, request: ChargeRequest, *, now: datetime) -> Charge:
    """Demand money; the same demand again gives the same charge.

    A charge of 0 yen is settled at once: `charge.state` is "paid", no provider is called, no receipt is written, and a
    job calls the payable's `on_paid` (the caller may go on by itself right away).

    Raises:
        NoSuchPayee: the request's payee is not in the city pack.
        ChargeDiffers: the thing was charged for this purpose already, with other lines or another payee.
    """
    payee = session.scalars(select(Payee).where(Payee.code == request.payee)).one_or_none()
    if payee is None:
        raise NoSuchPayee(request.payee)
    free = request.total == Yen(0)
    row = {
        "reference": references.new("C"),
        "payable_kind": request.payable_kind,
        "payable_ref": request.payable_ref,
        "purpose": request.purpose,
        "payee_id": payee.id,
        "money_kind": request.money_kind.value,
        "total": request.total,
        "description": request.description,
        "ground_id": ledger.ground_id(session, request.ground),
        "pay_until": request.pay_until,
        "state": (ChargeState.PAID if free else ChargeState.OPEN).value,
        "state_at": now,
        "created_at": now,
    }
    # Two submits at once: the unique constraint lets one through, the other waits for it and reads its charge.
    created = session.scalar(
        insert(Charge)
        .values(row)
        .on_conflict_do_nothing(constraint="uq_charge_payable_kind_payable_ref_purpose")
        .returning(Charge.id)
    )
    if created is None:
        return _the_same(session, request, payee)
    charge = session.get_one(Charge, created)
    _write_lines(session, charge, request)
    fiscal.note_charge(session, charge, request, payee, now=now)
    if free:
        jobs.defer(session, "payments.settle_free", charge_id=charge.id)
    else:
        ledger.post(session, TransactionKind.CHARGED, charge, ledger.demand(session, charge), at=now)
    return charge


def void_charge(
    session: Session, *, payable_kind: str, payable_ref: str, purpose: str = "fee", reason: str, now: datetime
) -> bool:
    """Withdraw a demand that is not paid: the hold ended, the application was withdrawn. True where it was open.

    Money that arrives afterwards is offered to the payable once more (`Payable.on_paid`), then goes back if refused. What
    is paid already stays as it is: use `refund`.

    Args:
        session: the caller's transaction.
        payable_kind: as in the request.
        payable_ref: as in the request.
        purpose: as in the request.
        reason: a word for the audit log, such as "hold_ended".
        now: aware.
    """
    found = session.scalar(
        select(Charge.id).where(
            Charge.payable_kind == payable_kind, Charge.payable_ref == payable_ref, Charge.purpose == purpose
        )
    )
    if found is None:
        return False
    charge = settlement.lock_charge(session, found)
    if charge.state != ChargeState.OPEN.value:
        return False
    settlement.void(session, charge, now=now)
    audit.record(
        session,
        actor=audit.SYSTEM,
        action="charge.void",
        subject_kind="charge",
        subject_ref=charge.reference,
        detail={"reason": reason},
    )
    return True


def refund(
    session: Session,
    *,
    charge_ref: str,
    amount: Yen,
    kind: RefundKind,
    ground: str | Ground,
    requested_by: Actor,
    now: datetime,
) -> Refund:
    """Give money of a paid charge back, all or in part; a job tells the provider, cash waits for a clerk.

    `Payable.on_refunded` is called when the money is on its way.

    Args:
        session: the caller's transaction.
        charge_ref: the charge's reference.
        amount: more than 0, at most what was paid and is not yet promised back.
        kind: not owed, or by an ordinance.
        ground: the ordinance and article, or the reason why it was not owed.
        requested_by: who decided.
        now: aware.

    Raises:
        NoSuchCharge: unknown reference.
        ChargeSettled: nothing was paid.
        RefundTooLarge: `amount` is not within what can go back; nothing was promised.
    """
    charge = _locked_by_reference(session, charge_ref)
    payment = session.scalars(
        select(Payment).where(Payment.charge_id == charge.id, Payment.accepted.is_(True))
    ).one_or_none()
    if payment is None:
        raise ChargeSettled(charge_ref, charge.state)
    refundable = payment.amount - _promised_back(session, payment)
    if not Yen(0) < amount <= refundable:
        raise RefundTooLarge(charge_ref, refundable)
    made = settlement.request_refund(
        session,
        charge,
        payment,
        amount=amount,
        kind=kind,
        ground=Ground(ground) if isinstance(ground, str) else ground,
        requested_by=requested_by,
        now=now,
    )
    event = ChargeEvent.REFUND_REST if amount == refundable else ChargeEvent.REFUND_PART
    settlement.change_state(charge, event, now)
    session.flush()
    return made


def take_cash(
    session: Session, charge_ref: str, *, received: Yen, clerk: Actor, place: str, now: datetime
) -> CashTaken:
    """Take cash for a charge at a counter. Where it raises, the caller rolls back (`unit_of_work` does).

    Args:
        session: the caller's transaction.
        charge_ref: the charge's reference.
        received: what the payer put on the counter.
        clerk: who took it.
        place: code of the office or facility.
        now: aware.

    Raises:
        NoSuchCharge: unknown reference.
        ChargeSettled: paid or withdrawn already; nothing was taken.
        CashTooLittle: less than the total; nothing was taken.
    """
    asked = session.execute(
        select(Charge.id, Charge.state, Charge.total).where(Charge.reference == charge_ref)
    ).one_or_none()
    if asked is None:
        raise NoSuchCharge(charge_ref)
    # A withdrawn charge is not revived over the counter: the clerk can see that, the provider could not.
    if asked.state != ChargeState.OPEN.value:
        raise ChargeSettled(charge_ref, asked.state)
    back = counter.change(asked.total, received)
    arrival = counter.arrival(asked.total, received=received, clerk=clerk, place=place, now=now)
    payment = settlement.take_in(session, asked.id, arrival, now=now)
    if not payment.accepted:
        # The notice of an online payment was a moment faster, or the thing is gone: keep the payer's cash in their hand.
        state = session.scalars(select(Charge.state).where(Charge.id == asked.id)).one()
        raise ChargeSettled(charge_ref, state)
    audit.record(
        session, actor=clerk, action="cash.take", subject_kind="charge", subject_ref=charge_ref, detail={"place": place}
    )
    receipt = session.scalars(select(Receipt).where(Receipt.payment_id == payment.id)).one()
    return CashTaken(receipt, back)


def pay_out_cash(session: Session, refund_ref: str, *, clerk: Actor, now: datetime) -> Refund:
    """Hand a refund out in cash (the payment was in cash). The second call is refused.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: not a cash refund, or handed out already.
    """
    found = session.scalars(
        select(Refund).where(Refund.reference == refund_ref).with_for_update(key_share=True)
    ).one_or_none()
    if found is None:
        raise NoSuchCharge(refund_ref)
    if found.provider not in ledger.BY_HAND or found.state != RefundState.REQUESTED.value:
        raise RefundNotReady(refund_ref, found.state)
    settlement.refund_gone(session, found, now=now)
    audit.record(session, actor=clerk, action="refund.pay_out", subject_kind="refund", subject_ref=refund_ref)
    return found


def send_refund_again(session: Session, refund_ref: str, *, actor: Actor, now: datetime) -> Refund:
    """Send a refund that failed once more: a new refund takes its place, what is owed stays the same.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: it has not failed, or was sent again already.
    """
    failed = session.scalars(
        select(Refund).where(Refund.reference == refund_ref).with_for_update(key_share=True)
    ).one_or_none()
    if failed is None:
        raise NoSuchCharge(refund_ref)
    replaced = session.scalar(select(Refund.id).where(Refund.replaces_id == failed.id))
    if failed.state != RefundState.FAILED.value or replaced is not None:
        raise RefundNotReady(refund_ref, failed.state)
    again = Refund(
        reference=references.new("V"),
        payment_id=failed.payment_id,
        charge_id=failed.charge_id,
        amount=failed.amount,
        kind=failed.kind,
        ground_id=failed.ground_id,
        state=RefundState.REQUESTED.value,
        provider=failed.provider,
        replaces_id=failed.id,
        requested_by_kind=actor.kind,
        requested_by_account_id=actor.account_id,
        requested_at=now,
        changed_at=now,
        checked_at=now,
    )
    session.add(again)
    session.flush()
    jobs.defer(session, "payments.send_refund", refund_id=again.id)
    audit.record(
        session,
        actor=actor,
        action="refund.send_again",
        subject_kind="refund",
        subject_ref=again.reference,
        detail={"replaces": refund_ref},
    )
    return again


def _promised_back(session: Session, payment: Payment) -> Yen:
    # A refund that failed is still owed; the one that replaces it is the same promise.
    promised = session.scalar(
        select(func.sum(Refund.amount)).where(Refund.payment_id == payment.id, Refund.replaces_id.is_(None))
    )
    return Yen(0) if promised is None else promised


def _locked_by_reference(session: Session, reference: str) -> Charge:
    found = session.scalar(select(Charge.id).where(Charge.reference == reference))
    if found is None:
        raise NoSuchCharge(reference)
    return settlement.lock_charge(session, found)


def _write_lines(session: Session, charge: Charge, request: ChargeRequest) -> None:
    session.add_all(
        ChargeLineRow(
            charge_id=charge.id,
            position=position,
            label=line.label,
            amount=line.amount,
            tax=line.tax.value,
            ground_id=ledger.ground_id(session, line.ground),
            sample=line.sample,
            rule=line.rule,
        )
        for position, line in enumerate(request.lines, start=1)
    )
    payer = request.payer
    session.add(
        ChargePayer(
            charge_id=charge.id,
            person_id=payer.person_id,
            account_id=payer.account_id,
            name=payer.name,
            email=payer.email,
            locale=payer.locale,
        )
    )
    session.flush()


def _the_same(session: Session, request: ChargeRequest, payee: Payee) -> Charge:
    charge = session.scalars(
        select(Charge).where(
            Charge.payable_kind == request.payable_kind,
            Charge.payable_ref == request.payable_ref,
            Charge.purpose == request.purpose,
        )
    ).one()
    rows = session.execute(
        select(ChargeLineRow, GroundRow)
        .join(GroundRow, GroundRow.id == ChargeLineRow.ground_id)
        .where(ChargeLineRow.charge_id == charge.id)
        .order_by(ChargeLineRow.position)
    )
    lines = [
        ChargeLine(
            row.label,
            row.amount,
            TaxClass(row.tax),
            Ground(ground.title, ground.article, ground.since),
            row.sample,
            row.rule,
        )
        for row, ground in rows
    ]
    if charge.payee_id != payee.id or lines != list(request.lines):
        raise ChargeDiffers(charge.reference)
    return charge
