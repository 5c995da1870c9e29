"""Fiscal years: which budget item a charge belongs to, which year its money belongs to, what was carried over, who took over."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.contract import MoneyKind
from payments.models.charges import BigId, one_of
from payments.years import Part, Timing
from portal.kernel.database import Base
from portal.kernel.money import Yen


class BudgetItem(Base):
    """City data: an item of the revenue budget (款項目節), and how its fiscal year is found (施行令142条).

    `tax_code` is the tax system's own word for it in the file of bills. The partial unique index says: one item is what a
    payee's charges of a kind of money belong to unless the charge names another.
    """

    __tablename__ = "budget_item"
    __table_args__ = (
        UniqueConstraint("code"),
        UniqueConstraint("tax_code"),
        CheckConstraint(one_of("money_kind", MoneyKind), name="money_kind_known"),
        CheckConstraint(one_of("timing", Timing), name="timing_known"),
        Index("uq_budget_item_default", "payee_code", "money_kind", unique=True, postgresql_where="is_default"),
    )

    id: Mapped[BigId]
    code: Mapped[str] = mapped_column(String(60))
    name: Mapped[str]
    name_en: Mapped[str]
    payee_code: Mapped[str] = mapped_column(String(60))
    money_kind: Mapped[str] = mapped_column(String(20))
    timing: Mapped[str] = mapped_column(String(20))
    kan: Mapped[str]
    kou: Mapped[str]
    moku: Mapped[str]
    setsu: Mapped[str]
    setsu_carried: Mapped[str]
    tax_code: Mapped[str | None] = mapped_column(String(20))
    ground: Mapped[str]
    is_default: Mapped[bool]
    sample: Mapped[bool]
    active: Mapped[bool]


class ChargeYear(Base):
    """What decides a charge's fiscal year; written with the charge, never changed (trigger).

    `assessed_year` is None where only the receipt decides (随時の収入で通知書を発しないもの), and for a 指定管理者, whose own
    fees are no revenue of the city.
    """

    __tablename__ = "charge_year"
    __table_args__ = (CheckConstraint(one_of("timing", Timing), name="timing_known"),)

    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), primary_key=True)
    budget_item_id: Mapped[int | None] = mapped_column(ForeignKey("budget_item.id"), index=True)
    timing: Mapped[str] = mapped_column(String(20))
    term_end: Mapped[date | None]
    noticed_on: Mapped[date]
    performed_on: Mapped[date | None] = mapped_column(index=True)
    assessed_year: Mapped[int | None] = mapped_column(SmallInteger)


class PaymentYear(Base):
    """The fiscal year that a payment belongs to, found once when it settled its charge; never changed (trigger)."""

    __tablename__ = "payment_year"
    __table_args__ = (CheckConstraint(one_of("part", Part), name="part_known"),)

    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), primary_key=True)
    fiscal_year: Mapped[int] = mapped_column(SmallInteger, index=True)
    part: Mapped[str] = mapped_column(String(20))
    budget_item_id: Mapped[int | None] = mapped_column(ForeignKey("budget_item.id"))


class CarryOver(Base):
    """滞納繰越: a charge unpaid when the books of a year closed (5/31) belongs to the next from 6/1; once a year (key)."""

    __tablename__ = "carry_over"

    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), primary_key=True)
    to_year: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    amount: Mapped[Yen]
    carried_at: Mapped[datetime]


class PayeeSuccession(Base):
    """City data: another 指定管理者 takes over on a day; `refunds_by` names who pays back what was prepaid (CASES B10)."""

    __tablename__ = "payee_succession"
    __table_args__ = (
        UniqueConstraint("from_payee", "on_date", "scope"),
        CheckConstraint("from_payee <> to_payee", name="two_payees"),
        CheckConstraint("refunds_by IN (from_payee, to_payee)", name="refunds_by_one_of_them"),
    )

    id: Mapped[BigId]
    from_payee: Mapped[str] = mapped_column(String(60))
    to_payee: Mapped[str] = mapped_column(String(60))
    on_date: Mapped[date]
    scope: Mapped[str]
    refunds_by: Mapped[str] = mapped_column(String(60))
    ground: Mapped[str]
    sample: Mapped[bool]
