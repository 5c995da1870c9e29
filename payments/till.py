"""Money over a counter: cash with change, the card terminal. Every yen goes through an open drawer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import drawers, ledger, settlement
from payments.errors import ChargeSettled, NoSuchCharge, SlipKnown, SlipMissing
from payments.gateways import counter
from payments.models import Charge, Payment, Receipt
from payments.settlement import Arrival
from payments.states import ChargeState
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.money import Yen


@dataclass(frozen=True)
class CashTaken:
    """What the clerk hands over: the change, and the receipt."""

    receipt: Receipt
    change: Yen

    @property
    def reference(self) -> str:
        """The receipt's reference, for "payments.receipt"."""
        return self.receipt.reference


def take_cash(
    session: Session, charge_ref: str, *, received: Yen, clerk: Actor, place: str, now: datetime
) -> CashTaken:
    """Take cash for a charge at a counter. Where it raises, the caller rolls back (`unit_of_work` does).

    It goes into the clerk's drawer at the place; where none is open, one is opened in the same step, without change fund.

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
        ChargeOrdered: the bank is about to take it from the payer's account; nothing was taken.
        CashTooLittle: less than the total; nothing was taken.
    """
    charge_id, total = _open_charge(session, charge_ref)
    back = counter.change(total, received)
    arrival = counter.arrival(total, received=received, clerk=clerk, place=place, now=now)
    payment = _take_in(session, charge_id, charge_ref, arrival, now=now)
    drawers.put_in(
        session, drawers.for_taking(session, clerk=clerk, place=place, now=now), payment, clerk=clerk, now=now
    )
    audit.record(
        session, actor=clerk, action="cash.take", subject_kind="charge", subject_ref=charge_ref, detail={"place": place}
    )
    return CashTaken(_receipt(session, payment), back)


def take_terminal(
    session: Session, charge_ref: str, *, slip_number: str, clerk: Actor, place: str, now: datetime
) -> CashTaken:
    """Record a payment at the counter's card terminal. The terminal has taken it already: its slip number is the proof.

    Args:
        session: the caller's transaction.
        charge_ref: the charge's reference.
        slip_number: printed by the terminal; one number stands for one payment of a place.
        clerk: who was at the counter.
        place: code of the office or facility.
        now: aware.

    Raises:
        NoSuchCharge: unknown reference.
        ChargeSettled: paid or withdrawn already: cancel the payment at the terminal.
        ChargeOrdered: the bank is about to take it from the payer's account: the same.
        SlipMissing: no slip number.
        SlipKnown: this slip was recorded for another payment.
    """
    slip = slip_number.strip()
    if not slip:
        raise SlipMissing(charge_ref)
    proof = _proof(session, place=place, slip=slip)
    charge_id, total = _open_charge(session, charge_ref)
    arrival = Arrival(
        provider=ledger.TERMINAL_PROVIDER,
        method="terminal",
        amount=total,
        paid_at=now,
        provider_payment_id=proof,
        clerk_account_id=clerk.account_id,
        place=place,
    )
    payment = _take_in(session, charge_id, charge_ref, arrival, now=now)
    drawer = drawers.for_taking(session, clerk=clerk, place=place, now=now)
    drawers.put_in(session, drawer, payment, clerk=clerk, now=now, slip_number=slip)
    audit.record(
        session,
        actor=clerk,
        action="terminal.take",
        subject_kind="charge",
        subject_ref=charge_ref,
        detail={"place": place},
    )
    return CashTaken(_receipt(session, payment), Yen(0))


def _proof(session: Session, *, place: str, slip: str) -> str:
    """The slip as a payment keeps it. One whose payment was countered may be recorded again, for the right charge.

    Raises:
        SlipKnown: it stands for another payment.
    """
    key = f"{place}:{slip}"
    known = session.scalars(
        select(Payment.id).where(
            Payment.provider == ledger.TERMINAL_PROVIDER,
            (Payment.provider_payment_id == key) | Payment.provider_payment_id.startswith(f"{key}#", autoescape=True),
        )
    ).all()
    if set(known) - drawers.countered(session, known):
        raise SlipKnown(slip)
    return f"{key}#{len(known) + 1}" if known else key


def _open_charge(session: Session, charge_ref: str) -> tuple[int, Yen]:
    asked = session.execute(
        select(Charge.id, Charge.state, Charge.total).where(Charge.reference == charge_ref)
    ).one_or_none()
    if asked is None:
        raise NoSuchCharge(charge_ref)
    # A withdrawn charge is not revived over the counter: the clerk can see that, the provider could not.
    if asked.state != ChargeState.OPEN.value:
        raise ChargeSettled(charge_ref, asked.state)
    return asked.id, asked.total


def _take_in(session: Session, charge_id: int, charge_ref: str, arrival: Arrival, *, now: datetime) -> Payment:
    payment = settlement.take_in(session, charge_id, arrival, now=now)
    if not payment.accepted:
        # The notice of an online payment was a moment faster, or the thing is gone: keep the payer's money in their hand.
        state = session.scalars(select(Charge.state).where(Charge.id == charge_id)).one()
        raise ChargeSettled(charge_ref, state)
    return payment


def _receipt(session: Session, payment: Payment) -> Receipt:
    return session.scalars(select(Receipt).where(Receipt.payment_id == payment.id)).one()
