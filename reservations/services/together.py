"""Several bookings of one person at once: said once what for, accepted with one sum, paid in one payment.

Each stays a booking and a charge of its own, so one of them is moved, cancelled and paid back like any other; only the
demand is one (`payments.joining`). A hold ends by its own rule: the first that ends takes the sum apart, the others stay owed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from payments import joining
from payments.contract import JOINT
from payments.errors import NotJoinable
from payments.waiting import OpenCharge, waiting_of
from portal.kernel.audit import Actor
from portal.kernel.money import Yen
from reservations.errors import PriceChanged
from reservations.models import Booking, BookingState
from reservations.pricing import Quote
from reservations.rules import PayWhen
from reservations.services.accepting import accept, change_details
from reservations.services.common import KIND
from reservations.services.quoting import Details, shown_quote


@dataclass(frozen=True)
class Priced:
    """An open hold and what it costs with what was said so far."""

    booking: Booking
    quote: Quote


@dataclass(frozen=True)
class Together:
    """The open holds of several bookings as one page shows them. `digest` stands for every line of every price."""

    each: tuple[Priced, ...]

    @property
    def total(self) -> Yen:
        """What all of them cost."""
        return sum((one.quote.total for one in self.each), start=Yen(0))

    @property
    def priced(self) -> bool:
        """Whether each has a price: what it depends on was said."""
        return bool(self.each) and all(one.quote.lines for one in self.each)

    @property
    def sample(self) -> bool:
        """Whether any of the prices is a sample (見本)."""
        return any(line.sample for one in self.each for line in one.quote.lines)

    @property
    def digest(self) -> str:
        """The same only for the same bookings at the same prices."""
        said = "|".join(f"{one.booking.reference}:{one.quote.digest}" for one in self.each)
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def open_holds(bookings: Sequence[Booking], *, now: datetime) -> Together:
    """Which of these still wait for their details and price; their space, purpose and documents are loaded."""
    waiting = [
        one for one in bookings if one.state == BookingState.HELD and one.accepted_at is None and one.held_until > now
    ]
    return Together(tuple(Priced(one, shown_quote(one)) for one in waiting))


def say(
    session: Session, references: Sequence[str], details: Details, *, person_id: int, actor: Actor, now: datetime
) -> None:
    """Keep what the person said for each of the bookings.

    Raises:
        NotFound, WrongState, HoldEnded, NotBookable: as for one booking; nothing was changed.
    """
    for reference in references:
        change_details(session, reference, details, person_id=person_id, actor=actor, now=now)


def accept_all(
    session: Session,
    bookings: Sequence[Booking],
    details: Details,
    *,
    accepted: str,
    person_id: int,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Accept the price of each open hold and ask for all of it in one payment.

    Args:
        session: the caller's transaction.
        bookings: what belongs together, in the order in which it is shown.
        details: what the form says; the same for each.
        accepted: `Together.digest` of what the person saw.
        person_id: whose bookings they have to be.
        actor: who.
        now: the database's clock.

    Returns:
        The reference of the charge to pay: the sum, or the only one; None where nothing is to be paid here.

    Raises:
        NotFound, WrongState, HoldEnded, NotBookable, NameMissing: as for one booking.
        PriceChanged: it is not what the person saw.
    """
    wanted = open_holds(bookings, now=now)
    if wanted.digest != accepted:
        raise PriceChanged
    say(session, [one.booking.reference for one in wanted.each], details, person_id=person_id, actor=actor, now=now)
    seen = open_holds([one.booking for one in wanted.each], now=now)
    if seen.digest != accepted:
        raise PriceChanged
    for one in seen.each:
        accept(
            session,
            one.booking.reference,
            details,
            accepted=one.quote.digest,
            person_id=person_id,
            actor=actor,
            now=now,
        )
    return pay_together(session, bookings, actor=actor, now=now)


def owed(session: Session, bookings: Sequence[Booking]) -> list[OpenCharge]:
    """What is to be paid for these bookings by the payer themselves: one row for each charge, a sum counts as one."""
    payable = [
        one.reference
        for one in bookings
        if one.accepted_at is not None
        and one.state in {BookingState.HELD, BookingState.REQUESTED, BookingState.CONFIRMED}
        and one.pay_when != PayWhen.COUNTER
    ]
    return waiting_of(session, KIND, payable)


def pay_together(session: Session, bookings: Sequence[Booking], *, actor: Actor, now: datetime) -> str | None:
    """One charge for all that is owed for these bookings; where that cannot be, the first of them. None: nothing is owed."""
    charges = owed(session, bookings)
    single = [one.reference for one in charges if one.kind != JOINT]
    if len(single) >= joining.FEWEST:
        try:
            with session.begin_nested():
                return joining.join(session, single, actor=actor, now=now).reference
        except NotJoinable:
            return single[0]
    return charges[0].reference if charges else None
