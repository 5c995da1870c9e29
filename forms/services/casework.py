"""What happens to a filed case: correction, acceptance, decision, issue, withdrawal. Usable without a web request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from forms import fees, rules
from forms.case_models import ApplicationTypist, Proposal
from forms.deadlines import moved
from forms.definition import IssuedKind, Moment, Problem, Procedure, Typed
from forms.definition.paths import label_at, put, spec_at, typed_at, value_at
from forms.models import (
    Application,
    ApplicationAnswers,
    CorrectionRequest,
    Decision,
    DocumentCounter,
    IssuedDocument,
)
from forms.services import checking
from forms.services.common import (
    ApprovalNeeded,
    FeeUnpaid,
    Incomplete,
    NotCorrectable,
    OwnCase,
    ReasonMissing,
    definition,
    facts_of,
    locked,
    moment,
    move,
    note,
    party,
    typed_by,
    unchanged,
)
from forms.services.filing import APPLICATION_PAPER, PAYABLE, review_hash, tell
from forms.states import Action, Outcome, State
from payments import queries as payment_queries
from payments import services as payments
from portal.kernel import dates, jobs
from portal.kernel.audit import Actor
from portal.kernel.clock import local
from portal.kernel.texts import show_date

DAYS_TO_ANSWER = 14
"""Calendar days that an applicant is given for a correction (a sample: the city sets it)."""


def ask_correction(
    session: Session,
    *,
    reference: str,
    requests: Sequence[tuple[str, str]],
    actor: Actor,
    revision: int | None,
    now: datetime,
) -> Application:
    """Ask the applicant to correct fields; the standard days stand still from now (行政手続法 §7).

    Args:
        session: the transaction.
        reference: of the case.
        requests: (field id, reason as written for the applicant), at least one.
        actor: staff.
        revision: of the page that the reviewer saw.
        now: aware.

    Raises:
        NotFound, NotNow, ChangedMeanwhile: the case is not there, not at that point, or somebody was faster.
        ReasonMissing: no request, or one without reason.
        NotCorrectable: a field was not part of what was filed, or the fee hangs on it.
    """
    application = locked(session, reference=reference)
    unchanged(application, revision)
    procedure = definition(application.version)
    if not requests or not all(reason.strip() for _field, reason in requests):
        raise ReasonMissing
    filed = application.filings[-1].answers
    priced = fees.depends_on(procedure)
    for field_id, reason in requests:
        there, old_value = value_at(filed, field_id)
        spec = spec_at(procedure, field_id)
        if not there or spec is None or spec.computed or priced & set(field_id.split(".")):
            raise NotCorrectable(field_id)
        application.corrections.append(
            CorrectionRequest(
                application_id=application.id,
                field_id=field_id,
                reason=reason.strip(),
                old_value=old_value,
                asked_by=actor.account_id,
                asked_at=now,
                answer_by=date.fromordinal(local(now).date().toordinal() + DAYS_TO_ANSWER),
            )
        )
    application.paused_at = now
    end_proposal(session, application, now=now)
    reason = "\n".join(f"{label_at(procedure, filed, f, 'ja')}: {r.strip()}" for f, r in requests)
    move(session, application, Action.ASK_CORRECTION, by=party(actor), actor=actor, now=now, reason=reason)
    answer_by = application.corrections[-1].answer_by
    tell(
        session,
        application,
        "correction",
        fields=[label_at(procedure, filed, f, application.contact.get("locale", "ja")) for f, _reason in requests],
        answer_by=show_date(answer_by, application.contact.get("locale", "ja")),
    )
    return application


def end_proposal(session: Session, application: Application, *, now: datetime, why: str = "taken_back") -> None:
    """A live draft of the decision ends: the case changed under it, or it was returned or taken back."""
    live = session.scalars(
        select(Proposal).where(Proposal.application_id == application.id, Proposal.ended_at.is_(None))
    ).one_or_none()
    if live is not None:
        live.ended_at, live.ended_why = now, why
        session.flush()


def open_requests(application: Application) -> list[CorrectionRequest]:
    """The requests that wait for the applicant."""
    return [c for c in application.corrections if c.answered_at is None]


def to_correct(application: Application, answers: Mapping[str, Any], facts: rules.Facts) -> list[str]:
    """Paths of what is on the correction page, in order.

    What was asked, and what the new answers open and nobody has answered.
    """
    asked = {c.field_id for c in open_requests(application)}
    procedure = definition(application.version)
    evaluation = rules.evaluate(procedure, answers, facts)
    opened = {f for f, s in evaluation.states.items() if s is rules.AnswerState.ABSENT}
    found: list[str] = []
    for spec in procedure.fields():
        if spec.id in asked or (spec.id in opened and spec.id in evaluation.shown):
            found.append(spec.id)
        for row in evaluation.rows.get(spec.id, ()):
            inside = [(f"{spec.id}.{row.number}.{inner}", state) for inner, state in row.states.items()]
            found += [path for path, state in inside if path in asked or state is rules.AnswerState.ABSENT]
    return found


@dataclass(frozen=True, slots=True)
class _Read:
    """What came of reading paths: the answers with it, problems by path, marks by field."""

    answers: dict[str, Any]
    problems: dict[str, tuple[Problem, ...]]
    flags: dict[str, list[str]]


def _read(
    procedure: Procedure, paths: Iterable[str], typed: Mapping[str, Typed], at: Moment, answers: Mapping[str, Any]
) -> _Read:
    result = _Read(dict(answers), {}, {})
    for path in paths:
        spec = spec_at(procedure, path)
        if spec is None or not spec.has_value or spec.computed:
            continue
        reading = spec.read(typed_at(procedure, typed, path), at)
        if reading.problems:
            result.problems[path] = reading.problems
            continue
        result.answers.update(put(result.answers, path, reading.value))
        if reading.flags:
            result.flags[path.partition(".")[0]] = list(reading.flags)
    return result


def submit_correction(
    session: Session,
    *,
    reference: str,
    typed: Mapping[str, Typed],
    seen: Iterable[str],
    actor: Actor,
    now: datetime,
) -> Application:
    """Answer a correction request under the same number; arrival stays what it was (CASES A4).

    Only the fields that were asked, and those that the new answers open, can change: whatever else is sent is ignored.

    Raises:
        NotFound, NotNow: no such case, or no correction is asked (any more).
        Incomplete: `problems` by field; nothing was changed. `fresh` fields that the new answers open count as missing.
    """
    application = locked(session, reference=reference)
    if application.state != State.CORRECTION_ASKED.value:
        move(session, application, Action.CORRECT, by=party(actor), actor=actor, now=now)  # raises NotNow
    procedure = definition(application.version)
    last = application.filings[-1]
    facts, at = facts_of(session, application, now=now), moment(session, now)
    asked = [c.field_id for c in open_requests(application)]
    first = _read(procedure, asked, typed, at, last.answers)
    opened = [path for path in to_correct(application, first.answers, facts) if path not in asked]
    second = _read(procedure, [path for path in opened if path in set(seen)], typed, at, first.answers)
    answers = second.answers
    evaluation = rules.evaluate(procedure, answers, facts)
    read = {**first.problems, **second.problems}
    problems = {path: p for path, p in read.items() if path.partition(".")[0] in evaluation.shown}
    for field_id, wrong in checking.wrong(procedure, answers, evaluation, facts).items():
        for problem in wrong:
            inside = bool(problem.part) and field_id in evaluation.rows
            path = f"{field_id}.{problem.part}" if inside else field_id
            problems.setdefault(path, (Problem(problem.code, "" if inside else problem.part, problem.facts),))
    if problems:
        raise Incomplete(problems)
    filed = rules.to_file(procedure, answers, facts)
    typed_by(session, application, actor)
    application.filings.append(_next_filing(application, last, filed, {**first.flags, **second.flags}, now=now))
    for request in open_requests(application):
        request.new_value = value_at(filed, request.field_id)[1]
        request.answered_at = now
    _run_on(application, procedure, now=now)
    move(session, application, Action.CORRECT, by=party(actor), actor=actor, now=now)
    _remake_paper(session, application)
    return application


def _run_on(application: Application, procedure: Procedure, *, now: datetime) -> None:
    """The standard days run again; the due day moves by the days they stood still."""
    if application.paused_at is None:
        return
    asked, answered = local(application.paused_at).date(), local(now).date()
    application.due_on = moved(application.due_on, procedure.standard_days, asked=asked, answered=answered)
    application.paused_at = None


def _next_filing(
    application: Application,
    last: ApplicationAnswers,
    filed: dict[str, Any],
    flags: Mapping[str, Any],
    *,
    now: datetime,
) -> ApplicationAnswers:
    return ApplicationAnswers(
        application_id=application.id,
        number=last.number + 1,
        answers=filed,
        fee=last.fee,
        prefill={k: v for k, v in last.prefill.items() if filed.get(k) == last.answers.get(k)},
        flags={k: v for k, v in {**last.flags, **flags}.items() if k in filed},
        sha256=review_hash(application.version.sha256, filed, last.fee),
        at=now,
    )


def _remake_paper(session: Session, application: Application) -> None:
    for paper in application.documents:
        if paper.kind == APPLICATION_PAPER:
            jobs.defer(session, "forms.make_paper", paper_id=paper.id)


def accept(session: Session, *, reference: str, actor: Actor, revision: int | None, now: datetime) -> Application:
    """Take a case as complete in form; a correction that never came ends nothing by itself (CASES A4).

    Raises:
        NotFound, NotNow, ChangedMeanwhile: see `ask_correction`.
    """
    application = locked(session, reference=reference)
    unchanged(application, revision)
    _run_on(application, definition(application.version), now=now)
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
    if outcome is not Outcome.REFUSED and is_unpaid(session, str(application.reference)):
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


def is_unpaid(session: Session, reference: str) -> bool:
    """Whether the case has a fee that is not paid yet."""
    charge = payment_queries.charge_of(session, PAYABLE, reference)
    return charge is not None and charge.state == "open" and bool(charge.total)


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
    """
    application = locked(session, reference=reference)
    application.paused_at = None
    application.ended_at = now
    end_proposal(session, application, now=now)
    move(session, application, Action.WITHDRAW, by=party(actor), actor=actor, now=now, reason=reason)
    application.draft = None
    for request in open_requests(application):
        request.answered_at = now
    if is_unpaid(session, reference):
        payments.void_charge(session, payable_kind=PAYABLE, payable_ref=reference, reason="withdrawn", now=now)
    tell(session, application, "withdrawn")
    return application


def paid(session: Session, *, reference: str, now: datetime) -> bool:
    """The fee has arrived. False: the case was withdrawn, the money goes back. Safe to call again."""
    application = locked(session, reference=reference)
    if application.state == State.WITHDRAWN.value:
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
