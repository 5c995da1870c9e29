"""A message to a person, kept until it arrived or somebody looked at why not."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Enum, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base
from portal.notices.paper import OnPaper, steps


class NoticeState(StrEnum):
    """Where a message is."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"


class Notice(Base):
    """One message to one person.

    `key` is unique: twenty parallel requests for the same message make one row. `message_id` is fixed when the row is
    made: a message that is sent twice (a worker was killed between sending and noting it) arrives with the same
    Message-ID, and mail programs show it once. There is no foreign key to the account: a message outlives it.
    """

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'sent', 'failed', 'bounced')", name="state"),
        CheckConstraint("(state = 'sent' OR state = 'bounced') = (sent_at IS NOT NULL)", name="sent_has_time"),
        CheckConstraint("(state = 'failed' OR state = 'bounced') = (problem_at IS NOT NULL)", name="problem_has_time"),
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    message_id: Mapped[str] = mapped_column(Text, unique=True)
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    email: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(Text)
    context: Mapped[dict[str, Any]]
    state: Mapped[NoticeState] = mapped_column(
        Enum(NoticeState, native_enum=False, length=16, values_callable=lambda kinds: [kind.value for kind in kinds]),
        index=True,
    )
    created_at: Mapped[datetime]
    attempts: Mapped[int]
    sent_at: Mapped[datetime | None]
    #: What went wrong last: `smtp_550`, `unreachable`, `bad_address`, `bounce_5.1.1`. Never the server's words.
    problem: Mapped[str | None] = mapped_column(Text)
    problem_at: Mapped[datetime | None]


class PostedNotice(OnPaper, Base):
    """The same message on paper, for a person without mail: its words are the mail's, its address is looked up when it is printed.

    Attributes:
        key: as a mail's: one letter for one event, however often it is tried.
        room: who prints it: "payments", "reservations".
        scope: the facility whose manager may; "" where the room is one for the whole city.
        about: the number that the reader says when asking: a charge, a booking.
    """

    __tablename__ = "posted_notice"
    __table_args__ = (
        *steps(),
        Index("ix_posted_notice_to_send", "room", "made_at", postgresql_where=text("sent_at IS NULL")),
    )

    key: Mapped[str] = mapped_column(Text, unique=True)
    room: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(Text)
    about: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(Text)
    context: Mapped[dict[str, Any]]
