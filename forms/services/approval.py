"""起案 → 決裁: a decision in several steps, each by another person; deputies (代決) and later inspection (後閲). CASES A7."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.case_models import Proposal, ProposalStep
from forms.definition import ApprovalStep, Procedure
from forms.models import Application
from forms.services import casework, correcting
from forms.services.common import NotYourStep, OwnCase, ReasonMissing, definition, locked, move, note, party, unchanged
from forms.states import Action, Outcome
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, NotFound

Grants = Collection[tuple[str, str]]
"""(role, department) pairs that a member of staff holds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an approval stands for somebody who looks at it.

    Attributes:
        proposal: the live draft; None: somebody has to draft.
        waiting: the step that is next; None where there is no draft.
        mine: "yes": the visitor takes it by their role; "deputy": only as a deputy; "" : not at all.
        own: the visitor drafted, filed or typed it.
    """

    proposal: Proposal | None
    waiting: ApprovalStep | None
    mine: str
    own: bool


def live(session: Session, application: Application) -> Proposal | None:
    """The draft of the decision that waits. One statement."""
    return session.scalars(
        select(Proposal).where(Proposal.application_id == application.id, Proposal.ended_at.is_(None))
    ).one_or_none()


def waiting_step(procedure: Procedure, proposal: Proposal) -> ApprovalStep:
    """The step of the definition that a live draft waits for."""
    return procedure.approval[min(len(proposal.steps) + 1, len(procedure.approval) - 1)]


def _claim(step: ApprovalStep, section: str, grants: Grants) -> str:
    """By what right somebody takes a step: their role, as a deputy, or not."""
    department = step.section or section
    if ("approver", department) in grants or (step.by == "reviewer" and ("reviewer", department) in grants):
        return "yes"
    return "deputy" if ("reviewer", department) in grants else ""


def standing(session: Session, application: Application, *, actor: Actor, grants: Grants) -> Standing:
    """Where the approval of a case stands. At most three statements."""
    procedure = definition(application.version)
    proposal = live(session, application)
    own = proposal is not None and actor.account_id in {proposal.made_by, *(s.taken_by for s in proposal.steps)}
    try:
        casework.refuse_own(session, application, actor)
    except OwnCase:
        own = True
    if proposal is None:
        return Standing(None, None, "", own)
    step = waiting_step(procedure, proposal)
    return Standing(proposal, step, _claim(step, procedure.section, grants), own)


def propose(
    session: Session,
    *,
    reference: str,
    outcome: Outcome,
    reasons: str | None,
    actor: Actor,
    grants: Grants,
    revision: int | None,
    now: datetime,
) -> Proposal:
    """Draft the decision (起案). Whoever typed the case may draft it, and then never approves it.

    Raises:
        NotFound, NotNow, ChangedMeanwhile, ReasonMissing, FeeUnpaid: see `casework.decide`.
        NotYourStep: another section's.
        Invalid: one person decides here, or a draft is live already.
    """
    application = locked(session, reference=reference)
    unchanged(application, revision)
    procedure = definition(application.version)
    if not procedure.approval or actor.account_id is None or live(session, application) is not None:
        raise Invalid
    if not _claim(procedure.approval[0], procedure.section, grants):
        raise NotYourStep
    reasons = casework.checked_outcome(session, application, outcome, reasons)
    made = Proposal(
        application_id=application.id, outcome=outcome.value, reasons=reasons, made_by=actor.account_id, made_at=now
    )
    session.add(made)
    move(session, application, Action.PROPOSE, by=party(actor), actor=actor, now=now)
    return made


def approve(
    session: Session,
    *,
    reference: str,
    actor: Actor,
    grants: Grants,
    deputy_reason: str | None = None,
    revision: int | None,
    now: datetime,
) -> Application:
    """Take the next step; the last one is the decision (決裁).

    Args:
        session: the transaction.
        reference: of the case.
        actor: staff, who neither filed, typed nor drafted it, and took no step before.
        grants: what they hold.
        deputy_reason: why they take it for somebody who is away (代決); needed where the step is another role's.
        revision: of the page that they saw.
        now: aware.

    Raises:
        NotFound, NotNow, ChangedMeanwhile, FeeUnpaid: see `casework.decide`; NotFound also without a live draft.
        OwnCase: they had a hand in it already.
        NotYourStep: neither their role's nor one for which they may stand in.
        ReasonMissing: as a deputy without saying why.
    """
    application = locked(session, reference=reference)
    unchanged(application, revision)
    found = standing(session, application, actor=actor, grants=grants)
    if found.proposal is None or found.waiting is None or actor.account_id is None:
        raise NotFound
    if found.own:
        raise OwnCase
    if not found.mine:
        raise NotYourStep
    why = (deputy_reason or "").strip() or None
    if found.mine == "deputy" and why is None:
        raise ReasonMissing
    proposal, procedure = found.proposal, definition(application.version)
    position = len(proposal.steps) + 1
    as_deputy = why if found.mine == "deputy" else None
    proposal.steps.append(
        ProposalStep(
            position=position,
            step_id=found.waiting.id,
            taken_by=actor.account_id,
            taken_at=now,
            deputy_reason=as_deputy,
        )
    )
    session.flush()
    move(session, application, Action.APPROVE, by=party(actor), actor=actor, now=now, reason=as_deputy)
    if position + 1 < len(procedure.approval):
        return application
    proposal.ended_at, proposal.ended_why = now, "decided"
    session.flush()
    return casework.settle(
        session, application, outcome=Outcome(proposal.outcome), reasons=proposal.reasons, actor=actor, now=now
    )


def send_back(
    session: Session, *, reference: str, reason: str, actor: Actor, grants: Grants, revision: int | None, now: datetime
) -> Application:
    """Return a draft with a reason, or take one's own back; the case can be drafted again, by anybody.

    Raises:
        NotFound, NotNow, ChangedMeanwhile: see `approve`.
        ReasonMissing: returned without one.
        NotYourStep: another section's.
    """
    application = locked(session, reference=reference)
    unchanged(application, revision)
    found = standing(session, application, actor=actor, grants=grants)
    if found.proposal is None:
        raise NotFound
    own_draft = found.proposal.made_by == actor.account_id
    if not own_draft and not found.mine:
        raise NotYourStep
    if not own_draft and not reason.strip():
        raise ReasonMissing
    correcting.end_proposal(session, application, now=now, why="taken_back" if own_draft else "returned")
    move(session, application, Action.SEND_BACK, by=party(actor), actor=actor, now=now)
    if reason.strip():
        from forms.services import teamwork

        teamwork.add_note(session, application, body=reason, actor=actor, now=now)
    return application


def to_inspect(session: Session, departments: Collection[str]) -> list[tuple[ProposalStep, Application]]:
    """What deputies decided and nobody has inspected yet, oldest first. One statement."""
    from sqlalchemy.orm import joinedload

    from forms.models import ProcedureRow

    rows = session.execute(
        select(ProposalStep, Application)
        .join(Proposal, Proposal.id == ProposalStep.proposal_id)
        .join(Application, Application.id == Proposal.application_id)
        .join(ProcedureRow, ProcedureRow.id == Application.procedure_id)
        .where(
            ProposalStep.deputy_reason.is_not(None),
            ProposalStep.inspected_at.is_(None),
            ProcedureRow.department.in_(list(departments)),
        )
        .options(joinedload(Application.version))
        .order_by(ProposalStep.taken_at)
    ).all()
    return [(row[0], row[1]) for row in rows]


def to_approve(session: Session, departments: Collection[str]) -> list[tuple[Proposal, Application, ApprovalStep]]:
    """Drafts whose next step is in one of these departments, oldest first. Two statements."""
    from sqlalchemy.orm import joinedload, selectinload

    rows = session.execute(
        select(Proposal, Application)
        .join(Application, Application.id == Proposal.application_id)
        .where(Proposal.ended_at.is_(None))
        .options(joinedload(Application.version), selectinload(Proposal.steps))
        .order_by(Proposal.made_at)
    ).all()
    found = [(p, a, waiting_step(definition(a.version), p)) for p, a in rows]
    return [(p, a, s) for p, a, s in found if (s.section or definition(a.version).section) in departments]


def mine_to_take(session: Session, *, actor: Actor, grants: Grants) -> int:
    """How many drafts and deputies' decisions wait for this person by their own role: none of their own. Three statements."""
    departments = {code for _role, code in grants}
    drafts = 0
    for proposal, application, step in to_approve(session, departments):
        hands = {proposal.made_by, *(each.taken_by for each in proposal.steps)}
        mine = _claim(step, definition(application.version).section, grants) == "yes"
        drafts += mine and actor.account_id not in hands
    deputies = 0
    for taken, application in to_inspect(session, departments):
        procedure = definition(application.version)
        mine = _claim(procedure.approval[taken.position], procedure.section, grants) == "yes"
        deputies += mine and taken.taken_by != actor.account_id
    return drafts + deputies


def inspect(session: Session, *, step_id: int, actor: Actor, grants: Grants, now: datetime) -> Application:
    """Look afterwards at what a deputy decided (後閲).

    Raises:
        NotFound: no such step, or not a deputy's.
        NotYourStep: only who would have taken it, and never the deputy.
    """
    step = session.get(ProposalStep, step_id, with_for_update=True)
    if step is None or step.deputy_reason is None:
        raise NotFound
    proposal = session.get_one(Proposal, step.proposal_id)
    application = session.get_one(Application, proposal.application_id)
    procedure = definition(application.version)
    wanted = procedure.approval[step.position]
    if step.taken_by == actor.account_id or _claim(wanted, procedure.section, grants) != "yes":
        raise NotYourStep
    if step.inspected_at is None:
        step.inspected_by, step.inspected_at = actor.account_id, now
        note(session, application, "inspect", actor=actor, now=now)
    return application
