"""Tokens of other systems: made and revoked by the IT section, shown once, kept as a hash; calls counted in rows."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from reservations.api.errors import TokenMissing, TooManyCalls
from reservations.api.models import ApiAnswer, ApiCalls, ApiToken

#: What a token may be for.
SCOPES = ("facilities:read", "quotes:read", "bookings:read", "bookings:write")
PER_MINUTE = 120
#: Calls a minute from one address without a good token.
STRANGERS_PER_MINUTE = 60
ANSWERS_KEPT = timedelta(days=7)
_PREFIX = "mado_"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def make(
    session: Session,
    *,
    name: str,
    scopes: Collection[str],
    ends_at: datetime | None,
    actor: Actor,
    now: datetime,
    per_minute: int = PER_MINUTE,
) -> tuple[ApiToken, str]:
    """A new token: its row, and the token itself, which is nowhere else.

    Raises:
        ValueError: a scope that there is not.
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise ValueError(f"no such scope: {sorted(unknown)}")
    token = _PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        name=name,
        prefix=token[: len(_PREFIX) + 4],
        digest=_digest(token),
        scopes=[scope for scope in SCOPES if scope in scopes],
        per_minute=per_minute,
        made_at=now,
        made_by=actor.account_id,
        ends_at=ends_at,
    )
    session.add(row)
    session.flush()
    _note(session, row, "made", actor)
    return row, token


def revoke(session: Session, token_id: int, *, actor: Actor, now: datetime) -> None:
    """The token answers nobody from now on. Twice is the same as once.

    Raises:
        NotFound: there is no such token.
    """
    row = session.get(ApiToken, token_id, with_for_update=True)
    if row is None:
        raise NotFound
    if row.revoked_at is None:
        row.revoked_at, row.revoked_by = now, actor.account_id
        _note(session, row, "revoked", actor)


def _note(session: Session, row: ApiToken, what: str, actor: Actor) -> None:
    detail = {"scopes": row.scopes}
    audit.record(
        session,
        actor=actor,
        action=f"api_token.{what}",
        subject_kind="api_token",
        subject_ref=str(row.id),
        detail=detail,
    )
    session.flush()


def every(session: Session) -> list[ApiToken]:
    """All tokens, the newest first."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.id.desc())))


def enter(session: Session, token: str, *, address: str, now: datetime) -> ApiToken:
    """The token's row; counts the call. In a transaction of its own.

    Args:
        session: committed whatever the call gives.
        token: as it was sent; "" where none was.
        address: of the caller, for those without a good token.
        now: aware.

    Raises:
        TokenMissing: no good token.
        TooManyCalls: too many within this minute.
    """
    row = session.scalars(select(ApiToken).where(ApiToken.digest == _digest(token))).one_or_none() if token else None
    good = row is not None and row.revoked_at is None and (row.ends_at is None or now < row.ends_at)
    if row is None or not good:
        count(session, address, most=STRANGERS_PER_MINUTE, now=now)
        raise TokenMissing
    count(session, f"token:{row.id}", most=row.per_minute, now=now)
    if row.used_at is None or now - row.used_at > timedelta(minutes=1):
        session.execute(update(ApiToken).where(ApiToken.id == row.id).values(used_at=now))
    return row


def count(session: Session, who: str, *, most: int, now: datetime) -> None:
    """Count one call.

    Raises:
        TooManyCalls: with the time until the next minute.
    """
    minute = now.replace(second=0, microsecond=0)
    calls = session.execute(
        insert(ApiCalls)
        .values(who=who, minute=minute, calls=1)
        .on_conflict_do_update(index_elements=[ApiCalls.who, ApiCalls.minute], set_={"calls": ApiCalls.calls + 1})
        .returning(ApiCalls.calls)
    ).scalar_one()
    if calls > most:
        raise TooManyCalls(minute + timedelta(minutes=1) - now)


def sweep(session: Session, *, now: datetime) -> int:
    """Drop counts of past hours and answers older than a week; how many answers."""
    session.execute(delete(ApiCalls).where(ApiCalls.minute < now - timedelta(hours=1)))
    old = session.execute(delete(ApiAnswer).where(ApiAnswer.made_at < now - ANSWERS_KEPT).returning(ApiAnswer.key))
    return len(old.all())
