"""The facility manager says yes or no to a use that asks for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from payments import queries as payment_queries
from payments import services as payments
from payments.contract import Ground
from payments.services import RefundKind
from portal.kernel import jobs
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from reservations.errors import ReasonMissing, SecondPerson, WrongState
from reservations.models import Booking, BookingState
from reservations.rules import Approval
from reservations.services import returning
from reservations.services.common import KIND, end_occupancy, locked, note, policy_of
from reservations.services.paying import TELL, confirm


def in_scope(session: Session, reference: str, facilities: Collection[str]) -> Booking:
    """The booking, locked, if it belongs to one of the manager's facilities.

    Raises:
        NotFound: there is none, or it belongs to another facility.
    """
    booking = locked(session, reference)
    if booking.space.facility.code not in facilities:
        raise NotFound
    return booking


def approve(
    session: Session,
    reference: str,
    *,
    conditions: Sequence[str] = (),
    facilities: Collection[str],
    actor: Actor,
    now: datetime,
) -> None:
    """Permit the use. A second click finds it permitted.

    Where the rules ask for two steps, the first yes only notes that it was checked; another person decides.

    Args:
        session: the caller's transaction.
        reference: the booking.
        conditions: what is printed on this permit besides the conditions of the rules of use (with 教示, CASES A6).
        facilities: codes of the facilities that the actor manages.
        actor: the manager.
        now: aware.

    Raises:
        NotFound: not of these facilities.
        WrongState: nothing is waiting.
        SecondPerson: the same person has checked it.
    """
    booking = in_scope(session, reference, facilities)
    if booking.state == BookingState.CONFIRMED:
        return
    if booking.state != BookingState.REQUESTED:
        raise WrongState(booking.state)
    added = [text.strip() for text in conditions if text.strip()]
    booking.conditions = [*booking.conditions, *(text for text in added if text not in booking.conditions)]
    if policy_of(booking).approval is Approval.TWO_STEPS:
        if booking.reviewed_at is None:
            booking.reviewed_at, booking.reviewed_by = now, actor.account_id
            note(session, booking, "reviewed", actor=actor, now=now)
            return
        if booking.reviewed_by == actor.account_id:
            raise SecondPerson
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
    for _reference, purpose in payment_queries.open_charges(session, KIND, booking.reference):
        payments.void_charge(
            session, payable_kind=KIND, payable_ref=booking.reference, purpose=purpose, reason="refused", now=now
        )
    returning.give_back(
        session,
        booking,
        amount=None,
        kind=RefundKind.NOT_OWED,
        ground=Ground("使用の不許可"),
        actor=actor,
        now=now,
    )
