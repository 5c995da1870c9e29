"""What can stand against a booking, with the facts that a page needs to say it clearly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from portal.kernel.errors import Conflict, Gone, Invalid, NotFound, TooMany
from reservations.combining import Unfit
from reservations.rules import Refused


@dataclass(eq=False)
class SlotTaken(Conflict):
    """An occupancy of one of the space's units overlaps."""

    code: ClassVar[str] = "slot_taken"
    space_id: int
    starts_at: datetime
    ends_at: datetime


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


@dataclass(eq=False)
class NoSuchSlot(Invalid):
    """The timetable has no such slot on that day: closed, across two bands, or never there."""

    code: ClassVar[str] = "no_such_slot"
    space_id: int
    closed: str | None = None
    closed_en: str | None = None


@dataclass(eq=False)
class SlotsUnfit(Invalid):
    """The slots cannot be one booking: they overlap, lie on several days, or are too many."""

    code: ClassVar[str] = "slots_unfit"
    reason: Unfit


@dataclass(eq=False)
class NotOffered(NotFound):
    """There is no such space, or it cannot be booked online."""

    code: ClassVar[str] = "not_offered"


@dataclass(eq=False)
class TooManyHolds(TooMany):
    """The person keeps as many slots as the rules allow, or let too many lapse; `together`: with others of the household (CASES B7)."""

    code: ClassVar[str] = "too_many_holds"
    limit: int
    lapsed: bool
    together: bool = False


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
