"""What a resident prepared at home comes to the counter: by its number, typed or read from the QR code, into one visit."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TypeVar
from urllib.parse import unquote

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.counter import changes, services
from forms.counter.errors import (
    AlreadyPulled,
    NoSuchPreparation,
    NotPrepared,
    PreparationExpired,
    SameProcedure,
    VisitEnded,
)
from forms.counter.models import Authority, Visit, VisitItem
from forms.models import Application, ProcedureVersion
from forms.services import changeover
from forms.services.common import ProcedureClosed, definition, locked, typed_by
from forms.states import Action, State
from portal.kernel import references
from portal.kernel.audit import Actor
from portal.kernel.clock import local
from portal.kernel.errors import NotFound
from portal.kernel.text import dashes, digits

LONGEST = 300
"""Characters that are looked at: a QR code holds an address with the number in it."""
_NUMBER = re.compile(r"/applications/([^/?#\s]+)")

F = TypeVar("F")


def number_of(typed: str) -> str:
    """The number as stored, from what was typed or what a code reader typed: the number, or an address that ends in it.

    Raises:
        NoSuchPreparation: there is no number in it, or a character is mistyped.
    """
    flat = unquote(dashes(digits(typed[:LONGEST]))).strip()
    inside = _NUMBER.search(flat)
    try:
        found = references.parse(inside[1] if inside else flat)
    except references.BadReference as bad:
        raise NoSuchPreparation from bad
    if not found.startswith("A-"):
        raise NoSuchPreparation
    return found


def pull(
    session: Session,
    number: str,
    *,
    clerk: Actor,
    now: datetime,
    office: str = "",
    authority: Authority = Authority.SELF,
    into: str | None = None,
    same_person: bool = False,
) -> Visit:
    """Take what was prepared at home into a visit: a new one, or one that is open.

    The case is locked first: of two clerks who type the same number at once, one gets it and the other is told which visit has it.

    Args:
        session: the transaction.
        number: as typed or scanned (`number_of`).
        clerk: who sits at the counter.
        now: aware.
        office: of a new visit.
        authority: of a new visit.
        into: number of an open visit; None: a new one.
        same_person: as in `services.take_facts`, where the card was read before.

    Raises:
        NoSuchPreparation: mistyped, or no number of ours.
        NotPrepared: filed or taken back already.
        PreparationExpired: its last day has passed.
        AlreadyPulled: it is in a visit.
        SameProcedure: the visit has this procedure already.
        AnotherPerson: the card that was read is somebody else's.
        ProcedureClosed: the procedure is not taken any more.
        NotFound, VisitEnded, AlreadyPrinted: see `services.changeable`.
    """
    visit = services.changeable(session, into) if into is not None else None
    application = _waiting(session, number_of(number), now=now)
    if visit is None:
        visit = services.begin(session, office=office, clerk=clerk, now=now, authority=authority)
    slug = application.procedure.slug
    if any(item.slug == slug for item in visit.items):
        raise SameProcedure
    item = VisitItem(
        position=1 + max((one.position for one in visit.items), default=0),
        slug=slug,
        application_id=application.id,
        prepared=changes.snapshot(session, application, now=now),
    )
    visit.items.append(item)
    _on_a_version_that_is_open(session, application, clerk=clerk, now=now)
    application.channel, application.changed_at = "counter", now
    if application.on_behalf is None and visit.authority != Authority.SELF:
        application.on_behalf = visit.authority
    session.flush()
    card = visit.current().get("person.name")
    if card is not None and not same_person:
        born = visit.current().get("person.birth_date")
        changes.same(visit, [application], str(card.value), date.fromisoformat(str(born.value)) if born else None)
    typed_by(session, application, clerk)
    services.fill(session, visit, clerk=clerk, now=now)
    services.note(session, visit, "pull", clerk, case=application.reference)
    return visit


def _waiting(session: Session, reference: str, *, now: datetime) -> Application:
    """The case, locked, that waits for the counter and is in no visit."""
    try:
        application = locked(session, reference=reference)
    except NotFound as missing:
        raise NoSuchPreparation from missing
    visit = session.scalar(
        select(Visit.reference)
        .join(VisitItem, VisitItem.visit_id == Visit.id)
        .where(VisitItem.application_id == application.id)
    )
    if application.state == State.PREPARED.value and visit is not None:
        raise AlreadyPulled(visit)
    if application.state == State.WITHDRAWN.value and application.filed_at is None:
        last = application.events[-1]
        if last.action == Action.EXPIRE:
            raise PreparationExpired(local(last.at).date())
    if application.state != State.PREPARED.value or application.draft is None:
        raise NotPrepared(application.filed_at)
    if application.prepared_until is not None and application.prepared_until < local(now).date():
        raise PreparationExpired(application.prepared_until)
    return application


def _on_a_version_that_is_open(session: Session, application: Application, *, clerk: Actor, now: datetime) -> None:
    """A newer version takes over what was written where the own one is not taken any more; the counter asks what is new."""
    newer = changeover.newer(session, application, now=now)
    if newer is not None and newer.must:
        sha256 = session.get_one(ProcedureVersion, newer.id).sha256
        changeover.go_over(session, key=application.key, sha256=sha256, actor=clerk, now=now)
    elif not definition(application.version).is_open(now):
        raise ProcedureClosed(application.procedure.slug)


def release(session: Session, reference: str, slug: str, *, clerk: Actor, now: datetime) -> Visit:
    """Let go of what was pulled in by mistake: it is as it was at home, and another visit can take it.

    Raises:
        NotFound: no such visit, or nothing of this procedure came from home.
        VisitEnded: it is the visit's only procedure (call the visit off), or the visit is over.
        AlreadyPrinted: a paper is printed.
    """
    visit = services.changeable(session, reference)
    item = next((one for one in visit.items if one.slug == slug and one.prepared is not None), None)
    if item is None:
        raise NotFound
    if len(visit.items) == 1:
        raise VisitEnded(visit.reference)
    application = services.applications(session, visit)[slug]
    changes.put_back(session, item, application, now=now)
    visit.items.remove(item)
    session.flush()
    services.note(session, visit, "release", clerk, case=application.reference)
    return visit


def field_of(session: Session, visit: Visit, slug: str, field_id: str, kind: type[F]) -> tuple[Application, F]:
    """The application of a visit that came from home, and one of its fields.

    Args:
        session: the transaction.
        visit: loaded.
        slug: of the procedure.
        field_id: of the field.
        kind: what the field has to be.

    Raises:
        NotFound: nothing of this procedure came from home, or it has no such field of this kind.
    """
    home = {item.slug for item in visit.items if item.prepared is not None}
    application = services.applications(session, visit).get(slug)
    if application is None or slug not in home or application.draft is None:
        raise NotFound
    spec = definition(application.version).field(field_id)
    if not isinstance(spec, kind):
        raise NotFound
    return application, spec
