"""The ledger: double entry, append only. Its rules are in the database (migration 0005), not in the program.

A deferred constraint trigger refuses a transaction whose entries do not sum to zero or that has none; another trigger
refuses every UPDATE, DELETE and TRUNCATE. Ledger rows hold references, never personal values.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.models.charges import BigId, one_of
from portal.kernel.database import Base
from portal.kernel.money import Yen


class AccountCode(StrEnum):
    """The accounts that each payee has. Debit is positive."""

    RECEIVABLE = "receivable"
    """未収: charged and not yet paid."""
    REVENUE = "revenue"
    """使用料・手数料・利用料金."""
    PROVIDER = "provider"
    """Held by the provider (指定納付受託者) for the payee."""
    CASH = "cash"
    """In the drawer."""
    OVERPAID = "overpaid"
    """過誤納: held for the payer, not revenue."""
    REFUND_DUE = "refund_due"
    """Promised back and not yet gone."""
    BANK = "bank"
    """In the payee's bank account: paid out by the provider, or refunds sent by transfer."""
    FEE = "fee"
    """手数料(歳出): what the provider keeps for its service; revenue stays gross (CASES M5)."""
    DISPUTED = "disputed"
    """Taken back by a payer's bank while a dispute is open."""
    DISPUTE_LOST = "dispute_lost"
    """Gone in a dispute; a person decides whether it is asked for again or written off."""
    TERMINAL = "terminal"
    """Paid at the counter's card terminal; the card company holds it for the payee."""
    CLEARING = "clearing"
    """充当: money of one charge on its way to another charge of the same payee; even at the end of every transaction."""
    WRITTEN_OFF = "written_off"
    """不納欠損: claims that were given up on a legal ground."""


class TransactionKind(StrEnum):
    """Why a transaction was posted."""

    CHARGED = "charged"
    VOIDED = "voided"
    REVIVED = "revived"
    """A charge that had been countered is accepted after all."""
    PAID = "paid"
    OVERPAID = "overpaid"
    REFUND_REQUESTED = "refund_requested"
    REFUND_SENT = "refund_sent"
    REFUND_RETURNED = "refund_returned"
    """The refund came back to us; it is owed again."""
    FEE = "fee"
    PAID_OUT = "paid_out"
    PAYOUT_RETURNED = "payout_returned"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    WRITTEN_OFF = "written_off"
    """不納欠損."""


class LedgerAccount(Base):
    """One account of one payee."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        UniqueConstraint("payee_id", "code"),
        UniqueConstraint("id", "payee_id"),
        CheckConstraint(one_of("code", AccountCode), name="code_known"),
    )

    id: Mapped[BigId]
    payee_id: Mapped[int] = mapped_column(ForeignKey("payee.id"))
    code: Mapped[str] = mapped_column(String(30))


class LedgerTransaction(Base):
    """Entries that belong together: one event of one charge."""

    __tablename__ = "ledger_transaction"
    __table_args__ = (
        UniqueConstraint("id", "charge_id", "payee_id"),
        UniqueConstraint("provider_line_id", "kind"),
        CheckConstraint("charge_id IS NOT NULL OR provider_line_id IS NOT NULL", name="of_a_charge"),
        CheckConstraint(one_of("kind", TransactionKind), name="kind_known"),
    )

    id: Mapped[BigId]
    kind: Mapped[str] = mapped_column(String(30))
    charge_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"), index=True)
    """None only for a fee of the provider that belongs to no single charge."""
    payee_id: Mapped[int] = mapped_column(ForeignKey("payee.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    refund_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))
    provider_line_id: Mapped[int | None] = mapped_column(ForeignKey("provider_line.id"))
    dispute_id: Mapped[int | None] = mapped_column(ForeignKey("dispute.id"))
    posted_at: Mapped[datetime] = mapped_column(index=True)


class LedgerEntry(Base):
    """One side of a transaction.

    Charge and payee are those of the transaction and of the account: the foreign keys over two and three columns say so,
    so no entry can move one payee's yen into another payee's books.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        ForeignKeyConstraint(
            ["transaction_id", "charge_id", "payee_id"],
            ["ledger_transaction.id", "ledger_transaction.charge_id", "ledger_transaction.payee_id"],
            name="fk_ledger_entry_transaction",
        ),
        ForeignKeyConstraint(
            ["account_id", "payee_id"], ["ledger_account.id", "ledger_account.payee_id"], name="fk_ledger_entry_account"
        ),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
    )

    id: Mapped[BigId]
    transaction_id: Mapped[int] = mapped_column(BigInteger, index=True)
    account_id: Mapped[int] = mapped_column(BigInteger, index=True)
    charge_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    payee_id: Mapped[int] = mapped_column(BigInteger)
    ground_id: Mapped[int] = mapped_column(ForeignKey("ground.id"))
    amount: Mapped[Yen]
