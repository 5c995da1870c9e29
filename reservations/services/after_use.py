"""Staff note what became of a use: called off, partly lost, not come. The money follows the rules of use; overtime: the desk."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from payments.contract import Ground
from payments.services import RefundKind
from portal.kernel import jobs
from portal.kernel.audit import Actor
from portal.kernel.money import Yen
from reservations.desk.models import BookingUse
from reservations.errors import WrongState
from reservations.models import FIRM, Booking, BookingState
from reservations.rules import CalledOffBy, RefundQuote
from reservations.services import returning
from reservations.services.cancelling import withdraw
from reservations.services.common import end_occupancy, note, policy_of, slots_of
from reservations.services.deciding import in_scope
from reservations.services.paying import TELL


def call_off(
    session: Session, reference: str, *, by: CalledOffBy, facilities: Collection[str], actor: Actor, now: datetime
) -> RefundQuote:
    """Call one booking off: it counts for no cap and is no fault of the user; the rules say what goes back. Twice is once.

    Raises:
        NotFound: not of these facilities.
        WrongState: it is not firm, or the use is over.
    """
    booking = in_scope(session, reference, facilities)
    quote = policy_of(booking).cancellation.called_off_refund(returning.paid(session, booking), by)
    if booking.state == BookingState.CANCELLED:
        return quote
    if booking.state not in FIRM or booking.ends_at <= now:
        raise WrongState(booking.state)
    end_occupancy(session, booking, now=now)
    booking.state, booking.ended_at = BookingState.CANCELLED.value, now
    detail = {"refund": quote.amount.amount, "percent": quote.percent, "rule": quote.rule}
    note(session, booking, "cancelled", actor=actor, now=now, detail=detail)
    withdraw(session, booking, reason="called_off", now=now)
    _back(session, booking, quote, actor=actor, now=now)
    jobs.defer(session, TELL, booking_id=booking.id, event="cancelled")
    return quote


def lost_time(
    session: Session, reference: str, *, minutes: int, facilities: Collection[str], actor: Actor, now: datetime
) -> RefundQuote:
    """Part of the time could not be used, for no fault of the user (停電・急な雨): a share goes back, once.

    Args:
        session: the caller's transaction.
        reference: the booking.
        minutes: how long it could not be used.
        facilities: codes of the facilities that the actor manages.
        actor: who.
        now: aware.

    Raises:
        NotFound: not of these facilities.
        WrongState: it was not used, or a share went back already.
    """
    booking = in_scope(session, reference, facilities)
    if booking.state != BookingState.CONFIRMED or booking.starts_at > now or "lost" in booking.facts:
        raise WrongState(booking.state)
    whole = timedelta(minutes=sum(slot.minutes for slot in slots_of(booking)))
    lost = min(timedelta(minutes=max(minutes, 0)), whole)
    quote = policy_of(booking).cancellation.lost_refund(returning.paid(session, booking), lost=lost, whole=whole)
    booking.facts = {**booking.facts, "lost": int(lost.total_seconds()) // 60}
    note(
        session, booking, "lost_time", actor=actor, now=now, detail={"minutes": minutes, "refund": quote.amount.amount}
    )
    _back(session, booking, quote, actor=actor, now=now)
    return quote


def no_show(
    session: Session, reference: str, *, came: bool, facilities: Collection[str], actor: Actor, now: datetime
) -> None:
    """Note that nobody came, or take it back. What follows from it is the rules' (`Penalty`); nothing is charged.

    Raises:
        NotFound: not of these facilities.
        WrongState: it is not firm, the use has not begun, or the desk has noted that they came.
    """
    booking = in_scope(session, reference, facilities)
    if booking.state != BookingState.CONFIRMED or booking.starts_at > now:
        raise WrongState(booking.state)
    if not came and session.get(BookingUse, booking.id) is not None:
        raise WrongState(booking.state)
    if (booking.no_show_at is None) == came:
        return
    booking.no_show_at = None if came else now
    note(session, booking, "came_after_all" if came else "no_show", actor=actor, now=now)


def _back(session: Session, booking: Booking, quote: RefundQuote, *, actor: Actor, now: datetime) -> None:
    if quote.amount <= Yen(0):
        return
    returning.give_back(
        session,
        booking,
        amount=quote.amount,
        kind=RefundKind.BY_ORDINANCE,
        ground=Ground(policy_of(booking).cancellation.ground, quote.words),
        actor=actor,
        now=now,
    )
