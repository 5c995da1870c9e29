"""What changes a price after it was accepted: reductions that staff decide, and corrections. Nothing is rewritten (DESIGN invariant 3)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base
from portal.kernel.money import Yen


class ReductionState(StrEnum):
    """Where a reduction that was asked for stands."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"


class ReductionRequest(Base):
    """A reduction (減免) that the payer asks for and staff decide; one row for each rule of the fee table."""

    __tablename__ = "reduction_request"
    __table_args__ = (
        UniqueConstraint("booking_id", "reduction"),
        CheckConstraint("state IN ('asked', 'granted', 'refused', 'revoked', 'withdrawn')", name="state"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    booking_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("booking.id"))
    reduction: Mapped[str]
    reason: Mapped[str]
    state: Mapped[str]
    asked_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(BigInteger)
    decision_reason: Mapped[str | None]


class BookingAdjustment(Base):
    """A later price of a booking, and the money that moved because of it. The accepted price stays as it is.

    `run` names a correction of many bookings; the unique constraint keeps a run that is started again from moving money twice.
    `reason`: why, in the words of who did it; the person reads it. `fiscal_year`: 年度 of the day of use, which decides where the
    money is booked.
    """

    __tablename__ = "booking_adjustment"
    __table_args__ = (UniqueConstraint("booking_id", "run"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    booking_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("booking.id"), index=True)
    kind: Mapped[str]
    run: Mapped[str | None]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_account_id: Mapped[int | None] = mapped_column(BigInteger)
    old_total: Mapped[Yen]
    new_total: Mapped[Yen]
    quote: Mapped[dict[str, Any]] = mapped_column(JSONB)
    ground: Mapped[str]
    reason: Mapped[str | None]
    fiscal_year: Mapped[int]
    charge_ref: Mapped[str | None]
    refund_refs: Mapped[list[str]] = mapped_column(JSONB)


class FacilityOperator(Base):
    """Whose money a facility's fees are, from one day to another (指定管理者; CASES M1, B10). None: open."""

    __tablename__ = "facility_operator"

    id: Mapped[int] = mapped_column(primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id", ondelete="CASCADE"), index=True)
    payee: Mapped[str]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
