"""Letters: made where a mail would go and there is no address for it, printed by the section, posted by a person (CASES A11)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from forms.letters.models import Letter
from forms.models import Application, ProcedureRow
from forms.services import hiding, protection
from forms.services.common import definition
from portal.accounts.models import Person
from portal.kernel import audit, clock
from portal.kernel.audit import Actor
from portal.notices import paper
from portal.notices.paper import Address

T = TypeVar("T")
WORDS = frozenset({"filed", "correction", "decided", "issued", "withdrawn", "fee_changed", "message"})
"""The messages that a letter has words for; what is only prepared at home (and not filed) sends none."""


def by_post(application: Application) -> bool:
    """Whether messages of this case go by post: there is no mail address, or the applicant chose post."""
    return not application.contact.get("email") or bool(application.contact.get("post"))


def make(session: Session, application: Application, what: str, *, event: str, facts: Mapping[str, Any]) -> bool:
    """Put one letter into the transaction, and whether there is one; the same event again makes no second one.

    A guest who filed online and gave no address gets none: they follow the case by its number. At the counter there always is one;
    where its address is not known, the section is told when it prints.

    Args:
        session: the transaction.
        application: filed.
        what: one of `WORDS`; of other messages there are no letters.
        event: which of them, one for a case.
        facts: JSON values that it says; never answers.
    """
    if what not in WORDS:
        return False
    if application.channel == "online" and address_of(session, application, now=clock.now()) is None:
        return False
    made = insert(Letter).values(
        application_id=application.id, what=what, event=event, facts=dict(facts), made_at=clock.now()
    )
    session.execute(made.on_conflict_do_nothing(index_elements=[Letter.application_id, Letter.event]))
    return True


def address_of(session: Session, application: Application, *, now: datetime) -> Address | None:
    """Where the applicant gets post: as filed last, else as their own record says; None: not known.

    Of a protected person only their own words count, and never a home at which somebody must not learn of them; of everybody else
    never a home at which a protected person lives (CASES A10).
    """
    person_id = application.applicant_person_id
    candidates = []
    if application.filings and not (application.on_behalf and protection.of_person(session, person_id, now=now)):
        answers = application.filings[-1].answers
        fields = definition(application.version).fields()
        candidates += [answers[f.id] for f in fields if f.item == protection.ADDRESS and answers.get(f.id)]
    return _first_allowed(session, person_id, candidates, now=now)


def address_of_person(session: Session, person_id: int, now: datetime) -> Address | None:
    """Where a person gets post by their own record alone, under the same rules: for letters about money and bookings."""
    return _first_allowed(session, person_id, [], now=now)


def _first_allowed(
    session: Session, person_id: int | None, candidates: Sequence[Mapping[str, Any]], *, now: datetime
) -> Address | None:
    protected = protection.of_person(session, person_id, now=now)
    if person_id is not None:
        person = session.get_one(Person, person_id)
        parts = ("postal_code", "prefecture", "city", "town", "block", "building")
        candidates = [*candidates, {part: getattr(person, part) for part in parts}]
    secret = [each.home for each in hiding.homes(session, besides=person_id, now=now)]
    for value in candidates:
        if any(each.at(value) for each in secret):
            continue
        home = protection.household(str(value.get("postal_code") or ""), str(value.get("block") or ""))
        place = "".join(str(value.get(part) or "") for part in ("prefecture", "city", "town", "block"))
        if place and value.get("block") and not (protected is not None and home in protected.households):
            return Address(paper.hyphened(str(value.get("postal_code") or "")), place, str(value.get("building") or ""))
    return None


def of_section(session: Session, departments: Collection[str], *, sent: bool) -> Sequence[Letter]:
    """Letters of the departments' cases: those to send, oldest first, or those sent, newest first. One statement."""
    version = joinedload(Letter.application).joinedload(Application.version)
    return paper.listed(session, _theirs(select(Letter), departments).options(version), Letter, sent=sent)


def waiting(session: Session, departments: Collection[str]) -> int:
    """How many letters of the departments are still to be sent. One statement."""
    counted = _theirs(select(func.count()).select_from(Letter), departments)
    return session.scalar(counted.where(Letter.sent_at.is_(None))) or 0


def of_case(session: Session, application: Application) -> Sequence[Letter]:
    """The letters of a case, oldest first. One statement."""
    return session.scalars(select(Letter).where(Letter.application_id == application.id).order_by(Letter.id)).all()


def chosen(
    session: Session, ids: Collection[int], *, departments: Collection[str], most: int = paper.LISTED
) -> list[Letter]:
    """These letters of the departments, locked, oldest first.

    Raises:
        Invalid, NotFound: see `portal.notices.paper.chosen`.
    """
    return paper.chosen(session, _theirs(select(Letter), departments), Letter, ids, most=most)


def mark_printed(
    session: Session, ids: Collection[int], *, departments: Collection[str], actor: Actor, now: datetime
) -> None:
    """Their pages were made for this person.

    Raises:
        Invalid, NotFound: see `chosen`.
    """
    letters = chosen(session, ids, departments=departments)
    paper.mark_printed(letters, actor=actor, now=now)
    _note(session, letters, "letter_print", actor)


def mark_sent(
    session: Session, ids: Collection[int], *, departments: Collection[str], sent_on: date, actor: Actor, now: datetime
) -> int:
    """A person says that these were posted; how many are new.

    Args:
        session: the transaction.
        ids: of the letters.
        departments: the actor's.
        sent_on: day on which they were posted, in Japan.
        actor: who says so.
        now: aware.

    Raises:
        Invalid, NotFound: see `chosen`, and `portal.notices.paper.mark_sent`.
        NotPrinted: one of them was never printed.
    """
    new = paper.mark_sent(chosen(session, ids, departments=departments), sent_on=sent_on, actor=actor, now=now)
    _note(session, new, "letter_sent", actor)
    return len(new)


def choose(session: Session, application: Application, *, post: bool, actor: Actor) -> None:
    """The applicant wants messages of this case by post, or by mail again (where there is an address for mail)."""
    application.contact = {**application.contact, "post": post}
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="application.contact",
        subject_kind="application",
        subject_ref=str(application.reference),
        detail={"post": post},
    )


def _theirs(wanted: Select[T], departments: Collection[str]) -> Select[T]:
    return (
        wanted.join(Application, Application.id == Letter.application_id)
        .join(ProcedureRow, ProcedureRow.id == Application.procedure_id)
        .where(ProcedureRow.department.in_(departments))
    )


def _note(session: Session, letters: Collection[Letter], action: str, actor: Actor) -> None:
    for letter in letters:
        audit.record(
            session,
            actor=actor,
            action=f"application.{action}",
            subject_kind="application",
            subject_ref=str(letter.application.reference),
            detail={"letter": letter.event},
        )
    session.flush()
