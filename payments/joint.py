"""Several charges of one payer and one payee that are paid in one sum: one page, one payment, one receipt with all their lines.

The sum is a charge like any other, and asks for the money alone: as long as its parts are in it, the books hold the demand
once, with the sum. What was paid belongs to each part again where it goes back (`Refund.part_id`), so a single booking of a
series is cancelled like any other. As soon as one part leaves before the payment (its hold ended, it was withdrawn or paid
by itself), the sum is withdrawn and each of the others asks for its own money again.

Order of locks: what the payables lock, then the sum, then its parts by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import ledger, settlement
from payments.contract import JOINT, Ground, Verdict, Waits, payable, register
from payments.errors import RefundTooLarge
from payments.models import Charge, ChargePart, RefundKind, TransactionKind
from payments.refunds import refund
from payments.states import PAYABLE_STATES, ChargeEvent, ChargeState
from portal.kernel import audit, jobs
from portal.kernel.database import transact
from portal.kernel.money import Yen

RETURN_PARTS = "payments.return_parts"
GONE = Ground("地方自治法施行令", "第165条の7")
"""誤納金の戻出: one of several things that were paid in one sum cannot be given any more."""


class _Back(Exception):
    """Nothing of the sum can be given any more."""


def put_in(session: Session, whole: Charge, part: Charge, *, now: datetime) -> None:
    """Let the sum ask for a part's money; both are locked. The part's own page is ended."""
    if part.state == ChargeState.OPEN.value:
        sides = ledger.countered(ledger.demand(session, part))
        ledger.post(session, TransactionKind.VOIDED, part, sides, at=now)
    part.joined_to_id = whole.id
    settlement.change_state(part, ChargeEvent.JOIN, now)
    settlement.end_attempts(session, part.id)


def leave(session: Session, charge_id: int, now: datetime) -> None:
    """Take a sum apart because one of its parts goes its own way. Nothing happens where it was paid already."""
    whole = session.scalar(select(Charge.joined_to_id).where(Charge.id == charge_id))
    if whole is not None:
        separate(session, settlement.lock_charge(session, whole), actor=audit.SYSTEM, now=now)


def separate(session: Session, whole: Charge, *, actor: audit.Actor, now: datetime) -> bool:
    """Withdraw a locked sum that is not paid; each part asks for its own money again. False where there is nothing to do."""
    if whole.payable_kind != JOINT or whole.state != ChargeState.OPEN.value:
        return False
    settlement.void(session, whole, now=now)
    for part in _locked_parts(session, whole):
        settlement.change_state(part, ChargeEvent.SEPARATE, now)
        part.joined_to_id = None
        ledger.post(session, TransactionKind.REVIVED, part, ledger.demand(session, part), at=now)
    session.flush()
    audit.record(session, actor=actor, action="charge.separate", subject_kind="charge", subject_ref=whole.reference)
    return True


def _locked_parts(session: Session, whole: Charge, *, left: bool = False) -> Sequence[Charge]:
    """The charges that are in a sum, or that it was made of, locked by id."""
    query = select(Charge).order_by(Charge.id).with_for_update(key_share=True, of=Charge)
    if left:
        query = query.join(ChargePart, ChargePart.charge_id == Charge.id).where(ChargePart.joint_id == whole.id)
    else:
        query = query.where(Charge.joined_to_id == whole.id)
    return session.scalars(query.execution_options(populate_existing=True)).all()


class JointPayable:
    """A sum as settlement sees it: the money is there when it is there for each part."""

    kind = JOINT

    def on_paid(self, session: Any, ref: str, *, charge_ref: str, paid_at: datetime, now: datetime) -> Verdict:
        """Ask each part whether it can still be given. What cannot goes back by a job; all of it, where nothing can."""
        del ref
        whole = session.scalars(select(Charge.id).where(Charge.reference == charge_ref)).one()
        try:
            with session.begin_nested():
                self._give(session, whole, paid_at=paid_at, now=now)
        except _Back:
            separate(session, settlement.lock_charge(session, whole), actor=audit.SYSTEM, now=now)
            return Verdict.REFUSED
        return Verdict.ACCEPTED

    def _give(self, session: Session, whole_id: int, *, paid_at: datetime, now: datetime) -> None:
        asked = session.execute(
            select(Charge.id, Charge.reference, Charge.payable_kind, Charge.payable_ref)
            .join(ChargePart, ChargePart.charge_id == Charge.id)
            .where(ChargePart.joint_id == whole_id)
            .order_by(Charge.id)
        ).all()
        gone = [
            one.id
            for one in asked
            if payable(one.payable_kind).on_paid(
                session, one.payable_ref, charge_ref=one.reference, paid_at=paid_at, now=now
            )
            is Verdict.REFUSED
        ]
        whole = settlement.lock_charge(session, whole_id)
        if ChargeState(whole.state) not in PAYABLE_STATES:
            return
        parts = _locked_parts(session, whole, left=True)
        for part in parts:
            if part.joined_to_id != whole.id:
                # The sum was taken apart, and its money came all the same.
                if part.joined_to_id is not None or ChargeState(part.state) not in PAYABLE_STATES:
                    raise _Back
                put_in(session, whole, part, now=now)
        if len(gone) == len(parts):
            raise _Back
        for part in parts:
            settlement.change_state(part, ChargeEvent.PAY, now)
        session.flush()
        if gone:
            jobs.defer(session, RETURN_PARTS, charge_ids=gone)

    def on_refunded(self, session: Any, ref: str, *, charge_ref: str, amount: Yen, now: datetime) -> None:
        """Money of a sum goes back by its parts, and they are told."""

    def on_waiting(self, session: Any, ref: str, *, charge_ref: str, until: datetime, now: datetime) -> None:
        """A voucher for the sum is out: each part that can keeps its thing."""
        del ref
        whole = select(Charge.id).where(Charge.reference == charge_ref).scalar_subquery()
        parts = session.execute(
            select(Charge.reference, Charge.payable_kind, Charge.payable_ref)
            .where(Charge.joined_to_id == whole)
            .order_by(Charge.id)
        ).all()
        for part in parts:
            found = payable(part.payable_kind)
            if isinstance(found, Waits):
                found.on_waiting(session, part.payable_ref, charge_ref=part.reference, until=until, now=now)

    def page(self, ref: str) -> str:
        """The list of what is to be paid."""
        del ref
        return "/pay"


def return_part(charge_id: int, *, now: datetime) -> None:
    """Give back what was paid for a part that cannot be given any more. A second run finds it given back."""

    def use_case(session: Session) -> None:
        part = session.get_one(Charge, charge_id)
        try:
            refund(
                session,
                charge_ref=part.reference,
                amount=part.total,
                kind=RefundKind.NOT_OWED,
                ground=GONE,
                requested_by=audit.SYSTEM,
                now=now,
            )
        except RefundTooLarge:
            return

    transact(use_case)


def configure() -> None:
    """Make sums payable. Safe to call again."""
    register(JointPayable())
    settlement.on_part_paid(leave)
