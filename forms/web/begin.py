"""Before the first question: who may begin, for whom, and what is filled in beforehand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from forms import queries, vocabulary
from forms.case_models import Delegation
from forms.definition import Procedure
from forms.services import delegation, drafts, earlier, prefilling, protection, proving
from forms.services.common import Applicant, definition
from forms.web import views
from forms.web.blueprint import bp
from portal.accounts.identity.services import Confirmed
from portal.accounts.models import Person
from portal.accounts.web import identity
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, locale

_FACTS = (
    "name",
    "kana",
    "birth_date",
    "sex",
    "phone",
    "email",
    "postal_code",
    "prefecture",
    "city",
    "town",
    "block",
    "building",
)


def _enter(procedure: Procedure) -> access.Visitor:
    """Who may fill this in: guests where the procedure says so, else residents.

    Raises:
        NotSignedIn, ResidentsOnly: see `portal.web.access`.
    """
    who = access.visitor()
    if procedure.guests and not who.signed_in:
        return who
    access.Rule("resident").check(who)
    return who


@bp.get("/apply/<slug>")
@access.public
def begin(slug: str) -> ResponseReturnValue:
    """Before you start: begin, or go on with the draft."""
    with unit_of_work() as session:
        entry = queries.procedure(session, slug, now=clock.now())
        who = _enter(entry.procedure)
        draft = queries.draft_of(session, who.account_id, slug) if who.account_id else None
        held = delegation.for_delegate(session, who.account_id, slug, now=clock.now()) if who.account_id else []
    if not entry.procedure.fillable:
        return redirect(url_for("forms.procedure", slug=slug), 303)
    return render_template(
        "forms/begin.html",
        entry=entry,
        procedure=entry.procedure,
        draft=draft,
        held=held,
        ways=proving.ways(entry.procedure, proving.level_of(identity.confirmed(), signed_in=who.signed_in)),
        identity=identity.offer(),
        lang=locale.current(),
    )


@bp.post("/apply/<slug>")
@access.public
def start(slug: str) -> ResponseReturnValue:
    """Begin a draft, filled in from the profile; or go on."""
    now, confirmed = clock.now(), identity.confirmed()
    with unit_of_work() as session:
        entry = queries.procedure(session, slug, now=now)
        who = _enter(entry.procedure)
        held = _delegation(session, who, slug)
        applicant = _applicant(session, who, held)
        stop = protection.stopped(
            session,
            procedure=entry.procedure,
            for_person=applicant.person_id,
            by_person=who.person_id,
            actor=who.actor,
            now=now,
            confirmed_home=prefilling.home_of(session, confirmed),
        )
        # An alarm is kept, also where nothing begins.
        begun = None if stop else _begin(session, slug, applicant, who, confirmed, now=now)
    if begun is None:
        raise protection.NotOnline
    key, first = begun
    if not who.signed_in:
        views.remember("drafts", key)
    return redirect(url_for("forms.step", slug=slug, key=key, step_id=first), 303)


def _begin(
    session: Session,
    slug: str,
    applicant: Applicant,
    who: access.Visitor,
    confirmed: Confirmed | None,
    *,
    now: datetime,
) -> tuple[str, str]:
    """The draft's key, and the step to go on with."""
    known = _known(session, who, applicant.person_id)
    draft = drafts.start_draft(session, slug=slug, applicant=applicant, actor=who.actor, now=now, known=known)
    if confirmed is not None:
        prefilling.take_identity(session, draft, confirmed, now=now)
    saved_at = draft.draft.step if draft.draft else None
    return draft.key, saved_at or definition(draft.version).steps[0].id


def _delegation(session: Session, who: access.Visitor, slug: str) -> Delegation | None:
    """For whom the visitor said they act; None: for themselves.

    Raises:
        NotFound: no such delegation holds for them and this procedure.
    """
    wanted = request.form.get("for", "")
    if not wanted or who.account_id is None:
        return None
    held = delegation.for_delegate(session, who.account_id, slug, now=clock.now())
    found = next((each for each in held if str(each.id) == wanted), None)
    if found is None:
        raise NotFound
    return found


def _applicant(session: Session, who: access.Visitor, held: Delegation | None) -> Applicant:
    level = proving.level_of(identity.confirmed(session), signed_in=who.signed_in)
    if held is not None:
        return Applicant(
            account_id=delegation.account_of(session, held.principal_person_id),
            person_id=held.principal_person_id,
            email=who.email or None,
            locale=locale.current(),
            identity=level,
            on_behalf=held.relation,
            delegation_id=held.id,
            acting_name=held.delegate_name,
        )
    return Applicant(
        account_id=who.account_id,
        person_id=who.person_id,
        email=who.email or None,
        locale=locale.current(),
        identity=level,
    )


def _known(session: Session, who: access.Visitor, person_id: int | None) -> tuple[vocabulary.Known, ...]:
    person = session.get(Person, person_id) if person_id else None
    if person is None:
        return ()
    facts: dict[str, Any] = {name: getattr(person, name, None) for name in _FACTS}
    if person_id == who.person_id:
        facts["email"] = facts.get("email") or who.email
    known = vocabulary.from_person(facts, source="profile", at=person.changed_at)
    if person_id == who.person_id and who.account_id is not None:
        # What the profile knows wins: the first of an item is filled in.
        known += earlier.said_before(session, person_id=person.id, account_id=who.account_id)
    return protection.without_protected(session, known, person_id=who.person_id, now=clock.now())
