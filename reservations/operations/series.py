"""A series: every Tuesday until March. What is free is kept together for a day; what could not be had is listed with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from portal.kernel import references
from portal.kernel.audit import Actor
from portal.kernel.errors import PortalError
from reservations.errors import BadPeriod, NoSuchSlot, NotBookable, NotOffered, SeriesOpen, SlotsUnfit, SlotTaken
from reservations.models import Booking, BookingState, Facility, Source, Space
from reservations.operations.models import BookingSeries
from reservations.services.common import lock_person
from reservations.services.holding import hold, target_of
from reservations.services.taking import HoldRequest

MOST = 60
"""Days in one series at most: a year of Tuesdays and some more."""


@dataclass(frozen=True)
class SeriesRequest:
    """What is asked for.

    Attributes:
        space: code.
        first: first day that may be one.
        last: last day that may be one.
        weekdays: Monday is 0.
        slots: codes, of each day.
        every: every how many weeks, from the week of the first day.
    """

    person_id: int
    account_id: int | None
    space: str
    first: date
    last: date
    weekdays: tuple[int, ...]
    slots: tuple[str, ...]
    every: int = 1
    locale: str = "ja"
    purpose: str | None = None
    group: str | None = None

    def days(self) -> Iterator[date]:
        """The days that are asked for, in order."""
        monday = self.first - timedelta(days=self.first.weekday())
        day = self.first
        while day <= self.last:
            if day.weekday() in self.weekdays and ((day - monday).days // 7) % self.every == 0:
                yield day
            day += timedelta(days=1)


def ask(session: Session, request: SeriesRequest, *, actor: Actor, now: datetime) -> BookingSeries:
    """Hold every day of the series that can be had; the others are kept with the reason.

    Args:
        session: the caller's transaction.
        request: what.
        actor: who types it.
        now: the database's clock.

    Raises:
        BadPeriod: no day in it, or more than `MOST`.
        SeriesOpen: an earlier series is still to be decided.
        NotOffered: no such space.
    """
    days = list(request.days()) if request.first <= request.last and request.every >= 1 and request.slots else []
    if not 1 <= len(days) <= MOST:
        raise BadPeriod
    lock_person(session, request.person_id, group=request.group)
    standing = _open(session, request.person_id, now=now)
    if standing is not None:
        raise SeriesOpen(standing)
    space_id = session.scalars(select(Space.id).where(Space.code == request.space)).one_or_none()
    if space_id is None:
        raise NotOffered
    made = BookingSeries(
        reference=references.new("R"),
        person_id=request.person_id,
        space_id=space_id,
        first_day=request.first,
        last_day=request.last,
        pattern={"weekdays": list(request.weekdays), "slots": list(request.slots), "every": request.every},
        missed=[],
        created_at=now,
    )
    session.add(made)
    session.flush()
    keep = None
    missed: list[dict[str, Any]] = []
    for day in days:
        wanted = _request(request, day, made.id, keep)
        try:
            with session.begin_nested():
                if wanted.keep is None:
                    target = target_of(session, wanted, now=now)
                    keep = timedelta(hours=target.policy.hold.series_hours)
                    wanted = _request(request, day, made.id, keep)
                hold(session, wanted, actor=actor, now=now)
        except (SlotTaken, NotBookable, NoSuchSlot, NotOffered, SlotsUnfit) as error:
            if isinstance(error, NotOffered) and error.opens is None and error.closed is None:
                raise
            missed.append({"day": day.isoformat(), "slots": list(request.slots), **_reason(error)})
    made.missed = missed
    session.flush()
    return made


def _request(request: SeriesRequest, day: date, series_id: int, keep: timedelta | None) -> HoldRequest:
    return HoldRequest(
        request.person_id,
        request.account_id,
        request.space,
        day,
        request.slots[0],
        request.locale,
        Source.SERIES,
        request.purpose,
        also=tuple((day, code) for code in request.slots[1:]),
        group=request.group,
        keep=keep,
        series_id=series_id,
    )


def _reason(error: PortalError) -> dict[str, Any]:
    """Why a day could not be had, as it is kept."""
    match error:
        case NotBookable():
            return {
                "code": error.code,
                "reason": error.reason.value,
                "at": error.at.isoformat() if error.at else None,
                "limit": error.limit,
            }
        case NotOffered():
            return {
                "code": error.code,
                "opens": error.opens.isoformat() if error.opens else None,
                "closes": error.closed.isoformat() if error.closed else None,
                "into": error.into,
            }
        case NoSuchSlot():
            return {"code": error.code, "closed": error.closed, "closed_en": error.closed_en}
        case _:
            return {"code": error.code}


def _open(session: Session, person_id: int, *, now: datetime) -> str | None:
    statement = (
        select(BookingSeries.reference)
        .join(Booking, Booking.series_id == BookingSeries.id)
        .where(
            Booking.person_id == person_id,
            Booking.state == BookingState.HELD,
            Booking.held_until > now,
            Booking.accepted_at.is_(None),
        )
        .limit(1)
    )
    return session.scalars(statement).first()


def own(session: Session, reference: str, person_id: int) -> BookingSeries | None:
    """A person's own series."""
    statement = select(BookingSeries).where(BookingSeries.reference == reference, BookingSeries.person_id == person_id)
    return session.scalars(statement).one_or_none()


def space_code(session: Session, made: BookingSeries) -> str:
    """The code of a series' space."""
    return session.scalars(select(Space.code).where(Space.id == made.space_id)).one()


def bookings_of(session: Session, series_id: int) -> list[Booking]:
    """The bookings of a series, by day, with what their prices and pages need."""
    statement = (
        select(Booking)
        .where(Booking.series_id == series_id)
        .options(
            joinedload(Booking.space).joinedload(Space.facility).selectinload(Facility.names),
            joinedload(Booking.policy),
            joinedload(Booking.fees),
            joinedload(Booking.purpose),
        )
        .order_by(Booking.starts_at, Booking.id)
    )
    return list(session.scalars(statement).unique())
