"""Closures of a manager's facilities, for the list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from reservations.models import Facility, Occupancy, Space
from reservations.operations.models import Closure, ClosureHit, ClosureKind
from reservations.timetable import TOKYO

KEPT = timedelta(days=30)


@dataclass(frozen=True)
class ClosureLine:
    """A closure and the names of what it closes here; `over`: it has ended or was ended; `own`: it closes nothing elsewhere."""

    closure: Closure
    spaces: str
    over: bool
    own: bool = True


def listed(session: Session, facilities: Collection[str], *, now: datetime) -> list[ClosureLine]:
    """What is closed, was closed within a month, or will be; soonest first. Two statements."""
    names = {
        row.id: row.name
        for row in session.execute(
            select(Space.id, Space.name)
            .join(Facility, Facility.id == Space.facility_id)
            .where(Facility.code.in_(facilities))
        )
    }
    rows = session.scalars(
        select(Closure)
        .where(or_(Closure.ends_at.is_(None), Closure.ends_at > now - KEPT))
        .order_by(Closure.starts_at, Closure.id)
    )
    return [
        ClosureLine(
            row,
            "、".join(names[identity] for identity in row.space_ids if identity in names),
            row.reopened_at is not None or (row.ends_at is not None and row.ends_at <= now),
            set(row.space_ids) <= set(names),
        )
        for row in rows
        if set(row.space_ids) & set(names)
    ]


@dataclass(frozen=True)
class Taken:
    """A stretch of a unit that a closure or a use of the city takes; `end`: of what was asked for where none is known."""

    unit: int
    start: datetime
    end: datetime
    closure: Closure


def between(session: Session, units: Sequence[int], *, start: datetime, end: datetime, now: datetime) -> list[Taken]:
    """What closures hold of these units between two moments; one statement."""
    rows = session.execute(
        select(
            Occupancy.unit_id, func.lower(Occupancy.during), func.coalesce(func.upper(Occupancy.during), end), Closure
        )
        .join(Closure, Closure.reference == Occupancy.owner_ref)
        .where(
            Occupancy.unit_id.in_(units),
            Occupancy.kind.in_(("closure", "city")),
            Occupancy.during.op("&&")(func.tstzrange(start, end)),
            Occupancy.live.op("@>")(now),
        )
        .order_by(func.lower(Occupancy.during), Closure.id)
    )
    return [Taken(unit, first, last, closure) for unit, first, last, closure in rows]


def that_ended(session: Session, booking_id: int) -> Closure | None:
    """The closure that ended a booking; None where none did. One statement."""
    statement = select(Closure).join(ClosureHit, ClosureHit.closure_id == Closure.id)
    return session.scalars(statement.where(ClosureHit.booking_id == booking_id)).first()


def on_day(session: Session, facility: str, day: date, *, now: datetime) -> list[ClosureLine]:
    """What is closed in a facility at some time of a day; two statements."""
    start = datetime.combine(day, time(), TOKYO)
    return [
        line
        for line in listed(session, [facility], now=now)
        if not line.over
        and line.closure.starts_at < start + timedelta(days=1)
        and (line.closure.ends_at is None or line.closure.ends_at > start)
    ]


@dataclass(frozen=True)
class Announced:
    """A closure as everybody may read it on the page of a day: the reason was told to those whom it hit."""

    reason: str
    reason_en: str
    start: datetime
    end: datetime
    spaces: tuple[str, ...]
    spaces_en: tuple[str, ...]


def announced(session: Session, facility: str, day: date) -> list[Announced]:
    """What is closed in a facility on a day, without what the city keeps for itself; one statement."""
    start = datetime.combine(day, time(), TOKYO)
    end = start + timedelta(days=1)
    rows = session.execute(
        select(Closure, func.array_agg(Space.name), func.array_agg(func.coalesce(Space.name_en, "")))
        .join(Space, Space.id == func.any(Closure.space_ids))
        .join(Facility, Facility.id == Space.facility_id)
        .where(
            Facility.code == facility,
            Closure.kind != ClosureKind.CITY.value,
            Closure.reopened_at.is_(None),
            Closure.starts_at < end,
            or_(Closure.ends_at.is_(None), Closure.ends_at > start),
        )
        .group_by(Closure.id)
        .order_by(Closure.starts_at, Closure.id)
    )
    return [
        Announced(
            one.reason,
            one.reason_en,
            max(one.starts_at, start),
            min(one.ends_at or end, end),
            tuple(names),
            tuple(english or name for english, name in zip(names_en, names, strict=True)),
        )
        for one, names, names_en in rows
    ]
