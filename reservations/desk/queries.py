"""A day at the desk, and the month's report of users. Fixed numbers of statements."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from operator import attrgetter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reservations.desk.ages import AGES
from reservations.desk.models import BookingUse, DaySheet, LentThing
from reservations.models import Booking, BookingState, Facility, FacilityName, NameKind, Space
from reservations.queries import bookings
from reservations.queries.bookings import BookingLine
from reservations.timetable import TOKYO


@dataclass(frozen=True)
class DeskLine:
    """A booking of the day, with what was entered about it."""

    booking: BookingLine
    use: BookingUse | None
    lent: tuple[LentThing, ...]

    @property
    def out(self) -> tuple[LentThing, ...]:
        """What has not come back."""
        return tuple(thing for thing in self.lent if thing.returned_at is None)


def day(session: Session, facilities: Collection[str], on: date) -> list[DeskLine]:
    """The firm bookings of a day with their use, as they come through the door; four statements."""
    lines = sorted(bookings.sheet(session, facilities, on), key=attrgetter("starts_at"))
    references = [line.reference for line in lines]
    said = session.execute(
        select(Booking.reference, BookingUse)
        .join(BookingUse, BookingUse.booking_id == Booking.id)
        .where(Booking.reference.in_(references))
    )
    uses: dict[str, BookingUse] = {row[0]: row[1] for row in said}
    lent: dict[str, list[LentThing]] = {}
    for reference, thing in session.execute(
        select(Booking.reference, LentThing)
        .join(LentThing, LentThing.booking_id == Booking.id)
        .where(Booking.reference.in_(references))
        .order_by(LentThing.id)
    ):
        lent.setdefault(reference, []).append(thing)
    return [DeskLine(line, uses.get(line.reference), tuple(lent.get(line.reference, ()))) for line in lines]


def one(session: Session, facilities: Collection[str], reference: str) -> DeskLine | None:
    """One booking of these facilities with its use; None where there is none. At most six statements."""
    line = bookings.line_of(session, facilities, reference)
    if line is None:
        return None
    own = select(Booking.id).where(Booking.reference == reference).scalar_subquery()
    use = session.scalars(select(BookingUse).where(BookingUse.booking_id == own)).one_or_none()
    lent = session.scalars(select(LentThing).where(LentThing.booking_id == own).order_by(LentThing.id))
    return DeskLine(line, use, tuple(lent))


def reference_of(session: Session, booking_id: int) -> str:
    """The number of a booking; one statement."""
    return session.scalars(select(Booking.reference).where(Booking.id == booking_id)).one()


def find(session: Session, facilities: Collection[str], words: str, *, around: date) -> list[BookingLine]:
    """Bookings of these facilities by number, permit code, name, kana or phone, nearest day first; at most 50. Two statements."""
    return bookings.searched(session, facilities, words, around=around)


def by_permit(session: Session, facilities: Collection[str], code: str) -> str | None:
    """The number of the booking with this permit code, of these facilities; one statement."""
    return session.scalars(
        select(Booking.reference)
        .join(Space, Space.id == Booking.space_id)
        .join(Facility, Facility.id == Space.facility_id)
        .where(Booking.permit_code == code.strip().upper(), Facility.code.in_(facilities))
    ).one_or_none()


@dataclass(frozen=True)
class SpaceUsers:
    """One line of the report: a space in a month."""

    facility: str
    space: str
    bookings: int
    came: int
    users: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All users."""
        return sum(self.users.values())


def bounds(first: date) -> tuple[datetime, datetime]:
    """The month of `first`, as moments in Tokyo, half open."""
    start = first.replace(day=1)
    after = (start + timedelta(days=32)).replace(day=1)
    return datetime.combine(start, time(), TOKYO), datetime.combine(after, time(), TOKYO)


def users_of_month(session: Session, facilities: Collection[str], first: date) -> Sequence[SpaceUsers]:
    """Bookings, bookings whose people came, and users by age, a line for each space that had any; two statements."""
    start, end = bounds(first)
    rows = session.execute(
        select(Booking.space_id, BookingUse.booking_id, BookingUse.users)
        .join(Space, Space.id == Booking.space_id)
        .join(Facility, Facility.id == Space.facility_id)
        .outerjoin(BookingUse, BookingUse.booking_id == Booking.id)
        .where(
            Booking.starts_at >= start,
            Booking.starts_at < end,
            Booking.state == BookingState.CONFIRMED,
            Facility.code.in_(facilities),
        )
    ).all()
    lines: list[SpaceUsers] = []
    for space_id, (facility, space) in names_of_spaces(session, {row[0] for row in rows}, first).items():
        own = [(used, users or {}) for found, used, users in rows if found == space_id]
        by_age = {age: sum(users.get(age, 0) for _used, users in own) for age in AGES}
        lines.append(SpaceUsers(facility, space, len(own), sum(used is not None for used, _users in own), by_age))
    return lines


def names_of_spaces(session: Session, space_ids: Collection[int], on: date) -> dict[int, tuple[str, str]]:
    """Facility (its official name on a day) and space by the space's id, in the city's order; one statement."""
    rows = session.execute(
        select(Space.id, FacilityName.name, Space.name)
        .join(Facility, Facility.id == Space.facility_id)
        .join(FacilityName, FacilityName.facility_id == Facility.id)
        .where(
            Space.id.in_(space_ids),
            FacilityName.kind == NameKind.OFFICIAL,
            func.coalesce(FacilityName.valid_from, on) <= on,
            func.coalesce(FacilityName.valid_until, on) >= on,
        )
        .order_by(Facility.position, Space.position)
    )
    return {space_id: (facility, space) for space_id, facility, space in rows}


def sheet_of(session: Session, facility: str, on: date) -> DaySheet | None:
    """The sheet that was made the evening before; one statement."""
    return session.scalars(
        select(DaySheet)
        .join(Facility, Facility.id == DaySheet.facility_id)
        .where(Facility.code == facility, DaySheet.day == on)
    ).one_or_none()
