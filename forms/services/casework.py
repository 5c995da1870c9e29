"""What happens to a filed case: acceptance, decision, issue, withdrawal; corrections are in `correcting`. Usable without a web request."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from forms.case_models import ApplicationTypist
from forms.counter.models import VisitItem
from forms.definition import IssuedKind, Procedure
from forms.models import (
    Application,
    Decision,
    DocumentCounter,
    IssuedDocument,
)
from forms.services.common import (
    ApprovalNeeded,
    AtTheCounter,
    FeeUnpaid,
    OwnCase,
    ReasonMissing,
    definition,
    locked,
    move,
    note,
    party,
    unchanged,
)
from forms.services.correcting import ask_correction, end_proposal, open_requests, run_on, submit_correction, to_correct
from forms.services.fee_change import drop_unpaid, is_unpaid, was_replaced
from forms.services.filing import tell
from forms.states import Action, Outcome, State
from portal.kernel import dates, jobs
from portal.kernel.audit import Actor
from portal.kernel.clock import local

__all__ = ["ask_correction", "open_requests", "submit_correction", "to_correct"]


def accept(session: Session, *, reference: str, actor: Actor, revision: int | None, now: datetime) -> Application:
    """Take a case as complete in form; a correction that never came ends nothing by itself (CASES A4).

    Raises:
        NotFound, NotNow, ChangedMeanwhile: see `ask_correction`.
    """
    application = locked(session, reference=reference)
    unchanged(application, revision)
    run_on(application, definition(application.version), now=now)
    move(session, application, Action.ACCEPT, by=party(actor), actor=actor, now=now)
    for request in open_requests(application):
        request.answered_at = now
    return application


def decide(
    session: Session,
    *,
    reference: str,
    outcome: Outcome,
    reasons: str | None,
    actor: Actor,
    revision: int | None,
    now: datetime,
) -> Application:
    """Decide a case. Granted (also partly) issues the version's documents at once; refused tells the applicant why.

    Args:
        session: the transaction.
        reference: of the case.
        outcome: what was decided.
        reasons: needed unless granted in full (行政手続法 §8).
        actor: staff, who neither filed nor typed this case.
        revision: of the page that the decider saw.
        now: aware.

    Raises:
        NotFound, NotNow, ChangedMeanwhile: see `ask_correction`.
        OwnCase: nobody decides what they filed or typed (CASES A7).
        ReasonMissing: refused or partly granted without reasons.
        FeeUnpaid: granted before the fee is paid.
        ApprovalNeeded: the definition names steps; see `forms.services.approval`.
    """
    application = locked(session, reference=reference)
    unchanged(application, revision)
    if definition(application.version).approval:
        raise ApprovalNeeded
    return settle(session, application, outcome=outcome, reasons=reasons, actor=actor, now=now)


def refuse_own(session: Session, application: Application, actor: Actor) -> None:
    """Nobody decides what they filed or typed; the database says so once more (trigger `decided_by_another`).

    Raises:
        OwnCase: this actor did.
    """
    typed = session.get(ApplicationTypist, (application.id, actor.account_id)) if actor.account_id else None
    own = {application.filed_by_account_id, application.owner_account_id}
    if actor.account_id is not None and (actor.account_id in own or typed is not None):
        raise OwnCase


def checked_outcome(session: Session, application: Application, outcome: Outcome, reasons: str | None) -> str | None:
    """The reasons as they are kept, where this outcome may be decided now.

    Raises:
        ReasonMissing, FeeUnpaid: see `decide`.
    """
    reasons = (reasons or "").strip() or None
    if outcome is not Outcome.GRANTED and reasons is None:
        raise ReasonMissing
    if outcome is not Outcome.REFUSED and is_unpaid(session, application):
        raise FeeUnpaid
    return reasons


def settle(
    session: Session,
    application: Application,
    *,
    outcome: Outcome,
    reasons: str | None,
    actor: Actor,
    now: datetime,
) -> Application:
    """The decision itself, on a locked case: by one person, or by the last step of an approval.

    Raises:
        NotNow, OwnCase, ReasonMissing, FeeUnpaid: see `decide`.
    """
    refuse_own(session, application, actor)
    reasons = checked_outcome(session, application, outcome, reasons)
    procedure = definition(application.version)
    application.decision = Decision(
        application_id=application.id,
        outcome=outcome.value,
        reasons=reasons,
        authority=procedure.authority.ja,
        remedy=remedy_text(procedure),
        decided_by=actor.account_id,
        decided_at=now,
    )
    move(session, application, Action.DECIDE, by=party(actor), actor=actor, now=now, reason=reasons)
    if outcome is not Outcome.REFUSED and procedure.documents:
        _issue(session, application, procedure.documents, actor=actor, now=now)
    else:
        tell(session, application, "decided", outcome=outcome.value)
    return application


def remedy_text(procedure: Procedure) -> str | None:
    """The 教示 in the words of the law; None where the decision is no 処分 (CASES A6)."""
    remedy = procedure.remedy
    if remedy is None:
        return None
    first = (
        "なお、処分の取消しの訴えは、審査請求に対する裁決を経た後でなければ提起することができません。"
        if remedy.review_first
        else ""
    )
    return (
        f"この処分に不服があるときは、この処分があったことを知った日の翌日から起算して{remedy.review_months}か月以内に、"
        f"{remedy.review_to.ja}に対して審査請求をすることができます。\n"
        f"また、この処分があったことを知った日の翌日から起算して{remedy.suit_months}か月以内に、"
        f"{remedy.suit_against.ja}を被告として処分の取消しの訴えを提起することができます。{first}"
    )


def _issue(
    session: Session, application: Application, kinds: Iterable[IssuedKind], *, actor: Actor, now: datetime
) -> None:
    papers = [
        IssuedDocument(
            application_id=application.id,
            kind=kind.id,
            number=_number(session, kind.number_prefix, local(now).date()),
            title=kind.title.ja,
            created_at=now,
        )
        for kind in kinds
    ]
    application.documents.extend(papers)
    move(session, application, Action.ISSUE, by=party(actor), actor=actor, now=now)
    for paper in papers:
        jobs.defer(session, "forms.make_paper", paper_id=paper.id)


def _number(session: Session, prefix: str, day: date) -> str:
    """The next document number (文書番号) under a prefix in the fiscal year of `day`."""
    year = dates.fiscal_year(day)
    made = insert(DocumentCounter).values(prefix=prefix, fiscal_year=year, last=1)
    statement = made.on_conflict_do_update(
        index_elements=[DocumentCounter.prefix, DocumentCounter.fiscal_year], set_={"last": DocumentCounter.last + 1}
    ).returning(DocumentCounter.last)
    last = session.execute(statement).scalar_one()
    return f"{dates.wareki_year(date(year, 4, 1)).removesuffix('年')}年度 {prefix}第{last}号"


def close(session: Session, *, reference: str, actor: Actor, revision: int | None, now: datetime) -> Application:
    """End a case that was decided or issued; its retention counts from the April 1 after this (CASES A13).

    Raises:
        NotFound, NotNow, ChangedMeanwhile: see `ask_correction`.
    """
    application = locked(session, reference=reference)
    unchanged(application, revision)
    application.ended_at = now
    move(session, application, Action.CLOSE, by=party(actor), actor=actor, now=now)
    return application


def withdraw(
    session: Session, *, reference: str, actor: Actor, now: datetime, reason: str | None = None
) -> Application:
    """Take a case back before it is decided. A fee that was not paid is not asked any more.

    Raises:
        NotFound, NotNow: no such case, or it was decided.
        AtTheCounter: it is being finished there right now.
    """
    application = locked(session, reference=reference)
    if application.state == State.PREPARED.value and session.scalar(
        select(exists().where(VisitItem.application_id == application.id))
    ):
        raise AtTheCounter
    application.paused_at = application.prepared_until = None
    application.ended_at = now
    end_proposal(session, application, now=now)
    move(session, application, Action.WITHDRAW, by=party(actor), actor=actor, now=now, reason=reason)
    application.draft = None
    for request in open_requests(application):
        request.answered_at = now
    drop_unpaid(session, application, now=now)
    tell(session, application, "withdrawn")
    return application


def paid(session: Session, *, reference: str, now: datetime, charge_ref: str = "") -> bool:
    """A fee has arrived. False: the case was withdrawn or asks for less by now, the money goes back. Safe to call again."""
    application = locked(session, reference=reference)
    if application.state == State.WITHDRAWN.value or was_replaced(application, charge_ref):
        return False
    if not any(event.action == "paid" for event in application.events):
        note(session, application, "paid", actor=Actor(None, "system"), now=now)
    return True


def known(session: Session, *, reference: str, now: datetime) -> None:
    """The applicant has opened the decision for the first time; kept apart from when it was made (CASES A8)."""
    application = locked(session, reference=reference)
    if application.decision is not None and application.decision.known_at is None:
        application.decision.known_at = now
        session.flush()
