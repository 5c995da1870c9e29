"""The use cases of payments that others call inside their own transaction: demand, withdraw, give back, take cash."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments import fiscal, joint, ledger, lines, settlement
from payments.contract import ChargeRequest
from payments.errors import (
    ChargeDiffers,
    NoSuchPayee,
)
from payments.models import (
    Charge,
    ChargeLineRow,
    ChargePayer,
    Payee,
    PayeeKind,
    RefundKind,
    TransactionKind,
)
from payments.paid import of_purpose
from payments.refunds import pay_out_cash, refund, send_refund_again
from payments.states import ChargeState
from payments.till import CashTaken, take_cash, take_terminal
from portal.kernel import audit, jobs, references
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
    "take_terminal",
    "void_charge",
]


class Defined(Enum):
    """What `define_payee` did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


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
        "description_en": request.description_en,
        "ground_id": ledger.ground_id(session, request.ground),
        "pay_until": request.pay_until,
        "alone": request.alone,
        "receipt": request.receipt,
        "from_account": request.from_account,
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
    found = session.execute(
        select(Charge.id, Charge.state)
        .where(Charge.payable_kind == payable_kind, Charge.payable_ref == payable_ref, of_purpose(purpose))
        .order_by(Charge.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return False
    if found.state == ChargeState.JOINED.value:
        joint.leave(session, found.id, now)
    charge = settlement.lock_charge(session, found.id)
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


def prolong(session: Session, *, payable_kind: str, payable_ref: str, purpose: str = "fee", until: datetime) -> None:
    """Let a demand that is open be paid until a later moment: its thing is kept so long. An earlier moment changes nothing.

    Args:
        session: the caller's transaction.
        payable_kind: as in the request.
        payable_ref: as in the request.
        purpose: as in the request.
        until: aware.
    """
    found = session.scalar(
        select(Charge.id).where(
            Charge.payable_kind == payable_kind, Charge.payable_ref == payable_ref, Charge.purpose == purpose
        )
    )
    if found is None:
        return
    charge = settlement.lock_charge(session, found)
    if charge.state == ChargeState.OPEN.value and charge.pay_until is not None:
        charge.pay_until = max(charge.pay_until, until)
        session.flush()


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
            label_en=line.label_en,
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
    if charge.payee_id != payee.id or lines.of_charge(session, charge.id) != list(request.lines):
        raise ChargeDiffers(charge.reference)
    return charge
