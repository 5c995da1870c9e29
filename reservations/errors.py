"""What can stand against a booking, with the facts that a page needs to say it clearly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from portal.kernel import dates
from portal.kernel.errors import Conflict, Gone, Invalid, NotFound, TooMany
from reservations.combining import Unfit
from reservations.rules import Refused
from reservations.timetable import TOKYO, Slot, Timetable


def _facts(**facts: Any) -> dict[str, Any]:
    """Facts as JSON has them; those that are not there are left out."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in facts.items()
        if value is not None
    }


@dataclass(eq=False)
class SlotTaken(Conflict):
    """An occupancy of one of the space's units overlaps.

    Attributes:
        kept_until: where only holds stand in the way, when the last of them ends; looked up once it was refused.
        alternatives: for another system: other times that are free, as its interface says them.
    """

    code: ClassVar[str] = "slot_taken"
    space_id: int
    starts_at: datetime
    ends_at: datetime
    kept_until: datetime | None = None
    alternatives: list[dict[str, Any]] | None = None

    @property
    def problem(self) -> dict[str, Any]:
        """Until when it is only kept, and what is free instead."""
        return _facts(at=self.kept_until.astimezone(TOKYO) if self.kept_until else None, alternatives=self.alternatives)


@dataclass(eq=False)
class SessionFull(Conflict):
    """No place is left in a session of individual use."""

    code: ClassVar[str] = "session_full"
    session: str
    places: int


@dataclass(eq=False)
class NotBookable(Invalid):
    """A rule of use stands against it; `at` is the moment from or until which it does."""

    code: ClassVar[str] = "not_bookable"
    reason: Refused
    at: datetime | None = None
    limit: int | None = None

    @property
    def problem(self) -> dict[str, Any]:
        """Which rule, from or until when, with which number."""
        return _facts(rule=self.reason.value, at=self.at.astimezone(TOKYO) if self.at else None, limit=self.limit)


@dataclass(eq=False)
class NoSuchSlot(Invalid):
    """The timetable has no such slot on that day: closed, across two bands, or never there.

    `opens`: the next day that is open; `offered`: the slots that the day has.
    """

    code: ClassVar[str] = "no_such_slot"
    space_id: int
    closed: str | None = None
    closed_en: str | None = None
    opens: date | None = None
    offered: tuple[Slot, ...] = ()

    @classmethod
    def on(cls, space_id: int, table: Timetable | None, day: date) -> NoSuchSlot:
        """What the timetable says instead of the slot that was asked for; None: there is no timetable for that day."""
        if table is None:
            return cls(space_id)
        closed = table.closure_on(day, dates.is_holiday)
        if closed is None:
            return cls(space_id, offered=table.slots_on(day, dates.is_holiday))
        return cls(space_id, closed.label, closed.label_en, table.opens_after(day, dates.is_holiday))

    @property
    def problem(self) -> dict[str, Any]:
        """Why the day is closed and when the next one opens, or which slots there are."""
        if self.closed is not None:
            return _facts(rule="closed", closed=self.closed, opens=self.opens)
        return _facts(rule="no_such_slot", slots=[slot.code for slot in self.offered] or None)


@dataclass(eq=False)
class SlotsUnfit(Invalid):
    """The slots cannot be one booking: they overlap, lie on several days, or are too many."""

    code: ClassVar[str] = "slots_unfit"
    reason: Unfit

    @property
    def problem(self) -> dict[str, Any]:
        """Why they do not go together."""
        return _facts(rule=self.reason.value)


@dataclass(eq=False)
class NotOffered(NotFound):
    """There is no such space, or it cannot be booked online; `opens`, `closed`: the facility's first or last day stands against it.

    `into`: code of the facility that takes its place after the last day.
    """

    code: ClassVar[str] = "not_offered"
    opens: date | None = None
    closed: date | None = None
    into: str | None = None

    @property
    def problem(self) -> dict[str, Any]:
        """The facility's first or last day, and what takes its place."""
        return _facts(opens=self.opens, last_day=self.closed, into=self.into)


@dataclass(eq=False)
class NoSuchDay(NotFound):
    """The calendar has no such day, such as 29 February of a common year; `last`: the last day of that month."""

    code: ClassVar[str] = "no_such_day"
    last: date | None = None


@dataclass(eq=False)
class TooManyHolds(TooMany):
    """The person keeps as many slots as the rules allow, or let too many lapse; `together`: with others of the household (CASES B7)."""

    code: ClassVar[str] = "too_many_holds"
    limit: int
    lapsed: bool
    together: bool = False

    @property
    def problem(self) -> dict[str, Any]:
        """Which limit."""
        return _facts(rule="lapsed" if self.lapsed else "at_once", limit=self.limit)


@dataclass(eq=False)
class HoldEnded(Gone):
    """The hold is over; the slot may be free or somebody else's."""

    code: ClassVar[str] = "hold_ended"
    ended_at: datetime


@dataclass(eq=False)
class NoMoreTime(Conflict):
    """The hold was extended as often as the rules allow."""

    code: ClassVar[str] = "no_more_time"
    limit: int


@dataclass(eq=False)
class PriceChanged(Conflict):
    """What the person accepted is not what it costs: shown again, nothing charged."""

    code: ClassVar[str] = "booking_price_changed"


@dataclass(eq=False)
class RefundChanged(Conflict):
    """What the person was shown is not what would go back: shown again, nothing cancelled."""

    code: ClassVar[str] = "refund_changed"


@dataclass(eq=False)
class WrongState(Conflict):
    """The booking is not where this can be done."""

    code: ClassVar[str] = "booking_state"
    state: str


@dataclass(eq=False)
class ReasonMissing(Invalid):
    """A refusal needs its reason (行政手続法8条)."""

    code: ClassVar[str] = "refusal_reason_missing"


@dataclass(eq=False)
class NameMissing(Invalid):
    """A permit names a person: the name has to be entered first; the hold goes on."""

    code: ClassVar[str] = "name_missing"


@dataclass(eq=False)
class SeriesOpen(TooMany):
    """The person has a series that is still to be looked over; one at a time."""

    code: ClassVar[str] = "series_open"
    reference: str


@dataclass(eq=False)
class GroundMissing(Invalid):
    """A permit is revoked only on a ground that the rules of use name (CASES B13)."""

    code: ClassVar[str] = "revocation_ground_missing"
    grounds: tuple[str, ...] = ()


@dataclass(eq=False)
class BadPeriod(Invalid):
    """The period has no length, is over, or has no end where it needs one."""

    code: ClassVar[str] = "bad_period"


@dataclass(eq=False)
class InUse(Conflict):
    """Bookings stand against a use of the city itself; it takes nothing from anybody. `references`: the first of them."""

    code: ClassVar[str] = "in_use"
    references: tuple[str, ...] = ()


@dataclass(eq=False)
class ListChanged(Conflict):
    """What would be called off is not what was shown: shown again, nothing done."""

    code: ClassVar[str] = "list_changed"


@dataclass(eq=False)
class NoMoreChanges(Conflict):
    """The rules of use let a booking be moved so often and so long before only; `until`: when the time for it ended."""

    code: ClassVar[str] = "no_more_changes"
    limit: int
    until: date | None = None


@dataclass(eq=False)
class SecondPerson(Conflict):
    """The rules ask for two people: whoever checked does not decide as well (CASES A7)."""

    code: ClassVar[str] = "second_person"
