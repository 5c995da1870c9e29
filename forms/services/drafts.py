"""Drafts: begin or go on, fill in beforehand, keep what is typed. Usable without a web request (the counter calls these as well)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer

from forms import rules, statistics
from forms.definition import IdentityLevel, Problem, Procedure, Step, Typed
from forms.definition.fields import AddressField, GroupField
from forms.models import Application, ProcedureRow, ProcedureVersion
from forms.services import checking, prefilling, proving, reading
from forms.services.common import (
    Applicant,
    IdentityTooLow,
    NotTakenHere,
    ProcedureClosed,
    definition,
    facts_of,
    locked,
    moment,
    typed_by,
)
from forms.states import State
from forms.vocabulary import Known
from portal.kernel.audit import Actor
from portal.kernel.database import constraint_of
from portal.kernel.errors import NotFound
from portal.kernel.text import without_control

#: Of how many pages of a draft the newest sending is known; more than anybody types on at once.
PAGES_NOTED = 8


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of saving a step.

    Attributes:
        problems: field id → what is wrong with it; empty: the step is good.
        fresh: ids of fields on this step that the answers just opened and that the person has not seen.
        next_step: id of the step to go to; None: to the review.
        previous_step: id of the step before; None: this is the first.
        filed: the draft has been filed meanwhile (Back after filing): nothing was kept.
        late: sent in the background, and overtaken by a newer sending of the same page: nothing was kept.
    """

    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()
    next_step: str | None = None
    previous_step: str | None = None
    filed: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """Which sending of which page this is. Without script there is none: every sending is a button that was pressed.

    Attributes:
        page: drawn anew by each page that is opened, so two tabs and Back are told apart.
        number: counts the sendings of that page from 1.
        background: sent while typing, not by a button: it may arrive after a newer one, then it must not undo it.
    """

    page: str
    number: int
    background: bool

    def overtaken(self, turns: Sequence[tuple[str, int]]) -> bool:
        """Whether it arrived after a newer sending of its page and nobody pressed a button for it."""
        return self.background and dict(turns).get(self.page, 0) >= self.number

    def noted(self, turns: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """The newest sending of each of the last pages, the page of this one last."""
        others = [(page, number) for page, number in turns if page != self.page]
        newest = max(self.number, dict(turns).get(self.page, 0))
        return [*others[1 - PAGES_NOTED :], (self.page, newest)]


def open_version(session: Session, slug: str, *, now: datetime) -> ProcedureVersion:
    """The version that a new draft gets at this moment.

    Raises:
        NotFound: no such procedure, or nothing published.
    """
    found = session.scalars(
        select(ProcedureVersion)
        .join(ProcedureRow)
        .where(
            ProcedureRow.slug == slug,
            ProcedureVersion.published_at.is_not(None),
            ProcedureVersion.valid_from <= now,
            (ProcedureVersion.valid_until.is_(None)) | (ProcedureVersion.valid_until > now),
        )
        .order_by(ProcedureVersion.number.desc())
        .limit(1)
        .options(defer(ProcedureVersion.document))
    ).first()
    if found is None:
        raise NotFound
    return found


def start_draft(
    session: Session,
    *,
    slug: str,
    applicant: Applicant,
    actor: Actor,
    now: datetime,
    known: Iterable[Known] = (),
    channel: Literal["online", "counter"] = "online",
) -> Application:
    """Begin a draft, or go on with the one that the account has for this procedure.

    Args:
        session: the transaction.
        slug: the procedure.
        applicant: whose case it is; see `Applicant`. At the counter the clerk has seen who it is, whatever `identity` says.
        actor: who types; `staff` at the counter.
        now: aware.
        known: values to fill in beforehand, each with its source (`forms.vocabulary.from_person`, a card). Where two know the same
            item, the first wins.
        channel: "counter" drafts are begun anew each time (one for a visit), "online" drafts go on.

    Raises:
        NotFound: no such procedure.
        NotTakenHere: it is done elsewhere.
        ProcedureClosed: not at this time.
        IdentityTooLow: online, and more proof of identity is needed.
    """
    version = open_version(session, slug, now=now)
    procedure = definition(version)
    may_begin(procedure, applicant, channel=channel, now=now)
    if channel == "online" and (mine := _live_draft(session, version.procedure_id, applicant)) is not None:
        return mine
    application = Application(
        key=secrets.token_urlsafe(18),
        procedure_id=version.procedure_id,
        version_id=version.id,
        version=version,
        applicant_person_id=applicant.person_id,
        owner_account_id=applicant.account_id,
        typed_by="staff" if actor.kind == "staff" else "applicant",
        on_behalf=applicant.on_behalf,
        delegation_id=applicant.delegation_id,
        acting_name=applicant.acting_name,
        channel=channel,
        state=State.DRAFT.value,
        contact={"email": applicant.email, "locale": applicant.locale},
        created_at=now,
        changed_at=now,
    )
    application.draft = prefilling.filled(procedure, known, moment(session, now))
    try:
        with session.begin_nested():
            session.add(application)
            session.flush()
            typed_by(session, application, actor)
    except IntegrityError as error:
        # A double click on "begin": the other one made the draft.
        if constraint_of(error) not in {"one_draft", "one_delegated_draft"}:
            raise
        mine = _live_draft(session, version.procedure_id, applicant)
        if mine is None:
            raise
        return mine
    return application


def may_begin(procedure: Procedure, applicant: Applicant, *, channel: str, now: datetime) -> None:
    """Whether this applicant can begin this procedure now.

    Raises:
        NotTakenHere, ProcedureClosed, IdentityTooLow: see `start_draft`.
    """
    if procedure.channel.kind == "elsewhere":
        raise NotTakenHere(procedure.slug)
    if not procedure.is_open(now):
        raise ProcedureClosed(procedure.slug)
    if channel != "online" or procedure.channel.kind == "prepared":
        return  # who it is gets proved at the counter
    if applicant.account_id is None and applicant.delegation_id is None and not procedure.guests:
        raise IdentityTooLow(procedure.identity)
    # Who can finish it at the counter may write first; what is proved is asked again when it is filed.
    later = proving.ways(procedure, applicant.identity).counter and applicant.identity is not IdentityLevel.NONE
    if not later and not proving.enough(applicant.identity, procedure.identity):
        raise IdentityTooLow(procedure.identity)


def _live_draft(session: Session, procedure_id: int, applicant: Applicant) -> Application | None:
    if applicant.delegation_id is not None:
        whose = Application.delegation_id == applicant.delegation_id
    elif applicant.account_id is not None:
        whose = (Application.owner_account_id == applicant.account_id) & Application.delegation_id.is_(None)
    else:
        return None
    return session.scalars(
        select(Application).where(
            whose,
            Application.procedure_id == procedure_id,
            Application.state == State.DRAFT.value,
            Application.channel == "online",
        )
    ).one_or_none()


def save_step(
    session: Session,
    *,
    key: str,
    step_id: str,
    typed: Mapping[str, Typed],
    asked: Iterable[str],
    now: datetime,
    leave_unchecked: bool = False,
    turn: Turn | None = None,
    at_counter: bool = False,
) -> Saved:
    """Keep what was typed on one step, also what cannot be read, and say where to go.

    Args:
        session: the transaction.
        key: of the draft; the caller has made sure that it may be used.
        step_id: the step that was shown.
        typed: field id → part → texts, as sent. Ids that the step does not have are ignored.
        asked: ids of the fields that were on the page: what is not among them was not left empty, it was not seen.
        now: aware.
        leave_unchecked: going back or looking up an address: keep, but do not complain about what is missing.
        turn: which sending of the page this is.
        at_counter: a clerk types; what was prepared at home may be changed too.

    Raises:
        NotFound: no such draft or step.
    """
    application = locked(session, key=key)
    open_states = {State.DRAFT.value, State.PREPARED.value} if at_counter else {State.DRAFT.value}
    if application.state not in open_states or application.draft is None:
        return Saved(filed=True)
    draft, procedure = application.draft, definition(application.version)
    step = next((s for s in procedure.steps if s.id == step_id), None)
    if step is None:
        raise NotFound
    if turn is not None:
        if turn.overtaken(draft.turns):
            return Saved(late=True)
        draft.turns = turn.noted(draft.turns)
    seen = set(asked)
    typed = {each: prefilling.held(draft.prefill, each, typed.get(each, {})) for each in {*typed, *seen}}
    result = reading.read_fields(
        [f for f in step.fields if f.id in seen],
        typed,
        moment(session, now),
        locked_values=_locked(draft.prefill) | reading.stored(procedure, draft.answers),
    )
    answers = {k: v for k, v in draft.answers.items() if k not in result.problems} | result.values
    facts = facts_of(session, application, now=now)
    evaluation = rules.evaluate(procedure, answers, facts)
    on_page = reading.parts_on_page(step, seen, typed)
    problems = {f: p for f, p in result.problems.items() if f in evaluation.shown}
    if not leave_unchecked:
        for field_id, wrong in checking.wrong(procedure, answers, evaluation, facts).items():
            here = tuple(p for p in wrong if (field_id, p.part) in on_page or p.code == "limit")
            if here and field_id in seen and field_id not in problems and procedure.step_of(field_id) is step:
                problems[field_id] = here
    old = draft.typed
    kept = {f.id: f.merged(old.get(f.id, {}), result.keep[f.id]) for f in step.fields if f.id in result.keep}
    draft.typed = {**old, **kept}
    draft.answers = answers
    draft.flags = {**{k: v for k, v in draft.flags.items() if k not in result.values}, **result.flags}
    draft.step = step_id
    application.changed_at, application.warned_at = now, None
    session.flush()
    fresh = tuple(reading.opened_unseen(step, evaluation, seen, on_page))
    return _way(step, evaluation, problems, fresh)


def change_entries(
    session: Session,
    *,
    key: str,
    step_id: str,
    field_id: str,
    typed: Mapping[str, Typed],
    asked: Iterable[str],
    now: datetime,
    remove: str | None = None,
    at_counter: bool = False,
) -> bool:
    """Answer the buttons of a repeated group: keep what is on the page, then add an entry, or take one away.

    Returns:
        False where the draft was filed meanwhile.

    Raises:
        NotFound: no such draft, step or group.
    """
    saved = save_step(
        session,
        key=key,
        step_id=step_id,
        typed=typed,
        asked=asked,
        now=now,
        leave_unchecked=True,
        at_counter=at_counter,
    )
    if saved.filed:
        return False
    application = locked(session, key=key)
    spec = definition(application.version).field(field_id)
    if not isinstance(spec, GroupField) or application.draft is None:
        raise NotFound
    before = application.draft.typed.get(field_id, {})
    after = spec.added(before) if remove is None else spec.removed(before, remove)
    application.draft.typed = {**application.draft.typed, field_id: after}
    if remove is not None:
        reading = spec.read(after, moment(session, now))
        if not reading.problems:
            application.draft.answers = {**application.draft.answers, field_id: reading.value}
    session.flush()
    return True


def _way(
    step: Step, evaluation: rules.Evaluation, problems: Mapping[str, tuple[Problem, ...]], fresh: tuple[str, ...]
) -> Saved:
    order = list(evaluation.steps)
    place = order.index(step.id) if step.id in order else 0
    return Saved(
        problems=problems,
        fresh=fresh,
        next_step=order[place + 1] if place + 1 < len(order) else None,
        previous_step=order[place - 1] if place > 0 else None,
    )


def _locked(prefill: Mapping[str, Any]) -> dict[str, Any]:
    return {field_id: origin["value"] for field_id, origin in prefill.items() if origin.get("locked")}


def fill_address(
    session: Session,
    *,
    key: str,
    step_id: str,
    field_id: str,
    typed: Mapping[str, Typed],
    asked: Iterable[str],
    now: datetime,
) -> tuple[Problem, ...]:
    """Answer the button that looks the postal code up: keep the page, put the place into the address.

    Raises:
        NotFound: no such draft, step or address.
    """
    saved = save_step(session, key=key, step_id=step_id, typed=typed, asked=asked, now=now, leave_unchecked=True)
    if saved.filed:
        return ()
    application = locked(session, key=key)
    spec = definition(application.version).field(field_id)
    if not isinstance(spec, AddressField) or application.draft is None:
        raise NotFound
    if field_id in _locked(application.draft.prefill):
        return ()
    filled, problems = spec.fill(typed.get(field_id, {}), moment(session, now))
    application.draft.typed = {
        **application.draft.typed,
        field_id: {p: [without_control(t) for t in texts] for p, texts in filled.items()},
    }
    session.flush()
    return problems


def discard(session: Session, *, key: str) -> None:
    """Throw a draft away (nothing was filed).

    Raises:
        NotFound: no such draft, or it was filed.
    """
    application = locked(session, key=key)
    if application.state != State.DRAFT.value:
        raise NotFound
    statistics.left(session, [application])
    session.delete(application)
    session.flush()
