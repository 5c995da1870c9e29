"""What a booking claims of space and time: units, noise beside neighbours, a place in a session. Taken and let go as one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_END = [
    text(
        f"UPDATE {table} SET live = tstzrange(lower(live), greatest(lower(live), :now))"  # noqa: S608 - our own names
        " WHERE booking_id = ANY(:ids) AND (upper_inf(live) OR upper(live) > :now)"
    )
    for table in ("occupancy", "sound_claim", "session_place")
]


def end(session: Session, booking_ids: Sequence[int], *, now: datetime) -> None:
    """Let go whatever these bookings claim, from now on; the rows stay."""
    for statement in _END:
        session.execute(statement, {"ids": list(booking_ids), "now": now})
