"""Use beyond the booked end: what the fee table asks for it, and the further charge."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.kernel import jobs
from portal.kernel.audit import Actor
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.money import Yen
from reservations.desk.models import BookingUse
from reservations.errors import ReasonMissing, WrongState
from reservations.models import Booking, BookingState
from reservations.money_models import BookingAdjustment
from reservations.policy.payment import DaysToPay, last_moment
from reservations.pricing import NoFee, Quote, quote_parts
from reservations.services import adjusting, reducing
from reservations.services.adjusting import Why
from reservations.services.common import locked, policy_of
from reservations.services.nights import tables_of
from reservations.services.paying import TELL
from reservations.services.quoting import cases_of, quote_of


@dataclass(eq=False)
class NoOvertimeFee(Conflict):
    """Nothing to charge: nobody stayed longer, or the fee table has no price for so many minutes."""

    code: ClassVar[str] = "no_overtime_fee"
    minutes: int


def price(booking: Booking, minutes: int) -> Quote | None:
    """The booking's price with minutes beyond its end; None where the table has none for them.

    The table is the one under which the booking was made; its rule decides how a begun hour counts.
    """
    cases = cases_of(booking)
    cases[-1] = replace(cases[-1], overtime=minutes)
    try:
        return quote_parts(list(zip(tables_of(booking, len(cases)), cases, strict=True)))
    except NoFee:
        return None


@dataclass(frozen=True)
class Offer:
    """What overtime costs on top of the booking's price, and the days to pay it; `more` None: the table has no price for it."""

    more: Yen | None
    days: DaysToPay


def offer(session: Session, reference: str, minutes: int) -> Offer:
    """What could be asked for overtime."""
    booking = locked(session, reference)
    quote = price(booking, minutes)
    more = None if quote is None else quote.total - adjusting.total_now(session, booking)
    return Offer(more, policy_of(booking).days_to_pay)


def charge(session: Session, reference: str, *, facilities: Collection[str], actor: Actor, now: datetime) -> Yen:
    """Ask for the overtime that was entered, and tell the payer; twice is once.

    Returns:
        What is asked for on top of the booking's price.

    Raises:
        NotFound: no booking of these facilities.
        NoOvertimeFee: no overtime was entered, or the fee table knows no price for it.
    """
    booking = locked(session, reference)
    if booking.space.facility.code not in facilities:
        raise NotFound
    use = session.get(BookingUse, booking.id)
    if use is None or not use.overtime:
        raise NoOvertimeFee(0)
    if use.overtime_charge is not None:
        return Yen(0)
    before = adjusting.total_now(session, booking)
    quote = price(booking, use.overtime)
    if quote is None or quote.total <= before:
        raise NoOvertimeFee(use.overtime)
    # Kept among the facts, so that a later change of the price (a reduction, a corrected table) does not forget it.
    booking.facts = {**booking.facts, "overtime": use.overtime}
    why = Why("overtime", quote.ground, "時間をこえた使用料", "Fee for staying longer")
    until = last_moment(now, policy_of(booking).days_to_pay.overtime)
    made = adjusting.adjust(session, booking, quote, why, pay_until=until, actor=actor, now=now)
    use.overtime_charge = made.charge_ref if made is not None else None
    session.flush()
    jobs.defer(session, TELL, booking_id=booking.id, event="overtime", number=made.id if made is not None else 0)
    return quote.total - before


def take_back(
    session: Session, reference: str, *, reason: str, facilities: Collection[str], actor: Actor, now: datetime
) -> Yen:
    """Take a wrong charge for overtime back: unpaid it is withdrawn, paid it goes back as money that was not owed. Twice is once.

    Args:
        session: the caller's transaction.
        reference: the booking.
        reason: why, for the person and the record.
        facilities: codes of the facilities that the actor manages.
        actor: who.
        now: aware.

    Returns:
        By how much the price falls; 0 where nothing is charged (any more).

    Raises:
        NotFound: no booking of these facilities.
        ReasonMissing: no reason.
        WrongState: the booking was ended since, and its money is settled.
    """
    booking = locked(session, reference)
    if booking.space.facility.code not in facilities:
        raise NotFound
    if not reason.strip():
        raise ReasonMissing
    use = session.get(BookingUse, booking.id)
    if use is None or use.overtime_charge is None:
        return Yen(0)
    if booking.state != BookingState.CONFIRMED:
        raise WrongState(booking.state)
    before = adjusting.total_now(session, booking)
    booking.facts = {name: value for name, value in booking.facts.items() if name != "overtime"}
    quote = quote_of(booking)
    why = Why("overtime_back", quote.ground, "施設使用料", "Fee for use of the facility", reason=reason.strip())
    made = adjusting.adjust(
        session, booking, quote, why, pay_until=reducing.due(booking, now=now), actor=actor, now=now
    )
    use.overtime_charge = None
    session.flush()
    jobs.defer(session, TELL, booking_id=booking.id, event="overtime_back", number=made.id if made is not None else 0)
    return before - quote.total


def taken_back(session: Session, booking_id: int) -> BookingAdjustment | None:
    """The last charge for overtime that was taken back, unless another one was made since; None: none."""
    last = session.scalars(
        select(BookingAdjustment)
        .where(BookingAdjustment.booking_id == booking_id, BookingAdjustment.kind.in_(["overtime", "overtime_back"]))
        .order_by(BookingAdjustment.id.desc())
        .limit(1)
    ).first()
    return last if last is not None and last.kind == "overtime_back" else None
