from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.kernel.database import DriverConnection, engine, libpq_url, unit_of_work
from portal.kernel.prepared import Last, Prepared, conclude, run

_LOCK = Prepared("test_lock", "SELECT to_json(id) FROM tested WHERE id = %(id)s FOR UPDATE", id="integer")
_LOOK = Prepared("test_look", "SELECT to_json(word) FROM tested WHERE id = %(id)s", id="integer")
_WRITE = Prepared("test_write", "INSERT INTO tested VALUES (%(id)s, %(word)s)", id="integer", word="text")
_ECHO = Prepared(
    "test_echo",
    "SELECT json_build_array(%(word)s, %(day)s, %(at)s, %(units)s, %(times)s, %(yes)s, %(nothing)s)",
    word="text",
    day="date",
    at="timestamptz",
    units="integer[]",
    times="timestamptz[]",
    yes="boolean",
    nothing="text",
)
_AT = datetime(2026, 4, 1, 9, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _table(database: str) -> None:
    with unit_of_work() as session:
        session.execute(text("CREATE TABLE tested (id integer PRIMARY KEY, word text)"))
        session.execute(text("INSERT INTO tested VALUES (1, 'before')"))


def _words() -> list[str]:
    with unit_of_work() as session:
        return list(session.scalars(text("SELECT word FROM tested ORDER BY id")))


def test_several_statements_are_one_message_that_begins_the_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    with unit_of_work() as session:
        run(session, (_LOCK, {"id": 1}), (_LOOK, {"id": 1}))
    said: list[str] = []
    ask = DriverConnection.ask

    def heard(connection: DriverConnection, message: str) -> Any:
        said.append(message)
        return ask(connection, message)

    monkeypatch.setattr(DriverConnection, "ask", heard)
    with unit_of_work() as session:
        assert run(session, (_LOCK, {"id": 1}), (_LOOK, {"id": 1})) == [[1], ["before"]]
        assert run(session, (_LOOK, {"id": 2})) == [[]]
    assert said == ["BEGIN; EXECUTE test_lock (1); EXECUTE test_look (1)", "EXECUTE test_look (2)"]


def test_what_is_read_after_a_lock_was_waited_for_is_what_the_other_one_committed(database: str) -> None:
    found: list[list[object]] = []

    def wait() -> None:
        with unit_of_work() as session:
            found.extend(run(session, (_LOCK, {"id": 1}), (_LOOK, {"id": 1})))

    with psycopg.connect(libpq_url(database)) as first:
        first.execute("UPDATE tested SET word = 'after' WHERE id = 1")
        waiting = threading.Thread(target=wait)
        waiting.start()
        with psycopg.connect(libpq_url(database), autocommit=True) as watcher:
            while not watcher.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
                assert waiting.is_alive()
        first.commit()
    waiting.join()
    assert found == [[1], ["after"]]


def test_an_error_leaves_nothing_and_is_the_database_layers_own(database: str) -> None:
    with pytest.raises(DBAPIError) as caught, unit_of_work() as session:
        run(session, (_WRITE, {"id": 2, "word": "new"}), (_WRITE, {"id": 1, "word": "twice"}))
    assert getattr(caught.value.orig, "sqlstate", None) == "23505"
    assert "twice" not in str(caught.value)
    assert _words() == ["before"]


def test_every_kind_of_value_arrives_as_it_was(database: str) -> None:
    word = 'O\'Neil \\ "神" %s $1; DROP TABLE tested'
    values = {"word": word, "day": date(2026, 4, 1), "at": _AT, "units": [3, 1], "times": [_AT, _AT], "yes": True}
    with unit_of_work() as session:
        ((echo,),) = run(session, (_ECHO, {**values, "nothing": None}))
    assert echo[0] == word
    assert echo[1] == "2026-04-01"
    assert [datetime.fromisoformat(echo[2]), *map(datetime.fromisoformat, echo[4])] == [_AT] * 3
    assert (echo[3], echo[5], echo[6]) == ([3, 1], True, None)
    assert _words() == ["before"]


def test_a_nul_character_is_refused_as_the_driver_refuses_it(database: str) -> None:
    with pytest.raises(DBAPIError), unit_of_work() as session:
        run(session, (_WRITE, {"id": 2, "word": "a\0b"}))
    assert _words() == ["before"]


def test_statements_that_the_server_has_forgotten_are_prepared_anew(database: str) -> None:
    with unit_of_work() as session:
        run(session, (_LOOK, {"id": 1}))
    with unit_of_work() as session:
        session.execute(text("DEALLOCATE ALL"))
    with unit_of_work() as session:
        assert run(session, (_LOOK, {"id": 1})) == [["before"]]


def test_a_savepoint_that_was_rolled_back_in_the_transaction_costs_nothing_but_preparing_anew(database: str) -> None:
    def refused(session: Session) -> None:
        with suppress(ZeroDivisionError), session.begin_nested():
            run(session, (_LOOK, {"id": 1}))
            raise ZeroDivisionError

    with unit_of_work() as session:
        for _ in range(10):  # until the driver has prepared statements of its own
            session.execute(text("SELECT 1"))
        for _ in range(3):
            assert run(session, (_LOOK, {"id": 1})) == [["before"]]
            refused(session)
            assert run(session, (_LOOK, {"id": 1})) == [["before"]]


def test_a_server_process_that_ended_costs_one_transaction(database: str) -> None:
    def look_when_it_has_ended() -> None:
        with unit_of_work() as session, psycopg.connect(libpq_url(database), autocommit=True) as other:
            mine = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [mine])
            run(session, (_LOOK, {"id": 1}))

    with pytest.raises(DBAPIError):
        look_when_it_has_ended()
    with unit_of_work() as session:
        assert run(session, (_LOOK, {"id": 1})) == [["before"]]


def test_who_counts_statements_counts_each_of_them(database: str) -> None:
    said: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    event.listen(engine(), "before_cursor_execute", count)
    try:
        with unit_of_work() as session:
            run(session, (_LOCK, {"id": 1}), (_LOOK, {"id": 1}))
    finally:
        event.remove(engine(), "before_cursor_execute", count)
    assert said == [_LOCK.text, _LOOK.text]


def _writes(values: dict[str, Any], *, found: list[str]) -> Any:
    def work(session: Session) -> Last[str]:
        found.extend(str(word) for word in run(session, (_LOCK, {"id": 1}), (_LOOK, {"id": 1}))[1])
        return Last((_WRITE, values), lambda _rows: "written", {"tested_pkey": lambda: _TwiceError("there already")})

    return work


class _TwiceError(Exception):
    pass


def test_the_last_statement_goes_with_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    assert conclude(_writes({"id": 2, "word": "first"}, found=found)) == "written"
    said: list[str] = []
    ask = DriverConnection.ask

    def heard(connection: DriverConnection, message: str) -> Any:
        said.append(message)
        return ask(connection, message)

    monkeypatch.setattr(DriverConnection, "ask", heard)
    assert conclude(_writes({"id": 3, "word": "second"}, found=found)) == "written"
    assert said[1:] == ["EXECUTE test_write (3, 'second'); COMMIT"]
    assert found == ["before", "before"]
    assert _words() == ["before", "first", "second"]


def test_a_last_statement_that_is_refused_leaves_nothing_and_says_what_it_means() -> None:
    with pytest.raises(_TwiceError):
        conclude(_writes({"id": 1, "word": "twice"}, found=[]))
    assert _words() == ["before"]
    with pytest.raises(DBAPIError) as caught:
        conclude(lambda _session: Last((_WRITE, {"id": 1, "word": "twice"}), len, {}))
    assert getattr(caught.value.orig, "sqlstate", None) == "23505"
    assert _words() == ["before"]


def test_without_a_last_statement_a_use_case_is_committed_as_any_other() -> None:
    def work(session: Session) -> str:
        run(session, (_WRITE, {"id": 2, "word": "plain"}))
        return "done"

    assert conclude(work) == "done"
    assert _words() == ["before", "plain"]


def test_what_the_answer_raises_undoes_nothing() -> None:
    """Which is why a last statement has to be right by itself."""

    def work(_session: Session) -> Last[str]:
        def answer(_rows: list[Any]) -> str:
            raise _TwiceError

        return Last((_WRITE, {"id": 2, "word": "stays"}), answer, {})

    with pytest.raises(_TwiceError):
        conclude(work)
    assert _words() == ["before", "stays"]
    with unit_of_work() as session:  # the connection is as good as any
        assert run(session, (_LOOK, {"id": 2})) == [["stays"]]
