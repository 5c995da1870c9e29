"""The table of letters."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from forms.models import Application
from portal.kernel.database import Base


class Letter(Base):
    """One message of a case that goes by post, because there is no mail address. Goes with its case's answers.

    To print → printed → sent, never back: nothing is sent that was not printed (check `sent_after_print`), and each step has somebody.

    Attributes:
        what: which message: "filed", "correction", "decided", "issued", "withdrawn", "fee_changed", "message".
        event: which of them, such as "correction:4"; one letter for a case and event (unique), however often it is tried.
        facts: what it says besides the case itself; never answers.
        printed_at, printed_by: when it was last printed, by whom.
        sent_at, sent_by: when and by whom it was written down that it was posted.
        sent_on: the day on which it was posted (in Japan).
    """

    __tablename__ = "letter"
    __table_args__ = (
        UniqueConstraint("application_id", "event"),
        CheckConstraint("(printed_at is null) = (printed_by is null)", name="printed_by_somebody"),
        CheckConstraint("(sent_at is null) = (sent_by is null)", name="sent_by_somebody"),
        CheckConstraint("(sent_at is null) = (sent_on is null)", name="sent_on_a_day"),
        CheckConstraint("sent_at is null or printed_at is not null", name="sent_after_print"),
        Index("ix_letter_to_send", "made_at", postgresql_where=text("sent_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    what: Mapped[str] = mapped_column(Text)
    event: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    printed_at: Mapped[datetime | None]
    printed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    sent_at: Mapped[datetime | None]
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    sent_on: Mapped[date | None]

    application: Mapped[Application] = relationship()

    @property
    def stage(self) -> str:
        """Where it stands: "to_print", "printed" or "sent"."""
        if self.sent_at is not None:
            return "sent"
        return "to_print" if self.printed_at is None else "printed"
