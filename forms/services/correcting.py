"""Corrections: asked field by field with a reason, answered under the same number; the standard days stand still meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms import fees, rules
from forms.attachments import services as attachments
from forms.case_models import Proposal
from forms.deadlines import moved
from forms.definition import Moment, Problem, Procedure, Typed
from forms.definition.paths import label_at, put, spec_at, typed_at, value_at
from forms.models import (
    APPLICATION_PAPER,
    Application,
    ApplicationAnswers,
    CorrectionRequest,
)
from forms.services import checking
from forms.services.common import (
    Incomplete,
    NotCorrectable,
    ReasonMissing,
    definition,
    facts_of,
    locked,
    moment,
    move,
    party,
    typed_by,
    unchanged,
)
from forms.services.fee_change import settle_difference
from forms.services.filing import fee_json, review_hash, tell
from forms.states import Action, State, after
from portal.kernel import jobs
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
        NotCorrectable: a field was not part of what was filed, or is calculated.
    """
    application = locked(session, reference=reference)
    unchanged(application, revision)
    # Asked before anything is written: the same field asked again would meet the database's own refusal first.
    after(State(application.state), Action.ASK_CORRECTION, by=party(actor))
    procedure = definition(application.version)
    if not requests or not all(reason.strip() for _field, reason in requests):
        raise ReasonMissing
    filed = application.filings[-1].answers
    for field_id, reason in requests:
        there, old_value = value_at(filed, field_id)
        spec = spec_at(procedure, field_id)
        if not there or spec is None or spec.computed:
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
        requests=[c.id for c in open_requests(application)],
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
        if spec is None or not spec.has_value or spec.computed or spec.stored:
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
    handed_in = attachments.corrected(session, application, [f for f in asked if _is_file(procedure, f)])
    first = _read(procedure, asked, typed, at, {**last.answers, **handed_in})
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
    fee_before, fee_now = fees.lines(procedure, last.answers), fees.lines(procedure, filed)
    flags = {**first.flags, **second.flags}
    application.filings.append(_next_filing(application, last, filed, flags, fee=fee_json(fee_now), now=now))
    for request in open_requests(application):
        request.new_value = value_at(filed, request.field_id)[1]
        request.answered_at = now
    run_on(application, procedure, now=now)
    move(session, application, Action.CORRECT, by=party(actor), actor=actor, now=now)
    settle_difference(session, application, before=fee_before, after=fee_now, number=last.number, actor=actor, now=now)
    attachments.settle(session, application)
    _remake_paper(session, application)
    return application


def _is_file(procedure: Procedure, path: str) -> bool:
    spec = spec_at(procedure, path)
    return spec is not None and spec.stored


def run_on(application: Application, procedure: Procedure, *, now: datetime) -> None:
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
    fee: list[dict[str, Any]],
    now: datetime,
) -> ApplicationAnswers:
    return ApplicationAnswers(
        application_id=application.id,
        number=last.number + 1,
        answers=filed,
        fee=fee,
        prefill={k: v for k, v in last.prefill.items() if filed.get(k) == last.answers.get(k)},
        flags={k: v for k, v in {**last.flags, **flags}.items() if k in filed},
        sha256=review_hash(application.version.sha256, filed, fee),
        at=now,
    )


def _remake_paper(session: Session, application: Application) -> None:
    for paper in application.documents:
        if paper.kind == APPLICATION_PAPER:
            jobs.defer(session, "forms.make_paper", paper_id=paper.id)
