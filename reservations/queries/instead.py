"""What stands in the way of a slot that is gone."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

_THERE = text(
    """
    SELECT count(*) > 0 AS anything, CASE WHEN bool_or(upper_inf(o.live)) THEN NULL ELSE max(upper(o.live)) END AS kept_until
    FROM occupancy o JOIN space_unit u ON u.unit_id = o.unit_id
    WHERE u.space_id = :space AND o.during && tstzrange(:start, :stop) AND o.live @> cast(:now AS timestamptz)
    """
)


class InTheWay(NamedTuple):
    """Whether anything is; where only holds are, when the last of them ends."""

    anything: bool
    kept_until: datetime | None


def in_the_way(session: Session, space_id: int, start: datetime, stop: datetime, *, now: datetime) -> InTheWay:
    """What takes the units of a space at a time. One statement."""
    values = {"space": space_id, "start": start, "stop": stop, "now": now}
    return InTheWay(*session.execute(_THERE, values).one())
