"""Individual use (個人利用): a slot of a court or pool is opened as a session, in which people take numbered places (CASES B5).

The session is one occupancy of the units; a place is unique in its session by a constraint that knows when holds end. A place is a
booking like any other: held, said what for, paid, cancelled, only that it claims a place instead of units.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.kernel import audit, references
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from reservations import combining
from reservations.errors import NotBookable, SessionFull, SlotTaken
from reservations.models import Facility, Space
from reservations.operations.models import OpenSession, SessionPlace
from reservations.rules import Refused
from reservations.services import standing
from reservations.services.common import lock_person
from reservations.services.holding import target_of
from reservations.services.taking import HoldRequest

TRIES = 8
"""How often the next free place is tried while others take places at the same moment."""


@dataclass(frozen=True)
class OpenRequest:
    """Slots of a space that are opened for individual use, with so many places, at the prices of a tariff."""

    space: str
    slots: tuple[tuple[date, str], ...]
    places: int
    tariff: str = ""


@dataclass(frozen=True)
class Opened:
    """What became of a wish to open sessions: those that are open, and the slots that others have already."""

    sessions: tuple[OpenSession, ...]
    taken: tuple[tuple[date, str], ...]


@dataclass(frozen=True)
class SessionView:
    """A session as its page shows it."""

    reference: str
    space_code: str
    slot_code: str
    starts_at: datetime
    ends_at: datetime
    places: int
    taken: int

    @property
    def free(self) -> int:
        """Places that are left."""
        return max(self.places - self.taken, 0)


_OCCUPY = text(
    """
    WITH wanted AS (SELECT unit_id FROM space_unit WHERE space_id = :space ORDER BY unit_id), made AS (
        INSERT INTO occupancy (unit_id, during, live, kind, owner_ref)
        SELECT unit_id, tstzrange(:start, :end), tstzrange(:now, NULL), 'session', :reference FROM wanted
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT (SELECT count(*) FROM wanted) = (SELECT count(*) FROM made)
    """
)
_PLACE = text(
    """
    WITH free AS (
        SELECT n FROM generate_series(1, :places) n
        WHERE NOT EXISTS (SELECT 1 FROM session_place p WHERE p.session_id = :session AND p.place = n
                            AND (upper_inf(p.live) OR upper(p.live) > :now) AND NOT isempty(p.live))
        ORDER BY n LIMIT 1 OFFSET :skip
    )
    INSERT INTO session_place (session_id, place, live, booking_id)
    SELECT :session, n, tstzrange(:now, :until), :booking FROM free
    ON CONFLICT DO NOTHING RETURNING place
    """
)
_FREE = text(
    """
    SELECT count(*) FROM generate_series(1, :places) n
    WHERE NOT EXISTS (SELECT 1 FROM session_place p WHERE p.session_id = :session AND p.place = n
                        AND (upper_inf(p.live) OR upper(p.live) > :now) AND NOT isempty(p.live))
    """
)
_BOOK = text(
    """
    WITH made AS (
        INSERT INTO booking (reference, person_id, account_id, space_id, source, state, locale, category, purpose_id, people,
                             options, facts, slots, starts_at, ends_at, timetable_id, fees_id, policy_id, created_at, held_until,
                             extensions, session_id)
        VALUES (:reference, :person, :account, :space, :source, 'held', :locale, :category, :purpose, 1, '{}',
                cast(:facts AS jsonb), cast(:slots AS jsonb), :start, :end, :timetable, :fees, :policy, :now, :until, 0, :session)
        RETURNING id
    ), noted AS (
        INSERT INTO booking_event (booking_id, at, kind, actor_kind, actor_account_id, detail)
        SELECT id, :now, 'held', :actor_kind, :actor_id, '{}' FROM made
    )
    SELECT id FROM made
    """
)
_LISTED = text(
    """
    SELECT o.reference, s.code AS space_code, o.slot ->> 'code' AS slot_code, o.starts_at, o.ends_at, o.places,
           (SELECT count(*) FROM session_place p WHERE p.session_id = o.id AND NOT isempty(p.live)
              AND (upper_inf(p.live) OR upper(p.live) > :now)) AS taken
    FROM open_session o JOIN space s ON s.id = o.space_id JOIN facility f ON f.id = s.facility_id
    WHERE f.code = :facility AND o.ended_at IS NULL AND o.starts_at < :end AND o.ends_at > :start
    ORDER BY o.starts_at, s.position
    """
)


def open_sessions(
    session: Session, request: OpenRequest, *, facilities: Collection[str], actor: Actor, now: datetime
) -> Opened:
    """Open slots for individual use; those that somebody has already stay theirs and are named.

    Args:
        session: the caller's transaction.
        request: where, when, how many places.
        facilities: codes of the facilities that the actor manages.
        actor: who.
        now: the database's clock.

    Raises:
        NotFound: a space of another facility.
        NotOffered, NoSuchSlot: there is no such time.
        NotBookable: the time is over.
    """
    found = session.execute(
        select(Space, Facility.code).join(Facility, Facility.id == Space.facility_id).where(Space.code == request.space)
    ).one_or_none()
    if found is None or found.code not in facilities:
        raise NotFound
    made: list[OpenSession] = []
    taken: list[tuple[date, str]] = []
    for day, code in request.slots:
        target = target_of(session, HoldRequest(0, None, request.space, day, code), now=now, anybody=True)
        slot = target.slots[0]
        if slot.start <= now:
            raise NotBookable(Refused.PAST, slot.start)
        reference = references.new("N")
        values = {"space": found.Space.id, "start": slot.taken_from, "end": slot.taken_until, "now": now}
        with session.begin_nested() as savepoint:
            if not session.execute(_OCCUPY, {**values, "reference": reference}).scalar_one():
                savepoint.rollback()
                taken.append((day, code))
                continue
        (kept,) = combining.stored([slot])
        opened = OpenSession(
            reference=reference,
            space_id=found.Space.id,
            slot=kept,
            starts_at=slot.start,
            ends_at=slot.end,
            places=request.places,
            tariff=request.tariff,
            made_at=now,
            ended_at=None,
        )
        session.add(opened)
        made.append(opened)
        audit.record(session, actor=actor, action="session.opened", subject_kind="session", subject_ref=reference)
    session.flush()
    return Opened(tuple(made), tuple(taken))


def join(
    session: Session,
    reference: str,
    *,
    person_id: int,
    account_id: int | None,
    locale: str = "ja",
    source: str = "online",
    actor: Actor,
    now: datetime,
) -> str:
    """Hold the next free place of a session; the reference of the booking.

    Raises:
        NotFound: no such session, or it was ended.
        NotBookable: the rules of use stand against it.
        TooManyHolds: the person keeps too many.
        SessionFull: no place is left.
    """
    lock_person(session, person_id)
    row = session.execute(
        select(OpenSession, Space.code)
        .join(Space, Space.id == OpenSession.space_id)
        .where(OpenSession.reference == reference, OpenSession.ended_at.is_(None))
    ).one_or_none()
    if row is None:
        raise NotFound
    opened: OpenSession = row.OpenSession
    (slot,) = combining.restored([opened.slot])
    request = HoldRequest(person_id, account_id, row.code, slot.day, slot.code, locale)
    target = target_of(session, request, now=now)
    known = standing.of(target.world)
    category = standing.check(
        target.policy,
        known,
        (slot,),
        where=(target.world.policy_code, target.world.facility, row.code),
        days=standing.days_of(target.timetable),
        now=now,
    )
    standing.check_holds(target.policy, known)
    until = now + timedelta(minutes=target.policy.hold.minutes)
    made = references.new("B")
    booking = session.execute(
        _BOOK,
        {
            "reference": made,
            "person": person_id,
            "account": account_id,
            "space": opened.space_id,
            "source": source,
            "locale": locale,
            "category": category,
            "purpose": target.world.purpose_id,
            "facts": json.dumps({"tariff": opened.tariff} if opened.tariff else {}),
            "slots": json.dumps([opened.slot], ensure_ascii=False),
            "start": slot.start,
            "end": slot.end,
            "timetable": target.world.timetable_id,
            "fees": target.world.fees_id,
            "policy": target.world.policy_id,
            "now": now,
            "until": until,
            "session": opened.id,
            "actor_kind": actor.kind,
            "actor_id": account_id,
        },
    ).scalar_one()
    _take_place(session, opened, booking, until=until, now=now)
    return made


def _take_place(session: Session, opened: OpenSession, booking: int, *, until: datetime, now: datetime) -> int:
    values = {"session": opened.id, "places": opened.places, "now": now}
    for _attempt in range(TRIES + opened.places):
        place = session.execute(_PLACE, {**values, "until": until, "booking": booking, "skip": 0}).scalar()
        if place is not None:
            return int(place)
        if session.execute(_FREE, values).scalar_one() == 0:
            raise SessionFull(opened.reference, opened.places)
    raise SlotTaken(opened.space_id, opened.starts_at, opened.ends_at)


def place_of(session: Session, booking_id: int) -> int | None:
    """The number of the place that a booking has."""
    statement = select(SessionPlace.place).where(SessionPlace.booking_id == booking_id).order_by(SessionPlace.id.desc())
    return session.scalars(statement).first()


def listed(session: Session, facility: str, *, start: datetime, end: datetime, now: datetime) -> Sequence[SessionView]:
    """The sessions of a facility between two moments, with what is left; one statement."""
    rows = session.execute(_LISTED, {"facility": facility, "start": start, "end": end, "now": now})
    return [SessionView(*row) for row in rows]
