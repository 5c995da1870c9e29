"""When somebody who keeps too many slots, alone or with their household, can keep one again (CASES B7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from reservations.services import household

_FREES_AT = text(
    f"""SELECT min(held_until) FROM booking WHERE state = 'held' AND held_until > :now AND {household.BY_HAND} AND {household.COUNTS}
AND (person_id = :person OR :together AND person_id IN (
SELECT same.id FROM person p CROSS JOIN LATERAL ({household.OF_P}) same WHERE p.id = :person))"""  # noqa: S608 - its parts are constants of this program
)


def frees_at(session: Session, person_id: int, *, together: bool, now: datetime) -> datetime | None:
    """When the first of the holds that count ends by its own time; None: none is left. One statement.

    Args:
        session: any.
        person_id: who was refused.
        together: with those who share the telephone or the home.
        now: aware.
    """
    values = {"person": person_id, "together": together, "now": now}
    found: datetime | None = session.execute(_FREES_AT, values).scalar_one()
    return found
