"""What happened at the desk: who came, how many, what was lent; and the sheets that were made the evening before."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base


class CheckInBy(StrEnum):
    """How somebody was checked in."""

    LIST = "list"
    CODE = "code"
    QR = "qr"
    PAPER = "paper"


class BookingUse(Base):
    """What a booking really was: when they came and left, how many of which age (CASES B14, B15).

    `happened` is when it was so, `entered` when it was typed: what was done on paper is entered afterwards with its true time, which
    is never after the typing (`true_time`).
    """

    __tablename__ = "booking_use"
    __table_args__ = (
        CheckConstraint("came_by IN ('list', 'code', 'qr', 'paper')", name="came_by"),
        CheckConstraint("left_at IS NULL OR came_at < left_at", name="forward"),
        CheckConstraint("came_at <= entered_at AND (left_at IS NULL OR left_at <= entered_at)", name="true_time"),
        CheckConstraint("overtime >= 0", name="overtime"),
    )

    booking_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("booking.id"), primary_key=True)
    came_at: Mapped[datetime]
    came_by: Mapped[str]
    left_at: Mapped[datetime | None]
    entered_at: Mapped[datetime]
    entered_by: Mapped[int | None] = mapped_column(BigInteger)
    #: Number of users by age group (`reservations.desk.ages.AGES`).
    users: Mapped[dict[str, int]] = mapped_column(JSONB)
    #: Minutes beyond the slot.
    overtime: Mapped[int]
    overtime_charge: Mapped[str | None]
    note: Mapped[str]


class LentThing(Base):
    """A key, a remote control, a net: handed out and taken back."""

    __tablename__ = "lent_thing"
    __table_args__ = (CheckConstraint("returned_at IS NULL OR lent_at <= returned_at", name="forward"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    booking_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("booking.id"), index=True)
    what: Mapped[str]
    lent_at: Mapped[datetime]
    lent_by: Mapped[int | None] = mapped_column(BigInteger)
    returned_at: Mapped[datetime | None]
    returned_by: Mapped[int | None] = mapped_column(BigInteger)


class DaySheet(Base):
    """A day's sheet of a facility as PDF, made before the day (CASES B14)."""

    __tablename__ = "day_sheet"
    __table_args__ = (UniqueConstraint("facility_id", "day"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id"))
    day: Mapped[date]
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"))
    made_at: Mapped[datetime]
    bookings: Mapped[int]
