"""What a booking costs: what the payer said becomes price cases, and the fee table under which it was made prices them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from portal.kernel import dates
from reservations.calendar import is_weekend_or_holiday
from reservations.models import Booking
from reservations.pricing import Asks, NoFee, PriceCase, Quote, asks, quote_parts
from reservations.services.common import fees_of, slots_of
from reservations.services.nights import tables_of
from reservations.timetable import Slot

ADMISSION_MOST = 1_000_000
ADMISSION_TOTAL_MOST = 1_000_000_000


@dataclass(frozen=True)
class Details:
    """What the person says about the use. What the fee table does not ask for here is left out.

    Attributes:
        people: number of users; where the table counts them by kind, `users` counts.
        purpose_id: one of the space's purposes.
        options: chosen options with quantity.
        minutes: for how long an option runs, where that is not the whole slot.
        admission: the highest admission fee, yen.
        admission_total: all that visitors pay together, yen.
        traits: facts of the use in the table's words.
        users: number of users by kind.
        length: minutes of use where that is shorter than the slot and costs another price; 0: the whole slot.
        reductions: reductions asked for, by id, each with the reason.
        tickets: tickets handed in, by book.
    """

    people: int
    purpose_id: int
    options: Mapping[str, int] = field(default_factory=dict)
    minutes: Mapping[str, int] = field(default_factory=dict)
    admission: int = 0
    admission_total: int = 0
    traits: frozenset[str] = frozenset()
    users: Mapping[str, int] = field(default_factory=dict)
    length: int = 0
    reductions: Mapping[str, str] = field(default_factory=dict)
    tickets: Mapping[str, int] = field(default_factory=dict)


def cases_of(booking: Booking) -> list[PriceCase]:
    """The price cases of a booking, one for each slot. Its space and purpose are loaded."""
    facts = booking.facts
    case = PriceCase(
        slots_of(booking)[0],
        facts.get("tariff") or booking.space.tariff,
        booking.category,
        booking.purpose.code if booking.purpose else "",
        weekend=False,
        people=booking.people,
        options=dict(booking.options),
        admission=facts.get("admission", 0),
        traits=frozenset(facts.get("traits", ())),
        option_minutes=facts.get("minutes", {}),
        users=facts.get("users", {}),
        admission_total=facts.get("admission_total", 0),
        capacity=booking.space.capacity or 0,
        granted=frozenset(facts.get("granted", ())),
        tickets=facts.get("tickets", {}),
    )
    slots = slots_of(booking)
    categories = facts.get("categories") or [booking.category] * len(slots)
    cases = [
        replace(_at(case, slot, facts.get("length", 0)), category=category)
        for slot, category in zip(slots, categories, strict=True)
    ]
    # Who stays longer does so after the last slot.
    cases[-1] = replace(cases[-1], overtime=facts.get("overtime", 0))
    return cases


def _at(case: PriceCase, slot: Slot, length: int) -> PriceCase:
    if 0 < length < slot.minutes:
        slot = replace(slot, end=slot.start + timedelta(minutes=length))
    return replace(case, slot=slot, weekend=is_weekend_or_holiday(slot.day, dates.is_holiday))


def quote_of(booking: Booking) -> Quote:
    """What the booking costs with what was said so far, by the table under which it was made."""
    cases = cases_of(booking)
    return quote_parts(list(zip(tables_of(booking, len(cases)), cases, strict=True)))


def shown_quote(booking: Booking) -> Quote:
    """The price as a page shows it: without lines as long as the payer has not said what it depends on."""
    try:
        return quote_of(booking)
    except NoFee:
        table = fees_of(booking)
        return Quote(table.code, table.valid_from, table.ground, ())


def asks_of(booking: Booking) -> Asks:
    """What the payer is asked, by the table under which the booking was made."""
    case = cases_of(booking)[0]
    return asks(fees_of(booking), replace(case, slot=slots_of(booking)[0]))


def facts_from(details: Details, asked: Asks) -> dict[str, Any]:
    """What is kept of the details: the answers to the questions, nothing that a forged form adds. Empty ones are left out."""
    traits = {fact.code for fact in asked.traits}
    users = {fact.code for fact in asked.users}
    minutes = {ask.option.id: ask.minutes for ask in asked.options}
    tickets = {book.id for book in asked.tickets}
    reductions = {part.id for part in asked.reductions}
    found: dict[str, Any] = {
        "asked": {name: reason for name, reason in details.reductions.items() if name in reductions},
        "admission": min(max(details.admission, 0), ADMISSION_MOST) if asked.admission else 0,
        "admission_total": min(max(details.admission_total, 0), ADMISSION_TOTAL_MOST) if asked.admission_total else 0,
        "traits": sorted(details.traits & traits),
        "users": {kind: count for kind, count in details.users.items() if kind in users and count > 0},
        "minutes": {name: count for name, count in details.minutes.items() if count in minutes.get(name, ())},
        "length": details.length if details.length in asked.lengths else 0,
        "tickets": {name: count for name, count in details.tickets.items() if name in tickets and count > 0},
    }
    return {key: value for key, value in found.items() if value}


def kept_facts(booking: Booking) -> dict[str, Any]:
    """What the system itself has noted of a booking: it stays when the payer says something else."""
    return {key: value for key, value in booking.facts.items() if key in {"fees", "categories", "tariff", "paper"}}
