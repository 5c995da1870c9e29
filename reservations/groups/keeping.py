"""What becomes of a group between its terms: it ends, or somebody else represents it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from portal.kernel.audit import Actor
from portal.kernel.errors import Conflict, NotFound
from reservations.errors import ReasonMissing
from reservations.groups.models import BookingGroup, GroupState
from reservations.groups.services import locked, record, tell

ENDED = "reservations/mail/group_ended.txt"
REPRESENTED = "reservations/mail/group_representative.txt"


@dataclass(eq=False)
class NobodyWaits(Conflict):
    """Nobody asked to represent the group, or somebody else by now."""

    code: ClassVar[str] = "nobody_waits"


def leave(session: Session, reference: str, *, person_id: int, actor: Actor) -> None:
    """The representative ends a group. Its bookings stay.

    Raises:
        NotFound: not this representative's group.
    """
    group = locked(session, reference)
    if group.representative_id != person_id or group.state == GroupState.ENDED.value:
        raise NotFound
    _end(session, group)
    record(session, "group.end", reference, actor)


def end(session: Session, reference: str, *, reason: str, actor: Actor, now: datetime) -> None:
    """Staff end a group with a reason, which its representative is told. Its bookings stay. Twice is once.

    Raises:
        NotFound: no such group.
        ReasonMissing: no reason.
    """
    group = locked(session, reference)
    if not reason.strip():
        raise ReasonMissing
    if group.state == GroupState.ENDED.value:
        return
    _end(session, group)
    group.decided_at, group.decided_by, group.reason = now, actor.account_id, reason.strip()
    session.flush()
    record(session, "group.end", reference, actor)
    context: dict[str, object] = {"group": group.name, "reason": group.reason}
    tell(session, group.representative_id, ENDED, f"reservations.group_ended:{reference}", context)


def _end(session: Session, group: BookingGroup) -> None:
    group.state, group.renewal, group.successor_id, group.reason = GroupState.ENDED.value, None, None, None
    session.flush()


def offer(session: Session, reference: str, *, person_id: int, actor: Actor) -> None:
    """A member who may book for the group asks to represent it from now on; staff decide. The last who asked counts.

    Raises:
        NotFound: they are no such member, or represent it already.
    """
    group = locked(session, reference)
    entrusted = {member.person_id for member in group.members if member.may_book}
    if group.state == GroupState.ENDED.value or person_id == group.representative_id or person_id not in entrusted:
        raise NotFound
    group.successor_id = person_id
    session.flush()
    record(session, "group.offer", reference, actor)


def hand_over(
    session: Session, reference: str, *, successor_id: int, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Staff agree that somebody represents the group from now on, or refuse with the reason. Both people are told.

    Args:
        session: the caller's transaction.
        reference: the group.
        successor_id: whom the clerk was shown.
        accept: whether they agree.
        reason: why not.
        actor: the clerk.
        now: aware.

    Raises:
        NotFound: no such group.
        NobodyWaits: somebody else asked by now, or nobody.
        ReasonMissing: a refusal without reason.
    """
    group = locked(session, reference)
    if group.successor_id != successor_id:
        raise NobodyWaits
    if not accept and not reason.strip():
        raise ReasonMissing
    before, group.successor_id = group.representative_id, None
    if accept:
        group.representative_id = successor_id
    session.flush()
    record(session, "group.hand_over" if accept else "group.keep_representative", reference, actor)
    context: dict[str, object] = {"group": group.name, "accepted": accept, "reason": reason.strip()}
    for person_id in (before, successor_id):
        key = f"reservations.group_representative:{reference}:{now.isoformat()}:{person_id}"
        tell(session, person_id, REPRESENTED, key, context)
