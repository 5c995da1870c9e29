"""What a connection keeps of the offer is never behind what was committed, and never ahead of it."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.kernel.database import libpq_url, unit_of_work
from reservations import services
from reservations.errors import NotOffered
from reservations.services import HoldRequest, offered
from tests.reservations.conftest import FRIDAY, Resident

_SHUT = "UPDATE space SET bookable = false WHERE code = 'S05-01'"


def _hold(session: Session, who: Resident, slot: str) -> str:
    request = HoldRequest(who.person_id, who.account_id, "S05-01", FRIDAY, slot)
    return services.hold(session, request, actor=who.actor, now=clock.now())


def test_a_space_that_somebody_else_has_shut_is_not_held(koga: str, hanako: Resident) -> None:
    hanako.hold("S05-01", "t0900")
    with psycopg.connect(libpq_url(koga), autocommit=True) as other:
        other.execute(_SHUT)
    with pytest.raises(NotOffered):
        hanako.hold("S05-01", "t1100")


def test_a_new_version_of_the_rules_counts_for_the_next_hold(koga: str, hanako: Resident, session: Session) -> None:
    hanako.hold("S05-01", "t0900")
    with psycopg.connect(libpq_url(koga), autocommit=True) as other:
        newer = other.execute(
            "INSERT INTO rule_document (kind, code, valid_from, revision, sample, content, digest, published_at)"
            " SELECT d.kind, d.code, d.valid_from, d.revision + 1, d.sample, d.content, d.digest, now() FROM rule_document d"
            " JOIN space s ON s.policy_code = d.code WHERE s.code = 'S05-01' AND d.kind = 'policy'"
            " ORDER BY d.valid_from DESC, d.revision DESC LIMIT 1 RETURNING id"
        ).fetchone()
    reference = hanako.hold("S05-01", "t1100")
    used = session.scalar(text("SELECT policy_id FROM booking WHERE reference = :one"), {"one": reference})
    assert newer == (used,)


def test_what_a_transaction_has_shut_itself_it_sees_and_its_rollback_undoes(hanako: Resident) -> None:
    hanako.hold("S05-01", "t0900")

    def shut_and_hold() -> None:
        with unit_of_work() as session:
            session.execute(text(_SHUT))
            _hold(session, hanako, "t1100")

    with pytest.raises(NotOffered):
        shut_and_hold()
    assert hanako.hold("S05-01", "t1100")


def test_what_a_transaction_shuts_after_it_has_held_counts_for_the_next_one(koga: str, hanako: Resident) -> None:
    """A snapshot does not name the transaction that takes it, so that transaction is kept beside it."""
    with unit_of_work() as session:
        session.execute(text("SELECT pg_current_xact_id()"))
        with psycopg.connect(libpq_url(koga), autocommit=True) as other:
            other.execute("SELECT pg_current_xact_id()")  # a later one ends before
        offered.read(session)
        _hold(session, hanako, "t0900")
        session.execute(text(_SHUT))
    with pytest.raises(NotOffered):
        hanako.hold("S05-01", "t1100")


def test_the_offer_is_read_once_a_connection(hanako: Resident) -> None:
    hanako.hold("S05-01", "t0900")
    with unit_of_work() as session:
        before = offered.kept(session)
    hanako.hold("S05-01", "t1100")
    with unit_of_work() as session:
        assert before is not None
        assert offered.kept(session) is before


def test_a_table_whose_day_of_permit_decides_gives_the_version_of_the_earlier_day() -> None:
    old, new = (offered.Version(date(2026, month, 1), True, month, "") for month in (4, 10))
    use, made = date(2026, 10, 5), date(2026, 9, 20)
    known = offered.Offered("1:1:", 0, {}, {}, {("fees", "court"): [old, new]})
    assert known.version("fees", "court", use, made=made) == old
    assert known.version("fees", "court", use, made=use) == new
    later = offered.Offered("1:1:", 0, {}, {}, {("fees", "court"): [old, new._replace(by_permit=False)]})
    assert later.version("fees", "court", use, made=made) == new._replace(by_permit=False)
    assert known.version("fees", "court", date(2026, 3, 1), made=made) is None
    assert known.version("fees", None, use, made=made) is None
