"""The database: one engine a process, one transaction a use case.

PostgreSQL only. `configure` is called once at start (and by tests for each fresh database);
everything else asks this module for a transaction.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from typing import Any, TypeVar

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import BigInteger, Connection, Date, DateTime, Engine, Executable, MetaData, Row, create_engine, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from portal.kernel.money import Yen

T = TypeVar("T")

# 40P01 deadlock detected, 40001 serialization failure: safe to run the whole use case again.
_RETRY = frozenset({"40P01", "40001"})


class YenType(TypeDecorator[Yen]):
    """Whole yen, tax included, as bigint (JPY has no minor unit)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Yen | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Yen to the integer that is stored."""
        return None if value is None else value.amount

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Yen | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The stored integer to Yen."""
        return None if value is None else Yen(int(value))


class Base(DeclarativeBase):
    """Base of every model: named constraints, aware times, Yen, JSON as JSONB."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        },
    )
    type_annotation_map = {  # noqa: RUF012 - read by SQLAlchemy from the class
        datetime: DateTime(timezone=True),
        date: Date,
        Yen: YenType,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


class NotConfiguredError(RuntimeError):
    """`configure` was not called before the first transaction."""


class _Database:
    engine: Engine | None = None
    sessions: sessionmaker[Session] | None = None


def sqlalchemy_url(url: str) -> str:
    """The URL with the psycopg 3 driver named (`postgres://…` and `postgresql://…` are both accepted)."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def libpq_url(url: str) -> str:
    """The URL as libpq (psycopg, Procrastinate, psql) reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def configure(url: str, *, pool_size: int = 5) -> None:
    """Point this process at a database; an earlier engine is disposed of.

    Args:
        url: `postgresql://user:password@host:port/name` (a socket folder as `?host=/folder`).
        pool_size: connections kept open; as many again may be opened under load.
    """
    dispose()
    made = create_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        # The connection used last first: its statements are prepared, and the server has settled on their plans.
        pool_use_lifo=True,
        # An error's text goes into logs: the statement, never the values, which are people's.
        hide_parameters=True,
        connect_args={"options": "-c TimeZone=UTC -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"},
    )
    event.listen(made, "do_connect", _connect)
    event.listen(made, "checkout", _alive)
    event.listen(made, "checkin", _close_when_disposed(made))
    _Database.engine = made
    _Database.sessions = sessionmaker(_Database.engine, expire_on_commit=False)


class DriverConnection(psycopg.Connection[Any]):
    """A connection of this program: keeps its prepared statements over a rollback, and answers several statements at once.

    The driver forgets them all then, in case they name a table that the transaction had made; the program makes none. Every refusal
    rolls back: without this, whoever comes next has each statement parsed and planned again, several times the cost of the refusal.

    Attributes:
        kept: names of the statements that `portal.kernel.prepared` has prepared on it.
        memory: what parts of the program have read through it and kept, by a key of theirs; goes with the connection.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """As the driver's own."""
        super().__init__(*arguments, **named)
        self.kept: set[str] = set()
        self.memory: dict[str, object] = {}

    def ask(self, message: str) -> list[PGresult]:
        """Send one message of the simple protocol and wait for its answers: one a statement, up to the first that failed.

        Raises:
            psycopg.OperationalError: the server is gone.
        """
        with self.lock:
            self.pgconn.send_query(message.encode())
            return self.wait(generators.execute(self.pgconn))

    def _deallocate(self, name: bytes | None) -> PQGen[None]:
        # The driver has the server forget all of them (after a savepoint was rolled back, after DDL): ours as well.
        if name is None:
            self.kept.clear()
        return super()._deallocate(name)

    def commit(self) -> None:
        """End the transaction, where one has begun and its last statement did not end it.

        Raises:
            psycopg.Error: the server did not.
        """
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            super().commit()

    def rollback(self) -> None:
        """End the transaction, where one has begun.

        Raises:
            psycopg.Error: the server did not.
        """
        if self.pgconn.transaction_status == TransactionStatus.IDLE:
            return
        if self.pgconn.transaction_status not in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
            super().rollback()
            return
        with self.lock:
            result = self.pgconn.exec_(b"ROLLBACK")
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.get_error_message())


def _connect(
    _dialect: Dialect, _record: ConnectionPoolEntry, arguments: list[Any], named: dict[str, Any]
) -> DriverConnection:
    return DriverConnection.connect(*arguments, **named)


def _alive(connection: psycopg.Connection[Any], _entry: ConnectionPoolEntry, _proxy: Any) -> None:
    """Make sure that a connection from the pool is still good, without asking the server each time.

    A server that goes away says so and closes: there is something to read on a connection that waits for nothing. Only then it is asked.

    Raises:
        InvalidatePoolError: it is not; the pool opens new ones.
    """
    try:
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        if waiting.poll(0):
            connection.autocommit = True
            connection.execute("SELECT 1")
            connection.autocommit = False
    except psycopg.Error as error:
        raise InvalidatePoolError from error


def _close_when_disposed(made: Engine) -> Callable[[Any, ConnectionPoolEntry], None]:
    """A connection that was in use while its engine was disposed of is closed when it comes back."""

    def checkin(_connection: Any, entry: ConnectionPoolEntry) -> None:
        if _Database.engine is not made:
            entry.close()

    return checkin


def dispose() -> None:
    """Close every connection of this process."""
    if _Database.engine is not None:
        _Database.engine.dispose()
    _Database.engine = _Database.sessions = None


def engine() -> Engine:
    """This process's engine.

    Raises:
        NotConfiguredError: before `configure`.
    """
    if _Database.engine is None:
        raise NotConfiguredError("portal.kernel.database.configure(url) was not called")
    return _Database.engine


def new_session() -> Session:
    """A session that its caller commits and closes (the sign-in library and tests); others use `unit_of_work`."""
    engine()
    if _Database.sessions is None:
        raise NotConfiguredError("portal.kernel.database.configure(url) was not called")
    return _Database.sessions()


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """One transaction: committed at the end, rolled back on any error."""
    with new_session() as session, session.begin():
        yield session


def at_once(statement: Executable, values: Mapping[str, Any]) -> Row[Any]:
    """Run one writing statement that is a transaction by itself, and return its one row.

    The server begins and commits with the statement: one answer to wait for instead of three.
    """
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return connection.execute(statement, values).one()


class Line(Session):
    """A session on one connection, for use cases that mostly ask through the connection itself (`portal.kernel.prepared`).

    Nothing of the mapper is set up before it is used, which is a good part of what a short transaction costs.
    """

    def __init__(self, connection: Connection) -> None:
        """It begins nothing by itself."""
        super().__init__(bind=connection, expire_on_commit=False)
        self.line = connection

    def connection(self, *_bind: Any, **_options: Any) -> Connection:
        """The connection."""
        return self.line


@contextmanager
def line_of_work() -> Iterator[Session]:
    """`unit_of_work` with a `Line`; its last statement may have ended the transaction."""
    with engine().connect() as connection, Line(connection) as session:
        yield session
        if session.in_transaction():
            session.commit()
        connection.connection.commit()


def transact(
    work: Callable[[Session], T],
    *,
    attempts: int = 4,
    unit: Callable[[], AbstractContextManager[Session]] = unit_of_work,
) -> T:
    """Run one use case in one transaction; run it again after a deadlock.

    Args:
        work: takes the session, returns the result; it must be safe to run again after a rollback.
        attempts: how often at the most; the last error is raised.
        unit: what opens the transaction, and commits it at the end.
    """
    for attempt in range(1, attempts + 1):
        try:
            with unit() as session:
                return work(session)
        except DBAPIError as error:
            if attempt == attempts or getattr(error.orig, "sqlstate", None) not in _RETRY:
                raise
            time.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def constraint_of(error: IntegrityError) -> str | None:
    """The name of the constraint that refused the row, as PostgreSQL reports it."""
    diagnostics = getattr(error.orig, "diag", None)
    name = getattr(diagnostics, "constraint_name", None)
    return name if isinstance(name, str) else None
