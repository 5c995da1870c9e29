"""How money moves: attempts, payments, refunds, receipts, and what providers told us."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.models.charges import BigId, one_of
from payments.states import AttemptState, RefundState
from payments.years import RefundOut
from portal.kernel.database import Base
from portal.kernel.money import Yen


class PaymentAttempt(Base):
    """One page opened at a provider. `reference` is what the provider gets back to us; `idempotency_key` makes it one page.

    The partial unique index lets one attempt of a charge live at a time: a second tab gets the same page.
    """

    __tablename__ = "payment_attempt"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("idempotency_key"),
        UniqueConstraint("provider", "provider_id"),
        CheckConstraint(one_of("state", AttemptState), name="state_known"),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index(
            "uq_payment_attempt_live",
            "charge_id",
            unique=True,
            postgresql_where="state IN ('opening', 'open', 'pending')",
        ),
        Index("ix_payment_attempt_checked", "checked_at", postgresql_where="state <> 'paid'"),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(40))
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), index=True)
    provider: Mapped[str] = mapped_column(String(20))
    merchant: Mapped[str] = mapped_column(String(60))
    provider_id: Mapped[str | None] = mapped_column(String(120))
    idempotency_key: Mapped[str] = mapped_column(String(80))
    amount: Mapped[Yen]
    locale: Mapped[str] = mapped_column(String(5))
    state: Mapped[str] = mapped_column(String(20))
    url: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    checked_at: Mapped[datetime]
    methods: Mapped[str] = mapped_column(String(120), default="card")
    """The ways to pay that the page offers, with commas between."""
    voucher_days: Mapped[int | None] = mapped_column(SmallInteger)
    voucher_until: Mapped[datetime | None]
    """When the voucher that was taken ends; None where none was."""
    method: Mapped[str | None] = mapped_column(String(30))
    """With what it was paid, where the provider told that apart from the page's end."""
    paid_at: Mapped[datetime | None]


class WhyNotAccepted(StrEnum):
    """Why money that arrived does not settle its charge."""

    PAID_TWICE = "paid_twice"
    """過誤納: the charge was settled already (CASES M3)."""
    REFUSED = "refused"
    """The payable said no: the slot is gone, the application was withdrawn."""


class Payment(Base):
    """Money that arrived; never changed (trigger). `paid_at` is when the payer paid (委託日, CASES M2).

    The partial unique index says: a charge is settled by one payment, whatever arrives.
    """

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("attempt_id"),
        UniqueConstraint("provider", "provider_payment_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("(why_not_accepted IS NULL) = accepted", name="reason_when_not_accepted"),
        CheckConstraint(one_of("why_not_accepted", WhyNotAccepted), name="reason_known"),
        CheckConstraint(
            "(provider = 'counter') = (cash_received IS NOT NULL AND place IS NOT NULL) AND cash_received >= amount",
            name="cash_covers",
        ),
        Index("uq_payment_settles", "charge_id", unique=True, postgresql_where="accepted"),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), index=True)
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("payment_attempt.id"))
    provider: Mapped[str] = mapped_column(String(20))
    provider_payment_id: Mapped[str | None] = mapped_column(String(120))
    method: Mapped[str] = mapped_column(String(30))
    amount: Mapped[Yen]
    accepted: Mapped[bool]
    why_not_accepted: Mapped[str | None] = mapped_column(String(20))
    paid_at: Mapped[datetime] = mapped_column(index=True)
    recorded_at: Mapped[datetime]
    clerk_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    place: Mapped[str | None] = mapped_column(String(60))
    cash_received: Mapped[Yen | None]


class RefundKind(StrEnum):
    """The two kinds of refund (CASES M4)."""

    NOT_OWED = "not_owed"
    """過誤納: paid twice, paid for nothing; a right of the payer."""
    BY_ORDINANCE = "by_ordinance"
    """還付: an ordinance gives it back, on its ground."""


class Recipient(StrEnum):
    """Who gets a refund."""

    PAYER = "payer"
    HEIR = "heir"
    """The payer died; on evidence, agreed to by a second person (CASES M4)."""


class Refund(Base):
    """Money that goes back. Its state is merged from what the provider says; amount, kind, ground and reason never change (trigger).

    `provider` is the way back: the provider that took it, "counter" for cash, "bank" for a transfer by the city, "dispute" where
    the payer's bank had taken it already. The check constraints say: what needs a second person does not move without
    one, nobody agrees to what they asked for, and only on evidence does anybody but the payer get it.
    """

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("provider", "provider_id"),
        UniqueConstraint("replaces_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(one_of("kind", RefundKind), name="kind_known"),
        CheckConstraint(one_of("state", RefundState), name="state_known"),
        CheckConstraint(one_of("recipient", Recipient), name="recipient_known"),
        CheckConstraint(one_of("booked_as", RefundOut), name="booked_as_known"),
        CheckConstraint(
            "NOT needs_agreement OR state IN ('awaiting', 'declined') OR agreed_by_account_id IS NOT NULL",
            name="agreed_before_it_moves",
        ),
        CheckConstraint("agreed_by_account_id <> requested_by_account_id", name="agreed_by_another"),
        CheckConstraint(
            "recipient = 'payer' OR (needs_agreement AND provider = 'bank' AND heir_evidence <> '')",
            name="heir_on_evidence",
        ),
        CheckConstraint("state <> 'needs_account' OR provider = 'bank'", name="account_only_for_a_transfer"),
        Index("ix_refund_checked", "checked_at"),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), index=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), index=True)
    amount: Mapped[Yen]
    kind: Mapped[str] = mapped_column(String(20))
    ground_id: Mapped[int] = mapped_column(ForeignKey("ground.id"))
    state: Mapped[str] = mapped_column(String(20))
    provider: Mapped[str] = mapped_column(String(20))
    provider_id: Mapped[str | None] = mapped_column(String(120))
    failure: Mapped[str | None] = mapped_column(String(60))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))
    requested_by_kind: Mapped[str] = mapped_column(String(20))
    requested_by_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    requested_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    checked_at: Mapped[datetime]
    needs_agreement: Mapped[bool] = mapped_column(default=False)
    agreed_by_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    agreed_at: Mapped[datetime | None]
    part_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"), index=True)
    """For which of several charges that were paid in one sum; None where the payment was for one."""
    recipient: Mapped[str] = mapped_column(String(10), default=Recipient.PAYER.value)
    heir_evidence: Mapped[str] = mapped_column(String(200), default="")
    """Which papers were seen (戸籍, 相続人代表者届 …) and under which number; no names."""
    booked_as: Mapped[str | None] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(400), default="", server_default="")
    """Why, in the words of whoever began it at a desk; the payer reads them. "" where a rule of the program did."""
    evidence: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """Which paper shows it; no names."""
    account_evidence: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """On which paper finance saw the account; no names. It stays when the account is forgotten."""


class Receipt(Base):
    """One receipt for one accepted payment; `number` is printed, `reference` opens it. Never changed (trigger)."""

    __tablename__ = "receipt"
    __table_args__ = (UniqueConstraint("reference"), UniqueConstraint("number"), UniqueConstraint("payment_id"))

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    number: Mapped[int] = mapped_column(BigInteger, Identity(start=1))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    issued_at: Mapped[datetime]


class ReceiptIssue(Base):
    """Each time a receipt was handed out: number 1 says original, later ones say copy. Never changed (trigger).

    `name` is the payer's name as wished for the original; copies carry the same.
    """

    __tablename__ = "receipt_issue"
    __table_args__ = (CheckConstraint("serial >= 1", name="serial_positive"),)

    receipt_id: Mapped[int] = mapped_column(ForeignKey("receipt.id"), primary_key=True)
    serial: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    issued_at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str | None]


class EventOutcome(StrEnum):
    """What became of a provider's notice."""

    RECEIVED = "received"
    """Kept, not worked on yet."""
    APPLIED = "applied"
    KNOWN = "known"
    """It told nothing new: late, repeated in other words, overtaken."""
    IGNORED = "ignored"
    """A kind of notice that changes nothing here."""
    REFUSED = "refused"
    """Signed, but it does not fit our books (unknown session, other amount or currency): somebody has to look."""


class ProviderEvent(Base):
    """A provider's notice, kept without personal data. The unique constraint makes a repeated notice one event."""

    __tablename__ = "provider_event"
    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        CheckConstraint(one_of("outcome", EventOutcome), name="outcome_known"),
        Index("ix_provider_event_unfinished", "received_at", postgresql_where="outcome IN ('received', 'refused')"),
    )

    id: Mapped[BigId]
    provider: Mapped[str] = mapped_column(String(20))
    event_id: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(80))
    object_id: Mapped[str] = mapped_column(String(120), index=True)
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    times_received: Mapped[int] = mapped_column(default=1)
    outcome: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(60), default="")
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
