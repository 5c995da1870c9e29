"""The table of letters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base


class Letter(Base):
    """One message of a case that goes by post, because there is no mail address. Goes with its case's answers.

    Attributes:
        what: which message: "filed", "correction", "decided", "issued", "withdrawn", ….
        facts: what it says besides the case itself; never answers.
        printed_at: when it was last printed.
        sent_at, sent_by: who says that it was posted (check `sent_by_somebody`).
    """

    __tablename__ = "letter"
    __table_args__ = (
        CheckConstraint("(sent_at is null) = (sent_by is null)", name="sent_by_somebody"),
        Index("ix_letter_to_send", "made_at", postgresql_where=text("sent_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    what: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    printed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
