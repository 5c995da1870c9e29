"""Use cases of a visit: open it, take the card's facts, correct one, ask once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from forms.counter import changes
from forms.counter.addresses import TownCode, split
from forms.counter.bundle import Case, Question, questions, spread
from forms.counter.errors import AlreadyPrinted, BadCorrection, NothingChosen, VisitEnded
from forms.counter.models import Authority, FactSource, Visit, VisitFact, VisitItem, VisitState
from forms.counter.reader import CardFacts
from forms.definition import FieldSpec, Problem, Procedure, Typed
from forms.models import Application, ApplicationDraft
from forms.services.common import Applicant, definition, facts_of, moment
from forms.services.drafts import discard, save_step, start_draft
from portal.directory.models import PostalCode
from portal.kernel import audit, clock, references
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound

REASON_LENGTH = 200
_SAID_HERE = frozenset(source.value for source in FactSource)


def load(session: Session, reference: str, *, lock: bool = False) -> Visit:
    """The visit with its facts and items.

    Raises:
        NotFound: there is none.
    """
    query = (
        select(Visit)
        .where(Visit.reference == references.parse(reference))
        .options(selectinload(Visit.facts), selectinload(Visit.items))
        .execution_options(populate_existing=True)
    )
    visit = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if visit is None:
        raise NotFound
    return visit


def changeable(session: Session, reference: str) -> Visit:
    """The visit, locked, whose facts and answers may still change.

    Raises:
        NotFound: there is none.
        VisitEnded: it is over.
        AlreadyPrinted: a paper is printed.
    """
    visit = load(session, reference, lock=True)
    if visit.state != VisitState.OPEN:
        raise VisitEnded(visit.reference)
    if any(item.printed_at for item in visit.items):
        raise AlreadyPrinted(visit.reference)
    return visit


def _clerk_id(clerk: Actor) -> int:
    if clerk.kind != "staff" or clerk.account_id is None:
        raise NotFound
    return clerk.account_id


def note(session: Session, visit: Visit, action: str, clerk: Actor, **detail: Any) -> None:
    """Write into the audit log what a clerk did to a visit."""
    audit.record(
        session,
        actor=clerk,
        action=f"visit.{action}",
        subject_kind="visit",
        subject_ref=visit.reference,
        detail=detail,
    )


def open_visit(
    session: Session,
    *,
    slugs: Sequence[str],
    office: str,
    clerk: Actor,
    now: datetime,
    authority: Authority = Authority.SELF,
) -> Visit:
    """Begin a visit with a draft for each procedure.

    Args:
        session: the transaction.
        slugs: the procedures that the visitor came for.
        office: code of the office.
        clerk: who sits at the counter and types.
        now: aware.
        authority: by what right the visitor acts.

    Raises:
        NothingChosen: no procedure, or one that the counter does not offer.
        ProcedureClosed: a procedure is not taken at this time.
    """
    chosen = list(dict.fromkeys(slugs))
    if not chosen:
        raise NothingChosen
    visit = begin(session, office=office, clerk=clerk, now=now, authority=authority)
    applicant = Applicant(on_behalf=None if authority is Authority.SELF else authority.value)
    for position, slug in enumerate(chosen, start=1):
        application = start_draft(session, slug=slug, applicant=applicant, actor=clerk, now=now, channel="counter")
        if not definition(application.version).bundled:
            raise NothingChosen
        visit.items.append(VisitItem(position=position, slug=slug, application_id=application.id))
    session.flush()
    fill(session, visit, clerk=clerk, now=now)
    note(session, visit, "open", clerk, slugs=chosen)
    return visit


def begin(session: Session, *, office: str, clerk: Actor, now: datetime, authority: Authority) -> Visit:
    """A visit without a procedure yet."""
    visit = Visit(
        reference=references.new("K"),
        state=VisitState.OPEN.value,
        office=office,
        authority=authority.value,
        opened_by=_clerk_id(clerk),
        opened_at=now,
    )
    session.add(visit)
    came = "self" if authority is Authority.SELF else "other"
    visit.facts.append(_fact("visitor.is_applicant", came, came, FactSource.OPENING, at=now, clerk=clerk))
    session.flush()
    return visit


def applications(session: Session, visit: Visit) -> dict[str, Application]:
    """The application of each procedure of the visit, by slug, in order."""
    found = session.scalars(
        select(Application)
        .where(Application.id.in_([item.application_id for item in visit.items]))
        .options(selectinload(Application.version), selectinload(Application.draft))
    )
    by_id = {application.id: application for application in found}
    return {item.slug: by_id[item.application_id] for item in visit.items}


def cases(session: Session, visit: Visit) -> list[Case]:
    """The drafts of the visit, for the rule that asks once."""
    found = []
    for slug, application in applications(session, visit).items():
        draft = application.draft
        if draft is None:
            continue
        locked = frozenset(f for f, origin in draft.prefill.items() if origin.get("locked"))
        facts = facts_of(session, application, now=clock.now())
        found.append(Case(slug, definition(application.version), draft.answers, draft.typed, locked, facts))
    return found


def _towns(session: Session) -> list[TownCode]:
    rows = session.execute(select(PostalCode.code, PostalCode.prefecture, PostalCode.city, PostalCode.town))
    return [TownCode(*row) for row in rows]


def _values(session: Session, facts: CardFacts) -> dict[str, tuple[Any, str]]:
    """Data item → (value as the field type keeps it, the card's own words)."""
    values: dict[str, tuple[Any, str]] = {
        "person.name": (facts.name, facts.name),
        "person.address": (split(facts.address, _towns(session)).parts(), facts.address),
    }
    if facts.birth_date is not None:
        values["person.birth_date"] = (facts.birth_date.isoformat(), facts.birth_date.isoformat())
    values["person.sex"] = (facts.sex, facts.sex)
    return values


def take_facts(
    session: Session, reference: str, *, facts: CardFacts, clerk: Actor, now: datetime, same_person: bool = False
) -> Visit:
    """Keep what the card said and fill it in wherever a procedure asks for it.

    It is filled in when the visitor is the applicant. Where the visitor acts for somebody else, the card says who
    came: only the name goes in, where a procedure asks who came, and nothing into the applicant's own answers.

    Args:
        session: the transaction; the card was read before it began.
        reference: of the visit.
        facts: what was read.
        clerk: who read it.
        now: aware.
        same_person: the clerk has seen that who prepared it at home is the same person, spelled otherwise.

    Raises:
        NotFound, VisitEnded, AlreadyPrinted: see `changeable`.
        AnotherPerson: what was prepared at home is somebody else's, as far as the card tells; nothing was taken.
    """
    visit = changeable(session, reference)
    if not same_person:
        changes.same(visit, applications(session, visit).values(), facts.name, facts.birth_date)
    for old in visit.card_facts():
        old.current = False
    session.flush()
    source = FactSource(facts.source)
    for item, (value, original) in _values(session, facts).items():
        visit.facts.append(_fact(item, value, original, source, at=facts.read_at, clerk=clerk))
    session.flush()
    fill(session, visit, clerk=clerk, now=now)
    note(session, visit, "card_read", clerk, source=facts.source)
    return visit


def _fact(item: str, value: Any, original: str, source: FactSource, *, at: datetime, clerk: Actor) -> VisitFact:
    return VisitFact(
        item=item,
        value=value,
        original=original,
        source=source.value,
        at=at,
        entered_by=_clerk_id(clerk),
        current=True,
    )


def _applicable(visit: Visit) -> dict[str, VisitFact]:
    """Data item → fact that may be filled in: of somebody who acts for another, only who they are."""
    known = visit.current()
    if visit.authority == Authority.SELF:
        return known
    acting = {item: fact for item, fact in known.items() if item.startswith("visitor.")}
    return acting | ({"visitor.name": known["person.name"]} if "person.name" in known else {})


def fill(session: Session, visit: Visit, *, clerk: Actor, now: datetime) -> None:
    """What is known of the visitor goes into every procedure that asks it."""
    at = moment(session, now)
    known = _applicable(visit)
    first = {fact.item: fact for fact in visit.facts if fact.source != FactSource.CORRECTION}
    home = {item.application_id: item.prepared for item in visit.items}
    for application in applications(session, visit).values():
        if application.draft is None:
            continue
        for spec in definition(application.version).fields():
            said = application.draft.prefill.get(spec.id, {}).get("source") in _SAID_HERE
            if spec.item is not None and spec.item not in known and said:
                # An earlier card said it, this one does not; what came from home stands again.
                _take_out(application.draft, spec.id, home.get(application.id))
            elif spec.item in known:
                fact = known[spec.item]
                reading = spec.read(spec.typed_of(fact.value), at)
                _put(
                    application.draft,
                    spec,
                    fact,
                    original=first[fact.item].original,
                    value=reading.value,
                    ok=not reading.problems,
                )
        application.changed_at = now
    session.flush()
    changes.write_down(session, visit, clerk=clerk, now=now)


def _put(draft: ApplicationDraft, spec: FieldSpec, fact: VisitFact, *, original: str, value: Any, ok: bool) -> None:
    """One known value into one field. What the field cannot take (a part is missing) is shown and asked, not locked."""
    origin = {"value": value if ok else fact.value, "source": fact.source, "at": fact.at.isoformat(), "locked": ok}
    origin["original"] = original
    if fact.reason is not None:
        origin["reason"] = fact.reason
    draft.prefill = {**draft.prefill, spec.id: origin}
    draft.typed = {**draft.typed, spec.id: spec.typed_of(fact.value)}
    answers = {field_id: kept for field_id, kept in draft.answers.items() if field_id != spec.id}
    draft.answers = {**answers, spec.id: value} if ok else answers


def _take_out(draft: ApplicationDraft, field_id: str, prepared: Mapping[str, Any] | None) -> None:
    for name in ("prefill", "typed", "answers"):
        back = {k: v for k, v in (prepared or {}).get(name, {}).items() if k == field_id}
        setattr(draft, name, {k: v for k, v in getattr(draft, name).items() if k != field_id} | back)


def spec_of(session: Session, visit: Visit, item: str) -> FieldSpec | None:
    """The field by which a data item is typed in this visit; None where no procedure asks for it."""
    for application in applications(session, visit).values():
        for spec in definition(application.version).fields():
            if spec.item == item:
                return spec
    return None


def correct(
    session: Session, reference: str, *, item: str, typed: Typed, reason: str, clerk: Actor, now: datetime
) -> VisitFact:
    """Use another value than the card's, with its reason. The card's value stays on record.

    Args:
        session: the transaction.
        reference: of the visit.
        item: data item, such as `person.address`.
        typed: what the clerk typed.
        reason: why (such as: moved, not yet on the card).
        clerk: who typed.
        now: aware.

    Raises:
        NotFound: no such visit, or the card did not say this.
        BadCorrection: the value cannot be taken, or the reason is missing.
        VisitEnded, AlreadyPrinted: see `changeable`.
    """
    visit = changeable(session, reference)
    before, spec = visit.current().get(item), spec_of(session, visit, item)
    if before is None or spec is None:
        raise NotFound
    reading = spec.read(typed, moment(session, now))
    problems = reading.problems or (() if reading.value is not None else (Problem("required"),))
    why = reason.strip()
    if problems or not why or len(why) > REASON_LENGTH:
        raise BadCorrection(problems, reason_missing=not why or len(why) > REASON_LENGTH)
    before.current = False
    session.flush()
    fact = VisitFact(
        item=item,
        value=reading.value,
        original=spec.show(reading.value, "ja"),
        source=FactSource.CORRECTION.value,
        at=now,
        entered_by=_clerk_id(clerk),
        reason=why,
        replaces_id=before.id,
        current=True,
    )
    visit.facts.append(fact)
    session.flush()
    fill(session, visit, clerk=clerk, now=now)
    note(session, visit, "correct", clerk, item=item)
    return fact


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of answers: problems by question name, and what is still to be asked."""

    problems: Mapping[str, tuple[Problem, ...]]
    left: tuple[Question, ...]


def answer(
    session: Session,
    reference: str,
    *,
    typed: Mapping[str, Typed],
    asked: Iterable[str],
    clerk: Actor,
    now: datetime,
) -> Answered:
    """Keep the answers of one page, also what cannot be read; each goes to every procedure that asks it.

    Args:
        session: the transaction.
        reference: of the visit.
        typed: question name → part → texts.
        asked: names of the questions that were on the page.
        clerk: who typed.
        now: aware.

    Raises:
        NotFound, VisitEnded, AlreadyPrinted: see `changeable`.
    """
    visit = changeable(session, reference)
    names = set(asked)
    before = cases(session, visit)
    on_page = [question for question in questions(before, again=True) if question.name in names]
    problems = _save(session, visit, before, on_page, typed, now=now)
    changes.write_down(session, visit, clerk=clerk, now=now)
    note(session, visit, "answer", clerk, questions=sorted(names))
    session.expire_all()
    return Answered(problems, questions(cases(session, load(session, reference))))


def _save(
    session: Session,
    visit: Visit,
    before: Sequence[Case],
    on_page: Sequence[Question],
    typed: Mapping[str, Typed],
    *,
    now: datetime,
) -> dict[str, tuple[Problem, ...]]:
    keys = {slug: application.key for slug, application in applications(session, visit).items()}
    name_of = {target: question.name for question in on_page for target in question.targets}
    going = spread(on_page, typed)
    problems: dict[str, tuple[Problem, ...]] = {}
    for case in before:
        values = going.get(case.slug, {})
        for step_id, fields in _by_step(case.procedure, values).items():
            saved = save_step(
                session,
                key=keys[case.slug],
                step_id=step_id,
                typed={field_id: values[field_id] for field_id in fields},
                asked=fields,
                now=now,
                at_counter=True,
            )
            for field_id, found in saved.problems.items():
                problems.setdefault(name_of[case.slug, field_id], found)
    return problems


def _by_step(procedure: Procedure, values: Mapping[str, Typed]) -> dict[str, list[str]]:
    steps = {step.id: [spec.id for spec in step.fields if spec.id in values] for step in procedure.steps}
    return {step_id: fields for step_id, fields in steps.items() if fields}


def cancel(session: Session, reference: str, *, clerk: Actor, now: datetime) -> Visit:
    """The visitor leaves without anything: drafts and what the card said are thrown away, the fact of the visit stays.

    What was prepared at home is as it was, and can be brought again.

    Raises:
        NotFound, VisitEnded, AlreadyPrinted: see `changeable`.
    """
    visit = changeable(session, reference)
    known = applications(session, visit)
    keys = [known[item.slug].key for item in visit.items if item.prepared is None]
    for item in visit.items:
        changes.put_back(session, item, known[item.slug], now=now)
    visit.items.clear()
    for fact in sorted(visit.facts, key=lambda one: -one.id):
        session.delete(fact)
        session.flush()
    session.flush()
    for key in keys:
        discard(session, key=key)
    visit.state, visit.ended_at = VisitState.CANCELLED.value, now
    session.flush()
    note(session, visit, "cancel", clerk)
    return visit
