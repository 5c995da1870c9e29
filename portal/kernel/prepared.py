"""Statements that the server keeps prepared on each connection, several sent at once: one answer to wait for.

For the few places where waiting and the driver's own work cost more than the statements themselves. What is sent together is one
message of the simple protocol, with the transaction's BEGIN in front where it has not begun. Each statement still has a snapshot of
its own (READ COMMITTED): what is read after a lock was waited for is as fresh as in a message by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

import psycopg
from psycopg.pq import Escaping, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from portal.kernel.database import DriverConnection, constraint_of, line_of_work, transact

T = TypeVar("T")
Escape = Callable[[bytes], bytes]
"""Makes a literal of a text: libpq's own function, which knows the connection's settings."""
_PLACE = re.compile(r"%\((\w+)\)s")
_READ = json.JSONDecoder().decode
_FORGOTTEN = "26000"
"""The server no longer knows a prepared statement (DEALLOCATE ALL: the driver says so after DDL)."""


class Prepared:
    """A statement with parameters of fixed types, whose rows have one JSON value each."""

    def __init__(self, name: str, text: str, **parameters: str) -> None:
        """Nothing is sent yet.

        Args:
            name: unique within the program.
            text: the statement, with `%(name)s` where a parameter goes.
            parameters: the type of each.
        """
        self.name = name
        self._places = tuple((each, _WRITTEN[kind]) for each, kind in parameters.items())
        numbers = {each: f"${number}" for number, each in enumerate(parameters, 1)}
        self.text = _PLACE.sub(lambda found: numbers[found[1]], text)
        types = f" ({', '.join(parameters.values())})" if parameters else ""
        self.preparing = f"PREPARE {name}{types} AS {self.text}"

    def running(self, values: Mapping[str, Any], escape: Escape) -> str:
        """The statement that runs it with these values.

        Raises:
            psycopg.DataError: a text holds a NUL character, which the server does not store.
            TypeError: a value is not of the parameter's type.
        """
        if not self._places:
            return f"EXECUTE {self.name}"
        said = ["NULL" if (value := values[key]) is None else written(value, escape) for key, written in self._places]
        return f"EXECUTE {self.name} ({', '.join(said)})"


def _text(value: Any, escape: Escape) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {type(value).__name__}")
    if "'" not in value and "\\" not in value and "\0" not in value:
        return f"'{value}'"  # what libpq would make of it, several times faster
    if "\0" in value:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return escape(value.encode()).decode()


def _number(value: Any, _escape: Escape) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"no number: {type(value).__name__}")
    return str(value)


def _moment(value: Any, _escape: Escape) -> str:
    if not isinstance(value, date):  # or datetime
        raise TypeError(f"no moment: {type(value).__name__}")
    return f"'{value.isoformat()}'"


def _truth(value: Any, _escape: Escape) -> str:
    if not isinstance(value, bool):
        raise TypeError(f"no truth: {type(value).__name__}")
    return "true" if value else "false"


def _list_of(written: Callable[[Any, Escape], str]) -> Callable[[Any, Escape], str]:
    def several(value: Any, escape: Escape) -> str:
        return "'{" + ",".join([written(each, escape).strip("'") for each in value]) + "}'"

    return several


_WRITTEN: Mapping[str, Callable[[Any, Escape], str]] = {
    "text": _text,
    "jsonb": _text,
    "pg_snapshot": _text,
    "integer": _number,
    "bigint": _number,
    "boolean": _truth,
    "date": _moment,
    "timestamptz": _moment,
    "integer[]": _list_of(_number),
    "timestamptz[]": _list_of(_moment),
}
"""How a value of each type is written in a statement; further types are added when a statement needs them."""

Call = tuple[Prepared, Mapping[str, Any]]
"""A statement and its values."""


@dataclass(frozen=True)
class Last(Generic[T]):
    """The statement with which a use case ends: it goes in one message with the transaction's COMMIT.

    It has to be right by itself, since nothing that is found in its answer can undo it: it writes all or nothing, or is refused by a
    constraint.

    Attributes:
        call: the statement and its values.
        answer: the use case's result from the values of its rows, once it is committed; may raise where nothing was written.
        refused: what the refusal by a constraint means, by the constraint's name.
    """

    call: Call
    answer: Callable[[list[Any]], T]
    refused: Mapping[str, Callable[[], Exception]]


def run(session: Session, *calls: Call) -> list[list[Any]]:
    """Run the statements one after the other in the session's transaction; the values of each one's rows.

    Raises:
        sqlalchemy.exc.DBAPIError: as from any other statement.
    """
    return [_values(result) for result in _sent(session, calls)]


def conclude(work: Callable[[Session], T | Last[T]]) -> T:
    """`portal.kernel.database.transact` for a use case that may end with a `Last` statement.

    Args:
        work: as there; what it returns is the result, or the statement that gives it.

    Raises:
        Whatever `work` and its `Last` raise.
    """

    def whole(session: Session) -> T:
        found = work(session)
        if not isinstance(found, Last):
            return found
        try:
            rows = _values(_sent(session, (found.call,), ends=True)[0])
        except IntegrityError as error:
            meant = found.refused.get(constraint_of(error) or "")
            if meant is None:
                raise
            raise meant() from error
        return found.answer(rows)

    return transact(whole, unit=line_of_work)


def _sent(session: Session, calls: Sequence[Call], *, ends: bool = False) -> list[PGresult]:
    connection = session.connection()
    driver = _driver(connection)
    for listener in connection.dispatch.before_cursor_execute:
        for statement, values in calls:
            listener(connection, None, statement.text, values, None, False)
    begins = driver.info.transaction_status == TransactionStatus.IDLE
    try:
        try:
            results = _ask(driver, calls, begins=begins, ends=ends)
        except psycopg.Error as error:
            if not begins or error.sqlstate != _FORGOTTEN:
                raise
            driver.rollback()
            results = _ask(driver, calls, begins=begins, ends=ends)
    except psycopg.Error as error:
        raise _wrapped(connection, driver, calls[0][0], error) from error
    first = 1 if begins else 0
    return results[first : first + len(calls)]


def memory(session: Session) -> dict[str, object]:
    """What has been kept on the session's connection: of its database, as long as it lasts, used by one session at a time."""
    return _driver(session.connection()).memory


def _driver(connection: Connection) -> DriverConnection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, DriverConnection):
        raise TypeError("portal.kernel.database.configure made no such connection")
    return driver


def _ask(driver: DriverConnection, calls: Sequence[Call], *, begins: bool, ends: bool) -> list[PGresult]:
    for statement, _given in calls:
        if statement.name not in driver.kept:
            _answered(driver, statement.preparing)
            driver.kept.add(statement.name)
    escape = Escaping(driver.pgconn).escape_literal
    said = [statement.running(values, escape) for statement, values in calls]
    return _answered(driver, "; ".join([*(["BEGIN"] if begins else ()), *said, *(["COMMIT"] if ends else ())]))


def _answered(driver: DriverConnection, message: str) -> list[PGresult]:
    results = driver.ask(message)
    if results[-1].status == ExecStatus.FATAL_ERROR:
        error = psycopg.errors.error_from_result(results[-1])
        if error.sqlstate == _FORGOTTEN:
            driver.kept.clear()
        raise error
    return results


def _wrapped(
    connection: Connection, driver: DriverConnection, statement: Prepared, error: psycopg.Error
) -> BaseException:
    if driver.closed:
        connection.invalidate(error)
    return DBAPIError.instance(
        statement.text,
        None,
        error,
        psycopg.Error,
        hide_parameters=True,
        connection_invalidated=driver.closed,
        dialect=connection.dialect,
    )


def _values(result: PGresult) -> list[Any]:
    found = [result.get_value(row, 0) for row in range(result.ntuples)]
    return [None if value is None else _READ(value.decode()) for value in found]
