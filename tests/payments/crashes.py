"""A process that dies between two steps: before or after a commit, before or after a call to the provider."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from payments.gateways.stripe import StripeGateway
from portal.kernel import database

T = TypeVar("T")
EDGES = ("before a commit", "after a commit", "before a call", "after a call")


class KilledError(BaseException):
    """The process ended here; nothing in the program may catch it."""


class Crashes:
    """Counts the edges that a use case passes and ends it at the one that was chosen."""

    def __init__(self) -> None:
        self.left: int | None = None
        #: Where processes died, all histories together.
        self.hit: Counter[str] = Counter()
        #: What they were doing.
        self.doing: Counter[str] = Counter()

    def edge(self, where: str) -> None:
        """One edge is reached."""
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            self.hit[where] += 1
            raise KilledError(where)

    @contextmanager
    def at(self, edge: int, doing: str) -> Iterator[None]:
        """The process dies at its n-th edge from here, if it passes so many."""
        self.left = edge
        try:
            yield
        except KilledError:
            self.doing[doing] += 1
        finally:
            self.left = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """The edges of the database, as long as this lasts."""
        engine = database.engine()

        def before(_connection: Any) -> None:
            self.edge("before a commit")

        def after(_session: Session) -> None:
            self.edge("after a commit")

        def before_alone(connection: Connection, *_: Any) -> None:
            if _commits_by_itself(connection):
                self.edge("before a commit")

        def after_alone(connection: Connection, *_: Any) -> None:
            if _commits_by_itself(connection):
                self.edge("after a commit")

        listening: list[tuple[Any, str, Callable[..., None]]] = [
            (engine, "commit", before),
            (Session, "after_commit", after),
            (engine, "before_cursor_execute", before_alone),
            (engine, "after_cursor_execute", after_alone),
        ]
        for target, name, heard in listening:
            event.listen(target, name, heard)
        try:
            yield
        finally:
            for target, name, heard in listening:
                event.remove(target, name, heard)


def _commits_by_itself(connection: Connection) -> bool:
    """Whether each statement is a transaction (`database.at_once`)."""
    return connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"


class MortalGateway(StripeGateway):
    """Stripe through its SDK and its line; the process may die on either side of a call."""

    crashes: Crashes

    def _call(self, what: str, call: Callable[[], T]) -> T:
        self.crashes.edge("before a call")
        answer = super()._call(what, call)
        self.crashes.edge("after a call")
        return answer
