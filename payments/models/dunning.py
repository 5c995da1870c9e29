"""What follows when a charge is not paid: reminders, 督促, write-off."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.models.charges import BigId, one_of
from portal.kernel.database import Base
from portal.kernel.money import Yen


class Reminder(Base):
    """A friendly mail before or after the due date; each once (key). No legal act."""

    __tablename__ = "reminder"

    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), primary_key=True)
    days: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    sent_at: Mapped[datetime]


class DemandLetter(Base):
    """督促: a legal act with a date, a term and costs (地方自治法231条の3, for taxes 地方税法); one for a charge, never changed (trigger).

    It renews the period of limitation, so its date, ground and the letter itself are kept.
    """

    __tablename__ = "demand_letter"
    __table_args__ = (
        UniqueConstraint("number"),
        UniqueConstraint("charge_id"),
        CheckConstraint("pay_by > issued_on", name="term_after_date"),
        CheckConstraint("costs >= 0", name="costs_not_negative"),
    )

    id: Mapped[BigId]
    number: Mapped[str] = mapped_column(String(30))
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"))
    cost_charge_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"))
    costs: Mapped[Yen]
    was_due_on: Mapped[date]
    issued_on: Mapped[date]
    pay_by: Mapped[date]
    ground_id: Mapped[int] = mapped_column(ForeignKey("ground.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    issued_at: Mapped[datetime]


class DemandLetterFile(Base):
    """The letter as it was made (a job, outside of the act's transaction)."""

    __tablename__ = "demand_letter_file"

    letter_id: Mapped[int] = mapped_column(ForeignKey("demand_letter.id"), primary_key=True)
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"))
    made_at: Mapped[datetime]


class WriteOffGround(StrEnum):
    """The legal grounds of 不納欠損."""

    LIMITATION = "limitation"
    """消滅時効: 地方自治法 第236条 (a public claim), 地方税法 第18条."""
    STOPPED_THREE_YEARS = "stopped_three_years"
    """地方税法 第15条の7第4項: 滞納処分の執行停止 for three years."""
    STOPPED_AT_ONCE = "stopped_at_once"
    """地方税法 第15条の7第5項: it is plain that nothing can be collected."""
    WAIVED = "waived"
    """権利の放棄: 地方自治法 第96条第1項第10号, a decision of the assembly, or an ordinance."""


class WriteOffState(StrEnum):
    """Where a write-off stands."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    REFUSED = "refused"


class WriteOff(Base):
    """不納欠損: proposed by one person, agreed by another (check), with its ground; the ledger counters the claim.

    One is proposed or agreed for a charge at a time (partial unique index).
    """

    __tablename__ = "write_off"
    __table_args__ = (
        UniqueConstraint("reference"),
        CheckConstraint(one_of("ground", WriteOffGround), name="ground_known"),
        CheckConstraint(one_of("state", WriteOffState), name="state_known"),
        CheckConstraint("decided_by <> proposed_by", name="second_person"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided_by_somebody"),
        CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided_at_some_time"),
        CheckConstraint("reason <> ''", name="has_reason"),
        Index("uq_write_off_live", "charge_id", unique=True, postgresql_where="state <> 'refused'"),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"))
    amount: Mapped[Yen]
    ground: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str]
    evidence: Mapped[str]
    state: Mapped[str] = mapped_column(String(20))
    proposed_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
