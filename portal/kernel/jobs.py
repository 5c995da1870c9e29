"""Background work on Procrastinate: the queue is a table in the same database.

A job is deferred on the caller's own connection, so it exists if and only if the transaction committed.
A job takes ids, reads fresh state and is safe to run twice. Whatever raises is tried again by the task's
retry strategy; what has failed for good stays in the table, on the page for the IT section.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import procrastinate
import psycopg
import structlog
from procrastinate import PsycopgConnector
from procrastinate.jobs import Status
from sqlalchemy.orm import Session

from portal.kernel import clock, database

F = TypeVar("F", bound=Callable[..., None])

log = structlog.get_logger(__name__)

jobs = procrastinate.App(connector=PsycopgConnector())
#: Writes jobs through the caller's own (blocking) connection. A worker swaps the connector of `jobs` for an open
#: asynchronous one, with which a task could not defer a job in its own transaction.
_writer = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

#: Tries again after about 4 s, 16 s, 1 min, 4 min, 17 min, 68 min: an evening without mail server loses nothing.
PATIENT = procrastinate.RetryStrategy(max_attempts=6, exponential_wait=4)
#: For work that either goes through soon or needs a person.
BRIEF = procrastinate.RetryStrategy(max_attempts=3, wait=5)

#: Task name → cron line (five or six fields, UTC); the worker registers them when it starts.
PERIODIC: dict[str, str] = {}
#: A running job whose worker gave no sign of life for this long was left behind by a killed worker.
STALLED_AFTER_SECONDS = 40
#: A job that was left behind so often kills its worker itself (memory, a crash in a library).
MOST_TRIES = 10
#: Jobs in one statement of `defer_many`.
BATCH = 1000


def task(
    *,
    name: str,
    queue: str = "default",
    retry: procrastinate.RetryStrategy | None = None,
    periodic: str | None = None,
) -> Callable[[F], F]:
    """Register a function as the task `name`.

    Args:
        name: `<package>.<verb>`, unique.
        queue: `default`, `mail`, `documents` or `money`; a worker serves all unless told otherwise.
        retry: PATIENT, BRIEF or None for no second try.
        periodic: a cron line in UTC; such a task takes one argument, `timestamp` (seconds since 1970).
    """

    def register(function: F) -> F:
        jobs.task(name=name, queue=queue, retry=retry or False, queueing_lock=name if periodic else None)(function)
        if periodic is not None:
            PERIODIC[name] = periodic
        return function

    return register


def defer(
    session: Session, task_name: str, /, *, at: datetime | None = None, lock: str | None = None, **arguments: Any
) -> None:
    """Put a job into the caller's transaction.

    Args:
        session: the transaction the job belongs to.
        task_name: as given to `task`.
        at: not before this moment (aware).
        lock: jobs with the same lock run one after the other.
        **arguments: JSON values; ids and references, never personal values.
    """
    session.flush()
    connection = session.connection().connection.driver_connection
    if task_name not in jobs.tasks:
        message = f"no such task: {task_name}"
        raise LookupError(message)
    known = jobs.tasks[task_name]
    _writer.configure_task(
        task_name,
        allow_unknown=True,
        connection=connection,
        schedule_at=_on_the_queues_clock(at),
        lock=lock,
        queue=known.queue,
        queueing_lock=known.queueing_lock,
    ).defer(**arguments)


def _on_the_queues_clock(at: datetime | None) -> datetime | None:
    # The queue compares with the database's clock; ours may stand still or be set (development, tests): keep the wait.
    return at if at is None else datetime.now(UTC) + (at - clock.now())


def defer_many(
    session: Session,
    task_name: str,
    arguments: Sequence[Mapping[str, Any]],
    *,
    lock: Callable[[Any], str] | None = None,
) -> None:
    """Put many jobs of one task into the caller's transaction, `BATCH` at a time (about 30 µs each, one NOTIFY a batch).

    Args:
        session: the transaction the jobs belong to.
        task_name: as given to `task`.
        arguments: of each job; ids and references, never personal values.
        lock: the lock of a job, from its arguments.
    """
    session.flush()
    connection = session.connection().connection.driver_connection
    known = jobs.tasks[task_name]
    deferrer = _writer.configure_task(task_name, allow_unknown=True, connection=connection, queue=known.queue)
    for start in range(0, len(arguments), BATCH):
        made = [deferrer.make_new_job(**one) for one in arguments[start : start + BATCH]]
        if lock is not None:
            made = [one.evolve(lock=lock(one.task_kwargs)) for one in made]
        _writer.job_manager.batch_defer_jobs(made, connection=connection)


def _worker_app(url: str) -> Any:
    # psycopg_pool wants the plain libpq form; two connections are enough beside the listener.
    return jobs.replace_connector(PsycopgConnector(conninfo=database.libpq_url(url), min_size=1, max_size=4))


def run_worker(url: str, *, concurrency: int = 2, queues: list[str] | None = None) -> None:
    """Work until SIGINT or SIGTERM; the job at hand is finished first (up to 20 seconds).

    Args:
        url: the database.
        concurrency: jobs at a time in this process.
        queues: None for all.
    """
    for name, cron in PERIODIC.items():
        jobs.periodic(cron=cron, periodic_id=name)(jobs.tasks[name])
    with _worker_app(url) as app:
        app.run_worker(
            concurrency=concurrency,
            queues=queues,
            name="portal",
            shutdown_graceful_timeout=20.0,
            update_heartbeat_interval=5.0,
            stalled_worker_timeout=float(STALLED_AFTER_SECONDS),
            delete_jobs="successful",
        )


def worker_alive(url: str) -> bool:
    """Whether any worker gave a sign of life within `STALLED_AFTER_SECONDS`."""
    with psycopg.connect(database.libpq_url(url), connect_timeout=5) as connection:
        row = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s))",
            (STALLED_AFTER_SECONDS,),
        ).fetchone()
    return bool(row and row[0])


def run_pending(url: str, *, queues: list[str] | None = None) -> None:
    """Run every job that is due now in this process and come back (tests, `portal worker --once`)."""

    async def work() -> None:
        with _worker_app(url) as app:
            async with app.open_async():
                await app.run_worker_async(
                    wait=False,
                    queues=queues,
                    concurrency=1,
                    listen_notify=False,
                    install_signal_handlers=False,
                    delete_jobs="successful",
                )

    asyncio.run(work())


def retry_left_behind(url: str) -> int:
    """Give jobs that a killed worker left running back to the queue; returns how many.

    One that was tried `MOST_TRIES` times is taken for the worker's killer and counts as failed: a person looks at it.
    """

    async def rescue() -> int:
        # An app of its own: this runs within a worker, whose connector must not be swapped under it.
        app = procrastinate.App(
            connector=PsycopgConnector(conninfo=database.libpq_url(url), min_size=1, max_size=1),
        )
        async with app.open_async():
            stalled = list(
                await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=float(STALLED_AFTER_SECONDS)),
            )
            for job in stalled:
                if job.attempts >= MOST_TRIES:
                    await app.job_manager.finish_job(job, Status.FAILED, delete_job=False)
                else:
                    await app.job_manager.retry_job(job)
            return len(stalled)

    return asyncio.run(rescue())


@task(name="kernel.rescue_jobs", periodic="* * * * *")
def rescue_jobs(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each minute: jobs that a killed worker left behind run again."""
    count = retry_left_behind(database.engine().url.render_as_string(hide_password=False))
    if count:
        log.warning("jobs_rescued", count=count)


def failed(session: Session, *, limit: int = 100) -> list[dict[str, Any]]:
    """The jobs that gave up, newest first: id, task_name, args (references only), attempts, at."""
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError(type(connection).__name__)
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        cursor.execute(
            "SELECT j.id, j.task_name, j.queue_name, j.args, j.attempts, max(e.at) AS at"
            " FROM procrastinate_jobs j LEFT JOIN procrastinate_events e ON e.job_id = j.id"
            " WHERE j.status = %s GROUP BY j.id ORDER BY j.id DESC LIMIT %s",
            (Status.FAILED.value, limit),
        )
        return cursor.fetchall()


def retry_failed(session: Session, job_id: int) -> bool:
    """Put a failed job back into the queue, in the caller's transaction; False where it is not a failed one."""
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError(type(connection).__name__)
    with connection.cursor() as cursor:
        # procrastinate_retry_job_v2 also takes failed jobs; the guard keeps a double click from touching a running one.
        cursor.execute("SELECT 1 FROM procrastinate_jobs WHERE id = %s AND status = 'failed' FOR UPDATE", (job_id,))
        if cursor.fetchone() is None:
            return False
        cursor.execute("SELECT procrastinate_retry_job_v2(%s, now(), NULL, NULL, NULL)", (job_id,))
    return True
