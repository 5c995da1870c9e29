"""The iCalendar text of bookings (RFC 5545; published calendars RFC 7986). Pure: facts in, bytes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from icalendar import Calendar, Event

MEDIA_TYPE = "text/calendar; charset=utf-8"
REFRESH = timedelta(hours=1)
_STATUS = {"held": "TENTATIVE", "requested": "TENTATIVE", "confirmed": "CONFIRMED"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking as a calendar shows it. No name of a person is in it: calendars are shared and synchronised.

    Attributes:
        reference: the booking's number; the same number is the same entry for ever.
        title: place, in one line.
        where: address.
        starts_at, ends_at: aware.
        state: a `BookingState`; what is neither held, requested nor confirmed is shown as cancelled.
        changed_at: aware; a later one replaces what the calendar has.
        note: what to do, in plain words.
        url: the booking's page.
    """

    reference: str
    title: str
    where: str
    starts_at: datetime
    ends_at: datetime
    state: str
    changed_at: datetime
    note: str
    url: str

    def to_json(self) -> dict[str, str]:
        """JSON values, for the context of a mail; `from_json` gives the entry again."""
        return {
            key: value.isoformat() if isinstance(value, datetime) else str(value) for key, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, str]) -> Entry:
        """The entry of `to_json`."""
        moments = {key: datetime.fromisoformat(values[key]) for key in ("starts_at", "ends_at", "changed_at")}
        return cls(**{**values, **moments})  # type: ignore[arg-type]  # the moments are put in place of their texts


def calendar_file(entries: Iterable[Entry], *, name: str, domain: str) -> bytes:
    """A calendar with these entries.

    Args:
        entries: in any order.
        name: shown by the calendar program.
        domain: what stands behind the @ of the entries' identifiers.
    """
    made = Calendar()
    made.add("prodid", "-//minna-no-madoguchi//bookings//JA")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("name", name)
    made.add("x-wr-calname", name)
    made.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    for entry in entries:
        made.add_component(_event(entry, domain))
    return bytes(made.to_ical())


def _event(entry: Entry, domain: str) -> Any:
    event = Event()
    event.add("uid", f"{entry.reference}@{domain}")
    event.add("dtstamp", entry.changed_at.astimezone(UTC))
    event.add("last-modified", entry.changed_at.astimezone(UTC))
    # Seconds since 2020: grows with every change, so that a cancellation replaces the entry that it cancels.
    event.add("sequence", int((entry.changed_at - datetime(2020, 1, 1, tzinfo=UTC)).total_seconds()))
    event.add("dtstart", entry.starts_at.astimezone(UTC))
    event.add("dtend", entry.ends_at.astimezone(UTC))
    event.add("summary", entry.title)
    event.add("location", entry.where)
    event.add("description", f"{entry.note}\n{entry.reference}\n{entry.url}".strip())
    event.add("url", entry.url)
    event.add("status", _STATUS.get(entry.state, "CANCELLED"))
    return event
