from __future__ import annotations

import psycopg
from sqlalchemy import text

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
