"""Closures of a manager's facilities, for the list."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from reservations.models import Facility, Space
from reservations.operations.models import Closure

KEPT = timedelta(days=30)


@dataclass(frozen=True)
class ClosureLine:
    """A closure and the names of what it closes; `over`: it has ended or was ended."""

    closure: Closure
    spaces: str
    over: bool


def listed(session: Session, facilities: Collection[str], *, now: datetime) -> list[ClosureLine]:
    """What is closed, was closed within a month, or will be; soonest first. Two statements."""
    names = {
        row.id: row.name
        for row in session.execute(
            select(Space.id, Space.name)
            .join(Facility, Facility.id == Space.facility_id)
            .where(Facility.code.in_(facilities))
        )
    }
    rows = session.scalars(
        select(Closure)
        .where(or_(Closure.ends_at.is_(None), Closure.ends_at > now - KEPT))
        .order_by(Closure.starts_at, Closure.id)
    )
    return [
        ClosureLine(
            row,
            "、".join(names[identity] for identity in row.space_ids),
            row.reopened_at is not None or (row.ends_at is not None and row.ends_at <= now),
        )
        for row in rows
        if set(row.space_ids) <= set(names)
    ]
