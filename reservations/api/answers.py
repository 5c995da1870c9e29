"""Kept answers: a write that is sent twice under one Idempotency-Key happens once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reservations.api.errors import KeyUsedAgain
from reservations.api.models import ApiAnswer


@dataclass(frozen=True)
class Answer:
    """What a write answers; `again`: it is the kept answer of the first time."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    again: bool = False


def digest(method: str, path: str, body: bytes) -> str:
    """SHA-256 over a request."""
    return hashlib.sha256(f"{method} {path}\n".encode() + body).hexdigest()


def once(
    session: Session, *, token_id: int, key: str, request: str, work: Callable[[], Answer], now: datetime
) -> Answer:
    """Run a write, or give the answer that it gave before. The answer is kept in the write's own transaction.

    Two at the same moment wait for each other. What fails keeps nothing: the same key may be tried again.

    Args:
        session: the write's transaction.
        token_id: whose key it is.
        key: as sent.
        request: from `digest`.
        work: the write.
        now: aware.

    Raises:
        KeyUsedAgain: the key belongs to another request.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{token_id}:{key}", 0))))
    kept = session.get(ApiAnswer, (token_id, key))
    if kept is not None:
        if kept.digest != request:
            raise KeyUsedAgain
        return Answer(kept.status, kept.body, kept.headers, again=True)
    made = work()
    session.add(
        ApiAnswer(
            token_id=token_id,
            key=key,
            digest=request,
            status=made.status,
            body=made.body,
            headers=made.headers,
            made_at=now,
        )
    )
    session.flush()
    return made
