"""The same as last time: the place, the weekday and the time of an earlier booking, on the next days that are free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from reservations.models import Booking, Space
from reservations.queries import calendar
from reservations.queries.calendar import Offer
from reservations.rules import Looker
from reservations.services.quoting import Details

SHOWN = 4
WEEKS = 13


@dataclass(frozen=True)
class Again:
    """What was booked, and when the same can be had: at most `SHOWN` days of the same weekday."""

    booking: Booking
    purpose: str | None
    offers: tuple[Offer, ...]


def _past(session: Session, reference: str, person_id: int) -> Booking | None:
    return session.scalars(
        select(Booking)
        .where(Booking.reference == reference, Booking.person_id == person_id, Booking.firm_at.is_not(None))
        .options(joinedload(Booking.space).joinedload(Space.facility), joinedload(Booking.purpose))
    ).one_or_none()


def same_again(session: Session, reference: str, person_id: int, *, city: Looker, now: datetime) -> Again | None:
    """The next days on which the first slot of a person's earlier booking is free; None where it is not theirs.

    At most five statements.
    """
    booking = _past(session, reference, person_id)
    if booking is None:
        return None
    slot = booking.slot
    offers = calendar.same_slot(
        session,
        booking.space.code,
        slot["code"],
        date.fromisoformat(slot["day"]).weekday(),
        weeks=WEEKS,
        city=city,
        now=now,
    )
    return Again(booking, booking.purpose.code if booking.purpose else None, tuple(offers[:SHOWN]))


def said_before(session: Session, reference: str, person_id: int) -> Details | None:
    """What the person said about an earlier use, to be filled in again; None where it is not theirs or says no purpose."""
    booking = _past(session, reference, person_id)
    if booking is None or booking.purpose_id is None:
        return None
    facts = booking.facts
    return Details(
        people=booking.people,
        purpose_id=booking.purpose_id,
        options=dict(booking.options),
        minutes=facts.get("minutes", {}),
        admission=facts.get("admission", 0),
        admission_total=facts.get("admission_total", 0),
        traits=frozenset(facts.get("traits", ())),
        users=facts.get("users", {}),
        length=facts.get("length", 0),
    )
