"""When somebody who keeps too many slots, alone or with their household, can keep one again (CASES B7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from reservations.models import Booking, BookingState, Source

LEAST_DIGITS = 9
"""So many digits make a telephone number that tells a household."""


def frees_at(session: Session, person_id: int, *, together: bool, now: datetime) -> datetime | None:
    """When the first of the holds that count ends by its own time; None: none is left. Two statements.

    Args:
        session: any.
        person_id: who was refused.
        together: with those who share the telephone or the home, as the limit counts them (`reservations.services.world`).
        now: aware.
    """
    person = session.get_one(Person, person_id)
    whose = _household(person) if together else Person.id == person_id
    return session.scalar(
        select(func.min(Booking.held_until))
        .join(Person, Person.id == Booking.person_id)
        .where(
            whose,
            Booking.state == BookingState.HELD.value,
            Booking.held_until > now,
            Booking.source.not_in([Source.SERIES.value, Source.ALLOCATION.value]),
            or_(Booking.accepted_at.is_(None), Booking.pay_when == "advance"),
        )
    )


def _household(person: Person) -> ColumnElement[bool]:
    digits = "".join(one for one in person.phone if one.isdecimal())
    same = [Person.id == person.id]
    if len(digits) >= LEAST_DIGITS:
        same.append(func.regexp_replace(Person.phone, r"\D", "", "g") == digits)
    if person.postal_code and person.block:
        at_home = ("postal_code", "block", "town", "building")
        family = func.split_part(func.replace(Person.name, "　", " "), " ", 1)
        same.append(
            (family == person.name.replace("　", " ").split(" ")[0])
            & Person.id.in_(select(Person.id).where(*(getattr(Person, one) == getattr(person, one) for one in at_home)))
        )
    return or_(*same)
