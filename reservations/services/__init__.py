"""Use cases of bookings: session first, facts as keywords, `now` passed in; they flush, the entry point commits.

Locks are taken in one order everywhere: person, units ascending (inside the occupancy's insert), charge.
"""

from __future__ import annotations

from reservations.services.accepting import accept, change_details, payment_term
from reservations.services.cancelling import cancel, refund_quote
from reservations.services.deciding import approve, refuse
from reservations.services.holding import extend_hold, hold, hold_alone, release
from reservations.services.paying import BookingPayable
from reservations.services.quoting import Details
from reservations.services.taking import HoldRequest

__all__ = [
    "BookingPayable",
    "Details",
    "HoldRequest",
    "accept",
    "approve",
    "cancel",
    "change_details",
    "extend_hold",
    "hold",
    "hold_alone",
    "payment_term",
    "refund_quote",
    "refuse",
    "release",
]
