"""What the provider keeps for us and pays out: switches, its books line by line, payouts, disputes, the day's reconciliation."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.contract import MoneyKind
from payments.methods import Method
from payments.models.charges import BigId, one_of
from payments.states import DisputeState, LineKind, PayoutState
from portal.kernel.database import Base
from portal.kernel.money import Yen


class MethodSwitch(Base):
    """Whether one way to pay is on for one kind of money; the city pack writes it first, finance changes it."""

    __tablename__ = "payment_method_switch"
    __table_args__ = (
        CheckConstraint(one_of("money_kind", MoneyKind), name="money_kind_known"),
        CheckConstraint(one_of("method", Method), name="method_known"),
    )

    money_kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    method: Mapped[str] = mapped_column(String(30), primary_key=True)
    enabled: Mapped[bool]
    changed_at: Mapped[datetime]
    changed_by_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))


class ProviderPayout(Base):
    """One transfer from the provider to a payee's bank account. Its state is merged from what the provider says."""

    __tablename__ = "provider_payout"
    __table_args__ = (
        UniqueConstraint("provider", "provider_id"),
        CheckConstraint(one_of("state", PayoutState), name="state_known"),
    )

    id: Mapped[BigId]
    provider: Mapped[str] = mapped_column(String(20))
    merchant: Mapped[str] = mapped_column(String(60))
    provider_id: Mapped[str] = mapped_column(String(120))
    amount: Mapped[Yen]
    state: Mapped[str] = mapped_column(String(20))
    arrives_on: Mapped[date] = mapped_column(index=True)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class ProviderLine(Base):
    """One line of the provider's books (Stripe: balance transaction), as the provider wrote it, and what of ours it is.

    What the provider said never changes (trigger); what of ours it is is filled in once. `net` is what the line does to the
    balance: revenue is gross, the fee is an expense (CASES M5).
    """

    __tablename__ = "provider_line"
    __table_args__ = (
        UniqueConstraint("provider", "provider_id"),
        CheckConstraint(one_of("kind", LineKind), name="kind_known"),
        CheckConstraint("net = amount - fee", name="net_is_amount_less_fee"),
        Index("ix_provider_line_open", "provider", "merchant", postgresql_where="charge_id IS NULL"),
        Index("ix_provider_line_created", "provider", "created_at"),
        Index("ix_provider_line_unpaid", "provider", "merchant", postgresql_where="payout_id IS NULL"),
    )

    id: Mapped[BigId]
    provider: Mapped[str] = mapped_column(String(20))
    merchant: Mapped[str] = mapped_column(String(60))
    provider_id: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(20))
    amount: Mapped[Yen]
    fee: Mapped[Yen]
    net: Mapped[Yen]
    created_at: Mapped[datetime]
    source_id: Mapped[str] = mapped_column(String(120))
    provider_payment_id: Mapped[str | None] = mapped_column(String(120), index=True)
    attempt_ref: Mapped[str | None] = mapped_column(String(40))
    payout_id: Mapped[int | None] = mapped_column(ForeignKey("provider_payout.id"), index=True)
    charge_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"), index=True)
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    refund_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))
    dispute_id: Mapped[int | None] = mapped_column(ForeignKey("dispute.id"))
    note: Mapped[str] = mapped_column(String(200), default="")


class Dispute(Base):
    """A payer's bank took the money back for now; won, it returns, lost, it is gone."""

    __tablename__ = "dispute"
    __table_args__ = (
        UniqueConstraint("provider", "provider_id"),
        CheckConstraint(one_of("state", DisputeState), name="state_known"),
        CheckConstraint("amount > 0", name="amount_positive"),
    )

    id: Mapped[BigId]
    provider: Mapped[str] = mapped_column(String(20))
    provider_id: Mapped[str] = mapped_column(String(120))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), index=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), index=True)
    amount: Mapped[Yen]
    reason: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(30))
    evidence_due_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Reconciliation(Base):
    """One day of one account of one provider, compared with ours; done again, it is corrected."""

    __tablename__ = "reconciliation"
    __table_args__ = (UniqueConstraint("provider", "merchant", "day"),)

    id: Mapped[BigId]
    provider: Mapped[str] = mapped_column(String(20))
    merchant: Mapped[str] = mapped_column(String(60))
    day: Mapped[date] = mapped_column(index=True)
    done_at: Mapped[datetime]
    provider_count: Mapped[int]
    provider_yen: Mapped[Yen]
    ours_count: Mapped[int]
    ours_yen: Mapped[Yen]
    fee_yen: Mapped[Yen]
    caught_up: Mapped[int]
    """How many things were told by nobody and were found by this run."""
    unexplained_yen: Mapped[Yen]
    """Sum of the absolute amounts of the items."""


class ReconciliationItem(Base):
    """One thing that does not explain itself: what, how much, why."""

    __tablename__ = "reconciliation_item"
    __table_args__ = (UniqueConstraint("reconciliation_id", "kind", "reference"),)

    id: Mapped[BigId]
    reconciliation_id: Mapped[int] = mapped_column(ForeignKey("reconciliation.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str] = mapped_column(String(120))
    amount: Mapped[Yen]
    charge_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"))


class RefundAccount(Base):
    """The bank account that one refund goes to; encrypted, and removed when the money has gone (CASES M4).

    `sealed` holds number and holder; bank and branch stay readable so that finance can sort transfers.
    """

    __tablename__ = "refund_account"
    __table_args__ = (
        CheckConstraint("bank_code ~ '^[0-9]{4}$'", name="bank_code_form"),
        CheckConstraint("branch_code ~ '^[0-9]{3}$'", name="branch_code_form"),
    )

    refund_id: Mapped[int] = mapped_column(ForeignKey("refund.id"), primary_key=True, autoincrement=False)
    bank_code: Mapped[str] = mapped_column(String(4))
    branch_code: Mapped[str] = mapped_column(String(3))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    given_at: Mapped[datetime]
    given_by_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
