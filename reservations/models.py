"""Facilities, spaces, units, rule documents, bookings and what occupies a unit.

People book spaces; spaces share units (whole and half gym); an occupancy takes one unit. The constraint that no two live
occupancies of a unit overlap is the database's (DESIGN, invariants 1 and 2).
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.kernel.database import Base
from portal.kernel.money import Yen
from reservations.groups.models import BookingGroup
from reservations.operations.models import THIS_TRANSACTION


class NameKind(StrEnum):
    """What kind of name a facility bears."""

    OFFICIAL = "official"
    NICKNAME = "nickname"
    NAMING_RIGHTS = "naming_rights"
    FORMER = "former"


class BookingState(StrEnum):
    """Where a booking stands."""

    HELD = "held"
    """Kept until `held_until` while the person decides and pays; past that moment it is lapsed, tidied or not."""
    REQUESTED = "requested"
    """Paid (or free) and waiting for the facility manager."""
    CONFIRMED = "confirmed"
    LAPSED = "lapsed"
    RELEASED = "released"
    REFUSED = "refused"
    CANCELLED = "cancelled"


FIRM = (BookingState.REQUESTED, BookingState.CONFIRMED)
"""States in which a booking keeps its units without an end."""


class Source(StrEnum):
    """How a booking came in (CASES A11: the same booking, whoever typed it)."""

    ONLINE = "online"
    COUNTER = "counter"
    TELEPHONE = "telephone"
    SERIES = "series"
    LOTTERY = "lottery"
    ALLOCATION = "allocation"
    API = "api"
    WALK_IN = "walk_in"
    """Staff gave the time that was running to somebody who stood there."""
    PAPER = "paper"
    """The use took place on paper; staff entered it afterwards."""

    @property
    def after_begin(self) -> bool:
        """Whether the use had begun before it was entered."""
        return self in {Source.WALK_IN, Source.PAPER}


class OccupancyKind(StrEnum):
    """What takes a unit."""

    BOOKING = "booking"
    CLOSURE = "closure"
    SESSION = "session"
    ALLOCATION = "allocation"
    CITY = "city"


class DocumentKind(StrEnum):
    """Kinds of rule documents."""

    TIMETABLE = "timetable"
    FEES = "fees"
    POLICY = "policy"
    GROUPS = "groups"


space_unit = Table(
    "space_unit",
    Base.metadata,
    Column("space_id", ForeignKey("space.id", ondelete="CASCADE"), primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), primary_key=True),
    Index("ix_space_unit_unit_id", "unit_id"),
)

space_purpose = Table(
    "space_purpose",
    Base.metadata,
    Column("space_id", ForeignKey("space.id", ondelete="CASCADE"), primary_key=True),
    Column("purpose_id", ForeignKey("purpose.id"), primary_key=True),
    Index("ix_space_purpose_purpose_id", "purpose_id"),
)


class Facility(Base):
    """A public facility (施設). Closed and merged ones stay, with their dates."""

    __tablename__ = "facility"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    kana: Mapped[str]
    category: Mapped[str]
    district: Mapped[str | None]
    address: Mapped[str | None]
    phone: Mapped[str | None]
    longitude: Mapped[float | None]
    latitude: Mapped[float | None]
    department: Mapped[str | None]
    opened_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    replaced_by: Mapped[str | None]
    evidence_class: Mapped[str]
    evidence: Mapped[list[str]] = mapped_column(JSONB)
    note: Mapped[str | None]
    position: Mapped[int]
    #: How to get in here: entrance, key, remote, parking, lent; stands before what the rules of use say (CASES B15).
    access: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    #: Who keeps it: the city pack, or the browser (a load leaves those alone).
    origin: Mapped[str] = mapped_column(server_default=text("'pack'"))
    #: Codes of what makes it easy to enter and use (`reservations.studio.words.BARRIER_FREE`).
    barrier_free: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    wifi: Mapped[bool | None]

    names: Mapped[list[FacilityName]] = relationship(
        back_populates="facility", cascade="all, delete-orphan", lazy="raise"
    )
    spaces: Mapped[list[Space]] = relationship(back_populates="facility", order_by="Space.position", lazy="raise")


class FacilityName(Base):
    """A name of a facility and when it holds (both ends included; None: open or not known)."""

    __tablename__ = "facility_name"

    id: Mapped[int] = mapped_column(primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    name: Mapped[str]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    name_en: Mapped[str] = mapped_column(server_default=text("''"))

    facility: Mapped[Facility] = relationship(back_populates="names", lazy="raise")

    def holds_on(self, day: date) -> bool:
        """Whether the name is in use on the day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


class Purpose(Base):
    """A use that people look for (バドミントン, 会議, 合唱)."""

    __tablename__ = "purpose"
    __table_args__ = (CheckConstraint("noise IN ('', 'loud', 'quiet')", name="noise"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_en: Mapped[str]
    group: Mapped[str] = mapped_column("purpose_group")
    position: Mapped[int]
    #: "loud", "quiet" (needs quiet beside it) or "": what it is to neighbouring spaces.
    noise: Mapped[str] = mapped_column(server_default=text("''"))


class Unit(Base):
    """The smallest piece that spaces share (最小単位)."""

    __tablename__ = "unit"
    __table_args__ = (UniqueConstraint("facility_id", "code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id"))
    code: Mapped[str]


class Space(Base):
    """What people book (予約単位): a room, a court, a half gym. It names its rule documents by code; their dates decide which version."""

    __tablename__ = "space"

    id: Mapped[int] = mapped_column(primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id"), index=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_en: Mapped[str]
    detail: Mapped[str | None]
    capacity: Mapped[int | None]
    bookable: Mapped[bool]
    sample: Mapped[bool]
    #: Under the open sky: called off together when it rains.
    outdoor: Mapped[bool] = mapped_column(server_default=text("false"))
    tariff: Mapped[str]
    timetable_code: Mapped[str | None]
    fees_code: Mapped[str | None]
    policy_code: Mapped[str | None]
    position: Mapped[int]

    facility: Mapped[Facility] = relationship(back_populates="spaces", lazy="raise")
    units: Mapped[list[Unit]] = relationship(secondary=space_unit, order_by=Unit.id, lazy="raise")
    purposes: Mapped[list[Purpose]] = relationship(secondary=space_purpose, order_by=Purpose.position, lazy="raise")


class RuleDocument(Base):
    """One version of a timetable, fee table or policy, valid from a date until the next version of its code.

    Never edited once it is in: a change is a new row (a later date, or a higher revision of the same date).
    """

    __tablename__ = "rule_document"
    __table_args__ = (
        UniqueConstraint("kind", "code", "valid_from", "revision"),
        CheckConstraint("kind IN ('timetable', 'fees', 'policy', 'groups')", name="kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    code: Mapped[str]
    valid_from: Mapped[date]
    revision: Mapped[int]
    sample: Mapped[bool]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    digest: Mapped[str]
    published_at: Mapped[datetime]


class Booking(Base):
    """A person's use of a space, from the hold to the end. The price, its lines and the rules are those of the moment it was made."""

    __tablename__ = "booking"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="forward"),
        CheckConstraint("people >= 1", name="people"),
        CheckConstraint(
            "pay_when IN ('advance', 'within', 'on_day', 'after_use', 'monthly', 'counter')", name="pay_when"
        ),
        Index("ix_booking_person_id_state", "person_id", "state"),
        Index("ix_booking_space_id_starts_at", "space_id", "starts_at"),
        Index("ix_booking_held", "held_until", postgresql_where=text("state = 'held'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("person.id"))
    account_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("account.id"))
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"))
    source: Mapped[str]
    state: Mapped[str]
    locale: Mapped[str]
    category: Mapped[str]
    purpose_id: Mapped[int | None] = mapped_column(ForeignKey("purpose.id"))
    people: Mapped[int]
    options: Mapped[dict[str, int]] = mapped_column(JSONB)
    #: What is used, in order: [{"day", "code", "name", "name_en", "start", "end"}], times as ISO 8601 in Tokyo's time.
    slots: Mapped[list[Any]] = mapped_column(JSONB)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    timetable_id: Mapped[int] = mapped_column(ForeignKey("rule_document.id"))
    fees_id: Mapped[int] = mapped_column(ForeignKey("rule_document.id"))
    policy_id: Mapped[int] = mapped_column(ForeignKey("rule_document.id"))
    quote: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    total: Mapped[Yen | None]
    created_at: Mapped[datetime]
    held_until: Mapped[datetime]
    extensions: Mapped[int]
    accepted_at: Mapped[datetime | None]
    firm_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    permit_code: Mapped[str | None] = mapped_column(unique=True)
    permit_file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    group_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("booking_group.id"), index=True)
    #: What else the person said that the price depends on (`reservations.services.facts`).
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    pay_when: Mapped[str] = mapped_column(server_default=text("'advance'"))
    #: Conditions that the manager put on this permit, besides those of the rules of use.
    conditions: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[int | None] = mapped_column(BigInteger)
    no_show_at: Mapped[datetime | None]
    #: How often it was moved (one change only: rules of use decide).
    changes: Mapped[int] = mapped_column(server_default=text("0"))
    #: The series that it was asked for in, if any.
    series_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("booking_series.id"), index=True)
    #: Individual use: a numbered place in this session, instead of units of its own.
    session_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("open_session.id"))

    group: Mapped[BookingGroup | None] = relationship(lazy="raise")
    space: Mapped[Space] = relationship(lazy="raise")
    purpose: Mapped[Purpose | None] = relationship(lazy="raise")
    policy: Mapped[RuleDocument] = relationship(foreign_keys=[policy_id], lazy="raise")
    fees: Mapped[RuleDocument] = relationship(foreign_keys=[fees_id], lazy="raise")

    @property
    def slot(self) -> dict[str, str]:
        """The first of its slots, as stored."""
        first: dict[str, str] = self.slots[0]
        return first

    @property
    def after_begin(self) -> bool:
        """Whether staff entered it when the use had begun already."""
        return Source(self.source).after_begin

    @property
    def most_people(self) -> int | None:
        """How many may come: one to a place of individual use, else what the space holds; None: nobody counted."""
        return 1 if self.session_id is not None else self.space.capacity


class Occupancy(Base):
    """One unit, taken from `during.lower` until `during.upper`, as long as `live` says.

    `live` is [held at, ends at) for a hold and endless once it is firm, so a hold ends inside the constraint by its own time: a rival
    is refused before and succeeds after, with nothing deleted. `no_overlap` protects invariant 1; `owner`: a booking's occupancy
    names its booking, all others say in `owner_ref` whose they are.
    """

    __tablename__ = "occupancy"
    __table_args__ = (
        ExcludeConstraint(
            (Column("unit_id"), "="),
            (Column("during"), "&&"),
            (Column("live"), "&&"),
            name="ex_occupancy_no_overlap",
            using="gist",
        ),
        CheckConstraint("(kind = 'booking') = (booking_id IS NOT NULL)", name="owner"),
        CheckConstraint("kind IN ('booking', 'closure', 'session', 'allocation', 'city')", name="kind"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    live: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    kind: Mapped[str]
    booking_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("booking.id"), index=True)
    owner_ref: Mapped[str | None]
    #: The transaction that wrote the row last (a trigger on changes): a stored calendar sees what was committed since.
    changed: Mapped[int] = mapped_column(BigInteger, server_default=THIS_TRANSACTION, index=True)


class BookingEvent(Base):
    """What happened to a booking, in order; nothing is edited or deleted."""

    __tablename__ = "booking_event"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    booking_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("booking.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    actor_kind: Mapped[str]
    actor_account_id: Mapped[int | None] = mapped_column(BigInteger)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
