"""Who is owed money, for what, by whom."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payments.contract import MoneyKind, TaxClass
from payments.states import ChargeState
from portal.kernel.database import Base
from portal.kernel.money import Yen

BigId = Annotated[int, mapped_column(BigInteger, primary_key=True)]
"""Primary keys of tables that grow for decades."""


def one_of(column: str, words: type[StrEnum]) -> str:
    """The condition of a check constraint: the column holds one of the enumeration's words."""
    listed = ", ".join(f"'{word.value}'" for word in words)
    return f"{column} IN ({listed})"


class PayeeKind(StrEnum):
    """Whose money it is (CASES M1)."""

    CITY = "city"
    DESIGNATED_MANAGER = "designated_manager"
    """指定管理者: its own fees (利用料金), its own invoice number."""
    PUBLIC_ENTERPRISE = "public_enterprise"
    """公営企業: its own accounting."""
    OTHER = "other"


class Payee(Base):
    """Somebody who is owed money; its code comes from the city pack and never changes its meaning.

    `merchant` names the provider's account that its money goes to; without one nothing of it can be paid online, so that
    money of a 指定管理者 never lands in the city's account. `registration_number` (T and 13 digits) stands on receipts
    with taxable lines.
    """

    __tablename__ = "payee"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint(one_of("kind", PayeeKind), name="kind_known"),
        CheckConstraint("registration_number ~ '^T[0-9]{13}$'", name="registration_number_form"),
    )

    id: Mapped[BigId]
    code: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(30))
    name: Mapped[str]
    name_en: Mapped[str] = mapped_column(default="")
    registration_number: Mapped[str | None]
    merchant: Mapped[str | None] = mapped_column(String(60))
    sample: Mapped[bool] = mapped_column(default=False)


class GroundRow(Base):
    """An ordinance and its article, written once; charge lines, refunds and ledger entries point at it."""

    __tablename__ = "ground"
    __table_args__ = (UniqueConstraint("title", "article", "since", postgresql_nulls_not_distinct=True),)

    id: Mapped[BigId]
    title: Mapped[str]
    article: Mapped[str] = mapped_column(default="")
    since: Mapped[date | None]

    def __str__(self) -> str:
        return f"{self.title} {self.article}".strip()


class Charge(Base):
    """A demand for money. Only its state, the moment of that, the end of its term, and with what it is paid ever change (trigger).

    The unique constraint over payable and purpose makes twenty parallel submits one charge. `joined_to_id` is the charge that
    asks for the sum of this and others: one column, so a charge is in one sum at most; a trigger refuses a payment of its
    own beside it (migration 0022). `alone`: never in a sum; `receipt`: whether what is paid online gets one (at a counter it always does);
    `from_account`: whether it is taken from an account that the payer registered.
    """

    __tablename__ = "charge"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("payable_kind", "payable_ref", "purpose"),
        CheckConstraint("total BETWEEN 0 AND 9999999", name="total_in_range"),
        CheckConstraint(one_of("state", ChargeState), name="state_known"),
        CheckConstraint(one_of("money_kind", MoneyKind), name="money_kind_known"),
        CheckConstraint("char_length(description) BETWEEN 1 AND 22", name="description_length"),
        CheckConstraint("state <> 'joined' OR joined_to_id IS NOT NULL", name="joined_to_something"),
        Index("ix_charge_open_until", "pay_until", postgresql_where="state = 'open'"),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    payable_kind: Mapped[str] = mapped_column(String(40))
    payable_ref: Mapped[str] = mapped_column(String(60))
    purpose: Mapped[str] = mapped_column(String(40))
    payee_id: Mapped[int] = mapped_column(ForeignKey("payee.id"), index=True)
    money_kind: Mapped[str] = mapped_column(String(20))
    total: Mapped[Yen]
    description: Mapped[str] = mapped_column(String(22))
    description_en: Mapped[str] = mapped_column(server_default=text("''"))
    ground_id: Mapped[int] = mapped_column(ForeignKey("ground.id"))
    pay_until: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(20))
    state_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(index=True)
    alone: Mapped[bool] = mapped_column(server_default=false())
    receipt: Mapped[bool] = mapped_column(server_default=true())
    from_account: Mapped[bool] = mapped_column(server_default=false())
    joined_to_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"), index=True)

    payee: Mapped[Payee] = relationship(lazy="raise")
    ground: Mapped[GroundRow] = relationship(lazy="raise")
    lines: Mapped[list[ChargeLineRow]] = relationship(order_by="ChargeLineRow.position", lazy="raise")
    payer: Mapped[ChargePayer | None] = relationship(lazy="raise")

    def called(self, locale: str) -> str:
        """What it is for, in the reader's language where the city has the words."""
        return self.description_en if locale == "en" and self.description_en else self.description


class ChargeLineRow(Base):
    """One line of a charge; appended with it, never changed (trigger)."""

    __tablename__ = "charge_line"
    __table_args__ = (CheckConstraint(one_of("tax", TaxClass), name="tax_known"),)

    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    label: Mapped[str]
    amount: Mapped[Yen]
    tax: Mapped[str] = mapped_column(String(20))
    ground_id: Mapped[int] = mapped_column(ForeignKey("ground.id"))
    sample: Mapped[bool]
    rule: Mapped[str]
    label_en: Mapped[str] = mapped_column(server_default=text("''"))

    ground: Mapped[GroundRow] = relationship(lazy="raise")


class ChargePart(Base):
    """Which charges a sum was made of; appended with it, never changed (trigger). Those that are in it still: `Charge.joined_to_id`."""

    __tablename__ = "charge_part"

    joint_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), primary_key=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), primary_key=True, index=True)


class ChargePayer(Base):
    """Who is asked to pay: the only personal facts of payments, apart from the ledger so that they can leave before it."""

    __tablename__ = "charge_payer"

    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str]
    email: Mapped[str | None]
    locale: Mapped[str] = mapped_column(String(5))
