"""Groups, their members, and what a person declares about where they work or study."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Person
from portal.kernel.database import Base


class Basis(StrEnum):
    """What ties somebody to a municipality."""

    LIVES = "lives"
    WORKS = "works"
    STUDIES = "studies"


class GroupState(StrEnum):
    """Where a registration stands. Whether a verified one still holds is told by its term, not by a state."""

    APPLIED = "applied"
    VERIFIED = "verified"
    REFUSED = "refused"
    ENDED = "ended"


class EligibilityState(StrEnum):
    """Where a declaration stands."""

    DECLARED = "declared"
    VERIFIED = "verified"
    REFUSED = "refused"
    ENDED = "ended"


class BookingGroup(Base):
    """A group (団体): several people with one representative. `counter_only`: its fees are settled at the counter (減免団体).

    What a renewal would change waits in `renewal` until staff have verified it: members and kind decide what a group pays.
    """

    __tablename__ = "booking_group"
    __table_args__ = (
        CheckConstraint("state IN ('applied', 'verified', 'refused', 'ended')", name="state"),
        CheckConstraint(
            "(state = 'verified') <= (valid_until IS NOT NULL AND valid_from <= valid_until)",
            name="term",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kana: Mapped[str]
    kind: Mapped[str]
    purposes: Mapped[list[str]] = mapped_column(JSONB)
    representative_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("person.id"), index=True)
    state: Mapped[str]
    applied_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None]
    note: Mapped[str]
    counter_only: Mapped[bool]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    #: {"name", "kana", "kind", "purposes", "note", "members": [{"name", "city", "basis", "email"}]}; None: nothing waits.
    renewal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    #: Who wants to represent it next; staff decide.
    successor_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("person.id"))

    members: Mapped[list[GroupMember]] = relationship(
        back_populates="group", cascade="all, delete-orphan", order_by="GroupMember.id", lazy="raise"
    )
    representative: Mapped[Person] = relationship(foreign_keys=[representative_id], lazy="raise")
    successor: Mapped[Person | None] = relationship(foreign_keys=[successor_id], lazy="raise")


class GroupMember(Base):
    """Somebody in a group. `person_id`: where they have an account of their own and may book for it."""

    __tablename__ = "booking_group_member"
    __table_args__ = (CheckConstraint("basis IN ('lives', 'works', 'studies', 'none')", name="basis"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    group_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("booking_group.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("person.id"), index=True)
    name: Mapped[str]
    email: Mapped[str | None]
    city: Mapped[str]
    basis: Mapped[str]
    may_book: Mapped[bool]
    added_at: Mapped[datetime]

    group: Mapped[BookingGroup] = relationship(back_populates="members", lazy="raise")


class Eligibility(Base):
    """A person says that they work or study somewhere; staff verify it; it holds within its dates."""

    __tablename__ = "eligibility"
    __table_args__ = (
        CheckConstraint("basis IN ('lives', 'works', 'studies')", name="basis"),
        CheckConstraint("state IN ('declared', 'verified', 'refused', 'ended')", name="state"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("person.id"), index=True)
    basis: Mapped[str]
    city: Mapped[str]
    detail: Mapped[str]
    state: Mapped[str]
    declared_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]

    person: Mapped[Person] = relationship(lazy="raise")
