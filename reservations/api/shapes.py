"""What is asked and answered, as pydantic models; the OpenAPI document is made from them. Amounts are whole yen, tax included."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,40}$", description="A code")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$", description="A name of the fee table")]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$", description="One line of text")]
Day = Annotated[date, Field(ge=date(2020, 1, 1), le=date(2100, 12, 31))]
Yen = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000, description="Whole yen, tax included")]
Count = Annotated[int, Field(ge=1, le=100_000)]
Number = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Minutes = Annotated[int, Field(strict=True, ge=1, le=1440)]
Reference = Annotated[str, Field(description="A booking's number, such as B-7K3F-92QX-5")]


class Asked(BaseModel):
    """Base of what is sent: unknown keys are refused, nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answered(BaseModel):
    """Base of what is answered."""

    model_config = ConfigDict(frozen=True)


class FacilitiesAsked(Asked):
    """Which facilities."""

    category: Literal["sports", "community", "culture", "welfare", "park", "school_opening"] | None = None
    district: Line | None = None
    purpose: Code | None = Field(default=None, description="Code of a purpose, such as tennis")


class AvailabilityAsked(Asked):
    """Which days; at most 31, the last one included."""

    since: Day = Field(alias="from", description="First day")
    until: Day = Field(alias="to", description="Last day, included")


class Facility(Answered):
    """A facility that can be booked."""

    code: str
    name: str
    name_en: str
    also: list[str] = Field(description="Nickname and naming-rights name in use today")
    category: str
    district: str | None
    address: str | None
    phone: str | None
    latitude: float | None
    longitude: float | None
    opened_on: date | None
    closed_on: date | None
    replaced_by: str | None


class Space(Answered):
    """What is booked: a room, a court, half a gym."""

    code: str
    facility: str
    name: str
    name_en: str
    capacity: int | None
    purposes: list[str]
    sample: bool = Field(description="No source names this space: it is a sample")


class Facilities(Answered):
    """A list of facilities."""

    facilities: list[Facility]


class Spaces(Answered):
    """A list of spaces."""

    spaces: list[Space]


class Slot(Answered):
    """A piece of time and whether a resident of the city could hold it now."""

    code: str
    name: str
    starts_at: datetime
    ends_at: datetime
    state: Literal["free", "taken", "past", "not_yet", "too_late", "not_for_you"]
    price: int | None = Field(description="Before options, for a resident of the city; null where the table has none")


class AvailableDay(Answered):
    """A day of a space."""

    date: date
    closed: str | None = Field(description="Why it is closed")
    slots: list[Slot]


class Availability(Answered):
    """The days of a space."""

    space: str
    days: list[AvailableDay]


class UseAsked(Asked):
    """What a price hangs on besides place and time; `asks` of a quote says which of it a table wants here."""

    options: dict[Name, Count] = Field(default_factory=dict, max_length=50, description="Chosen options, with quantity")
    option_minutes: dict[Name, Minutes] = Field(
        default_factory=dict, max_length=50, description="For how long an option runs, where not the whole slot"
    )
    admission: Yen = Field(default=0, description="The highest admission fee that visitors pay")
    admission_total: Yen = Field(default=0, description="All that visitors pay together, as expected")
    traits: list[Name] = Field(default_factory=list, max_length=50, description="Facts of the use that are true")
    users: dict[Name, Number] = Field(
        default_factory=dict, max_length=50, description="Number of users by kind; then `people` is their sum"
    )
    length: Number = Field(
        default=0, description="Minutes of a shorter use that costs another price; 0: the whole slot"
    )
    tickets: dict[Name, Number] = Field(default_factory=dict, max_length=50, description="Tickets handed in, by book")


class QuoteAsked(UseAsked):
    """What would be used."""

    space: Code
    date: Day
    slot: Code
    category: Code = Field(default="resident", description="A resident category of the rules of use")
    purpose: Code | None = None
    people: Count | None = Field(default=None, description="1 where it is not given")
    reductions: list[Name] = Field(
        default_factory=list, max_length=50, description="Reductions to reckon with as if staff had granted them"
    )


class PriceLine(Answered):
    """One line of a price."""

    label: str
    label_en: str
    amount: int
    rule: str = Field(description="Fee table @ date # rule")
    sample: bool


class Named(Answered):
    """A name of the fee table and what it says to people."""

    code: str
    label: str
    label_en: str


class Asks(Answered):
    """What the table asks for at this place and time, for this category: only this can change the price."""

    admission: bool
    admission_total: bool
    traits: list[Named]
    users: list[Named]
    lengths: list[int] = Field(description="Minutes of a shorter use that cost another price")
    options: list[Named]
    option_minutes: dict[str, list[int]] = Field(description="Options that can run shorter than the slot: for how long")
    reductions: list[Named] = Field(description="To be asked for with a reason when booking; staff grant them")
    tickets: list[Named]


class Price(Answered):
    """A price: its lines and the version of the table behind them."""

    table: str
    valid_from: date
    ground: str
    lines: list[PriceLine]
    total: int


class Quoted(Price):
    """A price for what was asked, and what else could be said."""

    asks: Asks


class PersonGiven(Asked):
    """For whom is booked. `subject` is the calling system's own name for the person, always the same for the same person."""

    subject: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,100}$")]
    name: Line
    kana: Annotated[str, Field(pattern=r"^[ァ-ヶー・ 　]{1,200}$")]
    phone: Annotated[str, Field(pattern=r"^\+?[0-9-]{9,16}$")]
    email: Annotated[str, Field(pattern=r"^[\x21-\x3f\x41-\x7e]{1,100}@[A-Za-z0-9.-]{1,100}$")] | None = None
    prefecture: Line = "茨城県"
    city: Line = Field(description="Municipality where the person lives, such as 古河市")


class SlotAsked(Asked):
    """A slot of a day."""

    date: Day
    slot: Code


class HoldAsked(Asked):
    """A slot to be kept for a person."""

    space: Code
    date: Day
    slot: Code
    more: list[SlotAsked] = Field(
        default_factory=list, max_length=30, description="Further slots of the same booking, where the rules allow them"
    )
    purpose: Code | None = None
    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9*-]{1,20}$")] | None = Field(
        default=None, description="Number of a registered group for which the person may book"
    )
    person: PersonGiven


class BookingAsked(UseAsked):
    """A hold that is to become a booking."""

    hold: Annotated[str, Field(pattern=r"^[A-Za-z0-9*-]{1,20}$", description="The reference of the hold")]
    purpose: Code
    people: Count
    reductions: dict[Name, Line] = Field(
        default_factory=dict, max_length=50, description="Reductions that are asked for, each with the reason"
    )
    accepted_total: Yen = Field(description="The total that the person has seen and accepted")


class CancelAsked(Asked):
    """A cancellation, with the refund that the person was shown."""

    expected_refund: Yen
    expected_fee: Yen = Field(
        default=0, description="The fee for cancelling that the person was shown; only where nothing was paid"
    )


class Booking(Answered):
    """A booking. A hold is one whose state is `held`."""

    reference: Reference
    state: Literal["held", "requested", "confirmed", "lapsed", "released", "refused", "cancelled"]
    facility: str
    space: str
    starts_at: datetime
    ends_at: datetime
    held_until: datetime | None = Field(description="Only of a hold: kept until then")
    people: int
    purpose: str | None
    price: Price
    charge: str | None = Field(
        description="Number under which the fee is or was owed; null where nothing is asked for any more"
    )
    payment_url: str | None = Field(
        default=None,
        description="Hand it to the person: whoever has it can pay this fee online. Null where nothing is to be paid online",
    )
    paid: bool
    refund_now: int = Field(description="What a cancellation would give back now")
    fee_now: int = Field(default=0, description="What a cancellation would cost now, where nothing was paid")


class Cancelled(Answered):
    """A cancelled booking."""

    booking: Booking
    refund: int
    fee: int = 0


class FieldError(Answered):
    """A wrong value."""

    where: str
    message: str


class Alternative(Answered):
    """A slot that is free instead of one that is gone."""

    space: str
    date: date
    slot: str
    name: str
    starts_at: datetime
    ends_at: datetime
    price: int | None = Field(description="Before options, for a resident of the city; null where the table has none")


class Problem(Answered):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str | None = Field(default=None, description="The same in words: which rule stands against it, until when")
    code: str = Field(description="The stable name of the error (docs/errors.md)")
    rule: str | None = Field(default=None, description="Which rule of use, such as not_yet_open or cap_month")
    at: datetime | None = Field(default=None, description="From or until when the rule stands against it")
    limit: int | None = Field(default=None, description="The number that the rule names")
    closed: str | None = Field(default=None, description="Why the day is closed")
    opens: date | None = Field(default=None, description="The next day that is open")
    slots: list[str] | None = Field(default=None, description="The slots that the day has")
    alternatives: list[Alternative] | None = Field(
        default=None, description="Of a slot that is gone: what is free instead"
    )
    errors: list[FieldError] | None = None
