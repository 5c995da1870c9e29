"""How a procedure goes: begun, filed, where people stop, what is corrected most, days to the decision. Counts only, no persons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Date, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from forms.case_models import DraftTally
from forms.models import Application, ApplicationDraft, CorrectionRequest, Decision, ProcedureRow
from forms.states import State
from portal.kernel.clock import TOKYO, local


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one procedure since a day.

    Attributes:
        started, filed, decided: cases.
        stopped: (step id, drafts last saved there and not filed), most first; "" stands for: nothing saved.
        corrected: (field id, how often it was asked again), most first.
        days: (days from arrival to decision, cases), in order, both days in Japan.
    """

    started: int
    filed: int
    decided: int
    stopped: Sequence[tuple[str, int]]
    corrected: Sequence[tuple[str, int]]
    days: Sequence[tuple[int, int]]


def left(session: Session, applications: Collection[Application]) -> None:
    """Count drafts that are about to be deleted, by the step they were left at."""
    for application in applications:
        step = application.draft.step if application.draft else None
        made = insert(DraftTally).values(
            procedure_id=application.procedure_id, day=local(application.created_at).date(), step=step or "", count=1
        )
        session.execute(
            made.on_conflict_do_update(
                index_elements=[DraftTally.procedure_id, DraftTally.day, DraftTally.step],
                set_={"count": DraftTally.count + 1},
            )
        )


def figures(session: Session, slug: str, *, since: date) -> Figures:
    """The figures of a procedure. Five statements."""
    procedure = select(ProcedureRow.id).where(ProcedureRow.slug == slug).scalar_subquery()
    mine = (Application.procedure_id == procedure, Application.created_at >= datetime.combine(since, time.min, TOKYO))
    begun, filed = session.execute(
        select(func.count(), func.count(Application.filed_at)).where(*mine, Application.channel == "online")
    ).one()
    tallied = session.execute(
        select(DraftTally.step, func.sum(DraftTally.count))
        .where(DraftTally.procedure_id == procedure, DraftTally.day >= since)
        .group_by(DraftTally.step)
    )
    gone = {row[0]: int(row[1]) for row in tallied}
    stopped = dict(gone)
    waiting = session.execute(
        select(func.coalesce(ApplicationDraft.step, ""), func.count())
        .join(Application, Application.id == ApplicationDraft.application_id)
        .where(*mine, Application.state == State.DRAFT.value, Application.channel == "online")
        .group_by(ApplicationDraft.step)
    )
    for step, count in waiting:
        stopped[step] = stopped.get(step, 0) + count
    corrected = session.execute(
        select(CorrectionRequest.field_id, func.count())
        .join(Application, Application.id == CorrectionRequest.application_id)
        .where(*mine)
        .group_by(CorrectionRequest.field_id)
        .order_by(func.count().desc(), CorrectionRequest.field_id)
        .limit(10)
    ).all()
    took = (
        cast(func.timezone("Asia/Tokyo", Decision.decided_at), Date)
        - cast(func.timezone("Asia/Tokyo", Application.filed_at), Date)
    ).label("took")
    days = session.execute(
        select(took, func.count())
        .join(Application, Application.id == Decision.application_id)
        .where(*mine)
        .group_by(took)
        .order_by(took)
    ).all()
    return Figures(
        started=begun + sum(gone.values()),
        filed=filed,
        decided=sum(row[1] for row in days),
        stopped=sorted(stopped.items(), key=lambda each: (-each[1], each[0])),
        corrected=[(row[0], row[1]) for row in corrected],
        days=[(int(str(row[0])), row[1]) for row in days],
    )
