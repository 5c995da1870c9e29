"""Bookings as their owners and the managers of their facilities see them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Select, Text, func, or_, select
from sqlalchemy.orm import Session, joinedload

from payments import paid as paid_for
from payments import queries as payment_queries
from payments.paid import MoneyOf
from payments.queries import ChargeView
from portal.accounts.models import Person
from portal.kernel.money import Yen
from portal.kernel.text import digits, fold
from reservations.models import (
    FIRM,
    Booking,
    BookingEvent,
    BookingState,
    Facility,
    NameKind,
    Purpose,
    Space,
    space_purpose,
)
from reservations.pricing import Asks, Quote
from reservations.romaji import romaji
from reservations.rules import Policy
from reservations.services.common import KIND, policy_of, slots_of
from reservations.services.quoting import asks_of, shown_quote
from reservations.timetable import TOKYO, Slot

LEAST_WORDS = 2
LEAST_DIGITS = 4


@dataclass(frozen=True)
class BookingView:
    """A booking with what its page shows."""

    booking: Booking
    facility_name: str
    purposes: tuple[Purpose, ...]
    asks: Asks
    quote: Quote
    policy: Policy
    charge: ChargeView | None
    money: tuple[MoneyOf, ...] = ()

    def facility_called(self, locale: str) -> str:
        """The facility's name in the reader's language."""
        space = self.booking.space
        return facility_name(space.facility, self.booking.starts_at.astimezone(TOKYO).date(), locale)

    @property
    def paid(self) -> Yen:
        """What was paid over all charges, such as the fee and the difference of a move."""
        return sum((one.amount for one in self.money if one.accepted), start=Yen(0))

    @property
    def back(self) -> Yen:
        """What was promised back over all charges."""
        return sum((one.back for one in self.money), start=Yen(0))

    @property
    def receipts(self) -> list[MoneyOf]:
        """The payments with a receipt, oldest first."""
        return [one for one in self.money if one.accepted and one.receipt_ref]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """What is used, in order."""
        return slots_of(self.booking)

    @property
    def state(self) -> str:
        """The state as stored; see `ended` for holds."""
        return self.booking.state

    def ended(self, now: datetime) -> bool:
        """Whether it was a hold that is over."""
        return self.state in {BookingState.LAPSED, BookingState.RELEASED} or (
            self.state == BookingState.HELD and self.booking.held_until <= now
        )

    @property
    def by_manager(self) -> bool:
        """Whether the facility manager has to say yes."""
        return self.policy.approval.by_people


def _full() -> Select[Booking]:
    return select(Booking).options(
        joinedload(Booking.space).joinedload(Space.facility).selectinload(Facility.names),
        joinedload(Booking.policy),
        joinedload(Booking.fees),
        joinedload(Booking.purpose),
    )


def facility_name(facility: Facility, on: date, locale: str = "ja") -> str:
    """The official name on a day; in English the city's English name, else its reading in Latin letters. The names are loaded."""
    held = next((n for n in facility.names if n.kind == NameKind.OFFICIAL and n.holds_on(on)), None)
    name = held.name if held else facility.code
    if locale != "en":
        return name
    return (held.name_en if held else "") or romaji(facility.kana) or name


def of_person(session: Session, reference: str, person_id: int) -> BookingView | None:
    """A person's own booking; None where it is not theirs. A fixed number of statements."""
    statement = _full().where(Booking.reference == reference, Booking.person_id == person_id)
    booking = session.scalars(statement).unique().one_or_none()
    return None if booking is None else _view(session, booking)


def of_facilities(session: Session, reference: str, facilities: Collection[str]) -> BookingView | None:
    """A booking of one of the facilities; None where it belongs to another."""
    statement = (
        _full()
        .join(Booking.space)
        .join(Space.facility)
        .where(Booking.reference == reference, Facility.code.in_(facilities))
    )
    booking = session.scalars(statement).unique().one_or_none()
    return None if booking is None else _view(session, booking)


def _view(session: Session, booking: Booking) -> BookingView:
    return BookingView(
        booking,
        facility_name(booking.space.facility, booking.starts_at.astimezone(TOKYO).date()),
        purposes_of(session, booking.space_id),
        asks_of(booking),
        shown_quote(booking),
        policy_of(booking),
        payment_queries.current_charge(session, KIND, booking.reference),
        tuple(paid_for.money_of(session, KIND, booking.reference)),
    )


@dataclass(frozen=True)
class BookingLine:
    """A booking in a list."""

    reference: str
    state: str
    facility_code: str
    facility: str
    space: str
    space_en: str
    starts_at: datetime
    ends_at: datetime
    held_until: datetime
    accepted: bool
    people: int
    purpose: str
    purpose_en: str
    name: str
    slots: tuple[Slot, ...] = ()
    space_code: str = ""
    facility_en: str = ""
    source: str = ""


def _lines(session: Session, statement: Select[Booking, str]) -> list[BookingLine]:
    found = []
    for booking, name in session.execute(statement).unique():
        found.append(
            BookingLine(
                booking.reference,
                booking.state,
                booking.space.facility.code,
                facility_name(booking.space.facility, booking.starts_at.astimezone(TOKYO).date()),
                booking.space.name,
                booking.space.name_en,
                booking.starts_at,
                booking.ends_at,
                booking.held_until,
                booking.accepted_at is not None,
                booking.people,
                booking.purpose.name if booking.purpose else "",
                booking.purpose.name_en if booking.purpose else "",
                name,
                slots_of(booking),
                booking.space.code,
                facility_name(booking.space.facility, booking.starts_at.astimezone(TOKYO).date(), "en"),
                booking.source,
            ),
        )
    return found


def _listed() -> Select[Booking, str]:
    return (
        select(Booking, Person.name)
        .join(Person, Person.id == Booking.person_id)
        .join(Space, Space.id == Booking.space_id)
        .join(Facility, Facility.id == Space.facility_id)
        .options(
            joinedload(Booking.space).joinedload(Space.facility).selectinload(Facility.names),
            joinedload(Booking.purpose),
        )
    )


def mine(session: Session, person_id: int, *, now: datetime, limit: int = 50) -> list[BookingLine]:
    """A person's bookings: what is to come first, then the past. Holds that are over are left out."""
    statement = (
        _listed()
        .where(
            Booking.person_id == person_id,
            Booking.state.not_in([BookingState.LAPSED, BookingState.RELEASED]),
            (Booking.state != BookingState.HELD) | (Booking.held_until > now),
        )
        .order_by((Booking.ends_at < now), Booking.starts_at)
        .limit(limit)
    )
    return _lines(session, statement)


def unpaid(session: Session, lines: Collection[BookingLine]) -> set[str]:
    """Which of these bookings have a demand that waits for money; one statement."""
    return payment_queries.open_refs(session, KIND, [line.reference for line in lines])


def waiting(session: Session, facilities: Collection[str]) -> list[BookingLine]:
    """What waits for the manager of these facilities, oldest first."""
    statement = (
        _listed()
        .where(Booking.state == BookingState.REQUESTED, Facility.code.in_(facilities))
        .order_by(Booking.firm_at, Booking.id)
        .limit(200)
    )
    return _lines(session, statement)


def sheet(session: Session, facilities: Collection[str], day: date) -> list[BookingLine]:
    """All firm bookings of a day in these facilities, by facility, space and time."""
    start = datetime.combine(day, time(), TOKYO)
    statement = (
        _listed()
        .where(
            Booking.state.in_(FIRM),
            Facility.code.in_(facilities),
            Booking.starts_at < start + timedelta(days=1),
            Booking.ends_at > start,
        )
        .order_by(Facility.position, Space.position, Booking.starts_at)
    )
    return _lines(session, statement)


def between(session: Session, facility: str, *, start: datetime, end: datetime, now: datetime) -> list[BookingLine]:
    """All firm bookings and running holds of a facility between two moments, by time. Two statements."""
    standing = Booking.state.in_(FIRM) | ((Booking.state == BookingState.HELD) & (Booking.held_until > now))
    statement = (
        _listed()
        .where(standing, Facility.code == facility, Booking.starts_at < end, Booking.ends_at > start)
        .order_by(Booking.starts_at, Booking.id)
    )
    return _lines(session, statement)


def standing_from(session: Session, facility: str, *, start: datetime, now: datetime) -> list[BookingLine]:
    """All firm bookings and running holds of a facility that end after a moment, by time; at most 500. Two statements."""
    statement = (
        _listed()
        .where(
            Facility.code == facility,
            Booking.ends_at > start,
            Booking.state.in_(FIRM) | ((Booking.state == BookingState.HELD) & (Booking.held_until > now)),
        )
        .order_by(Booking.starts_at, Booking.id)
        .limit(500)
    )
    return _lines(session, statement)


def line_of(session: Session, facilities: Collection[str], reference: str) -> BookingLine | None:
    """One firm or ended booking of these facilities; None where it belongs to another."""
    statement = _listed().where(
        Booking.reference == reference, Facility.code.in_(facilities), Booking.firm_at.is_not(None)
    )
    return next(iter(_lines(session, statement)), None)


def searched(session: Session, facilities: Collection[str], words: str, *, around: date) -> list[BookingLine]:
    """Bookings of these facilities by number, permit code, name, kana or telephone number, the nearest days first; at most 50.

    Fewer than two characters find nothing. Holds are found once their price was accepted: they wait for the money.
    """
    wanted = fold(words)
    if len(wanted) < LEAST_WORDS:
        return []
    number = re.sub(r"[^0-9]", "", digits(words))
    said = [
        Booking.reference == words.strip().upper(),
        Booking.permit_code == words.strip().upper(),
        Person.search.contains(wanted, autoescape=True),
    ]
    if len(number) >= LEAST_DIGITS:
        said.append(func.regexp_replace(Person.phone, "[^0-9]", "", "g", type_=Text).contains(number))
    noon = datetime.combine(around, time(12), TOKYO)
    statement = (
        _listed()
        .where(
            Facility.code.in_(facilities),
            Booking.state.not_in([BookingState.HELD, BookingState.LAPSED, BookingState.RELEASED])
            | ((Booking.state == BookingState.HELD) & Booking.accepted_at.is_not(None)),
            or_(*said),
        )
        .order_by(func.abs(func.extract("epoch", Booking.starts_at - noon)), Booking.id)
        .limit(50)
    )
    return _lines(session, statement)


def managed(session: Session, facilities: Collection[str], *, on: date) -> list[tuple[str, str]]:
    """(code, name) of the facilities, in order."""
    statement = (
        select(Facility)
        .where(Facility.code.in_(facilities))
        .options(joinedload(Facility.names))
        .order_by(Facility.position)
    )
    return [(facility.code, facility_name(facility, on)) for facility in session.scalars(statement).unique()]


def events(session: Session, booking_id: int) -> list[BookingEvent]:
    """The history of a booking."""
    return list(
        session.scalars(select(BookingEvent).where(BookingEvent.booking_id == booking_id).order_by(BookingEvent.id))
    )


def purposes_of(session: Session, space_id: int) -> tuple[Purpose, ...]:
    """What a space is for, in order."""
    offered = (
        select(Purpose)
        .join(space_purpose, space_purpose.c.purpose_id == Purpose.id)
        .where(space_purpose.c.space_id == space_id)
        .order_by(Purpose.position)
    )
    return tuple(session.scalars(offered))


def by_permit(session: Session, code: str) -> BookingView | None:
    """The booking of a permit's code: whoever holds the permit may verify it."""
    booking = session.scalars(_full().where(Booking.permit_code == code)).unique().one_or_none()
    return None if booking is None else _view(session, booking)
