"""Use beyond the booked end: what the fee table asks for it, and the further charge."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from portal.kernel import jobs
from portal.kernel.audit import Actor
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.money import Yen
from reservations.desk.models import BookingUse
from reservations.models import Booking
from reservations.policy.payment import DaysToPay, last_moment
from reservations.pricing import NoFee, Quote, quote_parts
from reservations.services import adjusting
from reservations.services.adjusting import Why
from reservations.services.common import locked, policy_of
from reservations.services.nights import tables_of
from reservations.services.paying import TELL
from reservations.services.quoting import cases_of


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
    jobs.defer(session, TELL, booking_id=booking.id, event="overtime")
    return quote.total - before
