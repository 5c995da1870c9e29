"""The table of letters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from forms.models import Application
from portal.kernel.database import Base
from portal.notices.paper import OnPaper, steps


class Letter(OnPaper, Base):
    """One message of a case that goes by post, because there is no mail address. Goes with its case's answers.

    Attributes:
        what: which message: "filed", "correction", "decided", "issued", "withdrawn", "fee_changed", "message".
        event: which of them, such as "correction:4"; one letter for a case and event (unique), however often it is tried.
        facts: what it says besides the case itself; never answers.
    """

    __tablename__ = "letter"
    __table_args__ = (
        UniqueConstraint("application_id", "event"),
        *steps(),
        Index("ix_letter_to_send", "made_at", postgresql_where=text("sent_at is null")),
    )

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    what: Mapped[str] = mapped_column(Text)
    event: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)

    application: Mapped[Application] = relationship()
