from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.kernel import audit, database, jobs, migrate
from portal.kernel.audit import AuditEntry

RAN: list[str] = []


def remember(word: str) -> None:
    RAN.append(word)


def fail() -> None:
    raise RuntimeError("meant to fail")


@pytest.fixture(autouse=True)
def _tasks() -> Iterator[None]:
    """Two tasks that exist in these tests only."""
    RAN.clear()
    jobs.task(name="tests.remember")(remember)
    jobs.task(name="tests.fail")(fail)
    yield
    for name in ("tests.remember", "tests.fail"):
        jobs.jobs.tasks.pop(name)


def test_a_job_exists_if_and_only_if_its_transaction_committed(session: Session, run_jobs: Callable[[], None]) -> None:
    jobs.defer(session, "tests.remember", word="rolled back")
    session.rollback()
    jobs.defer(session, "tests.remember", word="committed")
    session.commit()
    run_jobs()
    assert RAN == ["committed"]


def test_a_job_that_failed_for_good_is_listed_and_can_be_run_again(
    session: Session, run_jobs: Callable[[], None]
) -> None:
    jobs.defer(session, "tests.fail")
    session.commit()
    run_jobs()
    found = jobs.failed(session)
    assert [job["task_name"] for job in found] == ["tests.fail"]
    assert jobs.retry_failed(session, found[0]["id"])
    session.commit()
    run_jobs()
    assert jobs.failed(session)[0]["attempts"] == 3
    assert not jobs.retry_failed(session, -1)


def test_a_job_left_by_a_killed_worker_runs_again(
    session: Session, database: str, run_jobs: Callable[[], None]
) -> None:
    jobs.defer(session, "tests.remember", word="rescued")
    session.execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '10 minutes')"))
    session.execute(
        text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"),
    )
    session.commit()
    run_jobs()
    assert RAN == []
    assert jobs.retry_left_behind(database) == 1
    run_jobs()
    assert RAN == ["rescued"]


def _entry(session: Session, ref: str) -> None:
    audit.record(session, actor=audit.SYSTEM, action="test.read", subject_kind="test", subject_ref=ref)
    session.commit()


def test_the_audit_chain_holds_and_shows_a_forged_entry(session: Session) -> None:
    for number in range(3):
        _entry(session, f"T-{number}")
        assert audit.seal(session) == 1
        session.commit()
    assert audit.verify(session) is None
    session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only"))
    session.execute(text("UPDATE audit_entry SET subject_ref = 'T-9' WHERE subject_ref = 'T-1'"))
    session.commit()
    session.expire_all()
    assert audit.verify(session) == 2


def test_an_entry_of_an_open_transaction_is_sealed_later_not_lost(session: Session) -> None:
    with database.new_session() as slow:
        audit.record(slow, actor=audit.SYSTEM, action="test.read", subject_kind="test", subject_ref="slow")
        slow.flush()
        _entry(session, "quick")
        audit.seal(session)
        session.commit()
        slow.commit()
    audit.seal(session)
    session.commit()
    sealed = sum(link.entries for link in session.query(audit.AuditSeal))
    assert sealed == session.query(AuditEntry).count() == 2
    assert audit.verify(session) is None


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET action = 'x'", "DELETE FROM audit_entry"])
def test_the_database_refuses_to_change_the_audit_log(session: Session, statement: str) -> None:
    _entry(session, "T-1")
    with pytest.raises(DBAPIError, match="append-only"):
        session.execute(text(statement))


def test_models_and_tables_agree(database: str) -> None:
    migrate.check(database)
