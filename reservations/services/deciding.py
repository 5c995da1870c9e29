"""The facility manager says yes or no to a use that asks for it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from payments.contract import Ground
from payments.services import RefundKind
from portal.kernel import jobs
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from reservations.errors import ReasonMissing, WrongState
from reservations.models import Booking, BookingState
from reservations.services.common import end_occupancy, locked, note
from reservations.services.paying import TELL, confirm
from reservations.services.returning import give_back


def in_scope(session: Session, reference: str, facilities: Collection[str]) -> Booking:
    """The booking, locked, if it belongs to one of the manager's facilities.

    Raises:
        NotFound: there is none, or it belongs to another facility.
    """
    booking = locked(session, reference)
    if booking.space.facility.code not in facilities:
        raise NotFound
    return booking


def approve(session: Session, reference: str, *, facilities: Collection[str], actor: Actor, now: datetime) -> None:
    """Permit the use. A second click finds it permitted.

    Args:
        session: the caller's transaction.
        reference: the booking.
        facilities: codes of the facilities that the actor manages.
        actor: the manager.
        now: aware.

    Raises:
        NotFound: not of these facilities.
        WrongState: nothing is waiting.
    """
    booking = in_scope(session, reference, facilities)
    if booking.state == BookingState.CONFIRMED:
        return
    if booking.state != BookingState.REQUESTED:
        raise WrongState(booking.state)
    confirm(session, booking, actor=actor, now=now)


def refuse(
    session: Session, reference: str, *, reason: str, facilities: Collection[str], actor: Actor, now: datetime
) -> None:
    """Refuse the use with its reason (行政手続法8条); everything paid goes back; the message has the 教示.

    Raises:
        NotFound: not of these facilities.
        ReasonMissing: no reason.
        WrongState: nothing is waiting.
    """
    booking = in_scope(session, reference, facilities)
    if not reason.strip():
        raise ReasonMissing
    if booking.state == BookingState.REFUSED:
        return
    if booking.state != BookingState.REQUESTED:
        raise WrongState(booking.state)
    end_occupancy(session, booking, now=now)
    booking.state, booking.ended_at, booking.reason = BookingState.REFUSED.value, now, reason.strip()
    note(session, booking, "refused", actor=actor, now=now)
    jobs.defer(session, TELL, booking_id=booking.id, event="refused")
    give_back(
        session, booking, amount=None, kind=RefundKind.NOT_OWED, ground=Ground("使用の不許可"), actor=actor, now=now
    )
