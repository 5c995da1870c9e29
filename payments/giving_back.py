"""A refund that staff begin on a charge's page: what could go back and what the rules make of it, then the beginning itself.

The rules themselves (a second person, the way back, the books) are those of `payments.refunds`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import ledger, mails, refunds, settlement
from payments.contract import JOINT, Ground
from payments.errors import NoSuchCharge, RefundTooLarge
from payments.models import Charge, Payment, Refund, RefundKind
from payments.settlement import NOT_OWED, Why
from payments.years import RefundOut
from portal.kernel.audit import Actor
from portal.kernel.money import Yen


@dataclass(frozen=True)
class Prospect:
    """What could go back of a charge now.

    Attributes:
        left: what was paid and is not promised back.
        way: `ledger`'s code of the usual way back: by hand (cash, terminal), by transfer, else by a provider.
        year: the fiscal year that the money belongs to.
        booked_as: out of the revenue (戻出), or as expenditure (歳出), if it goes today.
    """

    charge_ref: str
    left: Yen
    way: str
    year: int
    booked_as: RefundOut

    @property
    def chooses(self) -> bool:
        """Whether there is a choice between the usual way and a transfer."""
        return self.way in ledger.BY_HAND


def prospect(session: Session, charge_ref: str, *, now: datetime) -> Prospect | None:
    """What could go back; None where nothing was paid, nothing is left, or several were paid in this one sum.

    Raises:
        NoSuchCharge: unknown reference.
    """
    charge = session.scalars(select(Charge).where(Charge.reference == charge_ref)).one_or_none()
    if charge is None:
        raise NoSuchCharge(charge_ref)
    whole = charge.joined_to_id
    payment = session.scalars(
        select(Payment).where(Payment.charge_id == (whole or charge.id), Payment.accepted.is_(True))
    ).one_or_none()
    if payment is None or charge.payable_kind == JOINT:
        return None
    left = charge.total - refunds.promised_back(session, payment, None if whole is None else charge)
    if left <= Yen(0):
        return None
    return Prospect(
        charge_ref=charge.reference,
        left=left,
        way=settlement.way_back(payment, now=now),
        year=settlement.year_of(session, payment.id),
        booked_as=settlement.booked_as(session, payment.id, now=now),
    )


def start(
    session: Session,
    charge_ref: str,
    *,
    amount: Yen,
    kind: RefundKind,
    ground: Ground | None,
    why: Why,
    seen: Yen,
    actor: Actor,
    now: datetime,
) -> Refund:
    """Begin a refund; the payer is told as soon as it is promised. The same decision sent twice is one refund.

    Args:
        session: the caller's transaction.
        charge_ref: the charge's reference.
        amount: more than 0, at most what is left.
        kind: not owed (過誤納), or by an ordinance.
        ground: the ordinance and article; None for money not owed (施行令165条の7).
        why: reason and evidence, both needed; by transfer instead of over the counter where it says so.
        seen: what was left when the person decided.
        actor: who decided.
        now: aware.

    Raises:
        NoSuchCharge, RefundByPart, ChargeSettled, AlreadyDisputed: as `refunds.refund`.
        RefundTooLarge: not within what is left, or something went back meanwhile; nothing was promised.
        ValueError: no reason, no evidence, or a refund by ordinance without its ground.
    """
    if not (why.reason.strip() and why.evidence.strip()):
        raise ValueError("a refund begun at a desk has a reason and evidence")
    if kind is RefundKind.BY_ORDINANCE and ground is None:
        raise ValueError("a refund by ordinance names it")
    found = prospect(session, charge_ref, now=now)
    if found is None:
        raise RefundTooLarge(charge_ref, Yen(0))
    made = refunds.refund(
        session,
        charge_ref=charge_ref,
        amount=amount,
        kind=kind,
        ground=ground or NOT_OWED,
        requested_by=actor,
        now=now,
        why=why if found.chooses else Why(why.reason, why.evidence),
        seen=seen,
    )
    if not made.needs_agreement:
        mails.refund_decided(session, session.get_one(Charge, made.charge_id), made)
    return made
