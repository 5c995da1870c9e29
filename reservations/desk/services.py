"""At the desk: who came, how many, what was lent. What was done on paper is entered afterwards with its true time (CASES B14)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from reservations.desk import ages
from reservations.desk.errors import NotExpected, NotHereYet, UntrueTime
from reservations.desk.models import BookingUse, CheckInBy, LentThing
from reservations.models import Booking, BookingState
from reservations.services.common import locked, note

EARLY = timedelta(hours=3)
"""How long before the beginning somebody may be checked in."""
LATE_ENTRY = timedelta(days=31)
"""How long afterwards paper may be entered: until the report of the month is closed."""


def _of(session: Session, reference: str, facilities: Collection[str]) -> Booking:
    booking = locked(session, reference)
    if booking.space.facility.code not in facilities:
        raise NotFound
    return booking


def check_in(
    session: Session,
    reference: str,
    *,
    facilities: Collection[str],
    by: CheckInBy,
    came_at: datetime,
    actor: Actor,
    now: datetime,
) -> BookingUse:
    """Somebody came. Twice is once: the first entry stays; "did not come" is taken back.

    Args:
        session: the caller's transaction.
        reference: the booking.
        facilities: codes of the clerk's facilities.
        by: how the booking was found; PAPER for what is entered afterwards.
        came_at: the true time, aware; not after `now`.
        actor: who enters it.
        now: the database's clock.

    Raises:
        NotFound: no booking of these facilities.
        NotExpected: it is not permitted (or was cancelled).
        UntrueTime: in the future, long before the beginning, after the end, or too long ago.
    """
    booking = _of(session, reference, facilities)
    found = session.get(BookingUse, booking.id)
    if found is not None:
        return found
    if booking.state != BookingState.CONFIRMED:
        raise NotExpected(booking.state)
    if not booking.starts_at - EARLY <= came_at <= min(booking.ends_at, now) or came_at < now - LATE_ENTRY:
        raise UntrueTime(came_at)
    made = BookingUse(
        booking_id=booking.id,
        came_at=came_at,
        came_by=by.value,
        left_at=None,
        entered_at=now,
        entered_by=actor.account_id,
        users={},
        overtime=0,
        overtime_charge=None,
        note="",
    )
    session.add(made)
    if booking.no_show_at is not None:
        booking.no_show_at = None
        note(session, booking, "came_after_all", actor=actor, now=now)
    note(session, booking, "came", actor=actor, now=now, detail={"by": by.value})
    return made


def record_use(
    session: Session,
    reference: str,
    *,
    facilities: Collection[str],
    left_at: datetime | None,
    users: Mapping[str, int],
    remark: str,
    actor: Actor,
    now: datetime,
) -> BookingUse:
    """How it really was: who by age, until when; may be corrected, each time with a line of history.

    Args:
        session: the caller's transaction.
        reference: the booking.
        facilities: codes of the clerk's facilities.
        left_at: the true time, aware; None: still there, or not known.
        users: number by age group (`reservations.desk.ages.AGES`).
        remark: what the colleagues should know; no names.
        actor: who enters it.
        now: the database's clock.

    Raises:
        NotFound: no booking of these facilities.
        NotHereYet: nobody was checked in.
        UntrueTime: before they came, or in the future.
        ValueError: an unknown age group, or no number.
    """
    booking = _of(session, reference, facilities)
    use = session.get(BookingUse, booking.id)
    if use is None:
        raise NotHereYet
    if left_at is not None and not use.came_at < left_at <= now:
        raise UntrueTime(left_at)
    use.users, use.left_at, use.note = ages.counted(users), left_at, remark
    use.overtime = minutes_over(booking.ends_at, left_at)
    use.entered_at, use.entered_by = now, actor.account_id
    session.flush()
    note(session, booking, "used", actor=actor, now=now, detail={"users": use.users, "overtime": use.overtime})
    return use


def minutes_over(ends_at: datetime, left_at: datetime | None) -> int:
    """Whole minutes of use beyond the booked end; 0 where nobody stayed longer."""
    return 0 if left_at is None else max(0, int((left_at - ends_at).total_seconds() // 60))


def lend(
    session: Session, reference: str, *, facilities: Collection[str], what: str, actor: Actor, now: datetime
) -> LentThing:
    """Hand out a key, a remote control, a net.

    Raises:
        NotFound: no booking of these facilities.
        NotHereYet: nobody was checked in.
    """
    booking = _of(session, reference, facilities)
    if session.get(BookingUse, booking.id) is None:
        raise NotHereYet
    thing = LentThing(booking_id=booking.id, what=what, lent_at=now, lent_by=actor.account_id)
    session.add(thing)
    note(session, booking, "lent", actor=actor, now=now, detail={"what": what})
    return thing


def take_back(
    session: Session, thing_id: int, *, facilities: Collection[str], actor: Actor, now: datetime
) -> LentThing:
    """It came back; twice is once.

    Raises:
        NotFound: no such thing was lent at these facilities.
    """
    reference = session.scalar(
        select(Booking.reference).join(LentThing, LentThing.booking_id == Booking.id).where(LentThing.id == thing_id)
    )
    if reference is None:
        raise NotFound
    booking = _of(session, reference, facilities)
    thing = session.get_one(LentThing, thing_id, populate_existing=True)
    if thing.returned_at is None:
        thing.returned_at, thing.returned_by = now, actor.account_id
        note(session, booking, "returned", actor=actor, now=now, detail={"what": thing.what})
    return thing
