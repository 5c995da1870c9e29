"""Who may book when, and what a cancellation gives back: the rules of use (利用規則) of a kind of space. Pure.

A policy is a document that holds from a date. The booking keeps the version under which it was made. Everything that depends on
the moment takes it as an argument, aware.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from portal.kernel.money import Yen
from reservations.calendar import Clock, Document, months_before
from reservations.timetable import TOKYO, Slot


class Refused(StrEnum):
    """Why a slot may not be booked now."""

    PAST = "past"
    NOT_YET_OPEN = "not_yet_open"
    TOO_LATE = "too_late"
    TOO_MANY_PEOPLE = "too_many_people"
    NO_USERS = "no_users"
    NOT_FOR_CATEGORY = "not_for_category"
    NOT_FOR_PURPOSE = "not_for_purpose"


@dataclass(frozen=True)
class Refusal:
    """A rule that stands against a booking, and until or from when it does."""

    reason: Refused
    at: datetime | None = None
    limit: int | None = None


class Category(Document):
    """A resident category (利用者区分): decided by where the person lives.

    `cities` are names of municipalities (whose residents it holds for); empty: everybody. The first category that fits counts, so
    exceptions stand before the rule.
    """

    code: str = Field(pattern=r"^[a-z0-9_-]{1,20}$")
    name: str
    name_en: str
    cities: tuple[str, ...] = ()

    def fits(self, city: str) -> bool:
        """Whether residents of the municipality belong to it."""
        return not self.cities or any(city.endswith(name) for name in self.cities)


class OpensMonthsBefore(Document):
    """Opens so many months before the day of use: on that day, or on the first of that month."""

    kind: Literal["months_before"]
    months: int = Field(ge=0, le=24)
    on: Literal["same_day", "first"] = "same_day"
    at: Clock = time(9, 0)

    def opens(self, day: date) -> datetime:
        """The moment from which the day can be booked."""
        earlier = months_before(day, self.months)
        if self.on == "first":
            earlier = earlier.replace(day=1)
        return datetime.combine(earlier, self.at, TOKYO)


class OpensDaysBefore(Document):
    """Opens so many days before the day of use."""

    kind: Literal["days_before"]
    days: int = Field(ge=0, le=730)
    at: Clock = time(9, 0)

    def opens(self, day: date) -> datetime:
        """The moment from which the day can be booked."""
        return datetime.combine(day - timedelta(days=self.days), self.at, TOKYO)


Opens = Annotated[OpensMonthsBefore | OpensDaysBefore, Field(discriminator="kind")]


class ClosesDaysBefore(Document):
    """Closes so many days before the day of use, at an hour (24:00: until the end of that day)."""

    kind: Literal["days_before"]
    days: int = Field(ge=0, le=365)
    at: Clock = time.max

    def closes(self, slot: Slot) -> datetime:
        """The moment from which it is too late."""
        return min(_moment(slot.day - timedelta(days=self.days), self.at), slot.start)


class ClosesBeforeStart(Document):
    """Closes so many minutes before the slot begins."""

    kind: Literal["before_start"]
    minutes: int = Field(ge=0, le=10_080)

    def closes(self, slot: Slot) -> datetime:
        """The moment from which it is too late."""
        return slot.start - timedelta(minutes=self.minutes)


Closes = Annotated[ClosesDaysBefore | ClosesBeforeStart, Field(discriminator="kind")]


class Window(Document):
    """When a category may book. `categories` empty: every category that no earlier window names."""

    categories: tuple[str, ...] = ()
    opens: Opens
    closes: Closes


class Hold(Document):
    """How long a slot is kept while a person decides and pays, and how often (CASES B7)."""

    minutes: int = Field(default=15, ge=5, le=120)
    pay_minutes: int = Field(default=30, ge=5, le=240)
    extensions: int = Field(default=10, ge=1, le=50)
    at_once: int = Field(default=3, ge=1)
    lapsed_per_day: int = Field(default=10, ge=1)


class Approval(StrEnum):
    """Who says yes."""

    AUTOMATIC = "automatic"
    MANAGER = "manager"


class CancelStep(Document):
    """Cancelled at least `days_before` the day of use (calendar days, Tokyo): `percent` of what was paid goes back."""

    days_before: int = Field(ge=0, le=730)
    percent: int = Field(ge=0, le=100)


class Cancellation(Document):
    """What a cancellation gives back. Steps from far to near; after the last one nothing.

    `undo_minutes`: a booking just made can be undone in full, without fault, as long as the use has not begun.
    """

    steps: tuple[CancelStep, ...] = ()
    undo_minutes: int = Field(default=15, ge=0, le=1440)
    ground: str

    @model_validator(mode="after")
    def _falling(self) -> Cancellation:
        days = [step.days_before for step in self.steps]
        percents = [step.percent for step in self.steps]
        if days != sorted(set(days), reverse=True):
            raise ValueError("cancellation steps go from many days before to few, each day once")
        if percents != sorted(percents, reverse=True):
            raise ValueError("a later cancellation never gives back more")
        return self


class Appeal(Document):
    """教示 (行政不服審査法82条, 行政事件訴訟法46条): differs by who decides (CASES A6)."""

    review_by: str
    defendant: str
    note: str = ""


class Permit(Document):
    """What the permit says besides the booking itself (CASES A9, B15)."""

    authority: str
    ground: str
    entrance: str = ""
    conditions: tuple[str, ...] = ()


class Policy(Document):
    """Rules of use of a kind of space, from a date."""

    code: str
    valid_from: date
    sample: bool
    source: str = ""
    categories: tuple[Category, ...] = Field(min_length=1)
    windows: tuple[Window, ...] = Field(min_length=1)
    hold: Hold = Hold()
    approval: Approval
    cancellation: Cancellation
    appeal: Appeal
    permit: Permit
    revocation_grounds: tuple[str, ...] = ()
    """On which grounds of the ordinance a permit may be revoked because the city needs the place (CASES B13)."""

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        codes = [category.code for category in self.categories]
        if len(codes) != len(set(codes)):
            raise ValueError("a category appears twice")
        if self.categories[-1].cities:
            raise ValueError("the last category has no cities: it is everybody else")
        for window in self.windows:
            unknown = set(window.categories) - set(codes)
            if unknown:
                raise ValueError(f"a window names unknown categories: {sorted(unknown)}")
        return self

    def category(self, city: str | None) -> Category:
        """The category of somebody who lives in the municipality; None (not known): the last one."""
        if city is None:
            return self.categories[-1]
        return next(category for category in self.categories if category.fits(city))

    def window(self, category: str) -> Window | None:
        """The booking window of a category; None: it cannot book here."""
        return next((w for w in self.windows if not w.categories or category in w.categories), None)

    def may_book(self, slot: Slot, category: str, *, now: datetime) -> Refusal | None:
        """The rule that stands against booking the slot now, or None."""
        if slot.start <= now:
            return Refusal(Refused.PAST, slot.start)
        window = self.window(category)
        if window is None:
            return Refusal(Refused.NOT_FOR_CATEGORY)
        closes = window.closes.closes(slot)
        if now >= closes:
            return Refusal(Refused.TOO_LATE, closes)
        opens = window.opens.opens(slot.day)
        if now < opens:
            return Refusal(Refused.NOT_YET_OPEN, opens)
        return None

    def refund(
        self, paid: Yen, *, day: date, starts: datetime, confirmed_at: datetime | None, now: datetime
    ) -> RefundQuote:
        """What cancelling now gives back.

        Args:
            paid: what was paid and not yet given back.
            day: the day of use (Tokyo).
            starts: when the use begins; from then on nothing is given back.
            confirmed_at: when the booking became firm; the undo runs from it.
            now: aware.
        """
        rules = self.cancellation
        if confirmed_at is not None and now < starts and now < confirmed_at + timedelta(minutes=rules.undo_minutes):
            return RefundQuote(paid, 100, "undo", None)
        ahead = (day - now.astimezone(TOKYO).date()).days
        if now < starts:
            for step in rules.steps:
                if ahead >= step.days_before:
                    amount = Yen(paid.amount * step.percent // 100)
                    return RefundQuote(amount, step.percent, f"days_before:{step.days_before}", step)
        return RefundQuote(Yen(0), 0, "too_late", None)


@dataclass(frozen=True)
class RefundQuote:
    """What a cancellation gives back now.

    Attributes:
        amount: whole yen, rounded down.
        percent: of what was paid.
        rule: "undo", "days_before:7" or "too_late".
        step: the step that decided, if one did.
    """

    amount: Yen
    percent: int
    rule: str
    step: CancelStep | None

    @property
    def words(self) -> str:
        """The rule as the ledger and the receipt of a refund say it."""
        if self.step is not None:
            return f"使う日の{self.step.days_before}日前まで {self.percent}%"
        return "決まってすぐの取消し 100%" if self.rule == "undo" else ""


def _moment(day: date, clock: time) -> datetime:
    if clock == time.max:
        return datetime.combine(day + timedelta(days=1), time(), TOKYO)
    return datetime.combine(day, clock, TOKYO)
