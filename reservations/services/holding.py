"""Hold a slot, keep it longer, let it go.

A hold is four statements: the clock (by the caller), the person's lock, one read of everything that the rules ask, one write of
booking, occupancies and history together. No job belongs to a hold: it ends by its own time inside the constraint.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments import queries as payment_queries
from payments import services as payments
from portal.kernel import dates, jobs, references
from portal.kernel.audit import Actor
from portal.kernel.database import constraint_of
from reservations import combining, documents
from reservations.errors import (
    HoldEnded,
    NoMoreTime,
    NoSuchSlot,
    NotBookable,
    NotOffered,
    SlotsUnfit,
    SlotTaken,
    WrongState,
)
from reservations.models import Booking, BookingState, Source
from reservations.operations import claims
from reservations.rules import PayWhen, Policy, Refused
from reservations.services import nights, standing
from reservations.services.common import KIND, end_occupancy, lock_person, locked, note, own, policy_of
from reservations.timetable import TOKYO, Slot, Timetable

LAPSE_WINDOW = timedelta(hours=24)


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

    @property
    def wanted(self) -> tuple[tuple[date, str], ...]:
        """All slots that are asked for, each once, in order of their days."""
        return tuple(sorted({(self.day, self.slot), *self.also}))


_WORLD = text(
    f"""
    SELECT s.id, s.bookable, s.timetable_code, s.fees_code, s.policy_code, s.tariff, f.code AS facility, p.city, f.opened_on, f.closed_on,
           ARRAY(SELECT su.unit_id FROM space_unit su WHERE su.space_id = s.id ORDER BY su.unit_id) AS units,
           (SELECT sp.purpose_id FROM space_purpose sp JOIN purpose u ON u.id = sp.purpose_id
             WHERE sp.space_id = s.id AND u.code = :purpose) AS purpose_id,
           (SELECT u.noise FROM purpose u WHERE u.code = :purpose AND EXISTS (
              SELECT 1 FROM space_neighbour n WHERE s.id IN (n.space_id, n.other_id))) AS noise,
           t.id AS timetable_id, t.digest AS timetable_digest,
           c.id AS fees_id, c.digest AS fees_digest,
           r.id AS policy_id, r.digest AS policy_digest,
{standing.COLUMNS},
           (SELECT b.reference FROM booking b WHERE b.person_id = p.id AND b.space_id = s.id AND b.state = 'held'
              AND b.held_until > :now AND b.slots @> cast(:wanted AS jsonb) AND jsonb_array_length(b.slots) = :count
              LIMIT 1) AS mine
    FROM space s
    JOIN facility f ON f.id = s.facility_id
    LEFT JOIN person p ON p.id = :person_id
    {standing.JOINS}
    CROSS JOIN LATERAL (SELECT id, digest FROM rule_document WHERE kind = 'timetable' AND code = s.timetable_code
        AND valid_from <= :day ORDER BY valid_from DESC, revision DESC LIMIT 1) t
    CROSS JOIN LATERAL (SELECT id, digest FROM rule_document WHERE kind = 'fees' AND code = s.fees_code
        AND valid_from <= CASE WHEN content ->> 'applies_to' = 'permit' THEN least(:day, :made) ELSE :day END
        ORDER BY valid_from DESC, revision DESC LIMIT 1) c
    CROSS JOIN LATERAL (SELECT id, digest FROM rule_document WHERE kind = 'policy' AND code = s.policy_code
        AND valid_from <= :day ORDER BY valid_from DESC, revision DESC LIMIT 1) r
    WHERE s.code = :space AND (:anybody OR p.id IS NOT NULL)
    """,  # noqa: S608 - its parts are constants of this program
)

# ON CONFLICT DO NOTHING knows exclusion constraints: a rival waits for the first, then gets no row; nobody deadlocks.
_TAKE = text(
    """
    WITH made AS (
        INSERT INTO booking (reference, person_id, account_id, group_id, facts, space_id, source, state, locale, category,
                             purpose_id, people,
                             options, slots, starts_at, ends_at, timetable_id, fees_id, policy_id, created_at, held_until, extensions,
                             series_id)
        VALUES (:reference, :person_id, :account_id, :group_id, cast(:facts AS jsonb), :space_id, :source, 'held', :locale,
                :category, :purpose_id, 1,
                '{}', cast(:slots AS jsonb), :starts_at, :ends_at, :timetable_id, :fees_id, :policy_id, :now, :held_until, 0,
                :series_id)
        RETURNING id
    ), taken AS (
        INSERT INTO occupancy (unit_id, during, live, kind, booking_id)
        SELECT unit.id, tstzrange(span.start, span.stop), tstzrange(:now, :held_until), 'booking', made.id
        FROM made CROSS JOIN unnest(cast(:units AS integer[])) AS unit(id)
        CROSS JOIN unnest(cast(:span_starts AS timestamptz[]), cast(:span_ends AS timestamptz[])) AS span(start, stop)
        ORDER BY unit.id, span.start
        ON CONFLICT DO NOTHING
        RETURNING unit_id
    ), noted AS (
        INSERT INTO booking_event (booking_id, at, kind, actor_kind, actor_account_id, detail)
        SELECT id, :now, 'held', :actor_kind, :account_id, '{}' FROM made
    )
    SELECT count(*) AS taken, (SELECT id FROM made) AS id FROM taken
    """,
)


def hold(session: Session, request: HoldRequest, *, actor: Actor, now: datetime) -> str:
    """Keep a slot for the person until the hold's own end; the reference.

    Tapping the same slot twice gives the same booking.

    Args:
        session: the caller's transaction; it has to be rolled back after an error.
        request: what is asked for.
        actor: who types it.
        now: the database's clock.

    Raises:
        NotOffered: no such space, or not online.
        NoSuchSlot: no such slot on that day.
        SlotsUnfit: the slots cannot be one booking.
        NotBookable: the rules of use stand against it.
        TooManyHolds: the person or the household keeps too many, or let too many lapse today.
        SlotTaken: somebody else has it.
    """
    lock_person(session, request.person_id, group=request.group)
    world = _read_world(session, request, now=now)
    timetable, policy = _documents(session, world)
    slots = _slots(session, request, world, timetable)
    known = standing.of(world)
    if request.group is not None and known.applicant.party is None:
        raise NotBookable(Refused.NO_SUCH_GROUP)
    where = (world.policy_code, world.facility, request.space)
    if request.source is Source.ALLOCATION:
        category = standing.check_past(policy, known, slots, now=now)
    else:
        category = standing.check(policy, known, slots, where=where, days=standing.days_of(timetable), now=now)
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

    world: Row[Any]
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


def _read_world(session: Session, request: HoldRequest, *, now: datetime, anybody: bool = False) -> Row[Any]:
    world = session.execute(
        _WORLD,
        {
            "anybody": anybody,
            "now": now,
            "since": now - LAPSE_WINDOW,
            "person_id": request.person_id,
            "space": request.space,
            "purpose": request.purpose,
            "day": request.day,
            "wanted": json.dumps([{"day": day.isoformat(), "code": code} for day, code in request.wanted]),
            "count": len(request.wanted),
            "made": now.astimezone(TOKYO).date(),
            **standing.params(request.group, request.wanted[0][0], now=now),
        },
    ).one_or_none()
    if request.day < now.astimezone(TOKYO).date():
        raise NotBookable(Refused.DAY_OVER)
    if world is None or not world.bookable or not world.units:
        raise NotOffered
    if world.opened_on and request.day < world.opened_on:
        raise NotOffered(opens=world.opened_on)
    if world.closed_on and request.day > world.closed_on:
        raise NotOffered(closed=world.closed_on)
    return world


def _documents(session: Session, world: Row[Any]) -> tuple[Timetable, Policy]:
    wanted = [
        (world.timetable_id, "timetable", world.timetable_digest),
        (world.policy_id, "policy", world.policy_digest),
    ]
    timetable, policy = documents.by_ids(session, wanted)
    return cast("Timetable", timetable), cast("Policy", policy)


def _slots(session: Session, request: HoldRequest, world: Row[Any], timetable: Timetable) -> tuple[Slot, ...]:
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
    world: Row[Any],
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
    made = session.execute(
        _TAKE,
        {
            "reference": reference,
            "person_id": request.person_id,
            "account_id": request.account_id,
            "group_id": world.party_id,
            "facts": json.dumps(facts, ensure_ascii=False),
            "space_id": world.id,
            "source": request.source.value,
            "locale": request.locale,
            "category": category,
            "purpose_id": world.purpose_id,
            "slots": json.dumps(combining.stored(slots), ensure_ascii=False),
            "starts_at": slots[0].start,
            "ends_at": slots[-1].end,
            "span_starts": [span.start for span in spans],
            "span_ends": [span.end for span in spans],
            "timetable_id": world.timetable_id,
            "fees_id": world.fees_id,
            "policy_id": world.policy_id,
            "now": now,
            "held_until": until,
            "series_id": request.series_id,
            "units": list(world.units),
            "actor_kind": actor.kind,
        },
    ).one()
    if made.taken != len(world.units) * len(spans):
        raise SlotTaken(world.id, slots[0].start, slots[-1].end)
    if world.noise and world.purpose_id is not None:
        party = claims.party_of(request.person_id, world.party_id)
        claims.sound(
            session, made.id, space_id=world.id, noise=world.noise, party=party, spans=spans, until=until, now=now
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

    After the hold's end the slot is taken again if it is still free.

    Raises:
        NotFound: not this person's booking.
        WrongState: it is no hold any more.
        NoMoreTime: extended as often as the rules allow.
        HoldEnded: the hold is over and somebody else has the slot, or the use has begun.
    """
    booking = own(session, reference, person_id)
    if booking.state not in {BookingState.HELD, BookingState.LAPSED} or booking.accepted_at is not None:
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


def release(session: Session, reference: str, *, person_id: int, actor: Actor, now: datetime) -> None:
    """Let a hold go at once. Doing it twice is the same as once.

    Raises:
        NotFound: not this person's booking.
        WrongState: it is firm already: it has to be cancelled.
    """
    booking = own(session, reference, person_id)
    if booking.state in {BookingState.RELEASED, BookingState.LAPSED}:
        return
    if booking.state != BookingState.HELD:
        raise WrongState(booking.state)
    end_occupancy(session, booking, now=now)
    booking.state, booking.ended_at = BookingState.RELEASED.value, now
    note(session, booking, "released", actor=actor, now=now)
    _withdraw(session, booking, reason="released", now=now)


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
