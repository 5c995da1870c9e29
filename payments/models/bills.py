"""Tax bills: what the tax section hands over, what comes back to it, money that came twice."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.models.charges import BigId, one_of
from portal.kernel.database import Base
from portal.kernel.money import Yen


class ImportKind(StrEnum):
    """What a file was about."""

    BILLS = "bills"
    ELSEWHERE = "elsewhere"
    """Payments that the tax system knows from banks, shops and 地方税お支払サイト."""


class BillImport(Base):
    """One file of the tax section. The unique digest refuses the same file twice."""

    __tablename__ = "bill_import"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("sha256"),
        CheckConstraint(one_of("kind", ImportKind), name="kind_known"),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    kind: Mapped[str] = mapped_column(String(20))
    sha256: Mapped[str] = mapped_column(String(64))
    file_name: Mapped[str]
    encoding: Mapped[str] = mapped_column(String(20))
    rows: Mapped[int]
    total: Mapped[Yen]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    imported_at: Mapped[datetime]
    sample: Mapped[bool]


class Bill(Base):
    """One slip (納付書). It names nobody: `subject_key` is the tax system's own key, for the way back.

    A bill is charged as `payable_kind` "bill" with its reference, so the unique constraint of charges lets it be asked for
    once, and that of payments lets it be settled once.
    """

    __tablename__ = "bill"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("number"),
        Index("ix_bill_barcode", "barcode", postgresql_where="barcode <> ''"),
        Index("ix_bill_el_number", "el_number", postgresql_where="el_number <> ''"),
        CheckConstraint("number ~ '^[0-9]{6,20}$'", name="number_form"),
        CheckConstraint("check_digits ~ '^[0-9]{6}$'", name="check_digits_form"),
        CheckConstraint("amount BETWEEN 1 AND 9999999", name="amount_in_range"),
        CheckConstraint("usable_until >= due_on", name="usable_until_after_due"),
        CheckConstraint("taken_here OR el_number <> ''", name="somewhere_to_pay"),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    number: Mapped[str] = mapped_column(String(20))
    check_digits: Mapped[str] = mapped_column(String(6))
    budget_item_id: Mapped[int] = mapped_column(ForeignKey("budget_item.id"))
    levy_year: Mapped[int] = mapped_column(SmallInteger)
    term: Mapped[int] = mapped_column(SmallInteger)
    amount: Mapped[Yen]
    issued_on: Mapped[date]
    due_on: Mapped[date] = mapped_column(index=True)
    usable_until: Mapped[date]
    taken_here: Mapped[bool]
    el_number: Mapped[str] = mapped_column(String(60))
    barcode: Mapped[str] = mapped_column(String(120))
    subject_key: Mapped[str] = mapped_column(String(40))
    import_id: Mapped[int] = mapped_column(ForeignKey("bill_import.id"), index=True)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_why: Mapped[str]


class BillElsewhere(Base):
    """A payment of a bill that came in at another place, as the tax system reported it; never changed (trigger)."""

    __tablename__ = "bill_elsewhere"
    __table_args__ = (UniqueConstraint("bill_id", "paid_on", "amount", "channel"),)

    id: Mapped[BigId]
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id"), index=True)
    paid_on: Mapped[date]
    amount: Mapped[Yen]
    channel: Mapped[str]
    import_id: Mapped[int] = mapped_column(ForeignKey("bill_import.id"))
    reported_at: Mapped[datetime]


class ExcessOutcome(StrEnum):
    """What became of money that was not owed."""

    RETURNED = "returned"
    """還付."""
    APPLIED = "applied"
    """充当 to another bill of the same person."""


class BillExcess(Base):
    """過誤納: a bill was paid here and elsewhere (CASES M3). Waits for a person until it has an outcome."""

    __tablename__ = "bill_excess"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("elsewhere_id"),
        CheckConstraint(one_of("outcome", ExcessOutcome), name="outcome_known"),
        CheckConstraint("(outcome IS NULL) = (refund_id IS NULL)", name="outcome_has_refund"),
        CheckConstraint(
            "coalesce(outcome = 'applied', false) = (applied_to_id IS NOT NULL)", name="applied_names_bill"
        ),
        CheckConstraint("applied_to_id <> bill_id", name="not_to_itself"),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id"), index=True)
    elsewhere_id: Mapped[int] = mapped_column(ForeignKey("bill_elsewhere.id"))
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"))
    amount: Mapped[Yen]
    found_at: Mapped[datetime]
    outcome: Mapped[str | None] = mapped_column(String(20))
    refund_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))
    applied_to_id: Mapped[int | None] = mapped_column(ForeignKey("bill.id"))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]


class BillExport(Base):
    """One payment file for the tax system (消込); the same file can be fetched again."""

    __tablename__ = "bill_export"
    __table_args__ = (UniqueConstraint("reference"),)

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    rows: Mapped[int]
    total: Mapped[Yen]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    made_at: Mapped[datetime]


class BillExportRow(Base):
    """One movement in a payment file: a payment or a refund, each told once (unique)."""

    __tablename__ = "bill_export_row"
    __table_args__ = (
        UniqueConstraint("payment_id"),
        UniqueConstraint("refund_id"),
        CheckConstraint("(payment_id IS NULL) <> (refund_id IS NULL)", name="one_movement"),
    )

    export_id: Mapped[int] = mapped_column(ForeignKey("bill_export.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id"))
    payment_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("payment.id"))
    refund_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("refund.id"))
