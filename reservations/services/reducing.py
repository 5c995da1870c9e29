"""Reductions (減免) that are asked for: staff grant, refuse or revoke them, and the money follows (CASES M8)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.kernel import jobs
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from portal.kernel.money import Yen
from reservations.errors import ReasonMissing, WrongState
from reservations.models import Booking, BookingState, Facility, Space
from reservations.money_models import ReductionRequest, ReductionState
from reservations.policy.payment import last_moment
from reservations.services import adjusting
from reservations.services.adjusting import Why
from reservations.services.common import fees_of, note, policy_of
from reservations.services.deciding import in_scope
from reservations.services.holding import set_live
from reservations.services.paying import TELL, settle
from reservations.services.quoting import quote_of


def ask(session: Session, booking: Booking, *, now: datetime) -> bool:
    """Note the reductions that the payer asks for with the accepted price; whether there are any."""
    asked = booking.facts.get("asked", {})
    for name, reason in asked.items():
        session.add(
            ReductionRequest(
                booking_id=booking.id, reduction=name, reason=reason, state=ReductionState.ASKED.value, asked_at=now
            )
        )
    session.flush()
    return bool(asked)


def requests_of(session: Session, booking_id: int) -> list[ReductionRequest]:
    """The reductions that were asked for, in order."""
    statement = select(ReductionRequest).where(ReductionRequest.booking_id == booking_id)
    return list(session.scalars(statement.order_by(ReductionRequest.id)))


def decide(
    session: Session,
    reference: str,
    *,
    reduction: str,
    grant: bool,
    reason: str,
    facilities: Collection[str],
    actor: Actor,
    now: datetime,
) -> None:
    """Grant or refuse a reduction. A second click with the same answer finds it done.

    Granted and nothing paid: less is to be paid, or nothing, and then no provider is called. Granted and paid: the rest goes back as
    money that was not owed (過誤納). Refused: the whole fee is due, within a new term; the message has reason and 教示.

    Raises:
        NotFound: not of these facilities, or nobody asked.
        ReasonMissing: a refusal without its reason.
        WrongState: it was decided the other way.
    """
    booking = in_scope(session, reference, facilities)
    request = _request(session, booking, reduction)
    wanted = ReductionState.GRANTED if grant else ReductionState.REFUSED
    if request.state == wanted.value:
        return
    if request.state != ReductionState.ASKED.value:
        raise WrongState(request.state)
    if not grant and not reason.strip():
        raise ReasonMissing
    _note(session, booking, request, wanted, reason=reason, actor=actor, now=now)
    if grant:
        granted = f"減免の承認: {_label(booking, reduction)}"
        why = Why("reduction", granted, "減免を認めたための精算", "Settlement after a reduction was granted")
        _follow(session, booking, why, actor=actor, now=now)
    _term(session, booking, actor=actor, now=now)
    jobs.defer(session, TELL, booking_id=booking.id, event="reduced" if grant else "reduction_refused")


def revoke(
    session: Session,
    reference: str,
    *,
    reduction: str,
    reason: str,
    facilities: Collection[str],
    actor: Actor,
    now: datetime,
) -> None:
    """Take a granted reduction back: a further charge.

    Raises:
        NotFound: not of these facilities, or nobody asked.
        ReasonMissing: no reason.
        WrongState: it is not granted.
    """
    booking = in_scope(session, reference, facilities)
    request = _request(session, booking, reduction)
    if not reason.strip():
        raise ReasonMissing
    if request.state == ReductionState.REVOKED.value:
        return
    if request.state != ReductionState.GRANTED.value:
        raise WrongState(request.state)
    _note(session, booking, request, ReductionState.REVOKED, reason=reason, actor=actor, now=now)
    revoked = f"減免の取消し: {_label(booking, reduction)}"
    why = Why("revoked", revoked, "減免を取り消したための追加の料金", "Further fee after a reduction was revoked")
    _follow(session, booking, why, actor=actor, now=now)
    jobs.defer(session, TELL, booking_id=booking.id, event="reduction_revoked")


def _request(session: Session, booking: Booking, reduction: str) -> ReductionRequest:
    found = session.scalars(
        select(ReductionRequest)
        .where(ReductionRequest.booking_id == booking.id, ReductionRequest.reduction == reduction)
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _note(
    session: Session,
    booking: Booking,
    request: ReductionRequest,
    state: ReductionState,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    request.state, request.decided_at, request.decided_by = state.value, now, actor.account_id
    request.decision_reason = reason.strip() or None
    granted = set(booking.facts.get("granted", []))
    granted = granted | {request.reduction} if state is ReductionState.GRANTED else granted - {request.reduction}
    booking.facts = {**booking.facts, "granted": sorted(granted)}
    note(session, booking, f"reduction_{state.value}", actor=actor, now=now, detail={"reduction": request.reduction})


def _follow(session: Session, booking: Booking, why: Why, *, actor: Actor, now: datetime) -> None:
    if booking.state in {BookingState.HELD, BookingState.REQUESTED, BookingState.CONFIRMED}:
        adjusting.adjust(
            session, booking, quote_of(booking), why, pay_until=due(booking, now=now), actor=actor, now=now
        )


def due(booking: Booking, *, now: datetime) -> datetime | None:
    """Until when what is open now has to be paid: before the use where that is still to come."""
    last = last_moment(now, policy_of(booking).days_to_pay.decision)
    return min(last, booking.starts_at) if booking.starts_at > now else last


def _term(session: Session, booking: Booking, *, actor: Actor, now: datetime) -> None:
    """With the last decision the term of payment begins; a booking that costs nothing any more is firm at once."""
    open_still = any(one.state == ReductionState.ASKED.value for one in requests_of(session, booking.id))
    if booking.state != BookingState.HELD or open_still:
        return
    if adjusting.total_now(session, booking) == Yen(0):
        settle(session, booking, actor=actor, now=now)
        return
    until = due(booking, now=now) or booking.starts_at
    set_live(session, booking, until=until, now=now)
    booking.held_until = until


def _label(booking: Booking, reduction: str) -> str:
    return next((one.label for one in fees_of(booking).reductions if one.id == reduction), reduction)


def undecided(session: Session, facilities: Collection[str]) -> list[tuple[ReductionRequest, Booking]]:
    """Reductions of these facilities that wait for a decision, oldest first."""
    rows = session.execute(
        select(ReductionRequest, Booking)
        .join(Booking, Booking.id == ReductionRequest.booking_id)
        .join(Space, Space.id == Booking.space_id)
        .join(Facility, Facility.id == Space.facility_id)
        .where(ReductionRequest.state == ReductionState.ASKED.value, Facility.code.in_(facilities))
        .order_by(ReductionRequest.asked_at)
    )
    return [(row.ReductionRequest, row.Booking) for row in rows]
