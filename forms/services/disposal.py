"""Disposal: what is due is listed, a person confirms, a job takes the personal parts out of every case on the list (CASES A13).

What stays: number, procedure, dates, states, outcomes, which fields were corrected, and the ledger: nothing of a person.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, time
from typing import Any

from sqlalchemy import delete, exists, or_, select, text, update
from sqlalchemy.orm import Session

from forms.attachments import services as attachments
from forms.case_models import (
    CaseMessage,
    CaseNote,
    CounterChange,
    Delegation,
    Disposal,
    DisposalItem,
    Proposal,
    ProposalStep,
)
from forms.counter.models import VisitFact, VisitItem
from forms.letters.models import Letter
from forms.models import (
    Application,
    ApplicationAnswers,
    ApplicationDraft,
    ApplicationEvent,
    CorrectionRequest,
    Decision,
    IssuedDocument,
    ProcedureRow,
    ProcedureVersion,
)
from forms.retention import ended_before
from forms.services.common import definition
from forms.services.filing import PAYABLE
from payments import forgetting
from portal.kernel import audit, jobs
from portal.kernel.audit import Actor
from portal.kernel.clock import TOKYO, local
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.files import StoredFile
from portal.notices.models import Notice

MOST = 1000
"""Cases on one list: what a person can look through."""
GONE = "—"


def make_list(session: Session, *, departments: Collection[str], actor: Actor, now: datetime) -> Disposal:
    """List the cases of these departments whose retention has ended and that are on no other list.

    Raises:
        NotFound: none is due.
    """
    today = local(now).date()
    versions = session.scalars(
        select(ProcedureVersion).join(ProcedureRow).where(ProcedureRow.department.in_(list(departments)))
    ).all()
    by_years: dict[int, list[int]] = {}
    for version in versions:
        by_years.setdefault(definition(version).retention_years, []).append(version.id)
    due = [
        (Application.version_id.in_(ids))
        & (Application.ended_at < datetime.combine(ended_before(today, years), time.min, TOKYO))
        for years, ids in by_years.items()
    ]
    listed = exists().where(DisposalItem.application_id == Application.id)
    found = session.scalars(
        select(Application.id)
        .where(or_(*due), Application.disposed_at.is_(None), ~listed)
        .order_by(Application.ended_at)
        .limit(MOST)
    ).all()
    if not found or actor.account_id is None:
        raise NotFound
    made = Disposal(listed_at=now, listed_by=actor.account_id)
    session.add(made)
    session.flush()
    session.add_all(DisposalItem(disposal_id=made.id, application_id=number) for number in found)
    session.flush()
    _note(session, made, "list", actor, cases=len(found))
    return made


def _note(session: Session, found: Disposal, action: str, actor: Actor, **detail: Any) -> None:
    audit.record(
        session, actor=actor, action=f"disposal.{action}", subject_kind="disposal", subject_ref=str(found.id), detail=detail
    )  # fmt: skip


def cases_of(session: Session, found: Disposal) -> list[Application]:
    """The cases on a list, with their procedures. Three statements."""
    return list(
        session.scalars(
            select(Application)
            .join(DisposalItem, DisposalItem.application_id == Application.id)
            .where(DisposalItem.disposal_id == found.id)
            .order_by(Application.ended_at, Application.id)
        )
    )


def of_departments(session: Session, disposal_id: int, departments: Collection[str], *, lock: bool = False) -> Disposal:
    """A list all of whose cases are of these departments.

    Raises:
        NotFound: no such list, or another department's.
    """
    found = session.get(Disposal, disposal_id, with_for_update=lock)
    if found is None:
        raise NotFound
    foreign = session.scalar(
        select(DisposalItem.application_id)
        .join(Application, Application.id == DisposalItem.application_id)
        .join(ProcedureRow, ProcedureRow.id == Application.procedure_id)
        .where(DisposalItem.disposal_id == found.id, ProcedureRow.department.not_in(list(departments)))
        .limit(1)
    )
    if foreign is not None:
        raise NotFound
    return found


def keep(session: Session, found: Disposal, *, reference: str, actor: Actor) -> None:
    """Take one case off a list that is not confirmed yet: it is kept (a dispute, an audit).

    Raises:
        Conflict: confirmed already.
    """
    if found.confirmed_at is not None:
        raise Conflict
    wanted = select(Application.id).where(Application.reference == reference)
    session.execute(
        delete(DisposalItem).where(DisposalItem.disposal_id == found.id, DisposalItem.application_id.in_(wanted))
    )
    _note(session, found, "keep", actor, case=reference)


def confirm(session: Session, found: Disposal, *, actor: Actor, now: datetime) -> None:
    """A person confirms the disposal; a job carries it out."""
    if found.confirmed_at is None:
        found.confirmed_at, found.confirmed_by = now, actor.account_id
        session.flush()
        _note(session, found, "confirm", actor)
        jobs.defer(session, "forms.dispose", disposal_id=found.id)


def dispose(session: Session, application_id: int, *, now: datetime) -> dict[str, int]:
    """Take the personal parts out of one case on a confirmed list; says what went. Safe to call again."""
    application = session.get_one(Application, application_id, with_for_update=True)
    if application.disposed_at is not None:
        return {}
    own = {"application_id": application_id}
    report = {"attachments": attachments.dispose(session, [application_id])}
    report["letters"] = _count(session, delete(Letter).filter_by(**own).returning(Letter.id))
    report["files"] = _files(session, application_id, str(application.reference))
    report["papers"] = _visit(session, application_id)
    for name, table in (("drafts", ApplicationDraft), ("notes", CaseNote), ("messages", CaseMessage)):
        report[name] = _count(session, delete(table).filter_by(**own).returning(table.application_id))
    empty: dict[str, Any] = {"answers": {}, "prefill": {}, "flags": {}}
    report["answers"] = _count(
        session, update(ApplicationAnswers).filter_by(**own).values(**empty).returning(ApplicationAnswers.id)
    )
    session.execute(update(ApplicationEvent).filter_by(**own).values(reason=None, actor_account_id=None))
    session.execute(update(CorrectionRequest).filter_by(**own).values(reason="", old_value=None, new_value=None))
    session.execute(delete(CounterChange).filter_by(**own))
    session.execute(update(Decision).filter_by(**own).where(Decision.reasons.is_not(None)).values(reasons=GONE))
    session.execute(update(Proposal).filter_by(**own).where(Proposal.reasons.is_not(None)).values(reasons=GONE))
    proposals = select(Proposal.id).filter_by(**own)
    session.execute(
        update(ProposalStep)
        .where(ProposalStep.proposal_id.in_(proposals), ProposalStep.deputy_reason.is_not(None))
        .values(deputy_reason=GONE)
    )
    reference = str(application.reference)
    report["payers"] = forgetting.forget_payer(session, payable_kind=PAYABLE, payable_ref=reference)
    report["notices"] = _notices(session, reference)
    report["jobs"] = _jobs(session, reference)
    _anonymous(session, application, now=now)
    return report


def _count(session: Session, statement: Any) -> int:
    return len(session.execute(statement.execution_options(synchronize_session=False)).all())


def _files(session: Session, application_id: int, reference: str) -> int:
    """Papers, and those that a corrected one replaced: they are named after the case."""
    ids = session.scalars(
        select(IssuedDocument.file_id).where(
            IssuedDocument.application_id == application_id, IssuedDocument.file_id.is_not(None)
        )
    ).all()
    replaced = StoredFile.kind.startswith("forms.") & StoredFile.name.startswith(f"{reference}-")
    session.execute(update(IssuedDocument).filter_by(application_id=application_id).values(file_id=None))
    return _count(session, delete(StoredFile).where(StoredFile.id.in_(ids) | replaced).returning(StoredFile.id))


def _visit(session: Session, application_id: int) -> int:
    """The paper signed at the counter, and what the card said, once no other case of the visit is left."""
    item = session.scalars(select(VisitItem).where(VisitItem.application_id == application_id)).one_or_none()
    if item is None:
        return 0
    file_id, visit_id = item.file_id, item.visit_id
    session.delete(item)
    session.flush()
    if file_id is not None:
        session.execute(delete(StoredFile).where(StoredFile.id == file_id))
    if session.scalar(select(VisitItem.id).where(VisitItem.visit_id == visit_id).limit(1)) is None:
        session.execute(delete(VisitFact).where(VisitFact.visit_id == visit_id))
    return 1


def _notices(session: Session, reference: str) -> int:
    """Mails about the case and its money, whoever sent them: their address, name and words."""
    known = [reference, *forgetting.numbers(session, payable_kind=PAYABLE, payable_ref=reference)]
    named = text("(notice.context::text LIKE ANY (:marks) OR notice.key LIKE ANY (:marks))")
    return _count(
        session,
        update(Notice)
        .where(named.bindparams(marks=[f"%{number}%" for number in known]), Notice.email != "")
        .values(email="", name="", context={})
        .returning(Notice.id),
    )


def _jobs(session: Session, reference: str) -> int:
    """Jobs that failed or ended and still name the case in their arguments."""
    found = session.execute(
        text(
            "DELETE FROM procrastinate_jobs WHERE args::text LIKE :mark AND status IN ('failed', 'succeeded', 'cancelled')"
            " RETURNING id"
        ),
        {"mark": f"%{reference}%"},
    )
    return len(found.all())


def _anonymous(session: Session, application: Application, *, now: datetime) -> None:
    delegation_id = application.delegation_id
    session.expire(application, ["draft", "filings", "events", "corrections", "decision", "documents"])
    application.applicant_name = application.acting_name = None
    application.delegation_id = application.applicant_person_id = None
    application.owner_account_id = application.filed_by_account_id = application.assigned_to = None
    application.search, application.contact = "", {}
    application.secret_sha256 = application.facts = application.on_behalf = None
    application.key = secrets.token_urlsafe(18)
    application.disposed_at = now
    session.flush()
    if delegation_id is not None:
        others = exists().where(Application.delegation_id == Delegation.id)
        session.execute(
            delete(Delegation).where(
                Delegation.id == delegation_id, Delegation.valid_until < local(now).date(), ~others
            )
        )
