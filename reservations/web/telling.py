"""How the person of a booking hears what staff do with it: by mail, by a letter, or only from the clerk."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from portal.notices import post
from reservations import messages
from reservations.models import Booking


class Hears(StrEnum):
    """The way in which a message about a booking reaches its person."""

    MAIL = "mail"
    LETTER = "letter"
    CLERK = "clerk"
    """Neither mail address nor home is known: whoever does it tells them."""


def hears(session: Session, booking: Booking, *, now: datetime) -> Hears:
    """How a message about the booking reaches its person."""
    if messages.recipient(session, booking).email:
        return Hears.MAIL
    return Hears.LETTER if post.address_of(session, booking.person_id, now=now) is not None else Hears.CLERK
