"""Make a table hold what a pack says, touching only what differs. Used by the loaders of all domains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

T = TypeVar("T")


@dataclass(frozen=True)
class LoadReport:
    """What one loader did, in rows. `retired` rows left the pack and were switched off or removed."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    name: str = ""

    def __add__(self, other: LoadReport) -> LoadReport:
        return LoadReport(
            self.created + other.created,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.retired + other.retired,
            self.name or other.name,
        )

    @property
    def touched(self) -> int:
        """Rows written. 0 the second time the same pack is loaded."""
        return self.created + self.changed + self.retired


def sync(
    session: Session,
    model: type[T],
    wanted: Mapping[tuple[Any, ...], Mapping[str, Any]],
    *,
    key: tuple[str, ...],
    retire: Callable[[T], bool] | None = None,
    where: ColumnElement[bool] | None = None,
    name: str = "",
) -> LoadReport:
    """Insert what is missing, update what differs, leave the rest alone; one SELECT, flushes, does not commit.

    Args:
        session: the caller's transaction.
        model: a mapped class.
        wanted: column values by key; the key's own columns need not be repeated.
        key: names of the columns that identify a row.
        retire: called for each row that the pack no longer holds; returns whether it changed anything.
        where: limits which rows of the table belong to this loader.
        name: goes into the report.
    """
    statement = select(model)
    if where is not None:
        statement = statement.where(where)
    present = {tuple(getattr(row, column) for column in key): row for row in session.scalars(statement)}
    created = changed = unchanged = retired = 0
    for identity, values in wanted.items():
        row = present.pop(identity, None)
        if row is None:
            session.add(model(**{**dict(zip(key, identity, strict=True)), **values}))
            created += 1
            continue
        differs = {column: value for column, value in values.items() if getattr(row, column) != value}
        for column, value in differs.items():
            setattr(row, column, value)
        changed, unchanged = changed + bool(differs), unchanged + (not differs)
    for row in present.values():
        retired += bool(retire and retire(row))
    session.flush()
    return LoadReport(created, changed, unchanged, retired, name)


def switch_off(row: Any) -> bool:
    """`retire` for tables with an `active` column."""
    if not row.active:
        return False
    row.active = False
    return True


def remove(session: Session) -> Callable[[Any], bool]:
    """`retire` for tables that nothing points to."""

    def _remove(row: Any) -> bool:
        session.delete(row)
        return True

    return _remove
