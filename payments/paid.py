"""What was paid for something payable over all of its charges, and what of it can still go back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from payments.models import Charge, Payment, Receipt, Refund
from payments.states import ON_THE_WAY, RefundState
from portal.kernel.money import Yen


@dataclass(frozen=True)
class Refundable:
    """A paid charge of something payable, and what of it was not yet promised back."""

    payable_ref: str
    charge_ref: str
    amount: Yen


def of_charge() -> ColumnElement[bool]:
    """Whether a payment is a charge's: made for it, or accepted for the sum that it was joined to."""
    return (Payment.charge_id == Charge.id) | ((Payment.charge_id == Charge.joined_to_id) & Payment.accepted)


def of_purpose(purpose: str) -> ColumnElement[bool]:
    """Whether a charge is the demand for a purpose, or the same one raised anew after its payment was countered."""
    return or_(Charge.purpose == purpose, Charge.purpose.like(f"{purpose}-again-%"))


def promised() -> ScalarSelect[Any]:
    """What was promised back of a charge's payment. A refund that failed is still owed; the one that replaces it is the same promise."""
    return (
        select(func.coalesce(func.sum(Refund.amount), 0))
        .where(
            Refund.payment_id == Payment.id,
            Refund.replaces_id.is_(None),
            (Payment.charge_id == Charge.id) | (Refund.part_id == Charge.id),
        )
        .scalar_subquery()
    )


def paid_of_it() -> ColumnElement[Yen]:
    """What of the payment was for the charge: all of it, or the charge's part of a sum."""
    return case((Payment.charge_id == Charge.id, Payment.amount), else_=Charge.total)


def on_the_way() -> ColumnElement[bool]:
    """Whether money of the charge in the outer query was promised back and is not with the payer yet."""
    later = aliased(Refund)
    return exists(
        select(Refund.id)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            (Refund.charge_id == Charge.id) | (Refund.part_id == Charge.id),
            Payment.accepted,
            Refund.state.in_([state.value for state in ON_THE_WAY]),
            ~exists(select(later.id).where(later.replaces_id == Refund.id)),
        )
        .correlate(Charge)
    )


def going(*, back: bool) -> RefundState | None:
    """What `on_the_way` answered, as a list shows it: on the way, without the particulars."""
    return RefundState.REQUESTED if back else None


@dataclass(frozen=True)
class MoneyOf:
    """A payment for something payable.

    Attributes:
        description: of its charge.
        description_en: the same in English; "" where there is none.
        amount: what was paid.
        back: what of it was promised back.
        accepted: False: money that came too late or twice, all of which goes back.
        receipt_ref: None where there is no receipt.
        received: cash that was put on the counter; None where it was not cash.
        change: what was handed back of it.
    """

    description: str
    amount: Yen
    back: Yen
    accepted: bool
    receipt_ref: str | None
    received: Yen | None = None
    change: Yen | None = None
    description_en: str = ""

    def called(self, locale: str) -> str:
        """What it was for, in the reader's language where the city has the words."""
        return self.description_en if locale == "en" and self.description_en else self.description


def money_of(session: Session, payable_kind: str, payable_ref: str) -> list[MoneyOf]:
    """Every payment over all charges of something payable, oldest first; one statement."""
    rows = session.execute(
        select(
            Charge.description,
            Charge.description_en,
            paid_of_it().label("amount"),
            Payment.accepted,
            promised().label("back"),
            Receipt.reference,
            Payment.cash_received,
            Payment.amount.label("whole"),
        )
        .join(Payment, of_charge())
        .outerjoin(Receipt, Receipt.payment_id == Payment.id)
        .where(Charge.payable_kind == payable_kind, Charge.payable_ref == payable_ref)
        .order_by(Charge.id, Payment.id)
    )
    return [
        MoneyOf(
            row.description,
            _yen(row.amount),
            _yen(row.back),
            row.accepted,
            row.reference,
            row.cash_received,
            None if row.cash_received is None else row.cash_received - row.whole,
            row.description_en,
        )
        for row in rows
    ]


def _yen(value: Any) -> Yen:
    return value if isinstance(value, Yen) else Yen(int(value))


def refundable(session: Session, payable_kind: str, payable_refs: Sequence[str]) -> list[Refundable]:
    """What could go back for these payables: one row for each paid charge, newest first; one statement, however many."""
    statement = (
        select(Charge.payable_ref, Charge.reference, paid_of_it().label("amount"), promised().label("promised"))
        .join(Payment, of_charge() & Payment.accepted)
        .where(Charge.payable_kind == payable_kind, Charge.payable_ref == func.any(list(payable_refs)))
        .order_by(Charge.id.desc())
    )
    found = [
        Refundable(row.payable_ref, row.reference, _yen(row.amount) - _yen(row.promised))
        for row in session.execute(statement)
    ]
    return [one for one in found if one.amount > Yen(0)]
