"""Hold a slot, keep it longer, let it go.

A hold is three statements: the person's lock, one read of everything that the rules ask (both in one message), one write of booking,
occupancies, history and audit together. No job belongs to a hold: it ends by its own time inside the constraint.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments import queries as payment_queries
from payments import services as payments
from portal.kernel import dates, jobs, prepared, references
from portal.kernel.audit import SYSTEM, Actor
from portal.kernel.database import constraint_of
from portal.kernel.prepared import Call, Prepared
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
from reservations.rules import PayWhen, Policy, Refused
from reservations.services import nights, standing
from reservations.services.common import KIND, end_occupancy, lock_of, locked, note, own, policy_of
from reservations.services.world import World
from reservations.services.world import read as read_world
from reservations.timetable import Slot, Timetable


@dataclass(frozen=True)
class HoldRequest:
    """What a person taps: a slot of a space on a day.

    Attributes:
        person_id: whose booking it is.
        account_id: who is signed in; None where staff type it for somebody without an account.
        space: code of the space.
        day: the day of use.
        slot: code of the slot in the timetable of that day.
        also: further slots of the same booking, as (day, code).
        keep: how long it is kept; None: as the rules of use say.
        series_id: the series that it belongs to.
        group: reference of the group for which is booked.
        locale: language of the messages about it.
        source: how it came in.
        purpose: code of what for, where the search named it; ignored where the space is not for it.
        begun: staff ask, for a use that they have let begin: the slot may run already, or be over. Then the booking's source says so.
    """

    person_id: int
    account_id: int | None
    space: str
    day: date
    slot: str
    locale: str = "ja"
    source: Source = Source.ONLINE
    purpose: str | None = None
    also: tuple[tuple[date, str], ...] = ()
    group: str | None = None
    keep: timedelta | None = None
    series_id: int | None = None
    begun: bool = False

    @property
    def wanted(self) -> tuple[tuple[date, str], ...]:
        """All slots that are asked for, each once, in order of their days."""
        return tuple(sorted({(self.day, self.slot), *self.also}))


# ON CONFLICT DO NOTHING knows exclusion constraints: a rival waits for the first, then gets no row; nobody deadlocks.
_TAKE = Prepared(
    "hold_take",
    """
WITH made AS (
INSERT INTO booking (reference, person_id, account_id, group_id, facts, space_id, source, state, locale, category, purpose_id,
people, options, slots, starts_at, ends_at, timetable_id, fees_id, policy_id, created_at, held_until, extensions, series_id)
VALUES (%(reference)s, %(person)s, %(account)s, %(group)s, %(facts)s, %(space)s, %(source)s, 'held', %(locale)s, %(category)s,
%(purpose)s, 1, '{}', %(slots)s, %(starts_at)s, %(ends_at)s, %(timetable)s, %(fees)s, %(policy)s, %(now)s, %(until)s, 0,
%(series)s)
RETURNING id
), taken AS (
INSERT INTO occupancy (unit_id, during, live, kind, booking_id)
SELECT unit, tstzrange(span.start, span.stop), tstzrange(%(now)s, %(until)s), 'booking', made.id
FROM made CROSS JOIN unnest(%(units)s) AS unit
CROSS JOIN unnest(%(span_starts)s, %(span_ends)s) AS span(start, stop)
ORDER BY unit, span.start
ON CONFLICT DO NOTHING
RETURNING unit_id
), noted AS (
INSERT INTO booking_event (booking_id, at, kind, actor_kind, actor_account_id, detail)
SELECT id, %(now)s, 'held', %(actor_kind)s, %(actor)s, '{}' FROM made
), logged AS (
INSERT INTO audit_entry (at, actor_account_id, actor_kind, action, subject_kind, subject_ref)
SELECT %(now)s, %(actor)s, %(actor_kind)s, 'booking.held', 'booking', %(reference)s FROM made
)
SELECT json_build_array((SELECT id FROM made), count(*)) FROM taken
""",
    reference="text",
    person="bigint",
    account="bigint",
    group="bigint",
    facts="jsonb",
    space="integer",
    source="text",
    locale="text",
    category="text",
    purpose="integer",
    slots="jsonb",
    starts_at="timestamptz",
    ends_at="timestamptz",
    timetable="integer",
    fees="integer",
    policy="integer",
    now="timestamptz",
    until="timestamptz",
    series="bigint",
    units="integer[]",
    span_starts="timestamptz[]",
    span_ends="timestamptz[]",
    actor_kind="text",
    actor="bigint",
)


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
    world = _read_world(session, request, now=now, after=[lock_of(request.person_id, group=request.group)])
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
    return _take(session, request, world, slots, category=category, facts=facts, until=until, actor=actor, now=now)


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
    if others:
        rules = documents.load(session, [("timetable", world.timetable_code)])
        for day in others:
            version = rules.timetable(world.timetable_code, day)
            if version is not None:
                tables[day] = version
    found: list[Slot] = []
    for day, code in request.wanted:
        table = tables.get(day)
        slot = table.slot(day, code, dates.is_holiday) if table else None
        if slot is None:
            raise NoSuchSlot.on(world.id, table, day)
        found.append(slot)
    found.sort()
    reason = combining.unfit(found)
    if reason is not None:
        raise SlotsUnfit(reason)
    return tuple(found)


def _take(
    session: Session,
    request: HoldRequest,
    world: World,
    slots: tuple[Slot, ...],
    *,
    category: str,
    facts: dict[str, Any],
    until: datetime,
    actor: Actor,
    now: datetime,
) -> str:
    reference = references.new("B")
    spans = combining.spans(slots)
    values = {
        "reference": reference,
        "person": request.person_id,
        "account": request.account_id,
        "group": world.party_id,
        "facts": json.dumps(facts, ensure_ascii=False),
        "space": world.id,
        "source": request.source.value,
        "locale": request.locale,
        "category": category,
        "purpose": world.purpose_id,
        "slots": json.dumps(combining.stored(slots), ensure_ascii=False),
        "starts_at": slots[0].start,
        "ends_at": slots[-1].end,
        "span_starts": [span.start for span in spans],
        "span_ends": [span.end for span in spans],
        "timetable": world.timetable_id,
        "fees": world.fees_id,
        "policy": world.policy_id,
        "now": now,
        "until": until,
        "series": request.series_id,
        "units": world.units,
        "actor_kind": actor.kind,
        "actor": actor.account_id,
    }
    ((booking_id, taken),) = prepared.run(session, (_TAKE, values))[0]
    if taken != len(world.units) * len(spans):
        raise SlotTaken(world.id, slots[0].start, slots[-1].end)
    if world.noise and world.purpose_id is not None:
        party = claims.party_of(request.person_id, world.party_id)
        claims.sound(
            session, booking_id, space_id=world.id, noise=world.noise, party=party, spans=spans, until=until, now=now
        )
    return reference


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
