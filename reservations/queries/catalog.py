"""Spaces with their facility, units, purposes and rule documents; and what occupies them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, ScalarSelect, Select, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from portal.kernel.text import fold
from reservations import documents
from reservations.availability import Busy
from reservations.documents import Rules
from reservations.models import (
    DocumentKind,
    Facility,
    FacilityName,
    NameKind,
    Occupancy,
    Purpose,
    Space,
    space_purpose,
    space_unit,
)
from reservations.places import Point, centre
from reservations.romaji import romaji


@dataclass(frozen=True)
class FacilityHead:
    """A facility as pages name it on a day.

    `name` is the official one; `also` are the nickname and the naming-rights name in use on that day.
    """

    id: int
    code: str
    name: str
    also: tuple[str, ...]
    former: tuple[str, ...]
    category: str
    district: str | None
    address: str | None
    phone: str | None
    opened_on: date | None
    closed_on: date | None
    replaced_by: str | None
    point: Point | None = None
    name_en: str = ""
    kana: str = ""
    barrier_free: tuple[str, ...] = ()
    wifi: bool | None = None

    def called(self, locale: str) -> str:
        """The name in the reader's language: the city's English name, else the official reading in Latin letters."""
        return (self.name_en or romaji(self.kana) or self.name) if locale == "en" else self.name

    @property
    def romanised(self) -> bool:
        """Whether the English name is only the reading, spelled in Latin letters."""
        return not self.name_en and bool(self.kana)

    def open_on(self, day: date) -> bool:
        """Whether the facility exists on the day."""
        return (self.opened_on is None or self.opened_on <= day) and (self.closed_on is None or day <= self.closed_on)


@dataclass(frozen=True)
class SpaceView:
    """A space that can be booked online, with everything that its rules ask."""

    id: int
    code: str
    name: str
    name_en: str
    detail: str | None
    capacity: int | None
    sample: bool
    tariff: str
    units: tuple[int, ...]
    purposes: tuple[str, ...]
    timetable_code: str
    fees_code: str
    policy_code: str
    facility: FacilityHead

    def called(self, locale: str) -> str:
        """The name in the reader's language, where there is one."""
        return (self.name_en or self.name) if locale == "en" else self.name

    @property
    def documents(self) -> tuple[tuple[str, str], ...]:
        """Its rule documents as (kind, code)."""
        return (
            (DocumentKind.TIMETABLE, self.timetable_code),
            (DocumentKind.FEES, self.fees_code),
            (DocumentKind.POLICY, self.policy_code),
        )


def _names() -> ScalarSelect[Any]:
    """All names of a facility with their dates, as JSON."""
    each = func.jsonb_build_array(
        FacilityName.kind, FacilityName.name, FacilityName.valid_from, FacilityName.valid_until, FacilityName.name_en
    )
    return select(func.jsonb_agg(each)).where(FacilityName.facility_id == Facility.id).scalar_subquery()


def _statement() -> Select[Any]:
    names = _names()
    units = (
        select(func.array_agg(aggregate_order_by(space_unit.c.unit_id, space_unit.c.unit_id)))
        .where(space_unit.c.space_id == Space.id)
        .scalar_subquery()
    )
    purposes = (
        select(func.array_agg(aggregate_order_by(Purpose.code, Purpose.position)))
        .join(space_purpose, space_purpose.c.purpose_id == Purpose.id)
        .where(space_purpose.c.space_id == Space.id)
        .scalar_subquery()
    )
    return (
        select(
            Space,
            Facility,
            names.label("names"),
            units.label("units"),
            purposes.label("purposes"),
        )
        .join(Facility, Space.facility_id == Facility.id)
        .where(
            Space.bookable,
            Space.timetable_code.is_not(None),
            Space.fees_code.is_not(None),
            Space.policy_code.is_not(None),
        )
        .order_by(Facility.position, Space.position)
    )


Names = Sequence[Sequence[str | None]]
"""[kind, name, valid from, valid until, English name] each."""


def _named(head: FacilityHead, names: Names, on: date) -> FacilityHead:
    """The facility with its names of the day."""

    def holds(since: str | None, until: str | None) -> bool:
        return (since is None or date.fromisoformat(since) <= on) and (until is None or on <= date.fromisoformat(until))

    current = [(kind, name) for kind, name, since, until, _ in names if name and holds(since, until)]
    official = next((name for kind, name in current if kind == NameKind.OFFICIAL), head.code)
    wanted = (NameKind.NAMING_RIGHTS, NameKind.NICKNAME)
    return replace(
        head,
        name=official,
        also=tuple(name for kind, name in current if kind in wanted and name != official),
        former=tuple(name for kind, name in current if kind == NameKind.FORMER),
        name_en=next((english for kind, name, *_, english in names if name == official and english), "") or "",
    )


def _nameless(facility: Facility) -> FacilityHead:
    return FacilityHead(
        facility.id,
        facility.code,
        facility.code,
        (),
        (),
        facility.category,
        facility.district,
        facility.address,
        facility.phone,
        facility.opened_on,
        facility.closed_on,
        facility.replaced_by,
        _point(facility),
        "",
        facility.kana,
        tuple(facility.barrier_free),
        facility.wifi,
    )


def _head(facility: Facility, names: Names, on: date) -> FacilityHead:
    return _named(_nameless(facility), names, on)


def _point(facility: Facility) -> Point | None:
    if facility.latitude is None or facility.longitude is None:
        return None
    return Point(facility.latitude, facility.longitude)


def _view(row: Row[Any], facility: FacilityHead) -> SpaceView:
    space: Space = row.Space
    return SpaceView(
        space.id,
        space.code,
        space.name,
        space.name_en,
        space.detail,
        space.capacity,
        space.sample,
        space.tariff,
        tuple(row.units or ()),
        tuple(row.purposes or ()),
        space.timetable_code or "",
        space.fees_code or "",
        space.policy_code or "",
        facility,
    )


def spaces(
    session: Session,
    *,
    on: date,
    facility: str | None = None,
    space_code: str | None = None,
    purpose: str | None = None,
    district: str | None = None,
    category: str | None = None,
) -> list[SpaceView]:
    """Spaces that can be booked online, with the names of `on`; one statement."""
    statement = _statement()
    if facility is not None:
        statement = statement.where(Facility.code == facility)
    if space_code is not None:
        statement = statement.where(Space.code == space_code)
    if district is not None:
        statement = statement.where(Facility.district == district)
    if category is not None:
        statement = statement.where(Facility.category == category)
    if purpose is not None:
        matching = (
            select(space_purpose.c.space_id)
            .join(Purpose, Purpose.id == space_purpose.c.purpose_id)
            .where(Purpose.code == purpose)
        )
        statement = statement.where(Space.id.in_(matching))
    return [_view(row, _head(row.Facility, row.names or (), on)) for row in session.execute(statement)]


@dataclass(frozen=True)
class Kept:
    """All spaces that can be booked online and all names of their facilities: the same for every day, until somebody changes them."""

    nameless: tuple[SpaceView, ...]
    names: dict[int, Names]

    def on(self, day: date) -> list[SpaceView]:
        """The spaces with the names of the day; as `spaces`."""
        heads: dict[int, FacilityHead] = {}
        found = []
        for view in self.nameless:
            key = view.facility.id
            if key not in heads:
                heads[key] = _named(view.facility, self.names[key], day)
            found.append(replace(view, facility=heads[key]))
        return found


def kept(session: Session) -> Kept:
    """What `spaces` answers, for any day; one statement."""
    rows = session.execute(_statement()).all()
    names = {row.Facility.id: row.names or () for row in rows}
    return Kept(tuple(_view(row, _nameless(row.Facility)) for row in rows), names)


def facility_head(session: Session, code: str, *, on: date) -> FacilityHead | None:
    """A facility by its code, bookable or not; one statement."""
    names = _names()
    row = session.execute(select(Facility, names.label("names")).where(Facility.code == code)).one_or_none()
    return None if row is None else _head(row.Facility, row.names or (), on)


def rules_for(session: Session, views: Iterable[SpaceView]) -> Rules:
    """All rule documents of the spaces; one statement, two where some were never read by this process."""
    return documents.load(session, {pair for view in views for pair in view.documents})


def busy(session: Session, views: Iterable[SpaceView], *, start: datetime, end: datetime, now: datetime) -> Busy:
    """What is taken between two moments, holds included; one statement."""
    units = sorted({unit for view in views for unit in view.units})
    return busy_units(session, units, start=start, end=end, now=now)


def busy_units(session: Session, units: Sequence[int], *, start: datetime, end: datetime, now: datetime) -> Busy:
    """When these units are taken between two moments; what has no end (a shelter) lasts until the second."""
    statement = select(
        Occupancy.unit_id, func.lower(Occupancy.during), func.coalesce(func.upper(Occupancy.during), end)
    ).where(
        Occupancy.unit_id.in_(units),
        Occupancy.during.op("&&")(func.tstzrange(start, end)),
        Occupancy.live.op("@>")(now),
    )
    return Busy.of((unit, lower, upper) for unit, lower, upper in session.execute(statement))


def purposes(session: Session) -> list[Purpose]:
    """All purposes in order; one statement."""
    return list(session.scalars(select(Purpose).order_by(Purpose.position)))


def districts(session: Session) -> list[str]:
    """The districts that have facilities; one statement."""
    found = session.scalars(
        select(Facility.district)
        .where(Facility.district.is_not(None))
        .group_by(Facility.district)
        .order_by(func.min(Facility.position)),
    )
    return [name for name in found if name]


def town_centre(session: Session, words: str) -> Point | None:
    """Where a town of this city lies: the middle of the facilities whose address names it. None where none does; one statement."""
    wanted = fold(words)
    rows = session.execute(
        select(Facility.address, Facility.latitude, Facility.longitude).where(
            Facility.address.is_not(None), Facility.latitude.is_not(None), Facility.longitude.is_not(None)
        )
    )
    named = [row for row in rows if wanted and row.address and wanted in fold(row.address)]
    return centre([Point(row.latitude, row.longitude) for row in named])


def bookable_facilities(session: Session, day: date) -> list[tuple[str, str]]:
    """The facilities that can be booked online on the day, as (code, name): measure 1_13 of the plan.

    An open facility with a bookable space whose timetable, fee table and rules of use are in force.
    """
    statement = text(
        """
        SELECT f.code, min(n.name) AS name FROM facility f
        JOIN facility_name n ON n.facility_id = f.id AND n.kind = 'official'
        WHERE (f.opened_on IS NULL OR f.opened_on <= :day) AND (f.closed_on IS NULL OR f.closed_on >= :day)
          AND EXISTS (
            SELECT 1 FROM space s WHERE s.facility_id = f.id AND s.bookable
              AND EXISTS (SELECT 1 FROM space_unit u WHERE u.space_id = s.id)
              AND 3 = (SELECT count(DISTINCT d.kind) FROM rule_document d WHERE d.valid_from <= :day AND
                (d.kind, d.code) IN (('timetable', s.timetable_code), ('fees', s.fees_code), ('policy', s.policy_code))))
        GROUP BY f.id, f.code, f.position ORDER BY f.position
        """,
    )
    return [(row.code, row.name) for row in session.execute(statement, {"day": day})]


def names(session: Session, *, on: date) -> list[FacilityHead]:
    """All facilities that exist on the day, in order; one statement."""
    rows = session.execute(select(Facility, _names().label("names")).order_by(Facility.position))
    heads = [_head(row.Facility, row.names or (), on) for row in rows]
    return [head for head in heads if head.open_on(on)]
