"""What a person says about money that does not explain itself."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.models.charges import BigId, one_of
from portal.kernel.database import Base
from portal.kernel.money import Yen


class ExplanationState(StrEnum):
    """Where an explanation stands."""

    PROPOSED = "proposed"
    """Waits for a second person."""
    STANDS = "stands"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class OddExplanation(Base):
    """Why something odd is as it is: who says so, on which evidence. The odd thing stays listed, with these words beside it.

    It belongs to what was found (`kind`, `item_ref`) and to its yen, not to the day: a day that is compared again keeps it, another
    amount does not. Never changed but for what becomes of it (trigger); one is live at a time (partial unique index).
    """

    __tablename__ = "odd_explanation"
    __table_args__ = (
        UniqueConstraint("reference"),
        CheckConstraint(one_of("state", ExplanationState), name="state_known"),
        CheckConstraint("reason <> '' AND evidence <> ''", name="says_why_and_on_what"),
        CheckConstraint("decided_by <> explained_by", name="second_person"),
        CheckConstraint("NOT needs_agreement OR state IN ('proposed', 'withdrawn') OR decided_by IS NOT NULL", name="agreed"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_whole"),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_by IS NOT NULL)", name="withdrawn_by_somebody"),
        CheckConstraint("(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="withdrawn_whole"),
        Index(
            "uq_odd_explanation_live",
            "provider",
            "merchant",
            "kind",
            "item_ref",
            "amount",
            unique=True,
            postgresql_where="state IN ('proposed', 'stands')",
        ),
    )  # fmt: skip

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    provider: Mapped[str] = mapped_column(String(20))
    merchant: Mapped[str] = mapped_column(String(60))
    """The account at the provider; empty for a notice."""
    kind: Mapped[str] = mapped_column(String(40))
    item_ref: Mapped[str] = mapped_column(String(120))
    amount: Mapped[Yen]
    reason: Mapped[str]
    evidence: Mapped[str] = mapped_column(String(200))
    needs_agreement: Mapped[bool]
    state: Mapped[str] = mapped_column(String(20))
    explained_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    explained_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    withdrawn_at: Mapped[datetime | None]
