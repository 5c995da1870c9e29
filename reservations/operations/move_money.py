"""What a move costs, and the demand for the difference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from payments import queries as payment_queries
from payments import services as payments
from payments.contract import ChargeLine, Ground, TaxClass
from portal.kernel.money import Yen
from reservations import combining
from reservations.models import Booking
from reservations.operations.models import BookingMove
from reservations.pricing import Quote
from reservations.services.accepting import charge_request
from reservations.services.common import KIND
from reservations.timetable import TOKYO


@dataclass(frozen=True)
class MoveQuote:
    """What a move means for the price.

    Attributes:
        quote: the price at the new time.
        old: the price so far.
        paid: what was paid and not promised back.
        gives_back: whether the rules of use give the difference to a cheaper time back.
    """

    quote: Quote
    old: Yen
    paid: Yen
    gives_back: bool = True

    @property
    def to_pay(self) -> Yen:
        """What is still to be paid for the move; 0 where nothing is."""
        return max(self.quote.total - self.old, Yen(0))

    @property
    def back(self) -> Yen:
        """What goes back."""
        return self._less if self.gives_back else Yen(0)

    @property
    def stays(self) -> Yen:
        """What was paid, is more than the new time costs, and does not go back."""
        return Yen(0) if self.gives_back else self._less

    @property
    def _less(self) -> Yen:
        return min(max(self.old - self.quote.total, Yen(0)), self.paid)


def purpose_of(made: BookingMove) -> str:
    """The purpose of the charge that a move makes."""
    return f"move-{made.number}"


def open_charge(session: Session, booking: Booking) -> payment_queries.ChargeView | None:
    """The charge of a booking that is firm and still to be paid."""
    charge = payment_queries.charge_of(session, KIND, booking.reference)
    return charge if charge is not None and charge.waits else None


def ask_for(session: Session, booking: Booking, made: BookingMove, price: MoveQuote, *, now: datetime) -> None:
    """The difference is owed until the new time is let go."""
    whole = charge_request(session, booking, price.quote)
    ground = Ground(price.quote.ground)
    sample = _sample(price.quote)
    starts = combining.restored(made.slots)[0].start.astimezone(TOKYO)
    line = ChargeLine("変更による差額", price.to_pay, TaxClass.STANDARD, ground, sample, "move", "Difference of a move")
    asked = replace(
        whole,
        lines=[line],
        purpose=purpose_of(made),
        pay_until=made.held_until,
        description=f"施設使用料 {starts:%m/%d %H:%M} 差額",
        description_en=f"Facility fee, difference of a move to {starts.day} {starts:%b %H:%M}",
    )
    made.charge_ref = payments.raise_charge(session, asked, now=now).reference
    session.flush()


def ask_anew(session: Session, booking: Booking, made: BookingMove, quote: Quote, *, now: datetime) -> None:
    """A booking that is paid later: the old demand is withdrawn, the new price is owed by the same day."""
    old = open_charge(session, booking)
    if old is None:
        return
    payments.void_charge(session, payable_kind=KIND, payable_ref=booking.reference, reason="moved", now=now)
    asked = replace(
        charge_request(session, booking, quote),
        purpose=purpose_of(made),
        pay_until=old.pay_until,
        term_end=old.due_on,
        alone=old.alone,
        receipt=old.receipt,
        from_account=old.from_account,
    )
    made.charge_ref = payments.raise_charge(session, asked, now=now).reference
    session.flush()


def _sample(quote: Quote) -> bool:
    return any(line.sample for line in quote.lines)
