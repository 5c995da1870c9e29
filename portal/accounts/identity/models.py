"""The table of confirmed identities."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base


class ConfirmedIdentity(Base):
    """What a provider said about whoever is signed in, for one sign-in of theirs and a short time; swept afterwards.

    Only the browser whose cookie holds the secret has the identity (the key is its hash): a stolen password alone does not.

    Attributes:
        source: name of the provider, as people know it.
        name, address, birth_date, sex: the four basic facts, every character kept.
    """

    __tablename__ = "confirmed_identity"
    __table_args__ = (
        CheckConstraint("length(secret_sha256) = 64", name="secret_is_hashed"),
        CheckConstraint("sex in ('female', 'male', 'other')", name="sex_known"),
        CheckConstraint("name <> ''", name="has_name"),
    )

    secret_sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id", ondelete="CASCADE"), index=True)
    source: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    birth_date: Mapped[date | None]
    sex: Mapped[str | None] = mapped_column(Text)
    confirmed_at: Mapped[datetime] = mapped_column(index=True)
