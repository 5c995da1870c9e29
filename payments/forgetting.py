"""The personal facts of a charge leave before the ledger does: called by whoever disposes of the thing that was paid for."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments.models import Charge, ChargePart, ChargePayer, Payment, Refund


def numbers(session: Session, *, payable_kind: str, payable_ref: str) -> list[str]:
    """Numbers of the charges, payments and refunds of something payable: what mails about its money are known by."""
    charges = select(Charge.id).where(Charge.payable_kind == payable_kind, Charge.payable_ref == payable_ref)
    found: list[str] = []
    found += session.scalars(select(Charge.reference).where(Charge.id.in_(charges)))
    found += session.scalars(select(Payment.reference).where(Payment.charge_id.in_(charges)))
    found += session.scalars(
        select(Refund.reference).join(Payment, Payment.id == Refund.payment_id).where(Payment.charge_id.in_(charges))
    )
    return found


def forget_payer(session: Session, *, payable_kind: str, payable_ref: str) -> int:
    """Take name, mail address and person out of every charge of something payable, and of sums that it was paid in; of how many.

    Amounts, lines, grounds, payments and receipts' numbers stay (DESIGN invariant 16).
    """
    charges = select(Charge.id).where(Charge.payable_kind == payable_kind, Charge.payable_ref == payable_ref)
    sums = select(ChargePart.joint_id).where(ChargePart.charge_id.in_(charges))
    done = session.execute(
        update(ChargePayer)
        .where(ChargePayer.charge_id.in_(charges) | ChargePayer.charge_id.in_(sums))
        .values(name="", email=None, person_id=None, account_id=None)
        .returning(ChargePayer.charge_id)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())
