"""Bookings that a later change of the law or of the timetable touches: price and permit stay, the manager gets a list (CASES B3)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from portal.accounts.models import Person
from portal.kernel import dates
from portal.kernel.money import Yen
from reservations import documents
from reservations.models import FIRM, Booking, Facility, RuleDocument, Space
from reservations.pricing import NoFee
from reservations.services.common import slots_of
from reservations.services.quoting import quote_of
from reservations.timetable import Closed, Slot, Timetable


@dataclass(frozen=True)
class Touched:
    """A booking that would be another one if it were made today.

    Attributes:
        paid: the price that was accepted; it stays.
        now: what the same use costs by today's calendar of holidays; None: the same, or the table has no such case.
        closed: why its day is closed by now; None: it is open.
    """

    reference: str
    name: str
    space: str
    slots: tuple[Slot, ...]
    paid: Yen
    now: Yen | None
    closed: Closed | None


def touched(session: Session, facilities: Collection[str], *, now: datetime, limit: int = 2000) -> list[Touched]:
    """Future bookings of these facilities whose price or opening day is another one by today's calendar; soonest first."""
    statement = (
        select(Booking, Person.name, RuleDocument)
        .join(Person, Person.id == Booking.person_id)
        .join(RuleDocument, RuleDocument.id == Booking.timetable_id)
        .join(Space, Space.id == Booking.space_id)
        .join(Facility, Facility.id == Space.facility_id)
        .options(
            joinedload(Booking.space), joinedload(Booking.fees), joinedload(Booking.policy), joinedload(Booking.purpose)
        )
        .where(Booking.state.in_(FIRM), Booking.starts_at > now, Facility.code.in_(facilities))
        .order_by(Booking.starts_at, Booking.id)
        .limit(limit)
    )
    found = [_look(booking, name, row) for booking, name, row in session.execute(statement).unique()]
    return [one for one in found if one.now is not None or one.closed is not None]


def _look(booking: Booking, name: str, row: RuleDocument) -> Touched:
    slots, paid = slots_of(booking), booking.total or Yen(0)
    table = cast("Timetable", documents.parsed(row))
    closed = next((why for slot in slots if (why := table.closure_on(slot.day, dates.is_holiday))), None)
    try:
        price: Yen | None = quote_of(booking).total
    except NoFee:
        price = None
    return Touched(
        booking.reference, name, booking.space.name, slots, paid, None if price in {None, paid} else price, closed
    )
