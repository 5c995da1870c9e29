from __future__ import annotations

from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.kernel.database import engine, libpq_url, unit_of_work


def _backend() -> int:
    with unit_of_work() as session:
        return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_a_connection_is_used_again_and_a_closed_one_is_replaced_before_anybody_notices(database: str) -> None:
    first = _backend()
    assert _backend() == first
    with psycopg.connect(libpq_url(database), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    assert _backend() not in {0, first}


def test_something_said_by_a_living_server_does_not_cost_the_connection(database: str) -> None:
    with engine().connect() as connection:
        connection.execute(text("LISTEN tests"))
        connection.commit()
        listening = connection.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(libpq_url(database), autocommit=True) as other:
        other.execute("NOTIFY tests")
    assert _backend() == listening


def _prepared() -> int:
    """How often the database has been asked to run a statement that it had prepared before, on the connection used last."""
    with unit_of_work() as session:
        counted = text(
            "SELECT coalesce(sum(generic_plans + custom_plans), 0) FROM pg_prepared_statements WHERE statement LIKE '%tested%'"
        )
        return int(session.execute(counted).scalar_one())


def test_a_refusal_that_rolls_back_leaves_the_statements_prepared(database: str) -> None:
    """Whoever comes next does not have each statement parsed and planned anew."""

    def refused() -> None:
        with suppress(ZeroDivisionError), unit_of_work() as session:
            assert session.execute(text("SELECT :number + 1 AS tested"), {"number": 1}).scalar_one() == 2
            raise ZeroDivisionError

    for _ in range(20):
        refused()
    assert _prepared() >= 10


def test_a_transaction_that_failed_or_was_rolled_back_leaves_nothing_and_the_connection_works(database: str) -> None:
    with unit_of_work() as session:
        session.execute(text("CREATE TABLE tested (number integer CHECK (number > 0))"))

    def write(number: int) -> None:
        with unit_of_work() as session:
            session.execute(text("INSERT INTO tested VALUES (:number)"), {"number": number})
            raise ZeroDivisionError

    for number in (1, -1):
        with pytest.raises((ZeroDivisionError, IntegrityError)):
            write(number)
    with unit_of_work() as session:
        assert session.execute(text("SELECT count(*) FROM tested")).scalar_one() == 0
