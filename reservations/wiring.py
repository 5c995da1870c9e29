"""What `portal.app` calls once for each process, web and worker alike."""

from __future__ import annotations

from payments import contract
from payments.contract import MoneyKind
from portal.notices import attachments
from portal.settings import Settings
from reservations import measures, messages
from reservations.feeds import mails as feeds
from reservations.operations import moving
from reservations.queries import counters
from reservations.services.paying import BookingPayable, on_move_paid, taken_at


def configure(settings: Settings) -> None:
    """Make bookings payable and tell the messages where the pages are. Safe to call again."""
    contract.register(BookingPayable())
    on_move_paid(moving.paid)
    taken_at(counters.of_booking)
    contract.offers(MoneyKind.FACILITY_FEE, measures.facility_fees)
    messages.configure(settings.public_url)
    for template in feeds.TEMPLATES:
        attachments.register(template, feeds.files)
