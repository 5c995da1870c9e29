"""The audit log: who looked at or changed what, when, and for which purpose. It shows tampering.

Entries are appended plainly; a job seals them each minute into a hash chain (a chain inside the transaction
would halve the throughput). An entry holds references, never personal values. The database refuses
UPDATE and DELETE on both tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, Text, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel import clock
from portal.kernel.database import Base, unit_of_work
from portal.kernel.jobs import task


@dataclass(frozen=True)
class Actor:
    """Who does something: an account by id, or the program itself."""

    account_id: int | None
    kind: Literal["resident", "staff", "guest", "system"]

    def __str__(self) -> str:
        return self.kind if self.account_id is None else f"{self.kind}:{self.account_id}"


SYSTEM = Actor(None, "system")
GUEST = Actor(None, "guest")


class AuditEntry(Base):
    """One look or change; append-only (trigger `audit_entry_append_only`)."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    #: The transaction that wrote it; lets the seal take only what is complete.
    transaction: Mapped[int] = mapped_column(
        BigInteger, server_default=text("pg_current_xact_id()::text::bigint"), index=True
    )
    actor_account_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    actor_kind: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_ref: Mapped[str] = mapped_column(Text, index=True)
    purpose: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))


class AuditSeal(Base):
    """One link of the chain over the entries of the transactions [from_transaction, to_transaction)."""

    __tablename__ = "audit_seal"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    from_transaction: Mapped[int] = mapped_column(BigInteger)
    to_transaction: Mapped[int] = mapped_column(BigInteger, unique=True)
    entries: Mapped[int] = mapped_column(BigInteger)
    previous: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)


def record(
    session: Session,
    *,
    actor: Actor,
    action: str,
    subject_kind: str,
    subject_ref: str,
    purpose: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Append one entry in the caller's transaction.

    Args:
        session: the caller's transaction.
        actor: who.
        action: `<domain>.<verb>`, such as `application.read`.
        subject_kind: what kind of record.
        subject_ref: its reference or id.
        purpose: why, where the procedure asks for one.
        detail: references, codes and counts; never a name, an address or an answer.
    """
    session.add(
        AuditEntry(
            at=clock.now(),
            actor_account_id=actor.account_id,
            actor_kind=actor.kind,
            action=action,
            subject_kind=subject_kind,
            subject_ref=subject_ref,
            purpose=purpose,
            detail=dict(detail or {}),
        ),
    )


def _digest(previous: str, entries: list[AuditEntry]) -> str:
    chain = hashlib.sha256(previous.encode())
    for entry in entries:
        line = [
            entry.id, entry.at.isoformat(), entry.transaction, entry.actor_account_id, entry.actor_kind, entry.action,
            entry.subject_kind, entry.subject_ref, entry.purpose, entry.detail,
        ]  # fmt: skip
        chain.update(json.dumps(line, ensure_ascii=False, sort_keys=True).encode())
    return chain.hexdigest()


def _entries(session: Session, start: int, end: int) -> list[AuditEntry]:
    return list(
        session.scalars(
            select(AuditEntry)
            .where(AuditEntry.transaction >= start, AuditEntry.transaction < end)
            .order_by(AuditEntry.transaction, AuditEntry.id),
        ),
    )


def seal(session: Session) -> int:
    """Chain every entry whose transaction has ended; returns how many were sealed.

    All transactions below the snapshot's xmin have ended, so the range is complete for good.
    """
    session.execute(text("LOCK TABLE audit_seal IN EXCLUSIVE MODE"))
    last = session.scalars(select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1)).first()
    start = last.to_transaction if last else 0
    end = int(session.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).scalar_one())
    found = _entries(session, start, end)
    if not found:
        return 0
    previous = last.digest if last else ""
    session.add(
        AuditSeal(
            at=clock.now(),
            from_transaction=start,
            to_transaction=end,
            entries=len(found),
            previous=previous,
            digest=_digest(previous, found),
        ),
    )
    session.flush()
    return len(found)


def verify(session: Session) -> int | None:
    """Recompute the chain; the id of the first seal that does not hold, or None where all do."""
    previous = ""
    for link in session.scalars(select(AuditSeal).order_by(AuditSeal.id)):
        found = _entries(session, link.from_transaction, link.to_transaction)
        if link.previous != previous or len(found) != link.entries or _digest(previous, found) != link.digest:
            return link.id
        previous = link.digest
    return None


@task(name="kernel.seal_audit", periodic="* * * * *")
def seal_audit(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each minute: seal the audit log."""
    with unit_of_work() as session:
        seal(session)
