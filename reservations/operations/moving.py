"""Move a booking to another time or place in one step. The old one is never lost where the new one is gone.

Cheaper or the same: moved at once, the difference goes back. Dearer: the new time is kept beside the old one while the difference
is paid, and the move happens when the money is there; where it does not come, nothing has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session, joinedload

from payments import services as payments
from payments.contract import Ground, Verdict
from payments.services import RefundKind
from portal.kernel import jobs
from portal.kernel.audit import SYSTEM, Actor
from portal.kernel.money import Yen
from reservations import combining
from reservations.errors import NoMoreChanges, NotBookable, PriceChanged, SlotTaken, WrongState
from reservations.models import FIRM, Booking, BookingState, RuleDocument, Space, space_purpose
from reservations.operations import claims, move_money
from reservations.operations.models import BookingMove, MoveState
from reservations.operations.move_money import MoveQuote
from reservations.rules import Approval, Refused
from reservations.services import returning
from reservations.services.accepting import stored_quote
from reservations.services.common import KIND, locked, note, policy_of
from reservations.services.holding import Target, target_of
from reservations.services.paying import ISSUE_PERMIT, TELL
from reservations.services.quoting import quote_of
from reservations.services.taking import HoldRequest
from reservations.timetable import TOKYO


@dataclass(frozen=True)
class MoveTo:
    """Where to: a space (None: the same), a day and the slots."""

    day: date
    slots: tuple[str, ...]
    space: str | None = None
    also: tuple[tuple[date, str], ...] = ()


# What the booking has already stays its own: only the rest of the new time is taken beside it.
_TAKE = text(
    """
    WITH wanted AS (
        SELECT u.id, part FROM unnest(cast(:units AS integer[])) AS u(id)
        CROSS JOIN LATERAL unnest((
            SELECT range_agg(tstzrange(s, e))
            FROM unnest(cast(:starts AS timestamptz[]), cast(:ends AS timestamptz[])) AS span(s, e)
        ) - coalesce((
            SELECT range_agg(o.during) FROM occupancy o WHERE o.unit_id = u.id AND o.booking_id = :booking
              AND (upper_inf(o.live) OR upper(o.live) > :now)), '{}')) AS part
    ), made AS (
        INSERT INTO occupancy (unit_id, during, live, kind, booking_id)
        SELECT id, part, tstzrange(:now, :until), 'booking', :booking FROM wanted ORDER BY id, part
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT (SELECT count(*) FROM wanted) AS wanted, (SELECT count(*) FROM made) AS made
    """
)


def look(
    session: Session, booking: Booking, to: MoveTo, *, by_staff: bool = False, now: datetime
) -> tuple[Target, MoveQuote]:
    """What a move would lead to and cost. Nothing is taken; whether it is free is not asked.

    Raises:
        WrongState: it is not firm, or the use has begun.
        NoMoreChanges: moved as often as the rules allow, or too late for it (not for staff).
        NotOffered, NoSuchSlot, SlotsUnfit: there is no such time.
        NotBookable: a rule of use stands against the new time, or the space belongs to another facility.
    """
    if booking.state not in FIRM or booking.starts_at <= now or booking.session_id is not None:
        raise WrongState(booking.state)
    if not by_staff:
        _may_change(booking, now=now)
    target = target_of(session, _request(booking, to), now=now)
    if target.world.facility != booking.space.facility.code:
        raise NotBookable(Refused.OTHER_FACILITY)
    for slot in target.slots:
        refusal = target.policy.may_book(slot, booking.category, now=now)
        if refusal is not None and (not by_staff or refusal.reason is Refused.PAST):
            raise NotBookable(refusal.reason, refusal.at, refusal.limit)
    space = _space(session, target, booking)
    return target, MoveQuote(
        quote_of(_as_if(session, booking, target, space)),
        booking.total or Yen(0),
        returning.paid(session, booking),
        gives_back=by_staff or policy_of(booking).changes.refund_difference,
    )


def move(
    session: Session,
    booking: Booking,
    to: MoveTo,
    *,
    accepted: str | None,
    by_staff: bool = False,
    waive: bool = False,
    actor: Actor,
    now: datetime,
) -> BookingMove:
    """Move the booking, or keep the new time while the difference is paid.

    Args:
        session: the caller's transaction; it has to be rolled back after an error.
        booking: locked, with space and documents (`services.common.own`, `services.deciding.in_scope`).
        to: where to.
        accepted: `Quote.digest` that the person saw; None where staff moved it after agreeing with the person.
        by_staff: windows and the number of changes do not hold.
        waive: nothing more is asked where it becomes dearer (the city wanted the move).
        actor: who.
        now: the database's clock.

    Raises:
        As `look`, and
        PriceChanged: the price is not what the person saw.
        SlotTaken: the new time is gone; the booking stands as it was.
    """
    target, price = look(session, booking, to, by_staff=by_staff, now=now)
    if accepted is not None and accepted != price.quote.digest:
        raise PriceChanged
    _drop_pending(session, booking, now=now)
    total = booking.total or Yen(0)
    as_it_was = (waive and price.to_pay > Yen(0)) or price.stays > Yen(0)
    made = BookingMove(
        booking_id=booking.id,
        number=_next(session, booking),
        state=MoveState.PENDING.value,
        space_id=target.world.id,
        slots=combining.stored(target.slots),
        documents={
            "timetable": target.world.timetable_id,
            "fees": target.world.fees_id,
            "policy": target.world.policy_id,
        },
        quote=stored_quote(price.quote),
        total=total if as_it_was else price.quote.total,
        charge_ref=None,
        held_until=now + timedelta(minutes=policy_of(booking).hold.pay_minutes),
        made_at=now,
        done_at=None,
    )
    session.add(made)
    session.flush()
    unpaid = move_money.open_charge(session, booking)
    if price.to_pay > Yen(0) and not waive and unpaid is None:
        _take(session, booking, made, target.world.units, until=made.held_until, now=now)
        move_money.ask_for(session, booking, made, price, now=now)
        note(session, booking, "move_held", actor=actor, now=now, detail={"to": made.slots[0]["day"]})
        return made
    _finish(session, booking, made, list(target.world.units), actor=actor, by_staff=by_staff, now=now)
    if unpaid is not None:
        move_money.ask_anew(session, booking, made, price.quote, now=now)
    elif price.back > Yen(0):
        returning.give_back(
            session,
            booking,
            amount=price.back,
            kind=RefundKind.BY_ORDINANCE,
            ground=Ground(policy_of(booking).cancellation.ground, "変更による差額"),
            actor=actor,
            now=now,
        )
    return made


def paid(session: Session, booking: Booking, charge_ref: str, now: datetime) -> Verdict | None:
    """Money for a move is there; None where the charge is not a move's.

    REFUSED where the new time is somebody else's by now, or the booking itself is over: the booking stays, the money goes back.
    """
    made = session.scalars(
        select(BookingMove).where(BookingMove.booking_id == booking.id, BookingMove.charge_ref == charge_ref)
    ).one_or_none()
    if made is None:
        return None
    if made.state == MoveState.DONE:
        return Verdict.ACCEPTED
    if booking.state not in FIRM or datetime.fromisoformat(made.slots[0]["start"]) <= now:
        return Verdict.REFUSED
    units = session.scalars(
        text("SELECT unit_id FROM space_unit WHERE space_id = :space ORDER BY unit_id"), {"space": made.space_id}
    )
    try:
        with session.begin_nested():
            _finish(session, booking, made, list(units), actor=SYSTEM, by_staff=False, now=now)
    except (SlotTaken, NotBookable):
        session.refresh(booking)
        made.state = MoveState.LAPSED.value
        jobs.defer(session, TELL, booking_id=booking.id, event="move_too_late")
        return Verdict.REFUSED
    return Verdict.ACCEPTED


def lapse(session: Session, reference: str, *, now: datetime) -> bool:
    """Tidy a move whose time for paying is over; whether there was one."""
    booking = locked(session, reference)
    pending = _pending(session, booking)
    if pending is None or pending.held_until > now:
        return False
    _drop_pending(session, booking, now=now)
    return True


def overdue(session: Session, *, now: datetime, limit: int) -> list[str]:
    """References of bookings with a move that was not paid in time."""
    statement = (
        select(Booking.reference)
        .join(BookingMove, BookingMove.booking_id == Booking.id)
        .where(BookingMove.state == MoveState.PENDING, BookingMove.held_until <= now)
        .limit(limit)
    )
    return list(session.scalars(statement))


def pending_of(session: Session, booking: Booking, *, now: datetime) -> BookingMove | None:
    """The move that waits for its money, if any."""
    pending = _pending(session, booking)
    return pending if pending is not None and pending.held_until > now else None


def may_change(booking: Booking, *, now: datetime) -> bool:
    """Whether the rules let the person move the booking once more."""
    try:
        _may_change(booking, now=now)
    except NoMoreChanges:
        return False
    return True


def _may_change(booking: Booking, *, now: datetime) -> None:
    rules = policy_of(booking).changes
    last = booking.starts_at.astimezone(TOKYO).date() - timedelta(days=rules.days_before)
    if booking.changes >= rules.times:
        raise NoMoreChanges(rules.times)
    if now.astimezone(TOKYO).date() > last:
        raise NoMoreChanges(rules.times, last)


def _request(booking: Booking, to: MoveTo) -> HoldRequest:
    return HoldRequest(
        person_id=booking.person_id,
        account_id=booking.account_id,
        space=to.space or booking.space.code,
        day=to.day,
        slot=to.slots[0] if to.slots else "",
        also=tuple((to.day, code) for code in to.slots[1:]) + to.also,
        locale=booking.locale,
    )


def _space(session: Session, target: Target, booking: Booking) -> Space:
    """The target's space, if the use and its people fit there."""
    space = session.scalars(select(Space).where(Space.id == target.world.id)).one()
    if space.capacity is not None and booking.people > space.capacity:
        raise NotBookable(Refused.TOO_MANY_PEOPLE, limit=space.capacity)
    offered = select(space_purpose.c.purpose_id).where(space_purpose.c.space_id == space.id)
    if booking.purpose_id is not None and booking.purpose_id not in set(session.scalars(offered)):
        raise NotBookable(Refused.NOT_FOR_PURPOSE)
    return space


def _as_if(session: Session, booking: Booking, target: Target, space: Space) -> Booking:
    """The booking as it would be at the new time; never stored."""
    fees = session.get_one(RuleDocument, target.world.fees_id)
    other = Booking(
        category=booking.category,
        people=booking.people,
        options=booking.options,
        facts=booking.facts,
        slots=combining.stored(target.slots),
        starts_at=target.slots[0].start,
        ends_at=target.slots[-1].end,
        created_at=booking.created_at,
    )
    other.space, other.purpose, other.fees, other.policy = space, booking.purpose, fees, booking.policy
    return other


def _next(session: Session, booking: Booking) -> int:
    numbers = session.scalars(select(BookingMove.number).where(BookingMove.booking_id == booking.id))
    return max(numbers, default=0) + 1


def _pending(session: Session, booking: Booking) -> BookingMove | None:
    return session.scalars(
        select(BookingMove).where(BookingMove.booking_id == booking.id, BookingMove.state == MoveState.PENDING)
    ).one_or_none()


def _drop_pending(session: Session, booking: Booking, *, now: datetime) -> None:
    """An earlier wish that was not paid gives way: what was kept for it is let go, its charge withdrawn."""
    pending = _pending(session, booking)
    if pending is None:
        return
    pending.state = MoveState.LAPSED.value
    session.flush()
    session.execute(
        text(
            "UPDATE occupancy SET live = tstzrange(lower(live), greatest(lower(live), :now))"
            " WHERE booking_id = :booking AND NOT upper_inf(live) AND upper(live) > :now"
        ),
        {"booking": booking.id, "now": now},
    )
    payments.void_charge(
        session,
        payable_kind=KIND,
        payable_ref=booking.reference,
        purpose=move_money.purpose_of(pending),
        reason="move_dropped",
        now=now,
    )


def _take(
    session: Session,
    booking: Booking,
    made: BookingMove,
    units: Sequence[int],
    *,
    until: datetime | None,
    now: datetime,
) -> None:
    slots = combining.restored(made.slots)
    spans = combining.spans(_with_around(session, made, slots))
    took = session.execute(
        _TAKE,
        {
            "units": list(units),
            "starts": [span.start for span in spans],
            "ends": [span.end for span in spans],
            "booking": booking.id,
            "until": until,
            "now": now,
        },
    ).one()
    if took.made != took.wanted:
        raise SlotTaken(made.space_id, slots[0].start, slots[-1].end)


def _with_around(session: Session, made: BookingMove, slots: Sequence[Any]) -> list[Any]:
    """The slots with preparing and clearing as their timetable says."""
    content = session.get_one(RuleDocument, made.documents["timetable"]).content
    around = content.get("around") or {}
    return [replace(slot, before=around.get("before", 0), after=around.get("after", 0)) for slot in slots]


def _finish(
    session: Session,
    booking: Booking,
    made: BookingMove,
    units: Sequence[int],
    *,
    actor: Actor,
    by_staff: bool,
    now: datetime,
) -> None:
    """Let go of the old time and take the new one for good, in one transaction."""
    claims.end(session, [booking.id], now=now)
    _take(session, booking, made, units, until=None, now=now)
    if booking.purpose is not None:
        claims.sound(
            session,
            booking.id,
            space_id=made.space_id,
            noise=booking.purpose.noise,
            party=claims.party_of(booking.person_id, booking.group_id),
            spans=combining.spans(combining.restored(made.slots)),
            until=None,
            now=now,
        )
    old = {"space": booking.space_id, "slots": booking.slots, "total": (booking.total or Yen(0)).amount}
    slots = combining.restored(made.slots)
    booking.space_id, booking.slots = made.space_id, made.slots
    booking.starts_at, booking.ends_at = slots[0].start, slots[-1].end
    booking.timetable_id, booking.fees_id = made.documents["timetable"], made.documents["fees"]
    booking.policy_id, booking.quote, booking.total = made.documents["policy"], made.quote, made.total
    booking.permit_file_id = None
    if not by_staff:
        booking.changes += 1
    made.state, made.done_at = MoveState.DONE.value, now
    session.flush()
    _reload(session, booking)
    note(session, booking, "moved", actor=actor, now=now, detail={"from": old, "number": made.number})
    if policy_of(booking).approval is Approval.MANAGER and not by_staff:
        booking.state = BookingState.REQUESTED.value
        jobs.defer(session, TELL, booking_id=booking.id, event="requested")
    elif booking.state == BookingState.CONFIRMED:
        jobs.defer(session, ISSUE_PERMIT, booking_id=booking.id)


def _reload(session: Session, booking: Booking) -> None:
    session.scalars(
        select(Booking)
        .where(Booking.id == booking.id)
        .options(
            joinedload(Booking.space).joinedload(Space.facility),
            joinedload(Booking.policy),
            joinedload(Booking.fees),
            joinedload(Booking.purpose),
        )
        .execution_options(populate_existing=True)
    ).unique().one()
