"""Keep a measure's history: one reading a day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.plan.models import MeasureReading
from portal.plan.queries import overview
from portal.plan.registry import Registry
from portal.plan.registry import registry as the_registry


def record_readings(session: Session, *, today: date, registry: Registry = the_registry) -> int:
    """Write down every computed measure's value of a day; the same day again replaces it. Returns how many."""
    rows = [
        {
            "measure_no": standing.measure.no,
            "read_on": today,
            "value": standing.value.value,
            "parts": {name: str(part) for name, part in standing.value.parts.items()},
        }
        for standing in overview(session, today, registry=registry).standings
        if standing.value is not None
    ]
    if rows:
        statement = insert(MeasureReading).values(rows)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["measure_no", "read_on"],
                set_={
                    "value": statement.excluded.value,
                    "parts": statement.excluded.parts,
                    "recorded_at": func.now(),
                },
            )
        )
    return len(rows)
