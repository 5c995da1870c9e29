"""Cancelling for somebody who stands at the desk or telephones: the rules, sums and messages of their own phone (CASES A11)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from portal.kernel import jobs
from portal.kernel.audit import Actor
from portal.kernel.money import Yen
from reservations.errors import WrongState
from reservations.models import FIRM, Booking, BookingState, Source
from reservations.rules import RefundQuote
from reservations.services.cancelling import end_by_wish
from reservations.services.deciding import in_scope
from reservations.services.holding import let_go
from reservations.services.paying import TELL

TOLD = (Source.TELEPHONE, Source.COUNTER)
"""How somebody may say that they do not come."""


def cancel_for(
    session: Session,
    reference: str,
    *,
    told: Source,
    expected: Yen,
    owed: Yen,
    facilities: Collection[str],
    actor: Actor,
    now: datetime,
) -> RefundQuote:
    """Cancel a firm booking as its person wishes; what they were told goes back by the way it came.

    Args:
        session: the caller's transaction.
        reference: the booking.
        told: at the counter or by telephone; kept in its history.
        expected: the refund that the person was told.
        owed: the fee for cancelling that the person was told.
        facilities: codes of the clerk's facilities.
        actor: the clerk.
        now: the database's clock.

    Raises:
        NotFound: not of these facilities.
        WrongState: it is not firm, or the use has begun.
        RefundChanged: another sum would go back, or be owed, by now; nothing was cancelled.
    """
    booking = in_scope(session, reference, facilities)
    return end_by_wish(session, booking, expected=expected, owed=owed, told=told.value, actor=actor, now=now)


def release_for(
    session: Session, reference: str, *, told: Source, facilities: Collection[str], actor: Actor, now: datetime
) -> None:
    """Let go of a booking that waits for its payment; the person is told. Twice is once.

    Raises:
        NotFound: not of these facilities.
        WrongState: it is firm, or its price was not accepted yet: whoever holds it does so on their own page.
    """
    booking = in_scope(session, reference, facilities)
    if booking.state == BookingState.HELD and booking.accepted_at is None:
        raise WrongState(booking.state)
    if let_go(session, booking, told=told.value, actor=actor, now=now):
        jobs.defer(session, TELL, booking_id=booking.id, event="released")


def waits(booking: Booking, *, now: datetime) -> bool:
    """Whether it is a booking that waits for its payment."""
    return booking.state == BookingState.HELD and booking.accepted_at is not None and booking.held_until > now


def may_leave(booking: Booking, *, now: datetime) -> bool:
    """Whether it can be cancelled, or let go, as its person wishes."""
    return waits(booking, now=now) or (booking.state in FIRM and booking.starts_at > now)
