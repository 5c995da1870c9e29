"""Drawers of the counter: what lies in them, and how it moved. The journal is append-only; charges are never touched."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.models.charges import BigId, one_of
from portal.kernel.database import Base
from portal.kernel.money import Yen


class DrawerState(StrEnum):
    """Where a drawer stands."""

    OPEN = "open"
    CLOSED = "closed"


class Drawer(Base):
    """One clerk's drawer at one place, from opening to closing count. One is open a clerk and place (partial unique index)."""

    __tablename__ = "drawer"
    __table_args__ = (
        UniqueConstraint("reference"),
        CheckConstraint(one_of("state", DrawerState), name="state_known"),
        CheckConstraint("fund >= 0", name="fund_not_negative"),
        CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL AND counted IS NOT NULL)", name="closed_is_counted"
        ),
        Index(
            "uq_drawer_open",
            "clerk_account_id",
            "place",
            unique=True,
            postgresql_where="state = 'open'",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    place: Mapped[str] = mapped_column(String(60))
    clerk_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    fund: Mapped[Yen]
    state: Mapped[str] = mapped_column(String(20))
    opened_at: Mapped[datetime] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]
    expected: Mapped[Yen | None]
    counted: Mapped[Yen | None]
    count: Mapped[dict[str, Any] | None]
    explanation: Mapped[str]

    @property
    def is_open(self) -> bool:
        """Whether it was not counted yet."""
        return self.state == DrawerState.OPEN.value


class DrawerMoveKind(StrEnum):
    """Why the contents of a drawer changed."""

    FUND = "fund"
    """つり銭準備金 put in at the opening."""
    CASH = "cash"
    """Cash taken for a charge (without the change)."""
    CARD = "card"
    """Card terminal: recorded with its slip number, no cash."""
    REFUND = "refund"
    """Cash handed back."""
    DIFFERENCE = "difference"
    """現金過不足 found at the closing count."""
    TO_BANK = "to_bank"
    """Taken out for the bank (払込)."""
    FUND_BACK = "fund_back"
    """つり銭準備金 taken out at the closing."""
    CORRECTION = "correction"
    """Counter entry of another move, with its reason."""


class DrawerMove(Base):
    """One entry of the journal; never changed (trigger). `cash` is what it does to the cash in the drawer."""

    __tablename__ = "drawer_move"
    __table_args__ = (
        UniqueConstraint("payment_id"),
        UniqueConstraint("refund_id"),
        UniqueConstraint("corrects_id"),
        CheckConstraint(one_of("kind", DrawerMoveKind), name="kind_known"),
        CheckConstraint("(kind = 'correction') = (corrects_id IS NOT NULL)", name="correction_names_entry"),
        CheckConstraint("kind NOT IN ('correction', 'difference') OR note <> ''", name="explained"),
        CheckConstraint("(kind = 'card') = (slip_number <> '')", name="card_has_slip"),
    )

    id: Mapped[BigId]
    drawer_id: Mapped[int] = mapped_column(ForeignKey("drawer.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    amount: Mapped[Yen]
    cash: Mapped[Yen]
    payee_id: Mapped[int | None] = mapped_column(ForeignKey("payee.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    refund_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))
    slip_id: Mapped[int | None] = mapped_column(ForeignKey("paying_in_slip.id"))
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("drawer_move.id"))
    slip_number: Mapped[str] = mapped_column(String(40))
    note: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime] = mapped_column(index=True)


class PayingInSlip(Base):
    """払込書: cash of one payee from one place handed to the bank; never changed (trigger)."""

    __tablename__ = "paying_in_slip"
    __table_args__ = (UniqueConstraint("reference"), CheckConstraint("amount > 0", name="amount_positive"))

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    payee_id: Mapped[int] = mapped_column(ForeignKey("payee.id"))
    place: Mapped[str] = mapped_column(String(60))
    business_day: Mapped[date]
    amount: Mapped[Yen]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    made_at: Mapped[datetime]
