"""The price list of a counter."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.contract import MoneyKind, TaxClass
from payments.models.charges import BigId, one_of
from portal.kernel.database import Base
from portal.kernel.money import Yen


class CounterItem(Base):
    """City data: something that a counter sells without an application (a copy, a map, a tag). What was sold keeps its own lines."""

    __tablename__ = "counter_item"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("price BETWEEN 1 AND 999999", name="price_in_range"),
        CheckConstraint(one_of("money_kind", MoneyKind), name="money_kind_known"),
        CheckConstraint(one_of("tax", TaxClass), name="tax_known"),
    )

    id: Mapped[BigId]
    code: Mapped[str] = mapped_column(String(60))
    name: Mapped[str]
    name_en: Mapped[str]
    unit: Mapped[str] = mapped_column(String(20))
    price: Mapped[Yen]
    payee_code: Mapped[str] = mapped_column(String(60))
    money_kind: Mapped[str] = mapped_column(String(20))
    tax: Mapped[str] = mapped_column(String(20))
    ground: Mapped[str]
    article: Mapped[str]
    budget_item: Mapped[str] = mapped_column(String(60))
    position: Mapped[int] = mapped_column(SmallInteger)
    sample: Mapped[bool]
    active: Mapped[bool]
