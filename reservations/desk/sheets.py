"""Tomorrow's sheets as PDF, made before any outage (CASES B14): one for each facility with bookings or spaces, kept in the database.

A page that is open, a tablet with the file, or the printed paper still says who comes when the network is gone.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.kernel import clock, dates, files, jobs
from reservations.desk import closures
from reservations.desk.models import DaySheet
from reservations.models import Facility, Space
from reservations.queries import bookings
from reservations.timetable import TOKYO

KEPT = timedelta(days=62)
"""How long a sheet stays: it holds names."""
KIND = "day_sheet"
MAKE_SHEET = "reservations.make_sheet"


def wanted(session: Session) -> list[str]:
    """Codes of the facilities that have a sheet: every one with a space that can be booked."""
    statement = (
        select(Facility.code)
        .where(Facility.id.in_(select(Space.facility_id).where(Space.bookable)))
        .order_by(Facility.position)
    )
    return list(session.scalars(statement))


def context(session: Session, facility: str, day: date, *, now: datetime) -> dict[str, Any]:
    """What the sheet shows."""
    names = dict(bookings.managed(session, [facility], on=day))
    lines = bookings.sheet(session, [facility], day)
    return {
        "title": names.get(facility, facility),
        "day": day,
        "day_both": dates.both(day),
        "made_at": now,
        "lines": lines,
        "unpaid": bookings.unpaid(session, lines),
        "shut": closures.on_day(session, [facility], day),
        "number": facility,
        "sample": False,
    }


def keep(session: Session, facility: str, day: date, *, content: bytes, count: int, now: datetime) -> None:
    """Store the sheet; a later one of the same day takes the place of the earlier."""
    facility_id = session.scalar(select(Facility.id).where(Facility.code == facility))
    if facility_id is None:
        return
    stored = files.put(session, name=f"{facility}-{day}.pdf", media_type="application/pdf", content=content, kind=KIND)
    values = {"file_id": stored.id, "made_at": now, "bookings": count}
    session.execute(
        insert(DaySheet)
        .values(facility_id=facility_id, day=day, **values)
        .on_conflict_do_update(index_elements=[DaySheet.facility_id, DaySheet.day], set_=values)
    )
    session.execute(
        delete(files.StoredFile).where(
            files.StoredFile.kind == KIND, files.StoredFile.id.not_in(select(DaySheet.file_id))
        )
    )


def forget(session: Session, *, now: datetime) -> int:
    """Delete sheets older than `KEPT` with their files; returns how many."""
    gone = session.scalars(
        delete(DaySheet).where(DaySheet.day < clock.local(now).date() - KEPT).returning(DaySheet.file_id)
    ).all()
    session.execute(delete(files.StoredFile).where(files.StoredFile.id.in_(gone)))
    return len(gone)


def ask(session: Session, facility: str, day: date) -> None:
    """Have the sheet of a day made now, by the worker."""
    jobs.defer(session, MAKE_SHEET, lock=f"sheet:{facility}:{day}", facility=facility, day=day.isoformat())


def tomorrow(now: datetime) -> date:
    """The day after today in Japan."""
    return now.astimezone(TOKYO).date() + timedelta(days=1)
