"""Take a procedure off the catalogue: one person asks, a second one agrees, from a moment on. Cases and drafts that were begun go on.

In an emergency (a wrong fee, a leak) one person does it at once, with a reason; a second one looks at it afterwards. That the two differ is
said by the database too (check `two_persons`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.models import ProcedureRow, ProcedureWithdrawal
from forms.services.publishing import TooEarly, end_at, newest_published
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from portal.kernel.text import without_control

REASON_LENGTH = 500
"""Characters."""


@dataclass(eq=False)
class OwnWish(Forbidden):
    """Who asked for it cannot be the one who agrees to it, nor the one who looks at what they did alone."""

    code: ClassVar[str] = "withdrawal_own"


@dataclass(eq=False)
class NoReason(Invalid):
    """Why it is taken off is not said, or at too great length."""

    code: ClassVar[str] = "withdrawal_reason"


@dataclass(eq=False)
class WaitsAlready(Conflict):
    """Somebody asked for it before; a second person agrees to that, or it is dropped first."""

    code: ClassVar[str] = "withdrawal_waits"


def ask(
    session: Session, *, slug: str, reason: str, actor: Actor, now: datetime, from_at: datetime | None = None
) -> ProcedureWithdrawal:
    """Ask to take it off; nothing changes before a second person agrees.

    Args:
        session: the transaction.
        slug: of the procedure.
        reason: why, for colleagues.
        actor: who asks.
        now: aware.
        from_at: from when on (aware); None: from the moment of the agreement.

    Raises:
        NotFound: nothing is published then.
        TooEarly: `from_at` is in the past.
        NoReason: see there.
        WaitsAlready: see there.
    """
    if from_at is not None and from_at < now:
        raise TooEarly
    row = _published(session, slug, from_at or now)
    if waiting(session, slug) is not None:
        raise WaitsAlready
    return _write(session, row, reason=reason, actor=actor, now=now, from_at=from_at, alone=False)


def at_once(session: Session, *, slug: str, reason: str, actor: Actor, now: datetime) -> ProcedureWithdrawal:
    """Take it off now, alone: an emergency. What waited for a second person is settled by it.

    Raises:
        NotFound: nothing is published now or later.
        NoReason: see there.
    """
    row = _published(session, slug, now)
    before = waiting(session, slug)
    made = _write(session, row, reason=reason, actor=actor, now=now, from_at=now, alone=True)
    if before is not None:
        before.dropped_at = now
    end_at(row, now)
    session.flush()
    return made


def agree(session: Session, *, slug: str, number: int, actor: Actor, now: datetime) -> ProcedureWithdrawal:
    """The second person: agrees to what was asked, or has looked at what was done in an emergency.

    Args:
        session: the transaction.
        slug: of the procedure.
        number: the id of what was looked at.
        actor: who agrees.
        now: aware. Where the moment that was asked for has passed, it ends now.

    Raises:
        NotFound: this does not wait (any more), or nothing is published then.
        OwnWish: who asked.
    """
    found = _of(session, slug, number)
    if actor.account_id is None or actor.account_id == found.asked_by:
        raise OwnWish
    if not found.alone:
        start = max(found.from_at or now, now)
        end_at(_published(session, slug, start), start)
        found.from_at = start
    found.agreed_by, found.agreed_at = actor.account_id, now
    session.flush()
    _note(session, "procedure.withdraw_seen" if found.alone else "procedure.withdraw", slug, found, actor)
    return found


def drop(session: Session, *, slug: str, number: int, actor: Actor, now: datetime) -> None:
    """It is not to be taken off after all.

    Raises:
        NotFound: this does not wait (any more).
    """
    found = _of(session, slug, number)
    if found.alone:
        raise NotFound
    found.dropped_at = now
    session.flush()
    _note(session, "procedure.withdraw_dropped", slug, found, actor)


def waiting(session: Session, slug: str) -> ProcedureWithdrawal | None:
    """What waits for a second person's agreement. One statement."""
    return session.scalars(
        select(ProcedureWithdrawal)
        .join(ProcedureRow)
        .where(
            ProcedureRow.slug == slug,
            ProcedureWithdrawal.alone.is_(False),
            ProcedureWithdrawal.agreed_at.is_(None),
            ProcedureWithdrawal.dropped_at.is_(None),
        )
    ).one_or_none()


def done(session: Session, slug: str) -> Sequence[ProcedureWithdrawal]:
    """What was agreed to, or done in an emergency, newest first. One statement."""
    return session.scalars(
        select(ProcedureWithdrawal)
        .join(ProcedureRow)
        .where(ProcedureRow.slug == slug, ProcedureWithdrawal.dropped_at.is_(None))
        .where(ProcedureWithdrawal.alone.is_(True) | ProcedureWithdrawal.agreed_at.is_not(None))
        .order_by(ProcedureWithdrawal.id.desc())
    ).all()


def _published(session: Session, slug: str, at: datetime) -> ProcedureRow:
    row: ProcedureRow | None = session.scalars(
        select(ProcedureRow)
        .where(ProcedureRow.slug == slug)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    last = newest_published(row) if row else None
    if row is None or last is None or (last.valid_until is not None and last.valid_until <= at):
        raise NotFound
    return row


def _of(session: Session, slug: str, number: int) -> ProcedureWithdrawal:
    found: ProcedureWithdrawal | None = session.scalars(
        select(ProcedureWithdrawal)
        .join(ProcedureRow)
        .where(
            ProcedureRow.slug == slug,
            ProcedureWithdrawal.id == number,
            ProcedureWithdrawal.agreed_at.is_(None),
            ProcedureWithdrawal.dropped_at.is_(None),
        )
        .with_for_update(of=[ProcedureRow, ProcedureWithdrawal])
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _write(
    session: Session,
    row: ProcedureRow,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
    from_at: datetime | None,
    alone: bool,
) -> ProcedureWithdrawal:
    why = without_control(reason).strip()
    if not 0 < len(why) <= REASON_LENGTH:
        raise NoReason
    if actor.account_id is None:
        raise OwnWish
    made = ProcedureWithdrawal(
        procedure_id=row.id, from_at=from_at, reason=why, alone=alone, asked_by=actor.account_id, asked_at=now
    )
    session.add(made)
    session.flush()
    _note(session, "procedure.withdraw_alone" if alone else "procedure.withdraw_asked", row.slug, made, actor)
    return made


def _note(session: Session, action: str, slug: str, found: ProcedureWithdrawal, actor: Actor) -> None:
    start = None if found.from_at is None else found.from_at.isoformat()
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_kind="procedure",
        subject_ref=slug,
        detail={"withdrawal": found.id, "from": start},
    )
