"""Money that goes back for a booking, over all of its charges."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from payments import paid as paid_for
from payments import services as payments
from payments.contract import Ground
from payments.services import RefundKind
from portal.kernel.audit import Actor
from portal.kernel.money import Yen
from reservations.models import Booking
from reservations.services.common import KIND


def paid(session: Session, booking: Booking) -> Yen:
    """What was paid for the booking and not promised back."""
    found = paid_for.refundable(session, KIND, [booking.reference])
    return sum((one.amount for one in found), start=Yen(0))


def give_back(
    session: Session,
    booking: Booking,
    *,
    amount: Yen | None,
    kind: RefundKind,
    ground: Ground,
    actor: Actor,
    now: datetime,
) -> list[str]:
    """Give money back, of the newest charge first; references of the refunds.

    Args:
        session: the caller's transaction.
        booking: locked.
        amount: None: everything that was paid; more than that is cut to it.
        kind: not owed, or by an ordinance.
        ground: why.
        actor: who decided.
        now: aware.
    """
    made: list[str] = []
    rest = amount
    for one in paid_for.refundable(session, KIND, [booking.reference]):
        part = one.amount if rest is None else min(rest, one.amount)
        if part <= Yen(0):
            break
        refund = payments.refund(
            session, charge_ref=one.charge_ref, amount=part, kind=kind, ground=ground, requested_by=actor, now=now
        )
        made.append(refund.reference)
        rest = None if rest is None else rest - part
    return made
