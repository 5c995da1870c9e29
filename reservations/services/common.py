"""What the use cases share: finding and locking a booking, noting what happened, letting units go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from portal.kernel import audit, clock, prepared
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from portal.kernel.prepared import Call, Prepared
from reservations import combining, documents
from reservations.models import Booking, BookingEvent, Facility, Space
from reservations.operations import claims
from reservations.pricing import FeeTable
from reservations.rules import Policy
from reservations.timetable import Slot

KIND = "booking"
"""`Payable.kind` of a booking, and its kind in the audit log."""


# The clock is read when the lock is had, not when it is asked for.
_LOCK_PERSON = Prepared(
    "lock_person",
    "SELECT to_json(clock_timestamp()) FROM (SELECT id FROM person WHERE id = %(person)s FOR UPDATE) AS locked",
    person="bigint",
)
_LOCK_BOTH = Prepared(
    "lock_person_and_group",
    """
    WITH first AS MATERIALIZED (SELECT id FROM person WHERE id = %(person)s FOR UPDATE),
    party AS MATERIALIZED (SELECT id FROM booking_group WHERE reference = %(group)s AND EXISTS (SELECT FROM first) FOR UPDATE)
    SELECT to_json(clock_timestamp()) FROM first LEFT JOIN party ON true
    """,
    person="bigint",
    group="text",
)


def lock_of(person_id: int, *, group: str | None = None) -> Call:
    """What `lock_person` sends, for a statement that goes with it; answers with the moment, and with nothing where nobody is."""
    if group is None:
        return _LOCK_PERSON, {"person": person_id}
    return _LOCK_BOTH, {"person": person_id, "group": group}


def lock_person(session: Session, person_id: int, *, group: str | None = None) -> datetime:
    """Wait for other bookings in the making of this person, then of the group: caps are counted one after the other.

    Returns:
        The moment by the database's clock at which both were had.

    Raises:
        NotFound: there is no such person.
    """
    (turn,) = prepared.run(session, lock_of(person_id, group=group))
    if not turn:
        raise NotFound
    return clock.of_database(datetime.fromisoformat(turn[0]))


def locked(session: Session, reference: str) -> Booking:
    """The booking with its space and documents, its person and itself locked, in this order.

    Raises:
        NotFound: there is no such booking.
    """
    person_id = session.scalar(select(Booking.person_id).where(Booking.reference == reference))
    if person_id is None:
        raise NotFound
    lock_person(session, person_id)
    statement = (
        select(Booking)
        .where(Booking.reference == reference)
        .options(
            joinedload(Booking.space).joinedload(Space.facility).selectinload(Facility.names),
            joinedload(Booking.policy),
            joinedload(Booking.fees),
            joinedload(Booking.purpose),
        )
        .with_for_update(of=Booking)
        .execution_options(populate_existing=True)
    )
    return session.scalars(statement).unique().one()


def own(session: Session, reference: str, person_id: int) -> Booking:
    """A person's own booking, locked.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    booking = locked(session, reference)
    if booking.person_id != person_id:
        raise NotFound
    return booking


def policy_of(booking: Booking) -> Policy:
    """The rules of use under which the booking was made."""
    return cast("Policy", documents.parsed(booking.policy))


def fees_of(booking: Booking) -> FeeTable:
    """The fee table under which the booking was made."""
    return cast("FeeTable", documents.parsed(booking.fees))


def slots_of(booking: Booking) -> tuple[Slot, ...]:
    """What is used: one slot or several, in order."""
    return combining.restored(booking.slots)


def end_occupancy(session: Session, booking: Booking, *, now: datetime) -> None:
    """Let go of units, noise and places from now on; the rows stay."""
    claims.end(session, [booking.id], now=now)


def note(
    session: Session,
    booking: Booking,
    kind: str,
    *,
    actor: Actor,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """One line of the booking's history, and one of the audit log."""
    session.add(
        BookingEvent(
            booking_id=booking.id,
            at=now,
            kind=kind,
            actor_kind=actor.kind,
            actor_account_id=actor.account_id,
            detail=dict(detail or {}),
        ),
    )
    audit.record(
        session, actor=actor, action=f"booking.{kind}", subject_kind=KIND, subject_ref=booking.reference, detail=detail
    )
    session.flush()
