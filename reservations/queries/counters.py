"""The counter of a facility, for who cannot pay online any more: where it is, and when the house is open."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from payments.contract import Counter
from portal.directory.models import City
from portal.kernel import dates
from portal.kernel.texts import show_time
from reservations import documents
from reservations.models import Booking, DocumentKind, Facility, Space
from reservations.queries.bookings import facility_name
from reservations.timetable import TOKYO, Timetable

DAYS = 14
"""Days from today over which the usual hours are looked for."""


def of_booking(session: Session, reference: str, locale: str, now: datetime) -> Counter | None:
    """The counter of a booking's facility; None: no such booking. At most six statements."""
    booking = session.scalars(
        select(Booking)
        .where(Booking.reference == reference)
        .options(joinedload(Booking.space).joinedload(Space.facility).selectinload(Facility.names))
    ).one_or_none()
    if booking is None:
        return None
    facility, today = booking.space.facility, now.astimezone(TOKYO).date()
    city = session.scalars(select(City.name)).first() or ""
    table = documents.load(session, [(DocumentKind.TIMETABLE, booking.space.timetable_code)]).timetable(
        booking.space.timetable_code, today
    )
    return Counter(
        facility_name(facility, today, locale),
        f"{city} {facility.address}".strip() if facility.address else "",
        facility.phone or "",
        _hours(table, now, locale) if table is not None else "",
    )


def _hours(table: Timetable, now: datetime, locale: str) -> str:
    """The usual hours and the days off of the next two weeks: 9:00〜21:00 (月曜日の休み); "" where every day differs."""
    today = now.astimezone(TOKYO).date()
    days = [today + timedelta(days=n) for n in range(DAYS)]
    hours = {
        f"{show_time(slots[0].start)}〜{show_time(slots[-1].end)}"
        for day in days
        if (slots := table.slots_on(day, dates.is_holiday))
    }
    closed = [found for day in days if (found := table.closure_on(day, dates.is_holiday)) is not None]
    labels = dict.fromkeys(one.label_en if locale == "en" and one.label_en else one.label for one in closed)
    if len(hours) != 1:
        return ""
    off = (", " if locale == "en" else "、").join(labels)
    return f"{hours.pop()} ({off})" if off else hours.pop()
