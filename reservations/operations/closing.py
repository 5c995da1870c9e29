"""Close units for everybody: works, rain, a shelter, a need of the city. Whoever is hit is told, offered other slots, refunded.

One transaction records the closure, ends the bookings, puts one message for each into the mail and leaves the money to a job:
20,000 bookings are some seconds of set-wise statements. A closure is an occupancy like any other: nobody books into it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.contract import Ground
from payments.services import RefundKind
from portal.kernel import audit, jobs, references
from portal.kernel.audit import SYSTEM, Actor
from portal.kernel.errors import NotFound
from reservations import documents
from reservations.errors import BadPeriod, GroundMissing, InUse, ListChanged, ReasonMissing
from reservations.models import FIRM, Booking, Facility, Space
from reservations.operations import claims, telling
from reservations.operations.models import Closure, ClosureHit, ClosureKind
from reservations.operations.telling import CALLED_OFF_BY, Hit
from reservations.rules import Policy, RefundQuote
from reservations.services import returning
from reservations.services.cancelling import withdraw
from reservations.services.common import locked, policy_of

SETTLE = "reservations.settle_closure"
CALLED_OFF_WORDS = {
    ClosureKind.CLOSED: "施設の都合による中止",
    ClosureKind.WEATHER: "天候による中止",
    ClosureKind.SHELTER: "避難所の開設による中止",
    ClosureKind.REVOCATION: "使用許可の取消し",
    ClosureKind.CITY: "市の使用",
}
WHOLE = 100
ROUNDS = 20
"""How often the units are tried again while people still hold slots in between; each round takes what the one before met."""


@dataclass(frozen=True)
class ClosureRequest:
    """What is closed, from when until when, and why.

    Attributes:
        kind: why in kind; decides what it asks for and what is said.
        spaces: codes.
        start: aware; a start that is over counts as now.
        end: aware; None: not known (only a shelter).
        reason: told to everybody who is hit.
        reason_en: the same in English.
        ground: of the ordinance, for a revocation: one that the rules of use name.
    """

    kind: ClosureKind
    spaces: tuple[str, ...]
    start: datetime
    end: datetime | None
    reason: str
    reason_en: str = ""
    ground: str = ""


_HITS = text(
    """
    WITH taken AS (
        SELECT o.booking_id, o.owner_ref FROM occupancy o LEFT JOIN booking k ON k.id = o.booking_id
        WHERE o.unit_id = ANY(:units) AND o.during && tstzrange(:start, :end) AND upper(o.during) > :now
          AND o.kind IN ('booking', 'session') AND (upper_inf(o.live) OR (upper(o.live) > :now AND k.state = 'held'))
    ), wanted AS (
        SELECT booking_id AS id FROM taken WHERE booking_id IS NOT NULL
        UNION
        SELECT p.booking_id FROM taken t JOIN open_session s ON s.reference = t.owner_ref
          JOIN session_place p ON p.session_id = s.id AND (upper_inf(p.live) OR upper(p.live) > :now)
    )
    SELECT b.id, b.reference, b.state, b.locale, b.slots, b.starts_at, b.ends_at, coalesce(b.total, 0) AS total, b.policy_id,
           d.digest AS policy_digest, s.name AS space, s.name_en AS space_en, f.code AS facility, b.account_id,
           p.name AS person, coalesce(a.email, p.email) AS email, p.phone, p.id AS person_id
    FROM booking b JOIN space s ON s.id = b.space_id JOIN facility f ON f.id = s.facility_id
    JOIN person p ON p.id = b.person_id LEFT JOIN account a ON a.id = b.account_id
    JOIN rule_document d ON d.id = b.policy_id
    WHERE b.id IN (SELECT id FROM wanted) AND b.state IN ('held', 'requested', 'confirmed')
    ORDER BY b.starts_at, b.id
    """
)
_LOCK = text("SELECT id FROM booking WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")
_CANCEL = text(
    """
    WITH ended AS (
        SELECT id, reference, state, coalesce(total, 0) AS total, firm_at, percent FROM booking
        JOIN unnest(cast(:ids AS bigint[]), cast(:percents AS integer[])) AS wanted(id, percent) USING (id)
        WHERE state IN ('held', 'requested', 'confirmed')
    ), changed AS (
        UPDATE booking b SET state = 'cancelled', ended_at = :now, reason = :reason FROM ended WHERE b.id = ended.id
    ), hit AS (
        INSERT INTO closure_hit (closure_id, booking_id, state_before, owed)
        SELECT :closure, id, state, CASE WHEN firm_at IS NULL THEN 0 ELSE total * percent / 100 END FROM ended
    ), noted AS (
        INSERT INTO booking_event (booking_id, at, kind, actor_kind, actor_account_id, detail)
        SELECT id, :now, :event, :actor_kind, :actor_id, jsonb_build_object('closure', cast(:reference AS text)) FROM ended
    ), audited AS (
        INSERT INTO audit_entry (at, actor_account_id, actor_kind, action, subject_kind, subject_ref, detail)
        SELECT :now, :actor_id, :actor_kind, 'booking.' || :event, 'booking', reference,
               jsonb_build_object('closure', cast(:reference AS text)) FROM ended
    )
    SELECT count(*) FROM ended
    """
)
_END_SESSIONS = text(
    """
    WITH over AS (
        UPDATE occupancy o SET live = tstzrange(lower(live), greatest(lower(live), :now))
        WHERE o.unit_id = ANY(:units) AND o.during && tstzrange(:start, :end) AND o.kind = 'session'
          AND (upper_inf(o.live) OR upper(o.live) > :now) RETURNING o.owner_ref
    )
    UPDATE open_session SET ended_at = :now WHERE reference IN (SELECT owner_ref FROM over) AND ended_at IS NULL
    """
)
# A time that a firm booking keeps for a move that is still to be paid: the move ends, the booking stays.
_END_MOVES = text(
    """
    UPDATE occupancy o SET live = tstzrange(lower(live), greatest(lower(live), :now))
    WHERE o.unit_id = ANY(:units) AND o.during && tstzrange(:start, :end) AND o.kind = 'booking'
      AND NOT upper_inf(o.live) AND upper(o.live) > :now
    """
)
# What another closure or a use of the city holds already stays theirs; the rest of each unit is taken.
_TAKE = text(
    """
    WITH wanted AS (
        SELECT u.id, part FROM unnest(cast(:units AS integer[])) AS u(id)
        CROSS JOIN LATERAL unnest(tstzmultirange(tstzrange(:start, :end)) - coalesce((
            SELECT range_agg(o.during) FROM occupancy o WHERE o.unit_id = u.id AND o.kind <> 'booking'
              AND (upper_inf(o.live) OR upper(o.live) > :now) AND o.during && tstzrange(:start, :end)), '{}')) AS part
    ), made AS (
        INSERT INTO occupancy (unit_id, during, live, kind, owner_ref)
        SELECT id, part, tstzrange(:now, NULL), :kind, :reference FROM wanted ORDER BY id, part
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT (SELECT count(*) FROM wanted) AS wanted, (SELECT count(*) FROM made) AS made
    """
)


def check(request: ClosureRequest, *, now: datetime) -> datetime:
    """The start that counts.

    Raises:
        BadPeriod: no length, over already, or without an end where only a shelter may have none.
        ReasonMissing: no reason.
    """
    start = max(request.start, now)
    if request.end is None and request.kind is not ClosureKind.SHELTER:
        raise BadPeriod
    if request.end is not None and request.end <= start:
        raise BadPeriod
    if not request.reason.strip():
        raise ReasonMissing
    return start


def preview(session: Session, request: ClosureRequest, *, facilities: Collection[str], now: datetime) -> list[Hit]:
    """Who would be hit, soonest first. Nothing is done.

    Raises:
        BadPeriod, ReasonMissing: as `check`.
        GroundMissing: as `close`.
        NotFound: a space of another facility.
    """
    start = check(request, now=now)
    _spaces, units = _units(session, request.spaces, facilities)
    found = _hits(session, request, units, start=start, now=now)
    _check_ground(session, request, found)
    return found


def close(
    session: Session,
    request: ClosureRequest,
    *,
    facilities: Collection[str],
    expected: int | None = None,
    actor: Actor,
    now: datetime,
) -> Closure:
    """Close the spaces; every booking in them ends, everybody is told, the money follows by a job.

    Args:
        session: the caller's transaction.
        request: what, when, why.
        facilities: codes of the facilities that the actor manages.
        expected: how many bookings the actor was shown; None: not shown.
        actor: who.
        now: the database's clock.

    Raises:
        BadPeriod, ReasonMissing, NotFound: as `preview`.
        GroundMissing: a revocation without a ground that the rules of use of every booking name.
        InUse: a use of the city itself, and bookings stand there.
        ListChanged: other bookings are hit than were shown.
    """
    start = check(request, now=now)
    spaces, units = _units(session, request.spaces, facilities)
    _check_ground(session, request, _hits(session, request, units, start=start, now=now))
    closure = Closure(
        reference=references.new("K"),
        kind=request.kind.value,
        reason=request.reason.strip(),
        reason_en=request.reason_en.strip(),
        ground=request.ground.strip(),
        starts_at=start,
        ends_at=request.end,
        space_ids=spaces,
        hits=0,
        made_at=now,
        made_by=actor.account_id,
        reopened_at=None,
    )
    session.add(closure)
    session.flush()
    if request.kind is ClosureKind.CITY:
        _take_for_city(session, closure, units, now=now)
    else:
        closure.hits = _take_from_all(session, request, closure, units, expected=expected, actor=actor, now=now)
    audit.record(
        session,
        actor=actor,
        action=f"closure.{closure.kind}",
        subject_kind="closure",
        subject_ref=closure.reference,
        detail={"spaces": len(spaces), "hits": closure.hits},
    )
    session.flush()
    return closure


def reopen(session: Session, reference: str, *, facilities: Collection[str], actor: Actor, now: datetime) -> Closure:
    """End a closure before its time, or at all where no end was known. What it ended stays ended (CASES B6).

    Raises:
        NotFound: no such closure of these facilities.
    """
    closure = session.scalars(select(Closure).where(Closure.reference == reference).with_for_update()).one_or_none()
    if closure is None or not _within(session, closure.space_ids, facilities):
        raise NotFound
    if closure.reopened_at is not None:
        return closure
    session.execute(
        text(
            "UPDATE occupancy SET live = tstzrange(lower(live), greatest(lower(live), :now))"
            " WHERE owner_ref = :reference AND kind IN ('closure', 'city') AND upper_inf(live)"
        ),
        {"reference": reference, "now": now},
    )
    closure.reopened_at = now
    audit.record(session, actor=actor, action="closure.reopened", subject_kind="closure", subject_ref=reference)
    session.flush()
    return closure


def outdoor_spaces(session: Session, facilities: Collection[str]) -> list[str]:
    """Codes of all spaces under the open sky in these facilities: what rain calls off at once (CASES B12)."""
    statement = (
        select(Space.code)
        .join(Facility, Facility.id == Space.facility_id)
        .where(Facility.code.in_(facilities), Space.outdoor, Space.bookable)
        .order_by(Facility.position, Space.position)
    )
    return list(session.scalars(statement))


def _units(session: Session, codes: Sequence[str], facilities: Collection[str]) -> tuple[list[int], list[int]]:
    """Ids of the spaces and of all their units, ascending."""
    rows = session.execute(
        text(
            "SELECT s.id, f.code AS facility, ARRAY(SELECT u.unit_id FROM space_unit u WHERE u.space_id = s.id) AS units"
            " FROM space s JOIN facility f ON f.id = s.facility_id WHERE s.code = ANY(:codes)"
        ),
        {"codes": list(codes)},
    ).all()
    if not codes or len(rows) != len(set(codes)) or any(row.facility not in facilities for row in rows):
        raise NotFound
    return sorted(row.id for row in rows), sorted({unit for row in rows for unit in row.units})


def _within(session: Session, space_ids: Sequence[int], facilities: Collection[str]) -> bool:
    statement = (
        select(Facility.code).join(Space, Space.facility_id == Facility.id).where(Space.id.in_(space_ids)).distinct()
    )
    return set(session.scalars(statement)) <= set(facilities)


def _hits(session: Session, request: ClosureRequest, units: list[int], *, start: datetime, now: datetime) -> list[Hit]:
    rows = session.execute(_HITS, {"units": units, "start": start, "end": request.end, "now": now})
    return [Hit.of(row) for row in rows]


def _take_for_city(session: Session, closure: Closure, units: list[int], *, now: datetime) -> None:
    values = {"units": units, "start": closure.starts_at, "end": closure.ends_at, "now": now}
    took = session.execute(_TAKE, {**values, "kind": "city", "reference": closure.reference}).one()
    if took.made != took.wanted or not took.wanted:
        standing = session.execute(_HITS, values).all()
        raise InUse(tuple(row.reference for row in standing[:20]))


def _take_from_all(
    session: Session,
    request: ClosureRequest,
    closure: Closure,
    units: list[int],
    *,
    expected: int | None,
    actor: Actor,
    now: datetime,
) -> int:
    values = {"units": units, "start": closure.starts_at, "end": closure.ends_at, "now": now}
    hits = 0
    for _round in range(ROUNDS):
        found = _hits(session, request, units, start=closure.starts_at, now=now)
        if expected is not None and hits + len(found) != expected:
            raise ListChanged
        hits += _end_bookings(session, closure, found, actor=actor, now=now)
        session.execute(_END_SESSIONS, values)
        session.execute(_END_MOVES, values)
        took = session.execute(_TAKE, {**values, "kind": "closure", "reference": closure.reference}).one()
        if took.made == took.wanted:
            break
    else:
        raise ListChanged
    if hits:
        jobs.defer(session, SETTLE, closure_id=closure.id)
    return hits


def _check_ground(session: Session, request: ClosureRequest, found: Sequence[Hit]) -> None:
    if request.kind is not ClosureKind.REVOCATION:
        return
    for policy in policies(session, found).values():
        if request.ground.strip() not in policy.revocation_grounds:
            raise GroundMissing(policy.revocation_grounds)
    if not request.ground.strip():
        raise GroundMissing


def policies(session: Session, found: Sequence[Hit]) -> dict[int, Policy]:
    """The rules of use of the bookings, by document id."""
    wanted = {one.policy_id: one.policy_digest for one in found}
    parsed = documents.by_ids(session, [(key, "policy", digest) for key, digest in wanted.items()])
    return {key: cast("Policy", policy) for key, policy in zip(wanted, parsed, strict=True)}


def _end_bookings(session: Session, closure: Closure, found: Sequence[Hit], *, actor: Actor, now: datetime) -> int:
    if not found:
        return 0
    ids = [one.booking_id for one in found]
    kind, rules = ClosureKind(closure.kind), policies(session, found)
    session.execute(_LOCK, {"ids": sorted(ids)})
    ended = session.execute(
        _CANCEL,
        {
            "ids": ids,
            "percents": [one.refund(kind, rules[one.policy_id]).percent for one in found],
            "now": now,
            "reason": closure.reason,
            "closure": closure.id,
            "reference": closure.reference,
            "event": "revoked" if closure.kind == ClosureKind.REVOCATION else "called_off",
            "actor_kind": actor.kind,
            "actor_id": actor.account_id,
        },
    ).scalar_one()
    claims.end(session, ids, now=now)
    telling.tell_all(session, closure, found, rules, now=now)
    return int(ended)


def refunds(session: Session, kind: ClosureKind, found: Sequence[Hit]) -> dict[int, RefundQuote]:
    """What goes back for each booking, by its id, under its own rules of use."""
    rules = policies(session, found)
    return {one.booking_id: one.refund(kind, rules[one.policy_id]) for one in found}


def open_hits(session: Session, closure_id: int, *, limit: int) -> list[int]:
    """Bookings of a closure whose money is not on its way yet."""
    return list(
        session.scalars(
            select(ClosureHit.booking_id)
            .where(ClosureHit.closure_id == closure_id, ClosureHit.settled_at.is_(None))
            .order_by(ClosureHit.booking_id)
            .limit(limit)
        )
    )


def settle_hit(session: Session, *, closure_id: int, booking_id: int, now: datetime) -> None:
    """Send back what its rules give of what was paid for one booking, withdraw what was still to be paid. Twice is once."""
    reference = session.scalars(select(Booking.reference).where(Booking.id == booking_id)).one()
    booking = locked(session, reference)
    hit = session.get_one(ClosureHit, (closure_id, booking_id), with_for_update=True)
    if hit.settled_at is not None:
        return
    closure = session.get_one(Closure, closure_id)
    kind, rules = ClosureKind(closure.kind), policy_of(booking).cancellation
    # Money for what never became firm is not owed at all.
    firm = hit.state_before in {str(state) for state in FIRM}
    quote = rules.called_off_refund(returning.paid(session, booking), CALLED_OFF_BY[kind])
    whole = not firm or quote.percent == WHOLE
    words = " ".join(
        part for part in (CALLED_OFF_WORDS[kind], closure.ground, "" if whole else f"{quote.percent}%") if part
    )
    withdraw(session, booking, reason="called_off", now=now)
    made = returning.give_back(
        session,
        booking,
        amount=None if whole else quote.amount,
        kind=RefundKind.BY_ORDINANCE,
        ground=Ground(rules.ground, words),
        actor=SYSTEM,
        now=now,
    )
    hit.settled_at, hit.refund_ref = now, made[0] if made else None
    session.flush()
