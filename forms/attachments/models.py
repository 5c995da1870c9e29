"""Tables of attachments. The content is apart from what is known about it, so that a list reads none of it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base


class Attachment(Base):
    """One file of a draft or case, as it was made clean; goes with its draft (foreign key).

    Attributes:
        id: unguessable; content is bound to it (`portal.kernel.sealed`).
        field_id: the field it was handed in for.
        name: as it was called, without what a name must not have.
        media_type: by content: `application/pdf` or `image/jpeg`.
        size, sha256: of the clean content, in bytes and hexadecimal.
        pages: of a PDF.
        added_by: account; None: a guest.
        scanned_at: when the virus scanner had nothing to say; None while it has not looked. Nothing is served before.
    """

    __tablename__ = "attachment"
    __table_args__ = (
        CheckConstraint("size > 0", name="size_positive"),
        CheckConstraint("length(sha256) = 64", name="sha256_is_one"),
        CheckConstraint("media_type in ('application/pdf', 'image/jpeg')", name="media_type_known"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    field_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(Text)
    pages: Mapped[int | None]
    added_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    added_at: Mapped[datetime]
    scanned_at: Mapped[datetime | None]


class AttachmentContent(Base):
    """The sealed content ("file") or its small picture ("preview"), with the name of the key that sealed it."""

    __tablename__ = "attachment_content"
    __table_args__ = (CheckConstraint("part in ('file', 'preview')", name="part_known"),)

    attachment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("attachment.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[str] = mapped_column(Text, primary_key=True)
    key_id: Mapped[str] = mapped_column(Text, index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
