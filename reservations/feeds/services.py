"""Open and end a person's calendar feed; who may read it is who knows the address."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.kernel import audit
from portal.kernel.audit import Actor
from reservations.feeds.models import CalendarFeed
from reservations.services.common import lock_person

_SECRET_BYTES = 24


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def open_feed(session: Session, *, person_id: int, locale: str, actor: Actor, now: datetime) -> str:
    """Make a new secret address; one that worked before ends with it.

    Returns:
        The secret, shown once: only its hash is kept.
    """
    lock_person(session, person_id)
    _end(session, person_id, now)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    session.add(CalendarFeed(person_id=person_id, secret_sha256=_hash(secret), locale=locale, made_at=now))
    session.flush()
    audit.record(session, actor=actor, action="calendar_feed.opened", subject_kind="person", subject_ref=str(person_id))
    return secret


def end_feed(session: Session, *, person_id: int, actor: Actor, now: datetime) -> bool:
    """End the address; False where there was none."""
    lock_person(session, person_id)
    if not _end(session, person_id, now):
        return False
    audit.record(session, actor=actor, action="calendar_feed.ended", subject_kind="person", subject_ref=str(person_id))
    return True


def _end(session: Session, person_id: int, now: datetime) -> bool:
    ended = session.execute(
        update(CalendarFeed)
        .where(CalendarFeed.person_id == person_id, CalendarFeed.ended_at.is_(None))
        .values(ended_at=now)
        .returning(CalendarFeed.id)
    )
    return bool(ended.all())


def feed_of(session: Session, secret: str) -> CalendarFeed | None:
    """The feed with this secret, or None where it never was or has ended; one statement."""
    return session.scalars(
        select(CalendarFeed).where(CalendarFeed.secret_sha256 == _hash(secret), CalendarFeed.ended_at.is_(None))
    ).one_or_none()


def opened_at(session: Session, person_id: int) -> datetime | None:
    """Since when the person has a feed; None without one."""
    return session.scalar(
        select(CalendarFeed.made_at).where(CalendarFeed.person_id == person_id, CalendarFeed.ended_at.is_(None))
    )
