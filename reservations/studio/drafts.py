"""Write a version of a rule document, have it agreed to by a second person, and let it hold from a date."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.kernel import audit, clock
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from reservations import documents
from reservations.fee_files import slots_of
from reservations.models import DocumentKind, Facility, RuleDocument, Space
from reservations.pricing.worlds import Use
from reservations.studio import services
from reservations.studio.checking import Checked, check
from reservations.studio.errors import DraftClosed, DraftHasMistakes, DraftTooEarly, NotYourDocument, SamePerson
from reservations.studio.models import DraftState, RuleDraft

KIND = "rule_draft"


def uses_of(session: Session, code: str, facility: Facility) -> list[Use]:
    """What the spaces with this fee table need of it; spaces of the facility without one count as its own."""
    statement = select(Space).where(
        Space.bookable, (Space.fees_code == code) | ((Space.facility_id == facility.id) & Space.fees_code.is_(None))
    )
    spaces = list(session.scalars(statement.order_by(Space.position)))
    wanted = {(DocumentKind.TIMETABLE.value, space.timetable_code) for space in spaces}
    wanted |= {(DocumentKind.POLICY.value, space.policy_code) for space in spaces}
    rules = documents.load(session, wanted)
    found = []
    for space in spaces:
        timetable = rules.timetable(space.timetable_code, date.max)
        policy = rules.policy(space.policy_code, date.max)
        slots, seasonal = slots_of(timetable) if timetable is not None else (None, {})
        categories = tuple(category.code for category in policy.categories) if policy is not None else None
        found.append(Use((space.tariff,), slots, categories, None, seasonal))
    return found


def check_draft(session: Session, draft: RuleDraft) -> Checked:
    """The draft's text, checked against what the spaces need now."""
    facility = session.get_one(Facility, draft.facility_id)
    uses = uses_of(session, draft.code, facility) if draft.kind == DocumentKind.FEES else []
    return check(draft.kind, draft.text, code=draft.code, uses=uses)


def may_write(
    session: Session, kind: str, code: str, *, facility: str, managed: Collection[str], everything: bool
) -> bool:
    """Whether somebody may write versions of a document: nobody else's spaces use it, or they are the facility admin.

    A document that nobody uses belongs to the facility whose number its code begins with.
    """
    if everything:
        return True
    column = {"timetable": Space.timetable_code, "fees": Space.fees_code, "policy": Space.policy_code}[kind]
    users = set(
        session.scalars(select(Facility.code).join(Space, Space.facility_id == Facility.id).where(column == code))
    )
    if users:
        return users <= set(managed)
    return facility in managed and code.startswith(f"{facility.lower()}-")


def save(
    session: Session,
    *,
    facility: str,
    kind: str,
    code: str,
    text: str,
    draft_id: int | None,
    managed: Collection[str],
    everything: bool,
    actor: Actor,
    now: datetime,
) -> RuleDraft:
    """Keep what was typed, with mistakes or without. Whoever saves counts as its writer from then on.

    Raises:
        NotFound: no such draft of this facility.
        DraftClosed: it was published or dropped, or is with the second person.
        NotYourDocument: somebody else's spaces use the document.
    """
    owner = services.facility_of(session, facility)
    if not may_write(session, kind, code, facility=facility, managed=managed, everything=everything):
        raise NotYourDocument
    if draft_id is None:
        draft = RuleDraft(
            facility_id=owner.id, kind=kind, code=code, text="", state=DraftState.WRITING.value, writers=[]
        )
        draft.changed_at = now
        session.add(draft)
    else:
        draft = find(session, draft_id, facility=facility)
        if draft.state != DraftState.WRITING:
            raise DraftClosed(draft.state)
    writer = actor.account_id or 0
    if writer not in draft.writers:
        draft.writers = [*draft.writers, writer]
    draft.text, draft.changed_at = text, now
    session.flush()
    checked = check_draft(session, draft)
    draft.content = checked.content
    draft.valid_from = checked.document.valid_from if checked.document is not None else None
    _note(session, draft, "saved", actor)
    return draft


def find(session: Session, draft_id: int, *, facility: str, lock: bool = False) -> RuleDraft:
    """A draft of the facility.

    Raises:
        NotFound: there is none.
    """
    statement = select(RuleDraft).join(Facility).where(RuleDraft.id == draft_id, Facility.code == facility)
    if lock:
        statement = statement.with_for_update(of=RuleDraft).execution_options(populate_existing=True)
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def ask(session: Session, draft_id: int, *, facility: str, actor: Actor, now: datetime) -> None:
    """Hand the draft to a second person.

    Raises:
        NotFound: no such draft.
        DraftClosed: it is not being written.
        DraftHasMistakes: the check finds mistakes.
        DraftTooEarly: it would begin today or earlier although a version is in force.
    """
    draft = find(session, draft_id, facility=facility, lock=True)
    if draft.state == DraftState.ASKED:
        return
    if draft.state != DraftState.WRITING:
        raise DraftClosed(draft.state)
    _ready(session, draft)
    draft.state, draft.asked_by, draft.asked_at, draft.returned = DraftState.ASKED.value, actor.account_id, now, None
    _note(session, draft, "asked", actor)


def _ready(session: Session, draft: RuleDraft) -> None:
    checked = check_draft(session, draft)
    if checked.problems or checked.document is None:
        raise DraftHasMistakes(len(checked.problems))
    draft.content, draft.valid_from = checked.content, checked.document.valid_from
    today = clock.today()
    in_force = session.scalar(
        select(func.count())
        .select_from(RuleDocument)
        .where(RuleDocument.kind == draft.kind, RuleDocument.code == draft.code, RuleDocument.valid_from <= today)
    )
    if in_force and draft.valid_from <= today:
        raise DraftTooEarly(today + timedelta(days=1))


def agree(session: Session, draft_id: int, *, facility: str, actor: Actor, now: datetime) -> RuleDocument:
    """The second person agrees: the draft becomes a version of its document.

    Raises:
        NotFound: no such draft.
        DraftClosed: nobody has asked.
        SamePerson: the actor wrote some of it or asked.
        DraftHasMistakes, DraftTooEarly: something has changed since it was asked for.
    """
    draft = find(session, draft_id, facility=facility, lock=True)
    if draft.state != DraftState.ASKED:
        raise DraftClosed(draft.state)
    if actor.account_id is None or actor.account_id in draft.writers or actor.account_id == draft.asked_by:
        raise SamePerson
    _ready(session, draft)
    content = draft.content or {}
    document = documents.read(draft.kind, content)
    last = session.scalar(
        select(func.max(RuleDocument.revision)).where(
            RuleDocument.kind == draft.kind,
            RuleDocument.code == draft.code,
            RuleDocument.valid_from == document.valid_from,
        )
    )
    made = RuleDocument(
        kind=draft.kind,
        code=draft.code,
        valid_from=document.valid_from,
        revision=(last or 0) + 1,
        sample=document.sample,
        content=content,
        digest=documents.digest(content),
        published_at=now,
    )
    session.add(made)
    session.flush()
    draft.state, draft.agreed_by, draft.agreed_at = DraftState.PUBLISHED.value, actor.account_id, now
    draft.document_id = made.id
    services.assign(session, session.get_one(Facility, draft.facility_id), draft.kind, draft.code)
    _note(session, draft, "agreed", actor)
    return made


def give_back(session: Session, draft_id: int, *, facility: str, reason: str, actor: Actor) -> None:
    """The second person gives the draft back to be changed, with a reason.

    Raises:
        NotFound: no such draft.
        DraftClosed: nobody has asked.
    """
    draft = find(session, draft_id, facility=facility, lock=True)
    if draft.state != DraftState.ASKED:
        raise DraftClosed(draft.state)
    draft.state, draft.asked_by, draft.asked_at, draft.returned = DraftState.WRITING.value, None, None, reason
    _note(session, draft, "returned", actor)


def drop(session: Session, draft_id: int, *, facility: str, actor: Actor) -> None:
    """Give the draft up. The row stays.

    Raises:
        NotFound: no such draft.
        DraftClosed: it was published.
    """
    draft = find(session, draft_id, facility=facility, lock=True)
    if draft.state == DraftState.PUBLISHED:
        raise DraftClosed(draft.state)
    draft.state = DraftState.DROPPED.value
    _note(session, draft, "dropped", actor)


def _note(session: Session, draft: RuleDraft, what: str, actor: Actor) -> None:
    session.flush()
    detail = {"kind": draft.kind, "code": draft.code}
    audit.record(
        session, actor=actor, action=f"rules.{what}", subject_kind=KIND, subject_ref=str(draft.id), detail=detail
    )
    session.flush()
