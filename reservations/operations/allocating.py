"""A list from a meeting of groups (利用調整会議): entered before the public opening, conflicts shown, told to all (CASES B11).

Each line becomes a booking that is kept for its person until a day; they say what for, accept the price and pay like anybody else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Account, Person
from portal.kernel import audit, jobs, references
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound, PortalError
from reservations import combining
from reservations.errors import BadPeriod, NoSuchSlot, NotBookable, NotOffered, SlotsUnfit, SlotTaken, WrongState
from reservations.groups.models import BookingGroup
from reservations.models import Booking, Facility, Source, Space
from reservations.operations.models import Allocation
from reservations.queries import catalog
from reservations.services.holding import Target, hold, target_of
from reservations.services.paying import TELL
from reservations.services.taking import HoldRequest
from reservations.timetable import TOKYO

OK = "ok"


@dataclass(frozen=True)
class Line:
    """One line of the list: who gets what. `who`: reference of a group, or the mail address of an account."""

    space: str
    day: date
    slots: tuple[str, ...]
    who: str
    purpose: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What stands against a line.

    `problem`: "ok", "conflict" (with line number `other`, from 1), or the code of an error (slot_taken, no_such_slot, not_offered,
    not_bookable, unknown_person).
    """

    line: Line
    problem: str
    other: int | None = None
    booking: str | None = None


def check(session: Session, lines: Sequence[Line], *, facilities: Collection[str], now: datetime) -> list[Outcome]:
    """What would become of each line; nothing is taken."""
    outcomes: list[Outcome] = []
    kept: list[tuple[int, Target]] = []
    for line in lines:
        target, problem = _target(session, line, facilities, now=now)
        other = None
        if target is not None:
            other = next((number for number, earlier in kept if _meet(target, earlier)), None)
            problem = "conflict" if other is not None else problem
        if target is not None and problem == OK and not _is_free(session, target, now=now):
            problem = SlotTaken.code
        if target is not None and problem == OK:
            kept.append((len(outcomes) + 1, target))
        outcomes.append(Outcome(line, problem, other))
    return outcomes


def apply(
    session: Session,
    title: str,
    lines: Sequence[Line],
    *,
    pay_until: date,
    facilities: Collection[str],
    actor: Actor,
    now: datetime,
) -> tuple[Allocation, list[Outcome]]:
    """Enter the list: every line that nothing stands against becomes a booking, and its person is told.

    Args:
        session: the caller's transaction.
        title: of the meeting.
        lines: the list.
        pay_until: until the end of this day the bookings are kept.
        facilities: codes of the facilities that the actor manages.
        actor: who.
        now: the database's clock.

    Raises:
        BadPeriod: an empty list, or `pay_until` is over.
        NotFound: a space of another facility.
    """
    end = datetime.combine(pay_until, time(), TOKYO) + timedelta(days=1)
    if not lines or end <= now:
        raise BadPeriod
    facility = _facility(session, lines, facilities)
    outcomes = check(session, lines, facilities=facilities, now=now)
    done = [_enter(session, one, end=end, actor=actor, now=now) for one in outcomes]
    made = Allocation(
        reference=references.new("L"),
        facility_id=facility,
        title=title.strip(),
        entries=[_stored(one) for one in done],
        state="applied",
        made_at=now,
        made_by=actor.account_id,
        applied_at=now,
    )
    session.add(made)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="allocation.applied",
        subject_kind="allocation",
        subject_ref=made.reference,
        detail={"lines": len(done), "booked": sum(one.booking is not None for one in done)},
    )
    return made, done


def listed(session: Session, facilities: Collection[str]) -> Sequence[Allocation]:
    """The lists that were entered for these facilities, newest first; at most 20."""
    query = (
        select(Allocation).join(Facility, Facility.id == Allocation.facility_id).where(Facility.code.in_(facilities))
    )
    return session.scalars(query.order_by(Allocation.id.desc()).limit(20)).all()


def entered(session: Session, reference: str, *, facilities: Collection[str]) -> Allocation:
    """A list that was entered for one of these facilities.

    Raises:
        NotFound: no such list there.
    """
    query = select(Allocation).join(Facility, Facility.id == Allocation.facility_id)
    found = session.scalars(query.where(Allocation.reference == reference, Facility.code.in_(facilities))).one_or_none()
    if found is None:
        raise NotFound
    return found


def _facility(session: Session, lines: Sequence[Line], facilities: Collection[str]) -> int:
    rows = session.execute(
        select(Facility.id, Facility.code)
        .join(Space, Space.facility_id == Facility.id)
        .where(Space.code.in_({line.space for line in lines}))
    ).all()
    if not rows or any(row.code not in facilities for row in rows):
        raise NotFound
    return int(rows[0].id)


def _person(session: Session, who: str) -> tuple[int, int | None, str | None] | None:
    """(person, account, group) of a line: the group's representative, or the account's person."""
    group = session.scalars(select(BookingGroup).where(BookingGroup.reference == who)).one_or_none()
    if group is not None:
        account = session.scalars(select(Account.id).where(Account.person_id == group.representative_id)).first()
        return group.representative_id, account, group.reference
    row = session.execute(
        select(Person.id, Account.id.label("account"))
        .join(Account, Account.person_id == Person.id)
        .where(Account.email == who)
    ).first()
    return None if row is None else (row.id, row.account, None)


def _request(person: tuple[int, int | None, str | None], line: Line, *, keep: timedelta | None = None) -> HoldRequest:
    return HoldRequest(
        person[0],
        person[1],
        line.space,
        line.day,
        line.slots[0] if line.slots else "",
        source=Source.ALLOCATION,
        purpose=line.purpose,
        also=tuple((line.day, code) for code in line.slots[1:]),
        group=person[2],
        keep=keep,
    )


def _target(session: Session, line: Line, facilities: Collection[str], *, now: datetime) -> tuple[Target | None, str]:
    person = _person(session, line.who)
    if person is None:
        return None, "unknown_person"
    try:
        target = target_of(session, _request(person, line), now=now)
    except (NotOffered, NoSuchSlot, SlotsUnfit) as error:
        return None, error.code
    if target.world.facility not in facilities:
        return None, NotOffered.code
    if target.slots[0].start <= now:
        return None, NotBookable.code
    return target, OK


def _meet(one: Target, other: Target) -> bool:
    """Whether two lines want one unit at one time."""
    return bool(set(one.world.units) & set(other.world.units)) and any(
        a.start < b.end and b.start < a.end for a in combining.spans(one.slots) for b in combining.spans(other.slots)
    )


def _is_free(session: Session, target: Target, *, now: datetime) -> bool:
    spans = combining.spans(target.slots)
    busy = catalog.busy_units(session, list(target.world.units), start=spans[0].start, end=spans[-1].end, now=now)
    return not any(busy.taken(target.world.units, slot) for slot in target.slots)


def _enter(session: Session, one: Outcome, *, end: datetime, actor: Actor, now: datetime) -> Outcome:
    if one.problem != OK:
        return one
    person = _person(session, one.line.who)
    if person is None:
        raise WrongState("unknown_person")
    try:
        with session.begin_nested():
            reference = hold(session, _request(person, one.line, keep=end - now), actor=actor, now=now)
    except PortalError as error:
        return Outcome(one.line, error.code)
    booking_id = session.scalars(select(Booking.id).where(Booking.reference == reference)).one()
    jobs.defer(session, TELL, booking_id=booking_id, event="allocated")
    return Outcome(one.line, OK, booking=reference)


def _stored(one: Outcome) -> dict[str, Any]:
    line = asdict(one.line) | {"day": one.line.day.isoformat(), "slots": list(one.line.slots)}
    return {**line, "problem": one.problem, "other": one.other, "booking": one.booking}
