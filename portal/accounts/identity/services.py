"""Keeping a confirmed identity, asking whether there is one, and letting it go (docs/decisions/0008-confirmed-identity.md)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.accounts.identity.claims import BasicFacts
from portal.accounts.identity.models import ConfirmedIdentity
from portal.kernel import audit
from portal.kernel.audit import Actor

COUNTS_FOR = timedelta(hours=1)
"""How long a confirmation counts, in the browser in which it was made."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Who is signed in, as a provider confirmed it.

    Attributes:
        source: name of the provider.
        at: when (aware).
        facts: what it said.
    """

    source: str
    at: datetime
    facts: BasicFacts

    @property
    def until(self) -> datetime:
        """From when on it does not count any more."""
        return self.at + COUNTS_FOR


def confirm(
    session: Session, *, account_id: int, facts: BasicFacts, source: str, actor: Actor, now: datetime
) -> tuple[Confirmed, str]:
    """Keep what a provider said; the audit log says that it was, never what.

    Returns:
        The identity, and the secret that the browser keeps.
    """
    secret = secrets.token_urlsafe(32)
    session.add(
        ConfirmedIdentity(
            secret_sha256=_digest(secret),
            account_id=account_id,
            source=source,
            name=facts.name,
            address=facts.address,
            birth_date=facts.birth_date,
            sex=facts.sex,
            confirmed_at=now,
        )
    )
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="identity.confirmed",
        subject_kind="account",
        subject_ref=str(account_id),
        detail={"source": source},
    )
    return Confirmed(source, now, facts), secret


def confirmed(session: Session, *, account_id: int, secret: str, now: datetime) -> Confirmed | None:
    """The identity of an account in the browser that holds this secret; None where it does not count (any more). One statement."""
    found = session.get(ConfirmedIdentity, _digest(secret)) if secret else None
    if found is None or found.account_id != account_id or not now < found.confirmed_at + COUNTS_FOR:
        return None
    facts = BasicFacts(found.name, found.address, found.birth_date, found.sex)
    return Confirmed(found.source, found.confirmed_at, facts)


def forget(session: Session, *, secret: str) -> None:
    """Let an identity go (signing out)."""
    session.execute(delete(ConfirmedIdentity).where(ConfirmedIdentity.secret_sha256 == _digest(secret)))


def sweep(session: Session, *, now: datetime) -> None:
    """Delete what does not count any more, with the facts in it."""
    session.execute(delete(ConfirmedIdentity).where(ConfirmedIdentity.confirmed_at <= now - COUNTS_FOR))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
