"""A payment that was taken at a counter by mistake (wrong charge, wrong sum) is countered on the same day, never deleted.

The counter entry goes into the drawer that took it, while that is open; 日計表 shows both. The books show a payment and its return. Where
the charge is still owed, the same demand is raised anew: the first one was paid and returned, and stays so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments import drawers, lines, mails, refunds, settlement
from payments.contract import JOINT, ChargeRequest, MoneyKind, Payer, payable
from payments.errors import DrawerClosed, NoSuchCharge, NotCorrectable, SamePersonAgrees
from payments.models import (
    BudgetItem,
    Charge,
    ChargePayer,
    ChargeYear,
    GroundRow,
    Payee,
    Payment,
    Refund,
    RefundKind,
)
from payments.paid import of_charge
from payments.services import raise_charge
from payments.settlement import NOT_OWED, Why
from payments.states import ChargeEvent
from portal.kernel import audit, clock
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

AGAIN_WITHIN = timedelta(days=14)
"""Time to pay a demand that is raised anew, where the first one's has ended or ends within a day; never beyond the day of the use."""
_AGAIN = re.compile(r"-again-\d+$")


@dataclass(frozen=True)
class Taken:
    """A payment at a counter that can be countered now."""

    charge_ref: str
    description: str
    amount: Yen
    provider: str
    slip_number: str
    drawer_ref: str
    place: str
    paid_at: datetime
    own: bool
    """It lies in the actor's drawer."""
    needs_another: bool
    """Above the limit: whoever took it cannot counter it."""


@dataclass(frozen=True)
class Corrected:
    """The counter entry, and the demand that was raised anew (None: nothing is owed)."""

    refund: Refund
    again: Charge | None


def taken(session: Session, charge_ref: str, *, actor: Actor, finance: bool, now: datetime) -> Taken:
    """What would be countered.

    Args:
        session: the transaction.
        charge_ref: the charge's reference.
        actor: who wants to; the clerk whose drawer took it.
        finance: whether they may counter what others took.
        now: aware.

    Raises:
        NoSuchCharge: unknown reference, or taken by another clerk.
        NotCorrectable: not taken at a counter today, given back in part, paid with others, or the drawer was counted.
    """
    row = session.execute(
        select(Charge, Payment).join(Payment, of_charge() & Payment.accepted).where(Charge.reference == charge_ref)
    ).one_or_none()
    if row is None:
        raise NoSuchCharge(charge_ref)
    charge, payment = row
    move, drawer = drawers.taken_with(session, payment.id)
    if move is None or drawer is None:
        raise NotCorrectable(charge_ref, "not_at_counter")
    if drawer.clerk_account_id != actor.account_id and not finance:
        raise NoSuchCharge(charge_ref)
    if charge.payable_kind == JOINT or payment.charge_id != charge.id:
        raise NotCorrectable(charge_ref, "several")
    if clock.local(payment.recorded_at).date() != clock.local(now).date():
        raise NotCorrectable(charge_ref, "another_day")
    if refunds.promised_back(session, payment):
        raise NotCorrectable(charge_ref, "given_back")
    if not drawer.is_open:
        raise NotCorrectable(charge_ref, "counted")
    return Taken(
        charge_ref=charge.reference,
        description=charge.description,
        amount=payment.amount,
        provider=payment.provider,
        slip_number=move.slip_number,
        drawer_ref=drawer.reference,
        place=drawer.place,
        paid_at=payment.paid_at,
        own=drawer.clerk_account_id == actor.account_id,
        needs_another=payment.amount > refunds.limit() and payment.clerk_account_id == actor.account_id,
    )


def why_not(session: Session, charge_ref: str, *, actor: Actor, finance: bool, now: datetime) -> str:
    """Why a payment cannot be countered ("unknown", or as `NotCorrectable` says); "": it can. As `taken`."""
    try:
        taken(session, charge_ref, actor=actor, finance=finance, now=now)
    except NoSuchCharge:
        return "unknown"
    except NotCorrectable as error:
        return error.reason
    return ""


def correct(
    session: Session, charge_ref: str, *, owed: bool, reason: str, actor: Actor, finance: bool, now: datetime
) -> Corrected:
    """Counter a payment that was taken by mistake. The second call is refused.

    Args:
        session: the caller's transaction.
        charge_ref: the charge that the payment was recorded for.
        owed: True: the charge is not paid and is asked for anew; False: nothing is owed, the money went back.
        reason: why; no names.
        actor: the clerk whose drawer took it, or finance.
        finance: whether the actor may counter what others took.
        now: aware.

    Raises:
        NoSuchCharge, NotCorrectable: as `taken`.
        SamePersonAgrees: above the limit, by the person who took it.
        ValueError: no reason.
    """
    if not reason.strip():
        raise ValueError("a correction has a reason")
    # Looked at before anything is locked, so that nobody is told where there is nothing to counter; and again under the charge's lock.
    seen = taken(session, charge_ref, actor=actor, finance=finance, now=now)
    if seen.needs_another:
        raise SamePersonAgrees(charge_ref)
    asked = session.execute(
        select(Charge.id, Charge.payable_kind, Charge.payable_ref).where(Charge.reference == charge_ref)
    ).one()
    # The payable before the charge, as everywhere (`settlement`); where the second look refuses, its note is rolled back.
    payable(asked.payable_kind).on_refunded(
        session, asked.payable_ref, charge_ref=charge_ref, amount=seen.amount, now=now
    )
    charge = settlement.lock_charge(session, asked.id)
    taken(session, charge_ref, actor=actor, finance=finance, now=now)
    payment = session.scalars(select(Payment).where(Payment.charge_id == charge.id, Payment.accepted.is_(True))).one()
    refund = settlement.request_refund(
        session,
        charge,
        payment,
        amount=payment.amount,
        kind=RefundKind.NOT_OWED,
        ground=NOT_OWED,
        requested_by=actor,
        now=now,
        why=Why(reason=reason.strip()),
    )
    settlement.refund_gone(session, refund, now=now, told=True)
    settlement.change_state(charge, ChargeEvent.REFUND_REST, now)
    session.flush()
    try:
        drawers.counter(session, payment, refund, reason=reason, clerk=actor, now=now)
    except DrawerClosed as error:
        raise NotCorrectable(charge_ref, "counted") from error
    again = _raise_anew(session, charge, now=now) if owed else None
    audit.record(
        session,
        actor=actor,
        action="payment.correct",
        subject_kind="charge",
        subject_ref=charge.reference,
        detail={"refund": refund.reference, "again": again.reference if again else "", "yen": payment.amount.amount},
    )
    mails.corrected(session, charge, refund, again=again)
    return Corrected(refund, again)


def _raise_anew(session: Session, charge: Charge, *, now: datetime) -> Charge:
    purpose = _AGAIN.sub("", charge.purpose)
    before = session.scalar(
        select(func.count())
        .select_from(Charge)
        .where(
            Charge.payable_kind == charge.payable_kind,
            Charge.payable_ref == charge.payable_ref,
            Charge.purpose.like(f"{purpose}-again-%"),
        )
    )
    payer = session.get(ChargePayer, charge.id)
    noted = session.get(ChargeYear, charge.id)
    item = session.get(BudgetItem, noted.budget_item_id) if noted and noted.budget_item_id is not None else None
    return raise_charge(
        session,
        ChargeRequest(
            payable_kind=charge.payable_kind,
            payable_ref=charge.payable_ref,
            payer=Payer(payer.person_id, payer.account_id, payer.name, payer.email, payer.locale)
            if payer
            else Payer(None, None, ""),
            payee=session.get_one(Payee, charge.payee_id).code,
            money_kind=MoneyKind(charge.money_kind),
            lines=lines.of_charge(session, charge.id),
            description=charge.description,
            description_en=charge.description_en,
            ground=lines.stands_on(session.get_one(GroundRow, charge.ground_id)),
            purpose=f"{purpose}-again-{(before or 0) + 1}",
            pay_until=_pay_until(charge, noted, now=now),
            budget_item=item.code if item else "",
            term_end=noted.term_end if noted else None,
            performed_on=noted.performed_on if noted else None,
            alone=charge.alone,
            receipt=charge.receipt,
        ),
        now=now,
    )


def _pay_until(charge: Charge, noted: ChargeYear | None, *, now: datetime) -> datetime | None:
    until, today = charge.pay_until, clock.local(now).date()
    if until is None or until > now + timedelta(days=1):
        return until
    last = today + AGAIN_WITHIN
    if noted is not None and noted.performed_on is not None and noted.performed_on >= today:
        last = min(last, noted.performed_on)
    return datetime.combine(last, time(23, 59, 59), clock.TOKYO)
