"""A person's bookings as calendar entries."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, Select, func, select
from sqlalchemy.orm import Session, joinedload

from portal.directory.models import City
from portal.kernel.i18n import translations
from reservations.feeds.calendar_file import Entry
from reservations.models import Booking, BookingEvent, BookingState, Facility, Space
from reservations.queries.bookings import facility_name
from reservations.timetable import TOKYO

KEPT = timedelta(days=60)
"""How long a use that is over, or was cancelled, stays in the feed: long enough to reach every device."""
MOST = 500


def city_part() -> ScalarSelect[str]:
    """What stands before a facility's address, so that maps and calendars find it: 茨城県古河市."""
    return select(City.prefecture + City.name).limit(1).scalar_subquery()


def _statement() -> Select[Booking, datetime | None, str | None]:
    changed = (
        select(func.max(BookingEvent.at))
        .where(BookingEvent.booking_id == Booking.id)
        .correlate(Booking)
        .scalar_subquery()
    )
    return select(Booking, changed, city_part()).options(
        joinedload(Booking.space).joinedload(Space.facility).selectinload(Facility.names)
    )


def entries_of(session: Session, person_id: int, *, locale: str, public_url: str, now: datetime) -> list[Entry]:
    """What was asked for or permitted, and what was cancelled lately; holds are not in it. Two statements."""
    left_out = (BookingState.HELD, BookingState.LAPSED, BookingState.RELEASED)
    statement = (
        _statement()
        .where(Booking.person_id == person_id, Booking.state.not_in(left_out), Booking.ends_at > now - KEPT)
        .order_by(Booking.starts_at, Booking.id)
        .limit(MOST)
    )
    rows = session.execute(statement).unique()
    return [entry_of(row[0], row[1], city=row[2], locale=locale, public_url=public_url) for row in rows]


def own_entry(session: Session, reference: str, person_id: int, *, locale: str, public_url: str) -> Entry | None:
    """The entry of a person's own booking; None where it is not theirs, or only a hold. Two statements."""
    statement = _statement().where(
        Booking.reference == reference, Booking.person_id == person_id, Booking.firm_at.is_not(None)
    )
    row = session.execute(statement).unique().one_or_none()
    return None if row is None else entry_of(row[0], row[1], city=row[2], locale=locale, public_url=public_url)


def entry_of(booking: Booking, changed_at: datetime | None, *, city: str | None, locale: str, public_url: str) -> Entry:
    """A booking as an entry; its space, facility and names are loaded."""
    facility = booking.space.facility
    space = (booking.space.name_en or booking.space.name) if locale == "en" else booking.space.name
    words = translations(locale)
    return Entry(
        reference=booking.reference,
        title=f"{facility_name(facility, booking.starts_at.astimezone(TOKYO).date(), locale)} {space}",
        where=f"{city or ''}{facility.address}" if facility.address else "",
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        state=booking.state,
        changed_at=changed_at or booking.created_at,
        note=words.gettext("使えなくなったときは、早めに取り消してください。"),
        url=f"{public_url}/bookings/{booking.reference}",
    )
