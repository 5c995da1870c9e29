"""A visit to the counter: who came, what is known of them and from where, which procedures they came for."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.kernel.database import Base


class VisitState(StrEnum):
    """Where a visit stands."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class Authority(StrEnum):
    """By what right the visitor acts; `SELF`: the applicant came."""

    SELF = "self"
    FAMILY = "family"
    PROXY = "proxy"
    STATUTORY = "statutory"


class FactSource(StrEnum):
    """Where a fact about the visitor comes from; `OPENING`: said when the visit was opened."""

    CARD = "card"
    SAMPLE_CARD = "sample-card"
    CORRECTION = "correction"
    OPENING = "opening"


def _one_of(column: str, kinds: type[StrEnum]) -> str:
    return f"{column} in ({', '.join(repr(kind.value) for kind in kinds)})"


class Visit(Base):
    """One person at one counter. The visitor needs no account; the clerk who typed is always on record.

    Attributes:
        reference: visit number, on every paper (K-…).
        office: code of the office where it happens (the place of cash).
        authority: by what right the visitor acts; who the applicant is, is in each application.
        opened_by: account of the clerk.
        identity_seen, identity_by, identity_at: what was looked at to see who came (`Proof`), by which clerk, when; before anything
            is filed.
    """

    __tablename__ = "visit"
    __table_args__ = (
        CheckConstraint(_one_of("state", VisitState), name="state_known"),
        CheckConstraint(_one_of("authority", Authority), name="authority_known"),
        CheckConstraint("(state = 'open') = (ended_at is null)", name="ended_has_time"),
        CheckConstraint(
            "(identity_at is null) = (identity_seen is null) and (identity_at is null) = (identity_by is null)",
            name="identity_seen_by_somebody",
        ),
        Index("ix_visit_open", "office", "opened_at", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    state: Mapped[str] = mapped_column(Text)
    office: Mapped[str] = mapped_column(ForeignKey("office.code"))
    authority: Mapped[str] = mapped_column(Text)
    opened_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    opened_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    identity_seen: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    identity_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    identity_at: Mapped[datetime | None]

    facts: Mapped[list[VisitFact]] = relationship(order_by="VisitFact.id", cascade="all, delete-orphan")
    items: Mapped[list[VisitItem]] = relationship(order_by="VisitItem.position", cascade="all, delete-orphan")

    def current(self) -> dict[str, VisitFact]:
        """What is known of the visitor now: data item → fact."""
        return {fact.item: fact for fact in self.facts if fact.current}

    def card_facts(self) -> list[VisitFact]:
        """What the card said, as corrected: without what was said when the visit was opened."""
        return [fact for fact in self.facts if fact.current and fact.source != FactSource.OPENING]


class VisitFact(Base):
    """One thing that a source said about the visitor.

    Rows stay: a correction adds one that replaces another, with its reason (check `correction_has_reason`); one is
    current for each data item (unique `one_current_fact`).

    Attributes:
        item: data item of the vocabulary, such as `person.name`.
        value: as the field type keeps it.
        original: as the source wrote it (a card's address is one line).
        at: when the source said so.
        entered_by: account of the clerk who read the card or typed the correction.
        reason: why the card's value is not used.
    """

    __tablename__ = "visit_fact"
    __table_args__ = (
        CheckConstraint(_one_of("source", FactSource), name="source_known"),
        CheckConstraint("(source = 'correction') = (reason is not null)", name="correction_has_reason"),
        CheckConstraint("(source = 'correction') = (replaces_id is not null)", name="correction_replaces"),
        Index("one_current_fact", "visit_id", "item", unique=True, postgresql_where=text("current")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id", ondelete="CASCADE"), index=True)
    item: Mapped[str] = mapped_column(Text)
    value: Mapped[Any] = mapped_column(JSONB)
    original: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    entered_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    reason: Mapped[str | None] = mapped_column(Text)
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("visit_fact.id"))
    current: Mapped[bool]


class VisitItem(Base):
    """One procedure that the visitor came for; its answers are in the application (unique: one visit an application).

    Attributes:
        printed_at: when the paper for signature was made (`file_id`).
        reviewed_sha256: of what is on the paper; the same is filed (`forms.services.filing.Review.sha256`).
        signed_at: when the visitor had signed it and the clerk had seen who they are.
        prepared: what came from home, as it was when it was pulled in (answers, typed, prefill, flags, set_aside, version_id,
            on_behalf); None: the visit began it.
    """

    __tablename__ = "visit_item"
    __table_args__ = (
        UniqueConstraint("visit_id", "slug"),
        CheckConstraint("(printed_at is null) = (file_id is null)", name="printed_has_file"),
        CheckConstraint("(printed_at is null) = (reviewed_sha256 is null)", name="printed_was_reviewed"),
        CheckConstraint("signed_at is null or printed_at is not null", name="signed_was_printed"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    slug: Mapped[str] = mapped_column(Text)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), unique=True)
    file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    printed_at: Mapped[datetime | None]
    reviewed_sha256: Mapped[str | None] = mapped_column(Text)
    signed_at: Mapped[datetime | None]
    prepared: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
