"""Orders to the banks (口座振替): who collects, the orders of one month, each single order."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.models.charges import BigId, one_of
from payments.transfers.files import Result
from payments.transfers.rules import BatchState, Calendar, LineState, Why
from portal.kernel.database import Base
from portal.kernel.money import Yen


class TransferCollector(Base):
    """City data: whose money of which budget item is taken from accounts, by which bank, on which day of the month (委託者)."""

    __tablename__ = "transfer_collector"
    __table_args__ = (
        UniqueConstraint("budget_item"),
        CheckConstraint("code ~ '^[0-9]{10}$' AND account_number ~ '^[0-9]{7}$'", name="numbers_form"),
        CheckConstraint("bank_code ~ '^[0-9]{4}$' AND branch_code ~ '^[0-9]{3}$'", name="bank_form"),
        CheckConstraint(
            "day BETWEEN 1 AND 31 AND lead BETWEEN 1 AND 20 AND retry BETWEEN 1 AND 60", name="days_in_range"
        ),
    )

    id: Mapped[BigId]
    budget_item: Mapped[str] = mapped_column(String(60))
    name: Mapped[str]
    name_en: Mapped[str]
    code: Mapped[str] = mapped_column(String(10))
    name_kana: Mapped[str] = mapped_column(String(60))
    bank_code: Mapped[str] = mapped_column(String(4))
    branch_code: Mapped[str] = mapped_column(String(3))
    account_kind: Mapped[str] = mapped_column(String(1))
    account_number: Mapped[str] = mapped_column(String(7))
    day: Mapped[int] = mapped_column(SmallInteger)
    lead: Mapped[int] = mapped_column(SmallInteger)
    retry: Mapped[int] = mapped_column(SmallInteger)
    sample: Mapped[bool]
    active: Mapped[bool]

    @property
    def calendar(self) -> Calendar:
        """When its money is taken."""
        return Calendar(self.day, self.lead, self.retry)


class TransferBatch(Base):
    """The orders of one collector for one month. One that is not given up for each month (partial unique index).

    Check constraints: nothing is written before a second person agreed; a written one has its digest. `file` is the order file, sealed;
    it leaves when the results are settled. `result_sha256`: the result that was taken in; the same file is taken in once.
    """

    __tablename__ = "transfer_batch"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("result_sha256"),
        CheckConstraint(one_of("state", BatchState), name="state_known"),
        CheckConstraint("written_by <> asked_by", name="second_person"),
        CheckConstraint(
            "state NOT IN ('written', 'returned', 'settled') OR (asked_by IS NOT NULL AND written_by IS NOT NULL"
            " AND written_at IS NOT NULL AND sha256 IS NOT NULL)",
            name="written_by_two",
        ),
        CheckConstraint("state <> 'written' OR file IS NOT NULL", name="written_has_file"),
        CheckConstraint(
            "state NOT IN ('returned', 'settled') OR result_sha256 IS NOT NULL", name="returned_has_result"
        ),
        CheckConstraint("state <> 'dropped' OR (file IS NULL AND dropped_why <> '')", name="dropped_has_reason"),
        Index("uq_transfer_batch_month", "collector_id", "month", unique=True, postgresql_where="state <> 'dropped'"),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    collector_id: Mapped[int] = mapped_column(ForeignKey("transfer_collector.id"))
    month: Mapped[date]
    debit_on: Mapped[date]
    hand_in_by: Mapped[date]
    state: Mapped[str] = mapped_column(String(20))
    made_at: Mapped[datetime]
    filled_at: Mapped[datetime | None]
    """When the list was last made; None: a job is about to."""
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime | None]
    written_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    written_at: Mapped[datetime | None]
    file: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    sha256: Mapped[str | None] = mapped_column(String(64))
    fetched_at: Mapped[datetime | None]
    """When somebody first downloaded the file: from then on the bank may have it."""
    result_sha256: Mapped[str | None] = mapped_column(String(64))
    returned_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    returned_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    dropped_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    dropped_why: Mapped[str] = mapped_column(String(400), default="", server_default="")


class TransferLine(Base):
    """One order: this charge (a sum, where several are taken at once) from the account of this registration.

    A charge is in one live order at most (partial unique index), and the amount is the charge's (trigger). Only where it stands ever
    changes (trigger). `pay_by`: until when to pay in another way, where the bank did not take it.
    """

    __tablename__ = "transfer_line"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(one_of("state", LineState), name="state_known"),
        CheckConstraint(one_of("result", Result), name="result_known"),
        CheckConstraint(one_of("why", Why), name="why_known"),
        CheckConstraint("(state = 'withdrawn') = (why IS NOT NULL)", name="withdrawn_for_a_reason"),
        CheckConstraint("state NOT IN ('taken', 'failed') OR result IS NOT NULL", name="settled_by_result"),
        CheckConstraint("(state = 'taken') = (payment_id IS NOT NULL)", name="taken_is_paid"),
        CheckConstraint("state <> 'ordered' OR customer IS NOT NULL", name="ordered_has_number"),
        UniqueConstraint("batch_id", "customer"),
        Index("uq_transfer_line_live", "charge_id", unique=True, postgresql_where="state IN ('planned', 'ordered')"),
    )

    id: Mapped[BigId]
    batch_id: Mapped[int] = mapped_column(ForeignKey("transfer_batch.id"), index=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("transfer_registration.id"), index=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), index=True)
    amount: Mapped[Yen]
    state: Mapped[str] = mapped_column(String(20))
    customer: Mapped[str | None] = mapped_column(String(20))
    """Our number for it in the file; None before it is written."""
    why: Mapped[str | None] = mapped_column(String(20))
    result: Mapped[str | None] = mapped_column(String(1))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    pay_by: Mapped[date | None]
    changed_at: Mapped[datetime]
