"""Where a protected person lives, inside cases that are not theirs: found, kept off every page, paper and file, and told (CASES A10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from forms import masking
from forms.case_models import Protection
from forms.definition import Procedure
from forms.definition.paths import spec_at
from forms.masking import Home
from forms.models import Application, IssuedDocument, ProcedureVersion
from forms.services import protection
from forms.services.common import definition
from portal.accounts.models import Person
from portal.kernel import jobs
from portal.kernel.audit import Actor
from portal.kernel.clock import local
from portal.kernel.text import digits, fold


@dataclass(frozen=True, slots=True)
class Secret:
    """A home that is not told, whose protection it is, and since when (aware)."""

    protection: Protection
    home: Home
    since: datetime


def live(now: datetime) -> ColumnElement[bool]:
    """Whether a protection holds."""
    return and_(Protection.ended_at.is_(None), Protection.until >= local(now).date())


def homes(session: Session, *, besides: int | None, now: datetime) -> list[Secret]:
    """Homes of protected persons, without the one of the person whose case it is. One statement.

    A home that the other household lives in itself (the person has not moved in the record yet) is no secret from it and stays.
    """
    rows = session.execute(
        select(Protection, Person.postal_code, Person.town, Person.block, Person.changed_at)
        .join(Person, Person.id == Protection.person_id)
        .where(live(now), Person.id != (besides or 0))
    )
    found = []
    for each, code, town, block, changed in rows:
        home = masking.home(postal_code=code, town=town, block_=block)
        if home is not None and protection.household(home.postal_code, home.block) not in each.households:
            found.append(Secret(each, home, max(each.set_at, changed)))
    return found


def paths(
    session: Session, application: Application, answers: Mapping[str, Any], *, now: datetime, actor: Actor | None = None
) -> frozenset[str]:
    """Paths of a case's answers that say where somebody else is protected; `before:<path>` where the answer before a correction does.

    Args:
        session: the transaction.
        application: the case.
        answers: its answers, those that are shown.
        now: aware.
        actor: who looks, each look raises an alarm; None: a look that was told already, or the program itself.
    """
    known = homes(session, besides=application.applicant_person_id, now=now)
    procedure = definition(application.version)
    found: frozenset[str] = frozenset()
    for each in known:
        here = masking.paths(procedure, answers, [each.home]) | _before(application, procedure, each.home)
        if here and actor is not None:
            protection.alarm(
                session, each.protection, what="inside", reference=application.reference, actor=actor, now=now
            )
        found |= here
    return found


def _before(application: Application, procedure: Procedure, home: Home) -> frozenset[str]:
    found = set()
    for asked in application.corrections:
        spec = spec_at(procedure, asked.field_id)
        group = masking.paths(procedure, {asked.field_id: asked.old_value}, [home])
        if group or (spec is not None and masking.says(spec, asked.old_value, [home])):
            found.add(masking.BEFORE + asked.field_id)
    for changed in application.counter_changes:
        spec = spec_at(procedure, changed.field_id)
        group = masking.paths(procedure, {changed.field_id: changed.before}, [home])
        if group or (spec is not None and masking.says(spec, changed.before, [home])):
            found.add(masking.BEFORE + changed.field_id)
    return frozenset(found)


def outdated(session: Session, application: Application, paper: IssuedDocument, *, now: datetime) -> bool:
    """Whether a paper that is there says a home which is not told any more; the application is then made anew. One statement.

    What was issued and signed is not made again: the section gives it out by hand.
    """
    answers, procedure = application.filings[-1].answers, definition(application.version)
    known = homes(session, besides=application.applicant_person_id, now=now)
    late = [each.home for each in known if paper.ready_at is not None and paper.ready_at < each.since]
    if not masking.paths(procedure, answers, late):
        return False
    if paper.kind == "application":
        paper.ready_at = None
        session.flush()
        jobs.defer(session, "forms.make_paper", paper_id=paper.id)
    return True


def exported(session: Session, version: ProcedureVersion, *, actor: Actor, now: datetime) -> None:
    """Every case of a version goes into a file: an alarm for each protected person who has one. One statement and the alarms."""
    own = select(Application.applicant_person_id).where(
        Application.version_id == version.id, Application.filed_at.is_not(None), Application.disposed_at.is_(None)
    )
    for each in session.scalars(select(Protection).where(live(now), Protection.person_id.in_(own))).all():
        protection.alarm(session, each, what="export", reference=None, actor=actor, now=now)


def searched(session: Session, references: Sequence[str], *, actor: Actor, now: datetime) -> None:
    """Somebody looked for these cases by words: an alarm for each protected person among them. One statement and the alarms."""
    rows = session.execute(
        select(Protection, Application.reference)
        .join(Application, Application.applicant_person_id == Protection.person_id)
        .where(live(now), Application.reference.in_(references))
    )
    for each, reference in rows.all():
        protection.alarm(session, each, what="search", reference=reference, actor=actor, now=now)


def told_by(said: Iterable[Mapping[str, Any]], against: Home) -> bool:
    """Whether one of some addresses is this home."""
    return any(against.at(each) for each in said)


def at_the_counter(
    session: Session,
    *,
    names: Iterable[str],
    addresses: Iterable[Mapping[str, Any]],
    reference: str,
    actor: Actor,
    now: datetime,
) -> bool:
    """Whether a visit has to do with a protected person: their name, their home, or the household that may not learn of it.

    The first time that it does, it raises an alarm. Two statements.
    """
    said = [fold(each) for each in names if each]
    places = [each for each in addresses if each]
    rows = session.execute(
        select(Protection, Person.name, Person.postal_code, Person.town, Person.block)
        .join(Person, Person.id == Protection.person_id)
        .where(live(now))
    )
    concerned = False
    for each, name, code, town, block in rows:
        home = masking.home(postal_code=code, town=town, block_=block)
        lives = home is not None and told_by(places, home)
        other = any(
            protection.household(digits(str(p.get("postal_code") or "")), str(p.get("block") or "")) in each.households
            for p in places
        )
        if (name and fold(name) in said) or lives or other:
            concerned = True
            protection.alarm_once(session, each, what="visit", reference=reference, actor=actor, now=now)
    return concerned
