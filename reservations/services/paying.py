"""What happens to a booking when its money arrives or goes back (`payments.contract.Payable`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from payments.contract import Counter, Verdict
from portal.kernel import jobs, references
from portal.kernel.audit import SYSTEM, Actor
from portal.kernel.money import Yen
from reservations.errors import SlotTaken
from reservations.models import FIRM, Booking, BookingState, Source
from reservations.rules import Approval
from reservations.services.common import KIND, locked, note, policy_of
from reservations.services.holding import keep_for_page, set_live

ISSUE_PERMIT = "reservations.issue_permit"
TELL = "reservations.tell"
SQUARE = "reservations.square"


def settle(session: Session, booking: Booking, *, actor: Actor, now: datetime) -> None:
    """Everything owed is there: the booking keeps its units without end, and is confirmed or waits for the manager.

    What took place on paper is noted as it was: there is nothing to permit any more. Staff who let somebody in have said yes; where two
    have to, another one still decides.

    Raises:
        SlotTaken: the hold was over and somebody else has the slot.
    """
    set_live(session, booking, until=None, now=now)
    booking.firm_at, booking.ended_at = now, None
    if booking.source == Source.PAPER:
        booking.state, booking.confirmed_at = BookingState.CONFIRMED.value, now
        note(session, booking, "entered", actor=actor, now=now)
        jobs.defer(session, TELL, booking_id=booking.id, event="entered")
        return
    approval = policy_of(booking).approval
    let_in = booking.source == Source.WALK_IN and actor.kind == "staff"
    if let_in and approval is Approval.TWO_STEPS:
        booking.reviewed_at, booking.reviewed_by = now, actor.account_id
        note(session, booking, "reviewed", actor=actor, now=now)
    if approval is Approval.TWO_STEPS or (approval.by_people and not let_in):
        booking.state = BookingState.REQUESTED.value
        note(session, booking, "requested", actor=actor, now=now)
        jobs.defer(session, TELL, booking_id=booking.id, event="requested")
        return
    confirm(session, booking, actor=actor, now=now)


def confirm(session: Session, booking: Booking, *, actor: Actor, now: datetime) -> None:
    """The use is permitted: the permit is made and mailed by a job."""
    booking.state, booking.confirmed_at = BookingState.CONFIRMED.value, now
    booking.permit_code = references.new("P")
    note(session, booking, "confirmed", actor=actor, now=now)
    jobs.defer(session, ISSUE_PERMIT, booking_id=booking.id)


class _Moves:
    """What to do with money for a move; handed over by `reservations.operations.moving` (it stands on this module)."""

    settle: Callable[[Session, Booking, str, datetime], Verdict | None] | None = None


def on_move_paid(settle: Callable[[Session, Booking, str, datetime], Verdict | None]) -> None:
    """Say what to do with money for a move: a verdict, or None where the charge is not a move's."""
    _Moves.settle = staticmethod(settle)


class _Counters:
    """Where a booking's money is taken by hand; handed over by `reservations.wiring` (it reads the facility's page)."""

    of: Callable[[Session, str, str, datetime], Counter | None] | None = None


def taken_at(of: Callable[[Session, str, str, datetime], Counter | None]) -> None:
    """Say how the counter of a booking is found: session, reference, language, now."""
    _Counters.of = staticmethod(of)


class BookingPayable:
    """A booking as payments sees it."""

    kind = KIND

    def on_paid(self, session: Any, ref: str, *, charge_ref: str, paid_at: datetime, now: datetime) -> Verdict:
        """Money is there: keep the slot for good, take it again if the hold is over, else refuse the money."""
        booking = locked(_session(session), ref)
        jobs.defer(_session(session), SQUARE, booking_id=booking.id)
        moved = _Moves.settle(session, booking, charge_ref, now) if _Moves.settle and booking.firm_at else None
        if moved is not None:
            return moved
        if booking.firm_at is not None:
            return Verdict.ACCEPTED
        if booking.state not in {BookingState.HELD, BookingState.LAPSED} or booking.starts_at <= now:
            return self._too_late(session, booking, charge_ref, now=now)
        try:
            settle(session, booking, actor=SYSTEM, now=now)
        except SlotTaken:
            return self._too_late(session, booking, charge_ref, now=now)
        del paid_at
        return Verdict.ACCEPTED

    def on_waiting(self, session: Any, ref: str, *, charge_ref: str, until: datetime, now: datetime) -> None:
        """A voucher is out: keep the slot until it cannot have been paid any more, at most until the use begins (CASES M2)."""
        booking = locked(_session(session), ref)
        end = min(until, booking.starts_at)
        if booking.state != BookingState.HELD or booking.firm_at is not None or end <= booking.held_until:
            return
        try:
            set_live(session, booking, until=end, now=now)
        except SlotTaken:
            return
        booking.held_until = end
        note(session, booking, "voucher_out", actor=SYSTEM, now=now, detail={"charge": charge_ref})

    def on_opening(self, session: Any, ref: str, *, charge_ref: str, now: datetime) -> datetime | None:
        """Somebody goes to the payment page with little time left: keep the slot while they pay (`payments.contract.Prolongs`)."""
        del charge_ref
        return keep_for_page(session, locked(_session(session), ref), now=now)

    def on_refunded(self, session: Any, ref: str, *, charge_ref: str, amount: Yen, now: datetime) -> None:
        """Note that money went back."""
        booking = locked(_session(session), ref)
        note(
            session, booking, "refunded", actor=SYSTEM, now=now, detail={"charge": charge_ref, "amount": amount.amount}
        )

    def page(self, ref: str) -> str:
        """The booking's own page."""
        return f"/bookings/{ref}"

    def counter(self, session: Any, ref: str, *, locale: str, now: datetime) -> Counter | None:
        """The facility's own counter (`payments.contract.TakenAt`)."""
        return _Counters.of(_session(session), ref, locale, now) if _Counters.of else None

    def _too_late(self, session: Session, booking: Booking, charge_ref: str, *, now: datetime) -> Verdict:
        if booking.state == BookingState.HELD and booking.held_until <= now:
            booking.state, booking.ended_at = BookingState.LAPSED.value, booking.held_until
        note(session, booking, "paid_too_late", actor=SYSTEM, now=now, detail={"charge": charge_ref})
        jobs.defer(session, TELL, booking_id=booking.id, event="paid_too_late")
        return Verdict.REFUSED


def _session(session: Any) -> Session:
    if not isinstance(session, Session):
        raise TypeError(type(session).__name__)
    return session


__all__ = ["FIRM", "ISSUE_PERMIT", "SQUARE", "TELL", "BookingPayable", "confirm", "settle"]
