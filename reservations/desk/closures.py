"""Closures of a manager's facilities, for the list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from reservations.models import Facility, Occupancy, Space, space_unit
from reservations.operations.models import Closure, ClosureHit, ClosureKind
from reservations.timetable import TOKYO, Slot

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


@dataclass(frozen=True)
class DayClosure:
    """A closure on a day, for the people of a facility.

    Attributes:
        closure: the closure.
        facilities: codes of those of the facilities in which it closes something.
        spaces: names of what it closes there.
        also: names of the other spaces there that share the floor and cannot be used either.
        taken: ids of all of these.
    """

    closure: Closure
    facilities: tuple[str, ...]
    spaces: str
    also: str
    taken: frozenset[int]


@dataclass(frozen=True)
class _Floor:
    """A space with its pieces of floor."""

    id: int
    facility: str
    name: str
    name_en: str
    bookable: bool
    units: frozenset[int]


def _floors(session: Session, facilities: Collection[str]) -> list[_Floor]:
    rows = session.execute(
        select(
            Space.id,
            Facility.code,
            Space.name,
            Space.name_en,
            Space.bookable,
            func.coalesce(func.array_agg(space_unit.c.unit_id).filter(space_unit.c.unit_id.is_not(None)), []),
        )
        .join(Facility, Facility.id == Space.facility_id)
        .outerjoin(space_unit, space_unit.c.space_id == Space.id)
        .where(Facility.code.in_(facilities))
        .group_by(Space.id, Facility.code)
        .order_by(Space.id)
    )
    return [_Floor(*row[:5], frozenset(row[5])) for row in rows]


def _also(floors: Sequence[_Floor], closed: Sequence[_Floor]) -> list[_Floor]:
    """Spaces that can be booked and share a piece of floor with what is closed."""
    units = frozenset().union(*(one.units for one in closed))
    return [one for one in floors if one.bookable and one.units & units and one not in closed]


def _of_day(session: Session, day: date) -> list[Closure]:
    start = datetime.combine(day, time(), TOKYO)
    return list(
        session.scalars(
            select(Closure)
            .where(
                Closure.reopened_at.is_(None),
                Closure.starts_at < start + timedelta(days=1),
                or_(Closure.ends_at.is_(None), Closure.ends_at > start),
            )
            .order_by(Closure.starts_at, Closure.id)
        )
    )


def on_day(session: Session, facilities: Collection[str], day: date) -> list[DayClosure]:
    """What is closed in these facilities at some time of a day, and what cannot be used because of it; at most two statements."""
    found = _of_day(session, day)
    floors = _floors(session, facilities) if found else []
    shown = []
    for one in found:
        closed = [floor for floor in floors if floor.id in one.space_ids]
        if closed:
            where = tuple(dict.fromkeys(floor.facility for floor in closed))
            also = _also(floors, closed)
            names, others = ("、".join(floor.name for floor in some) for some in (closed, also))
            taken = frozenset(floor.id for floor in (*closed, *also))
            shown.append(DayClosure(one, where, names, others, taken))
    return shown


@dataclass(frozen=True)
class Announced:
    """A closure as everybody may read it on the page of a day: the reason was told to those whom it hit.

    Attributes:
        start: within the day.
        end: within the day.
        closed: ids of what is closed itself.
        units: the pieces of floor that it takes.
        also: names of other spaces that share them.
    """

    kind: str
    reason: str
    reason_en: str
    start: datetime
    end: datetime
    closed: frozenset[int]
    units: frozenset[int]
    spaces: tuple[str, ...]
    spaces_en: tuple[str, ...]
    also: tuple[str, ...]
    also_en: tuple[str, ...]

    def takes(self, units: Collection[int], slot: Slot) -> bool:
        """Whether it takes some of these pieces of floor at some time of the slot."""
        return not self.units.isdisjoint(units) and self.start < slot.taken_until and slot.taken_from < self.end


def announced(session: Session, facility: str, day: date) -> list[Announced]:
    """What is closed in a facility on a day, without what the city keeps for itself; one statement, two where something is."""
    start = datetime.combine(day, time(), TOKYO)
    end = start + timedelta(days=1)
    found = [one for one in _of_day(session, day) if one.kind != ClosureKind.CITY]
    floors = _floors(session, [facility]) if found else []
    shown = []
    for one in found:
        closed = [floor for floor in floors if floor.id in one.space_ids]
        if not closed:
            continue
        also = _also(floors, closed)
        shown.append(
            Announced(
                one.kind,
                one.reason,
                one.reason_en,
                max(one.starts_at, start),
                min(one.ends_at or end, end),
                frozenset(floor.id for floor in closed),
                frozenset().union(*(floor.units for floor in closed)),
                tuple(floor.name for floor in closed),
                tuple(floor.name_en or floor.name for floor in closed),
                tuple(floor.name for floor in also),
                tuple(floor.name_en or floor.name for floor in also),
            )
        )
    return shown
