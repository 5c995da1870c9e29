"""The calendar file that goes with mails about a booking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portal.notices import mailer
from portal.notices.attachments import Attachment
from reservations.feeds.calendar_file import Entry, calendar_file

#: Mails after which the booking stands in the calendar, moves there or leaves it.
TEMPLATES = (
    "reservations/mail/confirmed.txt",
    "reservations/mail/requested.txt",
    "reservations/mail/cancelled.txt",
    "reservations/mail/refused.txt",
    "reservations/mail/called_off.txt",
)


def files(context: Mapping[str, Any]) -> Sequence[Attachment]:
    """The booking as one calendar file; none for a mail that was written before there were such files."""
    if "calendar" not in context:
        return ()
    entry = Entry.from_json(context["calendar"])
    content = calendar_file([entry], name=entry.title, domain=mailer.message_domain())
    return (Attachment(f"{entry.reference}.ics", "text/calendar; charset=utf-8; method=PUBLISH", content),)
