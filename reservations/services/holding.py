"""Hold a slot, keep it longer, let it go.

A hold is three statements: the person's lock, one read of everything that the rules ask (both in one message), one write of booking,
occupancies, history and audit together (in one message with the COMMIT, where the hold is a transaction of its own). No job belongs to
a hold: it ends by its own time inside the constraint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import cast

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments import queries as payment_queries
from payments import services as payments
from portal.kernel import dates, jobs, prepared
from portal.kernel.audit import SYSTEM, Actor
from portal.kernel.database import constraint_of
from portal.kernel.prepared import Call, Last
from reservations import combining, documents
from reservations.errors import (
    HoldEnded,
    NoMoreTime,
    NoSuchSlot,
    NotBookable,
    SlotsUnfit,
    SlotTaken,
    WrongState,
)
from reservations.models import Booking, BookingState, Source
from reservations.operations import claims
from reservations.queries.instead import in_the_way
from reservations.rules import PayWhen, Policy, Refused
from reservations.services import nights, standing
from reservations.services.common import KIND, end_occupancy, lock_of, locked, note, own, policy_of
from reservations.services.taking import HoldRequest, Taking
from reservations.services.world import World
from reservations.services.world import read as read_world
from reservations.timetable import Slot, Timetable


def hold(session: Session, request: HoldRequest, *, actor: Actor, now: datetime | None = None) -> str:
    """Keep a slot for the person until the hold's own end; the reference.

    Tapping the same slot twice gives the same booking.

    Args:
        session: the caller's transaction; it has to be rolled back after an error.
        request: what is asked for.
        actor: who types it.
        now: the database's clock; None: read with the person's lock, once it is their turn.

    Raises:
        NotOffered: no such space, or not online.
        NoSuchSlot: no such slot on that day.
        SlotsUnfit: the slots cannot be one booking.
        NotBookable: the rules of use stand against it.
        TooManyHolds: the person or the household keeps too many, or let too many lapse today.
        SlotTaken: somebody else has it.
    """
    found = _judged(session, request, actor=actor, now=now)
    return found if isinstance(found, str) else found.write(session)


def hold_alone(request: HoldRequest, *, actor: Actor) -> str:
    """`hold` as a transaction of its own, whose write goes in one message with its COMMIT.

    Raises:
        As `hold`.
    """
    return prepared.conclude(partial(_concluding, request=request, actor=actor))


def look(session: Session, request: HoldRequest, *, now: datetime) -> str | None:
    """What `hold` would say now, with nothing kept and nobody made to wait; the reference of the person's own hold of just these slots.

    Raises:
        As `hold`.
    """
    found = _judged(session, request, actor=SYSTEM, now=now, lock=False)
    if isinstance(found, str):
        return found
    for span in combining.spans(found.slots):
        if in_the_way(session, found.world.id, span.start, span.end, now=now).anything:
            raise SlotTaken(found.world.id, found.slots[0].start, found.slots[-1].end)
    return None


def _concluding(session: Session, *, request: HoldRequest, actor: Actor) -> str | Last[str]:
    found = _judged(session, request, actor=actor, now=None)
    return found if isinstance(found, str) else found.last(session)


def _judged(
    session: Session, request: HoldRequest, *, actor: Actor, now: datetime | None, lock: bool = True
) -> str | Taking:
    """What would be written; or the reference of the person's own hold of just these slots."""
    turn = [lock_of(request.person_id, group=request.group)] if lock else []
    world = _read_world(session, request, now=now, after=turn)
    now = world.now
    timetable, policy = _documents(session, world)
    slots = _slots(session, request, world, timetable)
    known = standing.of(world)
    if request.group is not None and known.applicant.party is None:
        raise NotBookable(Refused.NO_SUCH_GROUP)
    where = (world.policy_code, world.facility, request.space)
    days = standing.days_of(timetable)
    if request.begun and slots[0].start <= now:
        source = Source.WALK_IN if now < slots[-1].end else Source.PAPER
        request = replace(request, source=source)
        category = standing.check_begun(policy, known, slots, where=where, now=now)
    elif request.source is Source.ALLOCATION:
        category = standing.check_past(policy, known, slots, now=now)
    else:
        category = standing.check(policy, known, slots, where=where, days=days, now=now)
    if world.mine is not None:
        return str(world.mine)
    if request.source not in {Source.SERIES, Source.ALLOCATION}:
        standing.check_holds(policy, known)
    nights.check_priceable(session, world, slots, category)
    facts = nights.facts(session, world, policy, known.applicant, slots, now=now)
    until = now + (request.keep or timedelta(minutes=policy.hold.minutes))
    return Taking(request, world, slots, category, facts, until, actor)


@dataclass(frozen=True)
class Target:
    """What a request leads to, whether it is free or not: the space's row, its slots, the rules of the day."""

    world: World
    slots: tuple[Slot, ...]
    policy: Policy
    timetable: Timetable


def target_of(session: Session, request: HoldRequest, *, now: datetime, anybody: bool = False) -> Target:
    """Read what a request leads to, without taking it. `anybody`: for nobody in particular (`person_id` is not looked at).

    Raises:
        NotOffered, NoSuchSlot, SlotsUnfit: as `hold`.
    """
    world = _read_world(session, request, now=now, anybody=anybody)
    timetable, policy = _documents(session, world)
    return Target(world, _slots(session, request, world, timetable), policy, timetable)


def _read_world(
    session: Session, request: HoldRequest, *, now: datetime | None, after: Sequence[Call] = (), anybody: bool = False
) -> World:
    return read_world(
        session,
        person_id=request.person_id,
        space=request.space,
        purpose=request.purpose,
        group=request.group,
        day=request.day,
        wanted=request.wanted,
        now=now,
        after=after,
        anybody=anybody,
        over=request.begun,
    )


def _documents(session: Session, world: World) -> tuple[Timetable, Policy]:
    wanted = [
        (world.timetable_id, "timetable", world.timetable_digest),
        (world.policy_id, "policy", world.policy_digest),
    ]
    timetable, policy = documents.by_ids(session, wanted)
    return cast("Timetable", timetable), cast("Policy", policy)


def _slots(session: Session, request: HoldRequest, world: World, timetable: Timetable) -> tuple[Slot, ...]:
    """The slots that are asked for; a stay may reach into a later version of the timetable."""
    others = sorted({day for day, _code in request.wanted if day != request.day})
    tables = {request.day: timetable}
    kept = {request.day: documents.slots_on(world.timetable_digest, request.day)}
    if others:
        rules = documents.load(session, [("timetable", world.timetable_code)])
        for day in others:
            version = rules.timetable(world.timetable_code, day)
            if version is not None:
                tables[day] = version
                kept[day] = {slot.code: slot for slot in version.slots_on(day, dates.is_holiday)}
    found: list[Slot] = []
    for day, code in request.wanted:
        slot = kept.get(day, {}).get(code)
        if slot is None:
            raise NoSuchSlot.on(world.id, tables.get(day), day)
        found.append(slot)
    found.sort()
    reason = combining.unfit(found)
    if reason is not None:
        raise SlotsUnfit(reason)
    return tuple(found)


def set_live(session: Session, booking: Booking, *, until: datetime | None, now: datetime) -> None:
    """Keep the units until a moment, or without end; after the hold's end it takes them again if they are free.

    Raises:
        SlotTaken: somebody else has one of them by now; the transaction goes on (a savepoint was rolled back).
    """
    try:
        with session.begin_nested():
            claims.keep(session, booking.id, held_until=booking.held_until, until=until, now=now)
    except IntegrityError as error:
        if constraint_of(error) not in claims.CONSTRAINTS:
            raise
        raise SlotTaken(booking.space_id, booking.starts_at, booking.ends_at) from None


def extend_hold(session: Session, reference: str, *, person_id: int, actor: Actor, now: datetime) -> datetime:
    """Keep the slot longer, counted from now (no time limit without a way on: WCAG 2.2.1); the new end.

    After the hold's end the slot is taken again if it is still free. Who pays already gets the minutes of paying, and the demand
    may be paid as long.

    Raises:
        NotFound: not this person's booking.
        WrongState: it is no hold any more, or its money has a term of days.
        NoMoreTime: extended as often as the rules allow.
        HoldEnded: the hold is over and somebody else has the slot, or the use has begun.
    """
    booking = own(session, reference, person_id)
    if booking.accepted_at is not None:
        return _keep_paying(session, booking, actor=actor, now=now)
    if booking.state not in {BookingState.HELD, BookingState.LAPSED}:
        raise WrongState(booking.state)
    rules = policy_of(booking).hold
    if booking.extensions >= rules.extensions:
        raise NoMoreTime(rules.extensions)
    if booking.starts_at <= now:
        raise HoldEnded(booking.held_until)
    until = now + timedelta(minutes=rules.minutes)
    try:
        set_live(session, booking, until=until, now=now)
    except SlotTaken:
        raise HoldEnded(booking.held_until) from None
    booking.state, booking.held_until, booking.ended_at = BookingState.HELD.value, until, None
    booking.extensions += 1
    note(session, booking, "extended", actor=actor, now=now)
    return until


def _keep_paying(session: Session, booking: Booking, *, actor: Actor, now: datetime) -> datetime:
    rules = policy_of(booking).hold
    if booking.state != BookingState.HELD or booking.pay_when != PayWhen.ADVANCE or booking.held_until <= now:
        raise WrongState(booking.state)
    if booking.extensions >= rules.extensions:
        raise NoMoreTime(rules.extensions)
    until = max(booking.held_until, min(now + timedelta(minutes=rules.pay_minutes), booking.starts_at))
    set_live(session, booking, until=until, now=now)
    booking.held_until = until
    booking.extensions += 1
    note(session, booking, "extended", actor=actor, now=now)
    payments.prolong(session, payable_kind=KIND, payable_ref=booking.reference, until=until)
    return until


def keep_for_page(session: Session, booking: Booking, *, now: datetime) -> datetime | None:
    """The payer goes to the payment page: with less than half of the minutes of paying left, the slot is kept for all of them anew.

    Returns:
        The new end; None where there is time enough, none left to give, or nothing to keep.
    """
    rules = policy_of(booking).hold
    whole = timedelta(minutes=rules.pay_minutes)
    until = min(now + whole, booking.starts_at)
    kept = booking.state == BookingState.HELD and booking.accepted_at is not None and booking.held_until > now
    scarce = booking.held_until - now < whole / 2 and until > booking.held_until
    if not kept or not scarce or booking.pay_when != PayWhen.ADVANCE or booking.extensions >= rules.extensions:
        return None
    set_live(session, booking, until=until, now=now)
    booking.held_until = until
    booking.extensions += 1
    note(session, booking, "extended", actor=SYSTEM, now=now)
    return until


def release(session: Session, reference: str, *, person_id: int, actor: Actor, now: datetime) -> None:
    """Let a hold go at once. Doing it twice is the same as once.

    Raises:
        NotFound: not this person's booking.
        WrongState: it is firm already: it has to be cancelled.
    """
    let_go(session, own(session, reference, person_id), actor=actor, now=now)


def let_go(session: Session, booking: Booking, *, told: str = "", actor: Actor, now: datetime) -> bool:
    """Let go of a hold that is locked already; whether it was one. `told`: as for `cancelling.end_by_wish`.

    Raises:
        WrongState: it is firm already.
    """
    if booking.state in {BookingState.RELEASED, BookingState.LAPSED}:
        return False
    if booking.state != BookingState.HELD:
        raise WrongState(booking.state)
    end_occupancy(session, booking, now=now)
    booking.state, booking.ended_at = BookingState.RELEASED.value, now
    note(session, booking, "released", actor=actor, now=now, detail={"told": told} if told else None)
    _withdraw(session, booking, reason="released", now=now)
    return True


def lapse(session: Session, reference: str, *, actor: Actor, now: datetime) -> bool:
    """Tidy a hold whose time is over; whether there was anything to do."""
    booking = locked(session, reference)
    if booking.state != BookingState.HELD or booking.held_until > now:
        return False
    booking.state, booking.ended_at = BookingState.LAPSED.value, booking.held_until
    note(session, booking, "lapsed", actor=actor, now=now)
    _withdraw(session, booking, reason="hold ended", now=now)
    if booking.accepted_at is not None and booking.pay_when in {PayWhen.WITHIN, PayWhen.COUNTER}:
        jobs.defer(session, "reservations.tell", booking_id=booking.id, event="unpaid")
    return True


def _withdraw(session: Session, booking: Booking, *, reason: str, now: datetime) -> None:
    if booking.accepted_at is None:
        return
    for _reference, purpose in payment_queries.open_charges(session, KIND, booking.reference):
        payments.void_charge(
            session, payable_kind=KIND, payable_ref=booking.reference, purpose=purpose, reason=reason, now=now
        )
