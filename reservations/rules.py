"""Who may book when, and what a cancellation gives back: the rules of use (利用規則) of a kind of space. Pure.

A policy is a document that holds from a date. The booking keeps the version under which it was made. Everything that depends on
the moment takes it as an argument, aware. Its parts are in `reservations.policy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from portal.kernel.money import Yen
from reservations.calendar import Document
from reservations.policy.applicants import Ages, Applicant, Category, Party, Tie
from reservations.policy.caps import Asker, Cap, Fault, Penalty, Taken
from reservations.policy.payment import ADVANCE, DaysToPay, PayTerm, PayWhen
from reservations.policy.refunds import CalledOffBy, Cancellation, CancelStep, RefundQuote
from reservations.policy.refusals import Refusal, Refused
from reservations.policy.windows import Days, Window
from reservations.timetable import TOKYO, Slot

__all__ = [
    "Ages",
    "Appeal",
    "Applicant",
    "Approval",
    "Asker",
    "CalledOffBy",
    "CancelStep",
    "Cancellation",
    "Cap",
    "Category",
    "Days",
    "DaysToPay",
    "Fault",
    "Hold",
    "Looker",
    "Party",
    "PayTerm",
    "PayWhen",
    "Penalty",
    "Permit",
    "Policy",
    "RefundQuote",
    "Refusal",
    "Refused",
    "Taken",
    "Tie",
    "Window",
]


Looker = Applicant | str | None
"""Who looks: an applicant, only the municipality where they live, or nobody who signed in."""


class Hold(Document):
    """How long a slot is kept while a person decides and pays, and how often (CASES B7).

    `series_hours`: how long the bookings of a series are kept while the person looks them over and pays.
    `household`: how many times what one person may, the people together may who share a telephone or a home.
    """

    minutes: int = Field(default=15, ge=5, le=120)
    pay_minutes: int = Field(default=30, ge=5, le=240)
    extensions: int = Field(default=10, ge=1, le=50)
    at_once: int = Field(default=3, ge=1)
    lapsed_per_day: int = Field(default=10, ge=1)
    household: int = Field(default=2, ge=1, le=20)
    series_hours: int = Field(default=24, ge=1, le=336)


class Approval(StrEnum):
    """Who says yes."""

    AUTOMATIC = "automatic"
    MANAGER = "manager"
    TWO_STEPS = "two_steps"
    """One person of the facility checks, another decides."""

    @property
    def by_people(self) -> bool:
        """Whether somebody has to say yes."""
        return self is not Approval.AUTOMATIC


class Changes(Document):
    """Moving a booking to another time or place: how often, and until the end of which day before the day of use as it stands.

    `refund_difference`: whether a cheaper time gives the difference back; where not, the price stays what it was.
    """

    times: int = Field(default=1, ge=0, le=20)
    days_before: int = Field(default=1, ge=0, le=365)
    refund_difference: bool = True


class Appeal(Document):
    """教示 (行政不服審査法82条, 行政事件訴訟法46条): differs by who decides (CASES A6)."""

    review_by: str
    defendant: str
    note: str = ""


class Permit(Document):
    """What the permit says besides the booking itself (CASES A9, B8, B15). What a facility says of itself stands before it.

    Attributes:
        title: 使用許可書, or 行政財産の目的外使用許可書 for a school.
        authority: who decides (処分庁).
        ground: ordinance and article.
        entrance: where to show it and how to get in.
        key: who hands it out, and when it comes back.
        remote: remote controls and switches that are lent (リモコン).
        parking: where.
        lent: other things that are lent and taken back.
        conditions: printed on each permit.
    """

    title: str = "使用許可書"
    title_en: str = "Permit of use (使用許可書)"
    authority: str
    ground: str
    entrance: str = ""
    key: str = ""
    remote: str = ""
    parking: str = ""
    lent: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


class Policy(Document):
    """Rules of use of a kind of space, from a date.

    Attributes:
        category_on: the date at which the category counts (CASES B9): of the booking, or of the use.
        who: whether groups, persons, or both may book.
        minimum_people: at least so many users, by purpose (種目別の最少人数).
        payment: terms, the first that fits; none fits: at once.
        days_to_pay: what is owed apart from those terms: a telephone booking, overtime, after a decision, for cancelling.
        entered_days: until so many days after the day of use staff may enter what took place on paper (CASES B14); 0: on that day.
    """

    code: str
    valid_from: date
    sample: bool
    source: str = ""
    categories: tuple[Category, ...] = Field(min_length=1)
    category_on: Literal["booking", "use"] = "booking"
    who: Literal["all", "groups", "persons"] = "all"
    windows: tuple[Window, ...] = Field(min_length=1)
    hold: Hold = Hold()
    caps: tuple[Cap, ...] = ()
    ages: Ages | None = None
    minimum_people: dict[str, int] = Field(default_factory=dict)
    penalty: Penalty | None = None
    payment: tuple[PayTerm, ...] = ()
    days_to_pay: DaysToPay = DaysToPay()
    approval: Approval
    cancellation: Cancellation
    appeal: Appeal
    permit: Permit
    changes: Changes = Changes()
    entered_days: int = Field(default=7, ge=0, le=30)
    revocation_grounds: tuple[str, ...] = ()
    """On which grounds of the ordinance a permit may be revoked because the city needs the place (CASES B13)."""

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        codes = [category.code for category in self.categories]
        if len(codes) != len(set(codes)):
            raise ValueError("a category appears twice")
        if not self.categories[-1].everybody:
            raise ValueError("the last category has no cities: it is everybody else")
        named = [(window.categories, "a window") for window in self.windows]
        named += [(cap.categories, "a cap") for cap in self.caps]
        named += [(term.categories, "a term of payment") for term in self.payment]
        for categories, what in named:
            unknown = set(categories) - set(codes)
            if unknown:
                raise ValueError(f"{what} names unknown categories: {sorted(unknown)}")
        return self

    def category(
        self,
        who: Looker,
        *,
        on: date | None = None,
        purpose: str = "",
        traits: frozenset[str] = frozenset(),
    ) -> Category:
        """The category of somebody.

        Args:
            who: who books; a text: only the municipality where they live is known; None: not even that.
            on: the day at which it counts; None: a day on which nothing that is known has ended.
            purpose: code.
            traits: facts of the use.
        """
        applicant = who if isinstance(who, Applicant) else Applicant.living_in(who)
        day = on or self.valid_from
        return next((one for one in self.categories if one.fits(applicant, day, purpose, traits)), self.categories[-1])

    def category_day(self, *, use: date, made: date) -> date:
        """The date at which the category counts, for a day of use and the day of booking."""
        return use if self.category_on == "use" else made

    def window(self, category: str, *, group: bool = False) -> Window | None:
        """The booking window of a category; None: it cannot book here."""
        return next((window for window in self.windows if window.fits(category, group=group)), None)

    def pay_term(self, category: str, party: Party | None) -> PayTerm:
        """When somebody pays."""
        kind, counter_only = (party.kind, party.counter_only) if party is not None else (None, False)
        return next((one for one in self.payment if one.fits(category, kind, counter_only=counter_only)), ADVANCE)

    def may_book(
        self, slot: Slot, category: str, *, now: datetime, days: Days | None = None, group: bool = False
    ) -> Refusal | None:
        """The rule that stands against booking the slot now, or None.

        Args:
            slot: what is wanted.
            category: of whom.
            now: aware.
            days: holidays and closed days, for windows that move when they open on one; None: they do not move.
            group: somebody books for a registered group.
        """
        if slot.start <= now:
            return Refusal(Refused.PAST, slot.start)
        window = self.window(category, group=group)
        if window is None:
            return Refusal(Refused.NOT_FOR_CATEGORY)
        closes = window.closes.closes(slot)
        if now >= closes:
            return Refusal(Refused.TOO_LATE, closes)
        opens = window.opens.opens(slot.day, days)
        if now < opens:
            return Refusal(Refused.NOT_YET_OPEN, opens)
        return None

    def may_apply(self, who: Applicant, *, day: date, now: datetime) -> Refusal | None:
        """The rule that stands against this applicant for a day of use, apart from windows and caps; or None."""
        if who.party is not None:
            return self._party(who.party, day=day, now=now)
        if self.who == "groups":
            return Refusal(Refused.GROUPS_ONLY)
        if self.ages is None:
            return None
        age = who.age_on(now.astimezone(TOKYO).date())
        if age is None:
            return Refusal(Refused.NO_BIRTH_DATE, None, self.ages.book_from)
        return Refusal(Refused.TOO_YOUNG, None, self.ages.book_from) if age < self.ages.book_from else None

    def _party(self, party: Party, *, day: date, now: datetime) -> Refusal | None:
        if self.who == "persons":
            return Refusal(Refused.PERSONS_ONLY)
        if not party.verified:
            return Refusal(Refused.GROUP_ENDED if party.over else Refused.GROUP_NOT_VERIFIED)
        if party.holds_on(now.astimezone(TOKYO).date()) and party.holds_on(day):
            return None
        ended = party.valid_until
        at = datetime(ended.year, ended.month, ended.day, tzinfo=TOKYO) if ended is not None else None
        return Refusal(Refused.GROUP_EXPIRED, at)

    def over_caps(self, wanted: Sequence[Taken], have: Sequence[Taken], *, asker: Asker) -> Refusal | None:
        """The first cap that stands against more slots, beside those that the same person or group has; or None."""
        found = (cap.against(wanted, have, asker=asker) for cap in self.caps)
        return next((refusal for refusal in found if refusal is not None), None)

    def refund(
        self,
        paid: Yen,
        *,
        day: date,
        starts: datetime,
        confirmed_at: datetime | None,
        now: datetime,
        options: Yen | None = None,
    ) -> RefundQuote:
        """What cancelling now gives back; see `Cancellation.refund`."""
        return self.cancellation.refund(
            paid, options=options, day=day, starts=starts, confirmed_at=confirmed_at, now=now
        )
