"""The fee of a visit in cash: one handing over, one receipt for each charge, the change in one sum."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from forms.counter import services
from forms.counter.errors import NotPaid, NotSigned, VisitEnded
from forms.counter.models import Visit, VisitState
from forms.services.filing import PAYABLE
from payments import services as payments
from payments.errors import CashTooLittle, ChargeSettled
from payments.queries import ChargeView, charge_of
from payments.states import ChargeState
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.money import Yen


@dataclass(frozen=True, slots=True)
class Taken:
    """What the clerk hands over.

    Attributes:
        total: what was due.
        received: what the visitor put on the counter.
        change: what goes back.
        receipts: references of the receipts, one for each charge.
    """

    total: Yen
    received: Yen
    change: Yen
    receipts: tuple[str, ...]


def charges(session: Session, visit: Visit) -> list[ChargeView]:
    """The charges of a visit's filed applications, in order. Each is its own: payee and ground belong to the charge."""
    known = services.applications(session, visit)
    found = [
        charge_of(session, PAYABLE, application.reference) for application in known.values() if application.reference
    ]
    return [charge for charge in found if charge is not None]


def due(found: list[ChargeView]) -> Yen:
    """What is still to be paid."""
    return sum((charge.total for charge in found if charge.state is ChargeState.OPEN), start=Yen(0))


def take(session: Session, reference: str, *, received: Yen, clerk: Actor, now: datetime) -> Taken:
    """Take the fee of the whole visit in cash.

    Args:
        session: the transaction.
        reference: of the visit.
        received: what the visitor put on the counter.
        clerk: who takes it.
        now: aware.

    Raises:
        NotFound: no such visit.
        VisitEnded: it is over.
        NotSigned: not filed yet.
        CashTooLittle: less than what is due; nothing was taken.
        ChargeSettled: nothing is due any more.
    """
    visit = services.load(session, reference, lock=True)
    if visit.state != VisitState.OPEN:
        raise VisitEnded(visit.reference)
    if any(item.signed_at is None for item in visit.items):
        raise NotSigned
    found = charges(session, visit)
    total = due(found)
    waiting = [charge for charge in found if charge.state is ChargeState.OPEN]
    if not waiting:
        raise ChargeSettled(visit.reference, ChargeState.PAID.value)
    if received < total:
        raise CashTooLittle(total, received)
    receipts = []
    left = received
    for charge in waiting:
        # The last charge takes what is left, so that the change stands on one receipt.
        put = left if charge is waiting[-1] else charge.total
        done = payments.take_cash(session, charge.reference, received=put, clerk=clerk, place=visit.office, now=now)
        left -= put
        receipts.append(done.reference)
    audit.record(session, actor=clerk, action="visit.cash", subject_kind="visit", subject_ref=visit.reference)
    return Taken(total, received, received - total, tuple(receipts))


def end(session: Session, reference: str, *, clerk: Actor, now: datetime) -> Visit:
    """The visit is over: everything signed, everything paid. Twice is once.

    Raises:
        NotFound: no such visit.
        NotSigned, NotPaid: something is still open.
    """
    visit = services.load(session, reference, lock=True)
    if visit.state == VisitState.DONE:
        return visit
    if visit.state == VisitState.CANCELLED:
        raise VisitEnded(visit.reference)
    if any(item.signed_at is None for item in visit.items):
        raise NotSigned
    if due(charges(session, visit)) > Yen(0):
        raise NotPaid
    visit.state, visit.ended_at = VisitState.DONE.value, now
    session.flush()
    audit.record(session, actor=clerk, action="visit.end", subject_kind="visit", subject_ref=visit.reference)
    return visit
