"""Cash over a counter: the "provider" is a clerk, so it answers at once and there is no page to open."""

from __future__ import annotations

from datetime import datetime

from payments.errors import CashTooLittle
from payments.ledger import CASH_PROVIDER
from payments.settlement import Arrival
from portal.kernel.audit import Actor
from portal.kernel.money import Yen


def change(total: Yen, received: Yen) -> Yen:
    """What the payer gets back.

    Raises:
        CashTooLittle: less than the total lies on the counter.
    """
    if received < total:
        raise CashTooLittle(total, received)
    return received - total


def arrival(total: Yen, *, received: Yen, clerk: Actor, place: str, now: datetime) -> Arrival:
    """Cash as money that arrived: paid the moment the clerk took it."""
    change(total, received)
    return Arrival(
        provider=CASH_PROVIDER,
        method="cash",
        amount=total,
        paid_at=now,
        clerk_account_id=clerk.account_id,
        place=place,
        cash_received=received,
    )
