"""The resident cancels: what goes back is computed by the rules under which the booking was made, and shown before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session, object_session

from payments import queries as payment_queries
from payments import services as payments
from payments.contract import ChargeLine, Ground, TaxClass
from payments.services import RefundKind
from portal.kernel import jobs
from portal.kernel.audit import Actor
from portal.kernel.money import Yen
from reservations.errors import RefundChanged, WrongState
from reservations.models import FIRM, Booking, BookingState
from reservations.policy.payment import last_moment
from reservations.policy.refunds import NOTHING
from reservations.rules import RefundQuote
from reservations.services import adjusting, returning
from reservations.services.common import KIND, end_occupancy, fees_of, note, own, policy_of
from reservations.services.paying import TELL
from reservations.timetable import TOKYO

WITHDRAWN = "withdrawn"

FEE = "cancellation"
"""What the charge for cancelling without having paid is for."""


def refund_quote(booking: Booking, *, now: datetime) -> RefundQuote:
    """What cancelling now would give back, of what was paid. The booking's policy and fee table are loaded.

    A request that nobody has decided yet is withdrawn, not cancelled: nothing was permitted, so nothing is owed.
    """
    session = object_session(booking)
    paid = returning.paid(session, booking) if session is not None else booking.total or Yen(0)
    if booking.state == BookingState.REQUESTED and now < booking.starts_at:
        return RefundQuote(paid, 100, WITHDRAWN, None)
    policy = policy_of(booking)
    owing = policy.cancellation.unpaid_owes and session is not None and paid == Yen(0) and booking.state in FIRM
    total = adjusting.total_now(session, booking) if owing and session is not None else paid
    quote = policy.refund(
        total,
        day=booking.starts_at.astimezone(TOKYO).date(),
        starts=booking.starts_at,
        confirmed_at=booking.firm_at,
        now=now,
        options=_options(booking),
    )
    return replace(quote, amount=Yen(0), owed=total - quote.amount) if owing else quote


def _options(booking: Booking) -> Yen:
    """Which part of the accepted price is for options."""
    names = {option.id for option in fees_of(booking).options}
    lines = (booking.quote or {}).get("lines", ())
    return Yen(sum(line["amount"] for line in lines if line["rule"].partition("#")[2] in names))


def cancel(
    session: Session,
    reference: str,
    *,
    person_id: int,
    expected: Yen,
    owed: Yen = NOTHING,
    actor: Actor,
    now: datetime,
) -> RefundQuote:
    """Cancel a firm booking and return what the rules give back, or ask for what they keep. A second click finds it cancelled.

    Args:
        session: the caller's transaction.
        reference: the booking.
        person_id: whose it has to be.
        expected: the refund that the person was shown.
        owed: the fee for cancelling that the person was shown.
        actor: who.
        now: the database's clock.

    Raises:
        NotFound: not this person's booking.
        WrongState: it is not firm, or the use has begun.
        RefundChanged: another sum would go back, or be owed, by now; nothing was cancelled.
    """
    booking = own(session, reference, person_id)
    return end_by_wish(session, booking, expected=expected, owed=owed, actor=actor, now=now)


def end_by_wish(
    session: Session,
    booking: Booking,
    *,
    expected: Yen,
    owed: Yen,
    told: str = "",
    actor: Actor,
    now: datetime,
) -> RefundQuote:
    """Cancel a booking that is locked already, as its person wishes; see `cancel`.

    Args:
        session: the caller's transaction.
        booking: locked, with its documents.
        expected: the refund that was shown.
        owed: the fee for cancelling that was shown.
        told: where the person said so to staff ("counter", "telephone"); "": they did it themselves.
        actor: who.
        now: the database's clock.
    """
    quote = refund_quote(booking, now=now)
    if booking.state == BookingState.CANCELLED:
        return quote
    if booking.state not in FIRM or booking.starts_at <= now:
        raise WrongState(booking.state)
    if (quote.amount, quote.owed) != (expected, owed):
        raise RefundChanged
    end_occupancy(session, booking, now=now)
    booking.state, booking.ended_at = BookingState.CANCELLED.value, now
    if _late(booking, quote, now=now):
        booking.facts = {**booking.facts, "late": True}
    note(
        session,
        booking,
        "cancelled",
        actor=actor,
        now=now,
        detail={
            "refund": quote.amount.amount,
            "percent": quote.percent,
            "rule": quote.rule,
            **({"owed": quote.owed.amount} if quote.owed > Yen(0) else {}),
            **({"told": told} if told else {}),
        },
    )
    withdraw(session, booking, reason="cancelled", now=now)
    if quote.owed > Yen(0):
        _ask(session, booking, quote, now=now)
    if quote.amount > Yen(0):
        withdrawn = quote.rule == WITHDRAWN
        returning.give_back(
            session,
            booking,
            amount=quote.amount,
            kind=RefundKind.NOT_OWED if withdrawn else RefundKind.BY_ORDINANCE,
            ground=Ground("申込みの取下げ")
            if withdrawn
            else Ground(policy_of(booking).cancellation.ground, quote.words),
            actor=actor,
            now=now,
        )
    jobs.defer(session, TELL, booking_id=booking.id, event="cancelled")
    return quote


def _ask(session: Session, booking: Booking, quote: RefundQuote, *, now: datetime) -> None:
    """Ask for the share that the rules keep, of somebody who has not paid: a charge of its own."""
    policy = policy_of(booking)
    ground = Ground(policy.cancellation.ground, quote.words)
    line = ChargeLine(
        "取消しの料金", quote.owed, TaxClass.STANDARD, ground, policy.sample, quote.rule, "Fee for cancelling"
    )
    until = last_moment(now, policy.days_to_pay.cancelling)
    request = adjusting.demand(session, booking, [line], ground, until, purpose=FEE, now=now)
    payments.raise_charge(session, request, now=now)


def withdraw(session: Session, booking: Booking, *, reason: str, now: datetime) -> None:
    """Withdraw every demand of the booking that is not paid."""
    for _reference, purpose in payment_queries.open_charges(session, KIND, booking.reference):
        payments.void_charge(
            session, payable_kind=KIND, payable_ref=booking.reference, purpose=purpose, reason=reason, now=now
        )


def _late(booking: Booking, quote: RefundQuote, *, now: datetime) -> bool:
    """Whether the cancellation is one that the rules count (直前の取消し): never an undo, never a request."""
    penalty = policy_of(booking).penalty
    if penalty is None or not penalty.late_cancel or quote.rule in {WITHDRAWN, "undo"}:
        return False
    ahead = (booking.starts_at.astimezone(TOKYO).date() - now.astimezone(TOKYO).date()).days
    return ahead < penalty.late_days
