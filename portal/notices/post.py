"""Messages on paper: made where a mail would go and there is no address for it, printed by staff, posted by a person (CASES A11).

The words are the mail's own template, rendered with `by_post`. A room says who prints its letters (`PostedNotice.room`, `scope`);
where a person gets post is asked of whoever knows about protected homes (handed over in `portal.app`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.kernel import audit, clock
from portal.kernel.audit import Actor
from portal.notices import paper, services
from portal.notices.models import PostedNotice
from portal.notices.paper import Address
from portal.notices.services import Recipient


@dataclass(frozen=True, slots=True)
class Desk:
    """Whose letters somebody may see: a room's, all of them or those of these scopes."""

    room: str
    scopes: frozenset[str] | None = None


AddressOf = Callable[[Session, int, datetime], Address | None]
"""Where a person gets post (None: not known, or somebody must not learn of it)."""


class _Homes:
    address_of: AddressOf | None = None


def configure(address_of: AddressOf) -> None:
    """Who knows where a person gets post."""
    _Homes.address_of = address_of


def address_of(session: Session, person_id: int, *, now: datetime) -> Address | None:
    """Where a person gets post; None: not known."""
    return None if _Homes.address_of is None else _Homes.address_of(session, person_id, now)


def send_or_post(
    session: Session,
    *,
    recipient: Recipient,
    person_id: int | None,
    room: str,
    about: str,
    template: str,
    context: Mapping[str, Any],
    key: str,
    scope: str = "",
) -> bool:
    """A mail where there is an address for it, else a letter where it is known where the person lives; whether there is either.

    Args:
        session: the caller's transaction.
        recipient: who gets it; `email` may be empty.
        person_id: whose home it goes to; None: nobody knows.
        room: who prints it.
        about: the number of what it is about.
        template: the mail's, such as "payments/mail/reminder.txt"; it may ask for `by_post`.
        context: JSON values that the template shows.
        key: what the message is about; the same key again makes nothing.
        scope: the facility whose manager prints it.
    """
    if recipient.email:
        services.send(session, recipient=recipient, template=template, context={**context, "by_post": False}, key=key)
        return True
    if person_id is None or address_of(session, person_id, now=clock.now()) is None:
        return False
    made = insert(PostedNotice).values(
        key=key,
        room=room,
        scope=scope,
        about=about,
        person_id=person_id,
        name=recipient.name,
        locale=recipient.locale,
        template=template,
        context={**context, "by_post": True},
        made_at=clock.now(),
    )
    session.execute(made.on_conflict_do_nothing(index_elements=[PostedNotice.key]))
    return True


def of_desks(session: Session, desks: Collection[Desk], *, sent: bool) -> Sequence[PostedNotice]:
    """The letters that somebody may see: those to send, oldest first, or those sent, newest first. One statement."""
    return paper.listed(session, select(PostedNotice).where(_theirs(desks)), PostedNotice, sent=sent)


def waiting(session: Session, desks: Collection[Desk]) -> int:
    """How many are still to be sent. One statement."""
    return session.scalar(select(func.count()).where(_theirs(desks), PostedNotice.sent_at.is_(None))) or 0


def chosen(
    session: Session, ids: Collection[int], *, desks: Collection[Desk], most: int = paper.LISTED
) -> list[PostedNotice]:
    """These letters, locked, oldest first.

    Raises:
        Invalid, NotFound: see `portal.notices.paper.chosen`.
    """
    return paper.chosen(session, select(PostedNotice).where(_theirs(desks)), PostedNotice, ids, most=most)


def mark_printed(
    session: Session, ids: Collection[int], *, desks: Collection[Desk], actor: Actor, now: datetime
) -> None:
    """Their pages were made for this person.

    Raises:
        Invalid, NotFound: see `chosen`.
    """
    letters = chosen(session, ids, desks=desks)
    paper.mark_printed(letters, actor=actor, now=now)
    _note(session, letters, "post.print", actor)


def mark_sent(
    session: Session, ids: Collection[int], *, desks: Collection[Desk], sent_on: date, actor: Actor, now: datetime
) -> int:
    """A person says that these were posted; how many are new.

    Raises:
        Invalid, NotFound: see `chosen`, and `portal.notices.paper.mark_sent`.
        NotPrinted: one of them was never printed.
    """
    new = paper.mark_sent(chosen(session, ids, desks=desks), sent_on=sent_on, actor=actor, now=now)
    _note(session, new, "post.sent", actor)
    return len(new)


def _theirs(desks: Collection[Desk]) -> ColumnElement[bool]:
    own = [
        PostedNotice.room == desk.room
        if desk.scopes is None
        else and_(PostedNotice.room == desk.room, PostedNotice.scope.in_(desk.scopes))
        for desk in desks
    ]
    return or_(false(), *own)


def _note(session: Session, letters: Collection[PostedNotice], action: str, actor: Actor) -> None:
    for letter in letters:
        audit.record(
            session, actor=actor, action=action, subject_kind="posted_notice", subject_ref=str(letter.id),
            detail={"about": letter.about},
        )  # fmt: skip
    session.flush()
