"""Kinds of public money that residents pay cashless at another place (measure 1_12)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.contract import MoneyKind
from payments.models.charges import BigId, one_of
from portal.kernel.database import Base


class CashlessElsewhere(Base):
    """City data: the city already takes this kind of money cashless, there and not here, on this evidence."""

    __tablename__ = "cashless_elsewhere"
    __table_args__ = (
        UniqueConstraint("money_kind", "title"),
        CheckConstraint(one_of("money_kind", MoneyKind), name="money_kind_known"),
    )

    id: Mapped[BigId]
    money_kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str]
    title_en: Mapped[str]
    address: Mapped[str]
    since: Mapped[date | None]
    evidence: Mapped[str]
    note: Mapped[str]
