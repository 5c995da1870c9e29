"""Tables of series, closures, sessions of individual use, noise between neighbours, and allocation before the public opening."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base
from portal.kernel.money import Yen

THIS_TRANSACTION = text("pg_current_xact_id()::text::bigint")


class BookingSeries(Base):
    """Bookings that were asked for together (every Tuesday until March), and what could not be had.

    `pattern`: weekdays, slot codes, every how many weeks. `missed`: [{"day", "slots", "reason"}].
    """

    __tablename__ = "booking_series"
    __table_args__ = (CheckConstraint("first_day <= last_day", name="forward"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("person.id"), index=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    pattern: Mapped[dict[str, Any]] = mapped_column(JSONB)
    missed: Mapped[list[Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]


class MoveState(StrEnum):
    """Where a move stands."""

    PENDING = "pending"
    """The new time is kept until `held_until` while the difference is paid; the old one stays."""
    DONE = "done"
    LAPSED = "lapsed"


class BookingMove(Base):
    """A booking that goes to another time or place, and what it costs there. `number`: the first, the second move."""

    __tablename__ = "booking_move"
    __table_args__ = (
        UniqueConstraint("booking_id", "number"),
        CheckConstraint("state IN ('pending', 'done', 'lapsed')", name="state"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    booking_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("booking.id"))
    number: Mapped[int]
    state: Mapped[str]
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"))
    slots: Mapped[list[Any]] = mapped_column(JSONB)
    #: {"timetable": id, "fees": id, "policy": id}
    documents: Mapped[dict[str, Any]] = mapped_column(JSONB)
    quote: Mapped[dict[str, Any]] = mapped_column(JSONB)
    total: Mapped[Yen]
    charge_ref: Mapped[str | None] = mapped_column(unique=True)
    held_until: Mapped[datetime]
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class ClosureKind(StrEnum):
    """Why units are taken away from everybody."""

    CLOSED = "closed"
    """Works, upkeep, an extra day off."""
    WEATHER = "weather"
    """Rain, heat (WBGT): called off by the manager."""
    SHELTER = "shelter"
    """The place becomes a shelter; the end is not known."""
    REVOCATION = "revocation"
    """The city needs the place after a permit was given: only on a ground that the ordinance names, with 教示."""
    CITY = "city"
    """A use of the city itself; bookings that are there already stay."""


class Closure(Base):
    """Units that nobody can book for a time. `ends_at` None: the end is not known (shelter). `hits`: how many bookings it ended."""

    __tablename__ = "closure"
    __table_args__ = (
        CheckConstraint("ends_at IS NULL OR starts_at < ends_at", name="forward"),
        CheckConstraint("kind IN ('closed', 'weather', 'shelter', 'revocation', 'city')", name="kind"),
        CheckConstraint("kind <> 'revocation' OR ground <> ''", name="ground"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    reason: Mapped[str]
    reason_en: Mapped[str]
    ground: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    space_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    hits: Mapped[int]
    made_at: Mapped[datetime]
    made_by: Mapped[int | None] = mapped_column(BigInteger)
    reopened_at: Mapped[datetime | None]


class ClosureHit(Base):
    """A booking that a closure ended, what is owed back for it, and when the money was put on its way."""

    __tablename__ = "closure_hit"
    __table_args__ = (Index("ix_closure_hit_open", "closure_id", postgresql_where=text("settled_at IS NULL")),)

    closure_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("closure.id"), primary_key=True)
    booking_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("booking.id"), primary_key=True, index=True)
    state_before: Mapped[str]
    owed: Mapped[Yen]
    refund_ref: Mapped[str | None]
    settled_at: Mapped[datetime | None]


class OpenSession(Base):
    """A slot of a space that is open for individual use (個人利用): people take numbered places in it (CASES B5)."""

    __tablename__ = "open_session"
    __table_args__ = (
        CheckConstraint("places >= 1", name="places"),
        CheckConstraint("starts_at < ends_at", name="forward"),
        Index("ix_open_session_space_id_starts_at", "space_id", "starts_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"))
    slot: Mapped[dict[str, Any]] = mapped_column(JSONB)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    places: Mapped[int]
    tariff: Mapped[str]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SessionPlace(Base):
    """A numbered place that somebody has. `once`: one live owner a place; a hold ends by its own time, as for units."""

    __tablename__ = "session_place"
    __table_args__ = (
        ExcludeConstraint(
            (Column("session_id"), "="),
            (Column("place"), "="),
            (Column("live"), "&&"),
            name="ex_session_place_once",
            using="gist",
        ),
        CheckConstraint("place >= 1", name="place"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    session_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("open_session.id"))
    place: Mapped[int]
    live: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    booking_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("booking.id"), index=True)


class SpaceNeighbour(Base):
    """Two spaces that hear each other (音の隣室); the lower id first."""

    __tablename__ = "space_neighbour"
    __table_args__ = (CheckConstraint("space_id < other_id", name="once"), UniqueConstraint("space_id", "other_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id", ondelete="CASCADE"))
    other_id: Mapped[int] = mapped_column(ForeignKey("space.id", ondelete="CASCADE"), index=True)


class SoundClaim(Base):
    """A loud use, or one that needs quiet, beside a neighbour. `no_noise`: loud and quiet of two parties never meet (CASES B1)."""

    __tablename__ = "sound_claim"
    __table_args__ = (
        ExcludeConstraint(
            (Column("neighbour_id"), "="),
            (Column("loud"), "<>"),
            (Column("party"), "<>"),
            (Column("during"), "&&"),
            (Column("live"), "&&"),
            name="ex_sound_claim_no_noise",
            using="gist",
        ),
        CheckConstraint("loud IN (0, 1)", name="loud"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    neighbour_id: Mapped[int] = mapped_column(ForeignKey("space_neighbour.id", ondelete="CASCADE"))
    loud: Mapped[int]
    party: Mapped[str]
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    live: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    booking_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("booking.id"), index=True)


class Allocation(Base):
    """A list from a meeting of groups (利用調整会議), entered before the public opening (CASES B11).

    `entries`: [{"space", "day", "slots", "group", "person", "purpose", "outcome", "booking"}] in the order of the list.
    """

    __tablename__ = "allocation"
    __table_args__ = (CheckConstraint("state IN ('draft', 'applied')", name="state"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id"), index=True)
    title: Mapped[str]
    entries: Mapped[list[Any]] = mapped_column(JSONB)
    state: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[int | None] = mapped_column(BigInteger)
    applied_at: Mapped[datetime | None]


class OccupancyGone(Base):
    """A unit that lost an occupancy row (only by hand or in tests: the program ends rows, it does not delete them)."""

    __tablename__ = "occupancy_gone"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    unit_id: Mapped[int]
    changed: Mapped[int] = mapped_column(BigInteger, server_default=THIS_TRANSACTION, index=True)


class OfferChanged(Base):
    """A transaction that wrote what is offered (facilities, spaces, purposes, rules): whatever is stored of it is read again."""

    __tablename__ = "offer_changed"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    changed: Mapped[int] = mapped_column(BigInteger, server_default=THIS_TRANSACTION, index=True)
