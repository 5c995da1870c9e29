"""The secret addresses of calendar feeds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base


class CalendarFeed(Base):
    """One address; only its hash is kept. `uq_calendar_feed_live`: a person has at most one that works."""

    __tablename__ = "calendar_feed"
    __table_args__ = (
        CheckConstraint("ended_at >= made_at", name="ends_after"),
        Index("uq_calendar_feed_live", "person_id", unique=True, postgresql_where="ended_at IS NULL"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("person.id"))
    secret_sha256: Mapped[str] = mapped_column(unique=True)
    locale: Mapped[str]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
