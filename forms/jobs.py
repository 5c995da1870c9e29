"""Background work of forms: papers, drafts that nobody goes on with."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import delete, exists, select

from forms import statistics
from forms.case_models import Disposal, DisposalItem
from forms.counter.models import VisitItem
from forms.models import APPLICATION_PAPER, Application, IssuedDocument
from forms.papers import LOCALE, paper
from forms.services import disposal, expiry
from forms.services.filing import tell
from forms.states import State
from portal.documents import pdf, signing
from portal.kernel import clock, files
from portal.kernel.clock import local
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import BRIEF, task

WARNED_BEFORE = timedelta(days=7)
DRAFT_KEPT = timedelta(days=90)
"""How long a draft stays untouched before it goes (a sample: the city sets it). Filed cases never go."""


@task(name="forms.make_paper", queue="documents", retry=BRIEF)
def make_paper(paper_id: int) -> None:
    """Make one paper as PDF. Safe to run twice: an issued document is made once, the application anew after a correction."""
    with unit_of_work() as session:
        found = session.get(IssuedDocument, paper_id)
        if found is None or (found.ready_at is not None and found.kind != APPLICATION_PAPER):
            return
        template, name, context = paper(session, found)
    content = pdf.render(template, LOCALE, **context)
    signer = context.get("signer") or None
    if signer:
        content = signing.sign(content, reason=context["title"])
    with unit_of_work() as session:
        found = session.get_one(IssuedDocument, paper_id, with_for_update=True)
        if found.ready_at is not None and found.kind != APPLICATION_PAPER:
            return
        stored = files.put(
            session, name=name, media_type="application/pdf", content=content, kind=f"forms.{found.kind}"
        )
        found.file_id, found.sha256, found.signer = stored.id, stored.sha256, signer
        found.ready_at = clock.now()
        if found.kind != APPLICATION_PAPER:
            tell(session, session.get_one(Application, found.application_id), "issued")


@task(name="forms.tidy_drafts", periodic="20 18 * * *")
def tidy_drafts(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each night (3:20 in Japan): who left a draft alone is told a week before it goes. Filed cases never expire (CASES A4).

    What was prepared for the counter and never brought ends after its last day.
    """
    now = clock.now()
    with unit_of_work() as session:
        old = Application.state == State.DRAFT.value, Application.changed_at < now - DRAFT_KEPT + WARNED_BEFORE
        for application in session.scalars(select(Application).where(*old, Application.warned_at.is_(None))):
            expiry.warn(session, application, goes_on=local(application.changed_at + DRAFT_KEPT).date(), now=now)
    with unit_of_work() as session:
        late = session.scalars(
            select(Application.reference).where(
                Application.state == State.PREPARED.value,
                Application.prepared_until < local(now).date(),
                ~exists().where(VisitItem.application_id == Application.id),
            )
        ).all()
    for reference in late:
        with unit_of_work() as session:
            expiry.end_preparation(session, reference=str(reference), now=now)
    with unit_of_work() as session:
        gone = session.scalars(
            select(Application).where(Application.state == State.DRAFT.value, Application.changed_at < now - DRAFT_KEPT)
        ).all()
        statistics.left(session, gone)
        session.execute(
            delete(Application).where(Application.id.in_([a.id for a in gone])),
            execution_options={"synchronize_session": False},
        )


@task(name="forms.dispose", queue="default", retry=BRIEF)
def dispose(disposal_id: int) -> None:
    """Carry out a confirmed disposal, case by case; the report says what went. Safe to run twice."""
    with unit_of_work() as session:
        found = session.get(Disposal, disposal_id)
        if found is None or found.confirmed_at is None or found.done_at is not None:
            return
        ids = list(session.scalars(select(DisposalItem.application_id).filter_by(disposal_id=disposal_id)))
    total: Counter[str] = Counter()
    for number in ids:
        with unit_of_work() as session:
            total.update(disposal.dispose(session, number, now=clock.now()))
    with unit_of_work() as session:
        found = session.get_one(Disposal, disposal_id, with_for_update=True)
        found.report = {"cases": len(ids), **dict(sorted(total.items()))}
        found.done_at = clock.now()
