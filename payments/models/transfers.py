"""Account transfer (口座振替): a registration counts only after the bank's signed confirmation."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.models.charges import BigId, one_of
from portal.kernel.database import Base


class TransferState(StrEnum):
    """Where a registration stands."""

    STARTED = "started"
    """The person was sent to the bank; nothing counts yet."""
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    ENDED = "ended"


class TransferRegistration(Base):
    """Somebody wants money of one kind to be taken from an account.

    No account number is asked here: the bank gives a token (`mandate`) and the last digits. Where the orders are written here (fees), its
    signed answer brings the account, which is kept sealed until the registration ends; for taxes none is kept. Confirmed is only what
    carries the bank's answer (check).
    """

    __tablename__ = "transfer_registration"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("mandate"),
        CheckConstraint(one_of("state", TransferState), name="state_known"),
        CheckConstraint("bank_code ~ '^[0-9]{4}$' AND branch_code ~ '^[0-9]{3}$'", name="bank_form"),
        CheckConstraint(
            "state NOT IN ('confirmed', 'ended') OR (mandate IS NOT NULL AND confirmed_at IS NOT NULL)",
            name="confirmed_by_bank",
        ),
        CheckConstraint("sealed_account IS NULL OR state = 'confirmed'", name="account_only_while_valid"),
        Index(
            "uq_transfer_registration_live",
            "person_id",
            "budget_item_id",
            unique=True,
            postgresql_where="state = 'confirmed'",
        ),
    )

    id: Mapped[BigId]
    reference: Mapped[str] = mapped_column(String(30))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    budget_item_id: Mapped[int] = mapped_column(ForeignKey("budget_item.id"))
    bank_code: Mapped[str] = mapped_column(String(4))
    branch_code: Mapped[str] = mapped_column(String(3))
    gateway: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    mandate: Mapped[str | None] = mapped_column(String(80))
    last_digits: Mapped[str] = mapped_column(String(4))
    failure: Mapped[str] = mapped_column(String(60))
    started_at: Mapped[datetime] = mapped_column(index=True)
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    sealed_account: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
