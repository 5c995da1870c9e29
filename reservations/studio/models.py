"""Drafts of rule documents and pictures of facilities."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base


class DraftState(StrEnum):
    """Where a draft stands. PUBLISHED: it became a version of its document."""

    WRITING = "writing"
    ASKED = "asked"
    PUBLISHED = "published"
    DROPPED = "dropped"


class RuleDraft(Base):
    """A version of a timetable, fee table or policy in the making.

    `two_persons` protects the rule that nobody agrees to what they wrote or asked for; `published` that there is an agreement behind
    every document that came out of a draft.
    """

    __tablename__ = "rule_draft"
    __table_args__ = (
        CheckConstraint("kind IN ('timetable', 'fees', 'policy')", name="kind"),
        CheckConstraint("state IN ('writing', 'asked', 'published', 'dropped')", name="state"),
        CheckConstraint(
            "agreed_by IS NULL OR (agreed_by <> ALL (writers) AND asked_by IS NOT NULL AND agreed_by <> asked_by)",
            name="two_persons",
        ),
        CheckConstraint(
            "(state = 'published') = (agreed_by IS NOT NULL AND document_id IS NOT NULL AND agreed_at IS NOT NULL)",
            name="published",
        ),
        CheckConstraint("state <> 'asked' OR (asked_by IS NOT NULL AND content IS NOT NULL)", name="asked"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id"), index=True)
    kind: Mapped[str]
    code: Mapped[str]
    #: The document as it was typed: YAML.
    text: Mapped[str]
    #: The same, checked and canonical; None while there are mistakes.
    content: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    valid_from: Mapped[date | None]
    state: Mapped[str]
    #: Accounts that wrote any of it.
    writers: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    changed_at: Mapped[datetime]
    asked_by: Mapped[int | None] = mapped_column(BigInteger)
    asked_at: Mapped[datetime | None]
    agreed_by: Mapped[int | None] = mapped_column(BigInteger)
    agreed_at: Mapped[datetime | None]
    #: Why the second person gave it back.
    returned: Mapped[str | None]
    document_id: Mapped[int | None] = mapped_column(ForeignKey("rule_document.id"))


class FacilityPicture(Base):
    """A picture on a facility's page, with the words for those who do not see it."""

    __tablename__ = "facility_picture"

    id: Mapped[int] = mapped_column(primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id", ondelete="CASCADE"), index=True)
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"))
    alt: Mapped[str]
    alt_en: Mapped[str]
    position: Mapped[int]
