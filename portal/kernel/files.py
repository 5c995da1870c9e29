"""Stored files: PDFs and attachments, kept in PostgreSQL for now (docs/decisions/0003-files-in-the-database.md).

A file belongs to the transaction that made it; who may read it is decided by the room that owns it.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, Text
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel import clock
from portal.kernel.database import Base
from portal.kernel.errors import NotFound


class StoredFile(Base):
    """One immutable file; its id is unguessable, its digest tells alterations."""

    __tablename__ = "stored_file"
    __table_args__ = (CheckConstraint("size = octet_length(content)", name="size"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


def put(session: Session, *, name: str, media_type: str, content: bytes, kind: str) -> StoredFile:
    """Store a file in the caller's transaction.

    Args:
        session: the caller's transaction.
        name: the name that a download gets, with its ending.
        media_type: such as `application/pdf`.
        content: the bytes.
        kind: what it is to its owner, such as `permit`.
    """
    stored = StoredFile(
        kind=kind,
        name=name,
        media_type=media_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=clock.now(),
        content=content,
    )
    session.add(stored)
    session.flush()
    return stored


def get(session: Session, file_id: uuid.UUID) -> StoredFile:
    """The stored file.

    Raises:
        NotFound: there is none with this id.
    """
    stored = session.get(StoredFile, file_id)
    if stored is None:
        raise NotFound
    return stored
