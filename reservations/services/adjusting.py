"""A booking costs something else than was accepted: a further charge or a refund is added, nothing is rewritten.

Reductions that staff decide, a wrong fee table, overtime, a move: each is one `BookingAdjustment` (DESIGN invariant 3; CASES M7, M8).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments import queries as payment_queries
from payments import services as payments
from payments.contract import CITY, ChargeLine, ChargeRequest, Ground, MoneyKind, Payer, TaxClass
from payments.services import RefundKind
from portal.accounts.models import Account, Person
from portal.kernel import dates
from portal.kernel.audit import SYSTEM, Actor
from portal.kernel.money import Yen
from reservations.models import Booking
from reservations.money_models import BookingAdjustment, FacilityOperator
from reservations.pricing import Quote
from reservations.services import returning
from reservations.services.common import KIND, note
from reservations.timetable import TOKYO


@dataclass(frozen=True)
class Why:
    """Why a price changes.

    Attributes:
        kind: "reduction", "revoked", "correction", "overtime", "overtime_back", "category", "moved".
        ground: ordinance and article, or the decision.
        words: the line of a further charge, in Japanese.
        words_en: the same in English.
        refund: what kind of money goes back: not owed (過誤納), or by the ordinance.
        reason: in the words of who decides; the person reads it.
        run: names a correction of many bookings; each has its part of a run once.
    """

    kind: str
    ground: str
    words: str
    words_en: str
    refund: RefundKind = RefundKind.NOT_OWED
    run: str | None = None
    reason: str = ""


def stored(quote: Quote) -> dict[str, Any]:
    """A quote as a booking keeps it."""
    return {
        "table": quote.table,
        "valid_from": quote.valid_from.isoformat(),
        "ground": quote.ground,
        "digest": quote.digest,
        "lines": [
            {
                "label": line.label,
                "label_en": line.label_en,
                "amount": line.amount.amount,
                "rule": line.rule,
                "sample": line.sample,
            }
            for line in quote.lines
        ],
    }


def adjustments(session: Session, booking_id: int) -> list[BookingAdjustment]:
    """What changed the price of a booking, oldest first."""
    statement = select(BookingAdjustment).where(BookingAdjustment.booking_id == booking_id)
    return list(session.scalars(statement.order_by(BookingAdjustment.id)))


def total_now(session: Session, booking: Booking) -> Yen:
    """What the booking costs now: what was accepted, or the last adjustment's sum."""
    statement = select(BookingAdjustment).where(BookingAdjustment.booking_id == booking.id)
    last = session.scalars(statement.order_by(BookingAdjustment.id.desc()).limit(1)).first()
    return last.new_total if last is not None and still_holds(last, booking) else booking.total or Yen(0)


def still_holds(adjustment: BookingAdjustment, booking: Booking) -> bool:
    """Whether the price that was adjusted is the one that is accepted now: a move brings a price of its own."""
    return bool(adjustment.quote.get("accepted") == (booking.quote or {}).get("digest"))


def adjust(
    session: Session,
    booking: Booking,
    quote: Quote,
    why: Why,
    *,
    pay_until: datetime | None,
    actor: Actor,
    now: datetime,
) -> BookingAdjustment | None:
    """Make the money of a booking follow a new price: open charges are withdrawn, then the rest is charged or goes back.

    Args:
        session: the caller's transaction.
        booking: locked, its price accepted.
        quote: the new price.
        why: the reason; a further charge and a refund name its ground.
        pay_until: until when a further charge is to be paid; None: no end.
        actor: who decided.
        now: aware.

    Returns:
        What was noted; None where the booking had its part of `why.run` already.
    """
    if why.run is not None:
        again = select(BookingAdjustment.id).where(
            BookingAdjustment.booking_id == booking.id, BookingAdjustment.run == why.run
        )
        if session.scalar(again) is not None:
            return None
    old = total_now(session, booking)
    made = BookingAdjustment(
        booking_id=booking.id,
        kind=why.kind,
        run=why.run,
        at=now,
        actor_kind=actor.kind,
        actor_account_id=actor.account_id,
        old_total=old,
        new_total=quote.total,
        quote=stored(quote) | {"accepted": (booking.quote or {}).get("digest")},
        ground=why.ground,
        reason=why.reason or None,
        fiscal_year=dates.fiscal_year(booking.starts_at.astimezone(TOKYO).date()),
        charge_ref=None,
        refund_refs=[],
    )
    session.add(made)
    session.flush()
    before = payment_queries.charge_of(session, KIND, booking.reference)
    for _reference, purpose in payment_queries.open_charges(session, KIND, booking.reference):
        payments.void_charge(
            session, payable_kind=KIND, payable_ref=booking.reference, purpose=purpose, reason=why.kind, now=now
        )
    settled = returning.paid(session, booking)
    if quote.total > settled:
        lines = (
            charge_lines(quote)
            if settled == Yen(0)
            else [
                ChargeLine(
                    why.words,
                    quote.total - settled,
                    TaxClass.STANDARD,
                    Ground(why.ground),
                    any(line.sample for line in quote.lines),
                    f"{quote.table}@{quote.valid_from}#{why.kind}",
                    why.words_en,
                )
            ]
        )
        count = session.scalar(
            select(func.count()).where(BookingAdjustment.booking_id == booking.id).select_from(BookingAdjustment)
        )
        asked = demand(session, booking, lines, Ground(why.ground), pay_until, purpose=f"{why.kind}-{count}", now=now)
        if before is not None and before.waits and before.from_account:
            # What the account pays at the month's end it goes on paying then.
            asked = replace(asked, pay_until=before.pay_until, term_end=before.due_on, from_account=True)
        made.charge_ref = payments.raise_charge(session, asked, now=now).reference
    elif settled > quote.total:
        made.refund_refs = returning.give_back(
            session,
            booking,
            amount=settled - quote.total,
            kind=why.refund,
            ground=Ground(why.ground),
            actor=actor,
            now=now,
        )
    note(
        session,
        booking,
        "adjusted",
        actor=actor,
        now=now,
        detail={"kind": why.kind, "old": old.amount, "new": quote.total.amount},
    )
    return made


def square(session: Session, booking: Booking, *, now: datetime) -> None:
    """Give back what was paid beyond what a firm booking costs (CASES M3), and withdraw what is then no longer open."""
    surplus = returning.paid(session, booking)
    total = total_now(session, booking)
    if surplus < total or booking.total is None:
        return
    for _reference, purpose in payment_queries.open_charges(session, KIND, booking.reference):
        payments.void_charge(
            session, payable_kind=KIND, payable_ref=booking.reference, purpose=purpose, reason="paid", now=now
        )
    if surplus > total:
        returning.give_back(
            session,
            booking,
            amount=surplus - total,
            kind=RefundKind.NOT_OWED,
            ground=Ground("払い過ぎの返還"),
            actor=SYSTEM,
            now=now,
        )


def charge_lines(quote: Quote) -> list[ChargeLine]:
    """The lines of a quote as they are charged."""
    ground = Ground(quote.ground)
    return [
        ChargeLine(line.label, line.amount, TaxClass.STANDARD, ground, line.sample, line.rule, line.label_en)
        for line in quote.lines
    ]


def demand(
    session: Session,
    booking: Booking,
    lines: list[ChargeLine],
    ground: Ground,
    pay_until: datetime | None,
    *,
    purpose: str = "fee",
    now: datetime,
) -> ChargeRequest:
    """The demand for a booking's money: to whoever runs the facility now (指定管理者 or the city)."""
    person = session.get_one(Person, booking.person_id)
    email = session.scalar(select(Account.email).where(Account.id == booking.account_id))
    starts = booking.starts_at.astimezone(TOKYO)
    return ChargeRequest(
        payable_kind=KIND,
        payable_ref=booking.reference,
        payer=Payer(booking.person_id, booking.account_id, person.name, email or person.email, booking.locale),
        payee=payee_of(session, booking.space.facility_id, now=now),
        money_kind=MoneyKind.FACILITY_FEE,
        lines=lines,
        description=f"施設使用料 {starts:%m/%d %H:%M}",
        description_en=f"Facility fee, {starts.day} {starts:%b %H:%M}",
        ground=ground,
        purpose=purpose,
        pay_until=pay_until,
        performed_on=starts.date(),
    )


def payee_of(session: Session, facility_id: int, *, now: datetime) -> str:
    """Whose money the fees of a facility are on a day: its 指定管理者 of that day, else the city's (CASES M1)."""
    day = now.astimezone(TOKYO).date()
    found = session.scalar(
        select(FacilityOperator.payee)
        .where(
            FacilityOperator.facility_id == facility_id,
            FacilityOperator.valid_from.is_(None) | (FacilityOperator.valid_from <= day),
            FacilityOperator.valid_until.is_(None) | (FacilityOperator.valid_until >= day),
        )
        .order_by(FacilityOperator.valid_from.desc().nulls_last())
        .limit(1)
    )
    return found or CITY
