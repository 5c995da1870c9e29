"""Set up a facility: who it is, its names, the spaces that share its floors. Session first; flushes, never commits."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from portal.accounts.models import Role, RoleGrant, ScopeKind
from portal.kernel import audit, files
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, NotFound
from reservations.models import Facility, FacilityName, NameKind, Purpose, Space, Unit
from reservations.money_models import FacilityOperator
from reservations.studio.layouts import Layout
from reservations.studio.models import FacilityPicture

KIND = "facility"


@dataclass(frozen=True)
class FacilityFacts:
    """What a facility's own form says. None: not known."""

    name: str
    kana: str
    name_en: str
    category: str
    district: str | None
    address: str | None
    phone: str | None
    longitude: float | None
    latitude: float | None
    department: str | None
    opened_on: date | None
    closed_on: date | None
    replaced_by: str | None
    barrier_free: tuple[str, ...]
    wifi: bool | None
    note: str | None
    payee: str | None


def create_facility(session: Session, facts: FacilityFacts, *, actor: Actor, manager: bool, now: datetime) -> Facility:
    """A new facility under the next free number.

    Args:
        session: the caller's transaction.
        facts: what the form says.
        actor: who.
        manager: whether the actor becomes its manager (a facility manager does; the facility admin manages all).
        now: aware.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext("facility.code"))))
    codes = set(session.scalars(select(Facility.code)))
    number = 1 + max((int(found[1]) for code in codes if (found := re.fullmatch(r"F(\d+)", code))), default=100)
    facility = Facility(
        code=f"F{number}",
        kana=facts.kana,
        category=facts.category,
        evidence_class="A",
        evidence=[],
        position=1 + (session.scalar(select(func.max(Facility.position))) or 0),
        origin="browser",
    )
    session.add(facility)
    session.flush()
    session.add(
        FacilityName(facility_id=facility.id, kind=NameKind.OFFICIAL.value, name=facts.name, name_en=facts.name_en)
    )
    _write(session, facility, facts)
    if manager and actor.account_id is not None:
        session.add(
            RoleGrant(
                account_id=actor.account_id,
                role=Role.FACILITY_MANAGER.value,
                scope_kind=ScopeKind.FACILITY.value,
                scope_code=facility.code,
                granted_at=now,
            ),
        )
    _note(session, facility, "created", actor)
    return facility


def _write(session: Session, facility: Facility, facts: FacilityFacts) -> None:
    for column in (
        "kana",
        "category",
        "district",
        "address",
        "phone",
        "longitude",
        "latitude",
        "department",
        "opened_on",
        "closed_on",
        "replaced_by",
        "wifi",
        "note",
    ):
        setattr(facility, column, getattr(facts, column))
    facility.barrier_free = list(facts.barrier_free)
    # What a person has changed here is no longer the city pack's to load.
    facility.origin = "browser"
    if facts.payee:
        current = session.scalars(
            select(FacilityOperator).where(
                FacilityOperator.facility_id == facility.id, FacilityOperator.valid_until.is_(None)
            )
        ).first()
        if current is None:
            session.add(FacilityOperator(facility_id=facility.id, payee=facts.payee))
    session.flush()


def _note(session: Session, facility: Facility, what: str, actor: Actor) -> None:
    audit.record(session, actor=actor, action=f"facility.{what}", subject_kind=KIND, subject_ref=facility.code)
    session.flush()


def facility_of(session: Session, code: str) -> Facility:
    """The facility with its names and spaces.

    Raises:
        NotFound: there is none.
    """
    statement = (
        select(Facility)
        .where(Facility.code == code)
        .options(
            selectinload(Facility.names),
            selectinload(Facility.spaces).selectinload(Space.units),
            selectinload(Facility.spaces).selectinload(Space.purposes),
        )
        .execution_options(populate_existing=True)
    )
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def change_facility(session: Session, code: str, facts: FacilityFacts, *, actor: Actor) -> None:
    """Change what a facility says of itself. A changed official name corrects a slip; a new name from a day on is `add_name`.

    Raises:
        NotFound: there is none.
    """
    facility = facility_of(session, code)
    official = next((n for n in facility.names if n.kind == NameKind.OFFICIAL and n.valid_until is None), None)
    if official is not None:
        official.name, official.name_en = facts.name, facts.name_en
    _write(session, facility, facts)
    _note(session, facility, "changed", actor)


@dataclass(frozen=True)
class NameFacts:
    """A further name and when it holds, both ends included."""

    kind: NameKind
    name: str
    name_en: str
    valid_from: date | None
    valid_until: date | None


def add_name(session: Session, code: str, name: NameFacts, *, actor: Actor) -> None:
    """Add a name. A new official name ends the one before it on the day before.

    Raises:
        NotFound: no such facility.
    """
    facility = facility_of(session, code)
    if name.kind is NameKind.OFFICIAL and name.valid_from is not None:
        for old in facility.names:
            if old.kind == NameKind.OFFICIAL and old.valid_until is None:
                old.valid_until = date.fromordinal(name.valid_from.toordinal() - 1)
    session.add(
        FacilityName(
            facility_id=facility.id,
            kind=name.kind.value,
            name=name.name,
            name_en=name.name_en,
            valid_from=name.valid_from,
            valid_until=name.valid_until,
        ),
    )
    facility.origin = "browser"
    session.flush()
    _note(session, facility, "named", actor)


def end_name(session: Session, code: str, name_id: int, *, last_day: date, actor: Actor) -> None:
    """A further name holds until a day, this one included: a naming right that ends. An official name ends with the next one.

    Raises:
        NotFound: no such name of this facility.
        Invalid: it is the official name, or the day is before its first one.
    """
    facility = facility_of(session, code)
    found = next((name for name in facility.names if name.id == name_id), None)
    if found is None:
        raise NotFound
    if found.kind == NameKind.OFFICIAL or (found.valid_from is not None and last_day < found.valid_from):
        raise Invalid
    found.valid_until = last_day
    facility.origin = "browser"
    session.flush()
    _note(session, facility, "named", actor)


def add_picture(session: Session, code: str, *, content: bytes, media_type: str, alt: str, actor: Actor) -> None:
    """Keep a picture (re-encoded by the caller, so that nothing of the camera stays) with its words.

    Raises:
        NotFound: no such facility.
    """
    facility = facility_of(session, code)
    stored = files.put(session, name=f"{code}.webp", media_type=media_type, content=content, kind="facility_picture")
    last = session.scalar(
        select(func.max(FacilityPicture.position)).where(FacilityPicture.facility_id == facility.id),
    )
    session.add(
        FacilityPicture(facility_id=facility.id, file_id=stored.id, alt=alt, alt_en="", position=(last or 0) + 1)
    )
    _note(session, facility, "pictured", actor)


@dataclass(frozen=True)
class FloorFacts:
    """A floor to be shared: its name, its layout, its people, what for."""

    name: str
    name_en: str
    layout: Layout
    capacity: int | None
    purposes: tuple[str, ...]


def add_floor(session: Session, code: str, floor: FloorFacts, *, actor: Actor) -> list[Space]:
    """Make the spaces of a floor and the units that they share. They cannot be booked before their documents are there.

    Raises:
        NotFound: no such facility.
    """
    facility = facility_of(session, code)
    number = 1 + max((int(s.code.rsplit("-", 1)[-1]) for s in facility.spaces if s.code[-1].isdigit()), default=0)
    first = f"{code}-{number:02}"
    units = [Unit(facility_id=facility.id, code=f"{first.lower()}-{index + 1}") for index in range(floor.layout.units)]
    session.add_all(units)
    uses = list(session.scalars(select(Purpose).where(Purpose.code.in_(floor.purposes))))
    last = session.scalar(select(func.max(Space.position))) or 0
    same = facility.spaces[0] if facility.spaces else None
    made = []
    for index, part in enumerate(floor.layout.parts):
        share = len(part.units) / floor.layout.units
        space = Space(
            facility_id=facility.id,
            code=f"{code}-{number + index:02}",
            name=" ".join(filter(None, (floor.name, part.name))),
            name_en=" ".join(filter(None, (floor.name_en, part.name_en))) if floor.name_en else "",
            capacity=max(1, int(floor.capacity * share)) if floor.capacity else None,
            bookable=True,
            sample=False,
            tariff=part.tariff,
            timetable_code=same.timetable_code if same else None,
            fees_code=same.fees_code if same else None,
            policy_code=same.policy_code if same else None,
            position=last + 1 + index,
            units=[units[piece] for piece in part.units],
            purposes=uses,
        )
        session.add(space)
        made.append(space)
    facility.origin = "browser"
    session.flush()
    _note(session, facility, "spaces", actor)
    return made


@dataclass(frozen=True)
class SpaceFacts:
    """What the form of a space says."""

    name: str
    name_en: str
    detail: str | None
    capacity: int | None
    tariff: str
    bookable: bool
    outdoor: bool
    purposes: tuple[str, ...]
    timetable: str | None
    fees: str | None
    policy: str | None


def change_space(session: Session, code: str, space_code: str, facts: SpaceFacts, *, actor: Actor) -> None:
    """Change a space; the documents by which it is booked are named here.

    Raises:
        NotFound: no such space of this facility.
    """
    facility = facility_of(session, code)
    space = next((one for one in facility.spaces if one.code == space_code), None)
    if space is None:
        raise NotFound
    space.name, space.name_en, space.detail = facts.name, facts.name_en, facts.detail
    space.capacity, space.tariff, space.bookable = facts.capacity, facts.tariff, facts.bookable
    space.outdoor = facts.outdoor
    space.timetable_code, space.fees_code, space.policy_code = facts.timetable, facts.fees, facts.policy
    space.purposes = list(session.scalars(select(Purpose).where(Purpose.code.in_(facts.purposes))))
    facility.origin = "browser"
    session.flush()
    _note(session, facility, "spaces", actor)


def assign(session: Session, facility: Facility, kind: str, code: str) -> None:
    """Spaces of the facility that have no document of this kind yet take this one."""
    column = f"{kind}_code"
    for space in session.scalars(select(Space).where(Space.facility_id == facility.id)):
        if getattr(space, column) is None:
            setattr(space, column, code)
    session.flush()


def may_manage(code: str, *, managed: Collection[str], everything: bool) -> bool:
    """Whether somebody may set the facility up: its manager, or the facility admin."""
    return everything or code in managed
