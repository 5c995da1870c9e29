"""The books of the sandbox provider (development and tests only): what a real provider keeps on its side."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.models.charges import BigId
from portal.kernel.database import Base
from portal.kernel.money import Yen


class SandboxSession(Base):
    """A page that the sandbox provider opened. The idempotency key gives the same page again."""

    __tablename__ = "sandbox_session"
    __table_args__ = (
        UniqueConstraint("provider_id"),
        UniqueConstraint("idempotency_key"),
        UniqueConstraint("payment_id"),
        CheckConstraint("state IN ('open', 'pending', 'expired', 'failed', 'paid')", name="state_known"),
    )

    id: Mapped[BigId]
    provider_id: Mapped[str] = mapped_column(String(60))
    idempotency_key: Mapped[str] = mapped_column(String(80))
    attempt: Mapped[str] = mapped_column(String(40))
    charge_reference: Mapped[str] = mapped_column(String(30))
    merchant: Mapped[str] = mapped_column(String(60))
    amount: Mapped[Yen]
    description: Mapped[str]
    locale: Mapped[str] = mapped_column(String(5))
    return_url: Mapped[str]
    cancel_url: Mapped[str]
    state: Mapped[str] = mapped_column(String(20))
    method: Mapped[str] = mapped_column(String(20), default="card")
    payment_id: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    methods: Mapped[str] = mapped_column(String(120), default="card")
    voucher_days: Mapped[int | None] = mapped_column(SmallInteger)
    voucher_until: Mapped[datetime | None]
    refund_fails: Mapped[bool] = mapped_column(default=False)
    """A person said on the page: a refund of this payment comes back."""


class SandboxRefund(Base):
    """A refund that the sandbox provider made."""

    __tablename__ = "sandbox_refund"
    __table_args__ = (UniqueConstraint("provider_id"), UniqueConstraint("idempotency_key"))

    id: Mapped[BigId]
    provider_id: Mapped[str] = mapped_column(String(60))
    idempotency_key: Mapped[str] = mapped_column(String(80))
    session_id: Mapped[int] = mapped_column(ForeignKey("sandbox_session.id"), index=True)
    reference: Mapped[str] = mapped_column(String(30))
    amount: Mapped[Yen]
    state: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime]


class SandboxEvent(Base):
    """A notice that the sandbox provider owes us; sent by a job, again until it is taken."""

    __tablename__ = "sandbox_event"
    __table_args__ = (UniqueConstraint("event_id"),)

    id: Mapped[BigId]
    event_id: Mapped[str] = mapped_column(String(60))
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
