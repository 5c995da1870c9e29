"""Tokens of other systems, the people they book for, kept answers and counted calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base


class ApiToken(Base):
    """A way in for another system. Only the SHA-256 of the token is here; the token itself was shown once."""

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint("cardinality(scopes) > 0", name="scopes"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    #: The first characters, to tell tokens apart.
    prefix: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    per_minute: Mapped[int]
    made_at: Mapped[datetime]
    made_by: Mapped[int | None] = mapped_column(BigInteger)
    ends_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[int | None] = mapped_column(BigInteger)
    used_at: Mapped[datetime | None]


class ApiPerson(Base):
    """Somebody for whom another system books, by that system's own name for them."""

    __tablename__ = "api_person"
    __table_args__ = (UniqueConstraint("token_id", "subject"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("api_token.id"))
    subject: Mapped[str]
    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("person.id"), index=True)


class ApiAnswer(Base):
    """What a write with an Idempotency-Key answered: the same key again gets the same answer."""

    __tablename__ = "api_answer"

    token_id: Mapped[int] = mapped_column(ForeignKey("api_token.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    #: SHA-256 over method, path and body.
    digest: Mapped[str]
    status: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    made_at: Mapped[datetime]


class ApiCalls(Base):
    """How often a token (or an address without one) called within a minute."""

    __tablename__ = "api_calls"

    who: Mapped[str] = mapped_column(primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    calls: Mapped[int]
