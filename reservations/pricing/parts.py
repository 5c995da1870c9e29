"""The parts of a fee table: conditions, rows, modifiers, overtime, options, reductions, tax, rounding."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from fractions import Fraction
from math import ceil, floor
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from reservations.calendar import Clock, Document, Season, Weekday, weekday_of
from reservations.pricing.cases import PriceCase

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9_.-]{1,40}$")]
Percent = Annotated[int, Field(ge=-100, le=1000)]
Amount = Annotated[int, Field(strict=True, ge=0, le=9_999_999)]


def _ratio(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    try:
        found = Fraction(str(value)) if not isinstance(value, bool) else Fraction(-1)
    except (ValueError, ZeroDivisionError):
        found = Fraction(-1)
    if not 0 <= found <= 100:
        raise ValueError('倍率として読めません。|3、1.5、"3/10" のように、0から100までで書きます。')
    return found


Ratio = Annotated[Fraction, PlainValidator(_ratio), PlainSerializer(str, return_type=str)]
"""So many times: 3, 1.5 or "3/10", exact."""


class ShareOf(Document):
    """At least so many percent of the users are of these kinds (半数以上が障害者 → 免除)."""

    of: tuple[str, ...]
    percent: int = Field(ge=1, le=100)


class AdmissionShare(Document):
    """A share of what visitors pay: of the highest fee, of all they pay together, or of the highest fee times the seats."""

    percent: Ratio
    of: Literal["admission", "admission_total", "capacity"] = "admission_total"
    at_least: Amount | None = None
    at_most: Amount | None = None

    def price(self, case: PriceCase) -> Fraction:
        """The fee in yen, exact."""
        basis = {
            "admission": case.admission,
            "admission_total": case.admission_total,
            "capacity": case.admission * case.capacity,
        }[self.of]
        found = basis * self.percent / 100
        if self.at_least is not None:
            found = max(found, Fraction(self.at_least))
        return found if self.at_most is None else min(found, Fraction(self.at_most))


class Match(Document):
    """A condition on a case. Everything given must hold; an empty one always holds."""

    tariffs: tuple[str, ...] | None = None
    slots: tuple[str, ...] | None = None
    parts: tuple[Literal["morning", "afternoon", "evening"], ...] | None = None
    categories: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    weekdays: tuple[Weekday, ...] | None = None
    weekend: bool | None = None
    season: Season | None = None
    people_from: int | None = None
    people_to: int | None = None
    minutes_from: int | None = None
    minutes_to: int | None = None
    starts_from: Clock | None = None
    admission_from: int | None = None
    admission_over: int | None = None
    admission_to: int | None = None
    traits: tuple[str, ...] | None = None
    only: tuple[str, ...] | None = None
    share: ShareOf | None = None
    unless: Match | None = None

    def holds(self, case: PriceCase) -> bool:
        """Whether the case fits."""
        return (
            self.possible(case)
            and _among(case.purpose, self.purposes)
            and _between(case.people, self.people_from, self.people_to)
            and _between(case.slot.minutes, self.minutes_from, self.minutes_to)
            and _between(case.admission, self.admission_from, self.admission_to)
            and (self.admission_over is None or case.admission > self.admission_over)
            and (self.traits is None or case.traits.issuperset(self.traits))
            and (self.only is None or case.only(self.only))
            and (self.share is None or case.share_of(self.share.of) * 100 >= self.share.percent)
            and not (self.unless is not None and self.unless.holds(case))
        )

    def possible(self, case: PriceCase, *, slot: bool = True) -> bool:
        """Whether the place, the time and the category fit: what the payer does not say on the booking page.

        Args:
            case: what is priced.
            slot: whether its slot has to be among those named.
        """
        return (
            _among(case.tariff, self.tariffs)
            and (not slot or _among(case.slot.code, self.slots))
            and _among(case.slot.part, self.parts)
            and _among(case.category, self.categories)
            and _among(weekday_of(case.slot.day), self.weekdays)
            and (self.weekend is None or self.weekend == case.weekend)
            and (self.season is None or self.season.holds(case.slot.day))
            and (self.starts_from is None or case.slot.start.time() >= self.starts_from)
        )


ANY = Match()


class Row(Document):
    """A base fee: for the slot, for each begun hour or half hour, for each person, or times the highest admission fee.

    `amounts` gives one for each slot code and holds for these slots only. `by_user`: for each person, by their kind. `share`: of
    what visitors pay. `difference`: the price of one row less that of another (差額式).
    """

    id: Identifier
    match: Match = ANY
    amount: Amount | None = None
    amounts: Mapping[str, Amount] | None = None
    by_user: Mapping[str, Amount] | None = None
    share: AdmissionShare | None = None
    difference: tuple[Identifier, Identifier] | None = None
    per: Literal["slot", "hour", "half_hour", "person", "admission"] = "slot"
    label: str
    label_en: str = ""

    @model_validator(mode="after")
    def _one(self) -> Row:
        _exactly_one(
            amount=self.amount,
            amounts=self.amounts,
            by_user=self.by_user,
            share=self.share,
            difference=self.difference,
        )
        return self

    def holds(self, case: PriceCase) -> bool:
        """Whether the row gives this case's base."""
        return (
            (self.amounts is None or case.slot.code in self.amounts)
            and (self.by_user is None or case.only(tuple(self.by_user)))
            and self.match.holds(case)
        )

    def price(self, case: PriceCase) -> int | Fraction:
        """The fee in yen; a share is exact. A difference is the table's to work out."""
        if self.by_user is not None:
            return sum(amount * case.users.get(kind, 0) for kind, amount in self.by_user.items())
        if self.share is not None:
            return self.share.price(case)
        amount = self.amounts[case.slot.code] if self.amounts is not None else self.amount
        return (amount or 0) * quantity(self.per, case)


class Modifier(Document):
    """A surcharge or reduction: so many percent added or taken off, so many times, or a fixed amount (TV中継 +10,000)."""

    id: Identifier
    group: str | None = None
    match: Match = ANY
    percent: Percent | None = None
    times: Ratio | None = None
    amount: int | None = Field(default=None, ge=-9_999_999, le=9_999_999)
    share: AdmissionShare | None = None
    per: Literal["slot", "hour", "half_hour", "person"] = "slot"
    on: Literal["base", "running"] = "base"
    label: str
    label_en: str = ""

    @model_validator(mode="after")
    def _one(self) -> Modifier:
        _exactly_one(percent=self.percent, times=self.times, amount=self.amount, share=self.share)
        return self

    def change(self, case: PriceCase, base: Fraction, running: Fraction) -> Fraction | int:
        """What it adds: a share, exact, or a fixed amount."""
        of = base if self.on == "base" else running
        if self.percent is not None:
            return of * self.percent / 100
        if self.times is not None:
            return of * (self.times - 1)
        if self.share is not None:
            return self.share.price(case)
        return (self.amount or 0) * quantity(self.per, case)


class Hours(Document):
    """A span of the day, the end left out; may run over midnight."""

    start: Clock
    end: Clock

    def holds(self, at: time) -> bool:
        """Whether the clock time lies in the span."""
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


class Overtime(Document):
    """延長: for each begun hour, a fixed amount or a share of the fee (of the slot, or of the dearer slot beside it).

    `hours`: only the hours of the overtime that begin then, as a span over midnight (深夜: from 22:00 to 5:00), whenever the slot was.
    """

    match: Match = ANY
    hours: Hours | None = None
    percent: Percent | None = None
    amount: Amount | None = None
    of: Literal["slot", "dearer_neighbour"] = "slot"
    at_most: int = Field(default=60, ge=1, le=1440)
    label: str
    label_en: str = ""

    @model_validator(mode="after")
    def _one(self) -> Overtime:
        _exactly_one(percent=self.percent, amount=self.amount)
        return self

    def counts(self, case: PriceCase, at: time) -> bool:
        """Whether it prices an hour of overtime that begins at this time of the day."""
        return self.match.holds(case) and (self.hours is None or self.hours.holds(at))


class _Optional(Document):
    """What every option has. Of those of one `group` only the first that is chosen counts (全灯・半灯)."""

    id: str = Field(pattern=r"^[a-z0-9_-]{1,30}$")
    group: str | None = None
    match: Match = ANY
    label: str
    label_en: str = ""


class FixedOption(_Optional):
    """Something chosen for a fixed fee (照明, 冷暖房, 附属設備). `by_slot`: how many times it counts in a slot (全日=3倍)."""

    kind: Literal["fixed"]
    amount: Amount
    per: Literal[
        "slot", "day", "hour", "half_hour", "piece", "piece_day", "piece_hour", "piece_half_hour", "person"
    ] = "slot"
    by_slot: Mapping[str, Annotated[int, Field(ge=0, le=24)]] = Field(default_factory=dict)
    at_most: int = Field(default=1, ge=1, le=100)

    def price(self, case: PriceCase, pieces: int) -> int:
        """The fee in yen."""
        minutes = min(case.option_minutes.get(self.id, case.slot.minutes), case.slot.minutes)
        by_piece = self.per.startswith("piece")
        span = self.per.removeprefix("piece").removeprefix("_")
        count = pieces if by_piece else 1
        return self.amount * count * self.by_slot.get(case.slot.code, 1) * quantity(span, case, minutes)


class ShareOption(_Optional):
    """Something chosen for a share of the fee (冷暖房は基本の3割): of the base, or of what has come together with modifiers."""

    kind: Literal["share"]
    percent: int = Field(ge=0, le=1000)
    on: Literal["base", "running"] = "base"
    at_most: Literal[1] = 1


Option = Annotated[FixedOption | ShareOption, Field(discriminator="kind")]


class Reduction(Document):
    """減免: so many percent off what is due, options in `leaves_out` apart; in order, on what is left or on the full sum.

    `on_request`: holds only where the payer asked for it and staff granted it; `ask_for` says what to hand in.
    """

    id: Identifier
    group: str | None = None
    match: Match = ANY
    percent: int = Field(ge=0, le=100)
    on: Literal["rest", "full"] = "rest"
    leaves_out: tuple[str, ...] = ()
    on_request: bool = False
    ask_for: str = ""
    ask_for_en: str = ""
    label: str
    label_en: str = ""

    def holds(self, case: PriceCase) -> bool:
        """Whether it is taken off in this case."""
        return self.match.holds(case) and (not self.on_request or self.id in case.granted)


class TicketBook(Document):
    """回数券: `pieces` tickets for `amount` (11枚で10枚分). One ticket pays the base of one person, or of one slot."""

    id: Identifier
    match: Match = ANY
    pieces: int = Field(ge=2, le=1000)
    amount: Amount
    pays: Literal["person", "slot"] = "person"
    label: str
    label_en: str = ""


class Fact(Document):
    """What a trait or a kind of user is called on the booking page. `by: staff`: not asked there."""

    code: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    label: str
    label_en: str = ""
    hint: str = ""
    hint_en: str = ""
    by: Literal["payer", "staff"] = "payer"


class Tax(Document):
    """Consumption tax on amounts that are written without it."""

    percent: int = Field(ge=0, le=100)
    label: str = "消費税"
    label_en: str = "Consumption tax"


class Rounding(Document):
    """端数処理: to a unit, down, up or half up; each line or the total; only amounts under `below`; then a second step."""

    unit: Literal[1, 10, 50, 100, 500, 1000] = 1
    mode: Literal["down", "up", "half_up"] = "down"
    each: Literal["line", "total"] = "line"
    below: int | None = Field(default=None, ge=1)
    then: Rounding | None = None

    def apply(self, amount: Fraction | int) -> int:
        """The amount after this step alone, in yen; a negative one is rounded by its size."""
        if self.below is not None and abs(Fraction(amount)) >= self.below:
            return Rounding().apply(amount)
        sign = -1 if amount < 0 else 1
        units: Fraction = abs(Fraction(amount) / int(self.unit))
        match self.mode:
            case "down":
                whole = floor(units)
            case "up":
                whole = ceil(units)
            case "half_up":
                whole = floor(units + Fraction(1, 2))
        return sign * whole * self.unit

    def steps(self, each: Literal["line", "total"]) -> tuple[Rounding, ...]:
        """The steps for lines or for the total, in order."""
        later = self.then.steps(each) if self.then is not None else ()
        return (self, *later) if self.each == each else later


def quantity(per: str, case: PriceCase, minutes: int | None = None) -> int:
    """How many times an amount counts: begun hours or half hours, people, the highest admission fee, or once."""
    length = case.slot.minutes if minutes is None else max(minutes, 0)
    match per:
        case "hour":
            return -(-length // 60)
        case "half_hour":
            return -(-length // 30)
        case "person":
            return case.people
        case "admission":
            return case.admission
        case _:
            return 1


def _among(value: str, allowed: tuple[str, ...] | None) -> bool:
    return allowed is None or value in allowed


def _between(value: int, least: int | None, most: int | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _exactly_one(**given: object) -> None:
    found = [name for name, value in given.items() if value is not None]
    if len(found) != 1:
        names = "、".join(given)
        raise ValueError(f"{names} のうち1つだけを書きます。|今: {'、'.join(found) or 'なし'}")
