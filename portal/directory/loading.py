"""Load a whole city: the organisation first, then what the domains hand over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.directory import loader
from portal.directory.pack import Pack, PackError, Problem
from portal.directory.sync import LoadReport

Loader = Callable[[Session, Pack], LoadReport]


def load_city(session: Session, folder: Path, loaders: Sequence[Loader] = ()) -> list[LoadReport]:
    """Run `portal.directory.loader`, then each domain's loader, in one transaction; idempotent.

    Every loader is asked even when an earlier one found mistakes, so that all of them are told at once.

    Args:
        session: one transaction, the caller's.
        folder: the city pack.
        loaders: `load(session, pack) -> LoadReport` of the domains, in the order of their dependencies.

    Raises:
        PackError: mistakes, with file, line and suggestion; the caller's transaction has to be rolled back.
    """
    # Files are read and checked between the statements: on a slow host that takes minutes, and nobody else waits for it.
    session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    problems: list[Problem] = []
    reports: list[LoadReport] = []
    for load in (loader.load, *loaders):
        try:
            with session.begin_nested():
                reports.append(load(session, Pack(folder)))
        except PackError as error:
            problems += error.problems
        except IntegrityError:
            # A row that an earlier, refused file would have brought is missing: its mistake is already known.
            if not problems:
                raise
            break
    if problems:
        raise PackError(problems)
    return reports
