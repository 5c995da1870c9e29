"""What the page for the IT section shows: jobs that gave up, jobs left behind, mails that did not arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.kernel import jobs
from portal.notices.models import Notice, NoticeState


@dataclass(frozen=True)
class FailedJob:
    """A job that gave up; `arguments` are ids and references."""

    id: int
    task: str
    arguments: str
    attempts: int
    at: datetime | None


@dataclass(frozen=True)
class UnsentMail:
    """A message that did not arrive; of the address only what stands behind the @."""

    id: int
    template: str
    domain: str
    state: NoticeState
    problem: str
    attempts: int
    at: datetime


@dataclass(frozen=True)
class Overview:
    """The page's content. Counts are of now; the lists hold the newest hundred."""

    failed_jobs: Sequence[FailedJob]
    unsent_mails: Sequence[UnsentMail]
    failed_count: int
    stalled_count: int
    waiting_count: int
    put_off_count: int
    unsent_count: int

    @property
    def calm(self) -> bool:
        """Nothing needs a person."""
        return not (self.failed_count or self.stalled_count or self.unsent_count)


_COUNTS = text(
    """
    SELECT count(*) FILTER (WHERE j.status = 'failed'),
           count(*) FILTER (WHERE j.status = 'doing' AND (w.id IS NULL
               OR w.last_heartbeat < now() - make_interval(secs => :stalled_after))),
           count(*) FILTER (WHERE j.status = 'todo')
      FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
     WHERE j.status IN ('failed', 'doing', 'todo')
    """,
)


def _arguments(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(values.items()))


def overview(session: Session) -> Overview:
    """Everything the page shows, in four statements."""
    failed, stalled, waiting = session.execute(_COUNTS, {"stalled_after": jobs.STALLED_AFTER_SECONDS}).one()
    troubled = (NoticeState.FAILED, NoticeState.BOUNCED)
    put_off, unsent = session.execute(
        select(
            func.count().filter(Notice.state == NoticeState.PENDING, Notice.problem.is_not(None)),
            func.count().filter(Notice.state.in_(troubled)),
        ).where(Notice.state != NoticeState.SENT),
    ).one()
    mails = session.execute(
        select(
            Notice.id,
            Notice.template,
            func.split_part(Notice.email, "@", 2).label("domain"),
            Notice.state,
            Notice.problem,
            Notice.attempts,
            Notice.problem_at.label("at"),
        )
        .where(Notice.state.in_(troubled))
        .order_by(Notice.problem_at.desc())
        .limit(100),
    )
    return Overview(
        failed_jobs=[
            FailedJob(row["id"], row["task_name"], _arguments(row["args"]), row["attempts"], row["at"])
            for row in jobs.failed(session)
        ],
        unsent_mails=[UnsentMail(**row._mapping) for row in mails],  # noqa: SLF001 - SQLAlchemy's public name
        failed_count=failed,
        stalled_count=stalled,
        waiting_count=waiting,
        put_off_count=put_off,
        unsent_count=unsent,
    )
