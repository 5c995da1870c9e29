"""The resident cancels: what goes back is computed by the rules under which the booking was made, and shown before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from payments.contract import Ground
from payments.services import RefundKind
from portal.kernel import jobs
from portal.kernel.audit import Actor
from portal.kernel.money import Yen
from reservations.errors import RefundChanged, WrongState
from reservations.models import FIRM, Booking, BookingState
from reservations.rules import RefundQuote
from reservations.services.common import end_occupancy, note, own, policy_of
from reservations.services.paying import TELL
from reservations.services.returning import give_back
from reservations.timetable import TOKYO

WITHDRAWN = "withdrawn"


def refund_quote(booking: Booking, *, now: datetime) -> RefundQuote:
    """What cancelling now would give back. The booking's policy is loaded.

    A request that nobody has decided yet is withdrawn, not cancelled: nothing was permitted, so nothing is owed.
    """
    paid = booking.total or Yen(0)
    if booking.state == BookingState.REQUESTED and now < booking.starts_at:
        return RefundQuote(paid, 100, WITHDRAWN, None)
    return policy_of(booking).refund(
        paid,
        day=booking.starts_at.astimezone(TOKYO).date(),
        starts=booking.starts_at,
        confirmed_at=booking.firm_at,
        now=now,
    )


def cancel(
    session: Session, reference: str, *, person_id: int, expected: Yen, actor: Actor, now: datetime
) -> RefundQuote:
    """Cancel a firm booking and return what the rules give back. A second click finds it cancelled.

    Args:
        session: the caller's transaction.
        reference: the booking.
        person_id: whose it has to be.
        expected: the sum that the person was shown.
        actor: who.
        now: the database's clock.

    Raises:
        NotFound: not this person's booking.
        WrongState: it is not firm, or the use has begun.
        RefundChanged: another sum would go back by now; nothing was cancelled.
    """
    booking = own(session, reference, person_id)
    quote = refund_quote(booking, now=now)
    if booking.state == BookingState.CANCELLED:
        return quote
    if booking.state not in FIRM or booking.starts_at <= now:
        raise WrongState(booking.state)
    if quote.amount != expected:
        raise RefundChanged
    end_occupancy(session, booking, now=now)
    booking.state, booking.ended_at = BookingState.CANCELLED.value, now
    note(
        session,
        booking,
        "cancelled",
        actor=actor,
        now=now,
        detail={"refund": quote.amount.amount, "percent": quote.percent, "rule": quote.rule},
    )
    if quote.amount > Yen(0):
        give_back(
            session,
            booking,
            amount=quote.amount,
            kind=RefundKind.NOT_OWED if quote.rule == WITHDRAWN else RefundKind.BY_ORDINANCE,
            ground=Ground("申込みの取下げ")
            if quote.rule == WITHDRAWN
            else Ground(policy_of(booking).cancellation.ground, quote.words),
            actor=actor,
            now=now,
        )
    jobs.defer(session, TELL, booking_id=booking.id, event="cancelled")
    return quote
