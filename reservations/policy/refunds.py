"""What a cancellation gives back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Literal

from pydantic import Field, model_validator

from portal.kernel.money import Yen
from reservations.calendar import Clock, Document, months_before
from reservations.policy.windows import moment
from reservations.pricing.parts import Ratio

CalledOffBy = Literal["weather", "city", "facility"]


class CancelStep(Document):
    """Cancelled until so many days, weeks (the same weekday, 前週の同曜日) or months before the day of use: `percent` goes back.

    `at`: until this hour of that day; without it until its end. Days are calendar days in Japan.
    """

    days_before: int | None = Field(default=None, ge=0, le=730)
    weeks_before: int | None = Field(default=None, ge=1, le=104)
    months_before: int | None = Field(default=None, ge=1, le=24)
    at: Clock = time.max
    percent: int = Field(ge=0, le=100)

    @model_validator(mode="after")
    def _one(self) -> CancelStep:
        given = [value for value in (self.days_before, self.weeks_before, self.months_before) if value is not None]
        if len(given) != 1:
            raise ValueError("days_before、weeks_before、months_before のうち1つだけを書きます。")
        return self

    @property
    def days(self) -> int:
        """How far before, in days; a month counts as 30 (only to compare steps and to say them)."""
        return self.days_before or 7 * (self.weeks_before or 0) or 30 * (self.months_before or 0)

    def until(self, day: date) -> datetime:
        """The moment from which it is too late for this step."""
        if self.months_before is not None:
            return moment(months_before(day, self.months_before), self.at)
        return moment(day - timedelta(days=self.days), self.at)

    @property
    def words(self) -> str:
        """The step as the ledger says it, in Japanese."""
        if self.months_before is not None:
            far = f"{self.months_before}か月前"
        elif self.weeks_before is not None:
            far = "前の週の同じ曜日" if self.weeks_before == 1 else f"{self.weeks_before}週前の同じ曜日"
        else:
            far = f"{self.days_before}日前"
        hour = "" if self.at == time.max else f"の{self.at.hour}時{self.at.minute:02}分"
        return f"使う日の{far}{hour}まで {self.percent}%"


class LostStep(Document):
    """At least this part of the time could not be used, for no fault of the user: `percent` goes back (使用時間の2/3以上 → 全額)."""

    share: Ratio
    percent: int = Field(ge=0, le=100)


class CalledOff(Document):
    """What goes back where the use was called off, in percent."""

    weather: int = Field(default=100, ge=0, le=100)
    city: int = Field(default=100, ge=0, le=100)
    facility: int = Field(default=100, ge=0, le=100)


class Cancellation(Document):
    """What a cancellation gives back. Steps from far to near; after the last one nothing.

    Attributes:
        steps: see `CancelStep`.
        undo_minutes: a booking just made can be undone in full, without fault, as long as the use has not begun.
        options_percent: share of the options (附属設備) that goes back until the use begins; None: as the rest.
        unpaid_owes: who cancels without having paid owes what would not have been given back (取消料); else nothing.
        called_off: called off by the weather, the city or the facility.
        lost: shares of the time that was lost, from the largest.
        ground: the ordinance.
    """

    steps: tuple[CancelStep, ...] = ()
    undo_minutes: int = Field(default=15, ge=0, le=1440)
    options_percent: int | None = Field(default=None, ge=0, le=100)
    unpaid_owes: bool = False
    called_off: CalledOff = CalledOff()
    lost: tuple[LostStep, ...] = ()
    ground: str

    @model_validator(mode="after")
    def _falling(self) -> Cancellation:
        days = [step.days for step in self.steps]
        percents = [step.percent for step in self.steps]
        if days != sorted(set(days), reverse=True):
            raise ValueError("cancellation steps go from many days before to few, each day once")
        if percents != sorted(percents, reverse=True):
            raise ValueError("a later cancellation never gives back more")
        shares = [step.share for step in self.lost]
        if shares != sorted(set(shares), reverse=True):
            raise ValueError("lost の share は大きいものから順に書きます。")
        return self

    def refund(
        self,
        paid: Yen,
        *,
        options: Yen | None = None,
        day: date,
        starts: datetime,
        confirmed_at: datetime | None,
        now: datetime,
    ) -> RefundQuote:
        """What cancelling now gives back.

        Args:
            paid: what was paid and not yet given back.
            options: which part of it is for options; None: nothing.
            day: the day of use (Tokyo).
            starts: when the use begins; from then on nothing is given back.
            confirmed_at: when the booking became firm; the undo runs from it.
            now: aware.
        """
        if confirmed_at is not None and now < starts and now < confirmed_at + timedelta(minutes=self.undo_minutes):
            return RefundQuote(paid, 100, "undo", None)
        if now >= starts:
            return RefundQuote(Yen(0), 0, "too_late", None)
        step = next((step for step in self.steps if now < step.until(day)), None)
        percent = step.percent if step is not None else 0
        apart = Yen(0)
        if options is not None and self.options_percent is not None and self.options_percent > percent:
            apart = Yen(min(options.amount, paid.amount) * self.options_percent // 100)
            paid = paid - min(options, paid)
        amount = Yen(paid.amount * percent // 100) + apart
        rule = f"days_before:{step.days}" if step is not None else "options" if apart else "too_late"
        return RefundQuote(amount, percent, rule, step)

    def lost_refund(self, paid: Yen, *, lost: timedelta, whole: timedelta) -> RefundQuote:
        """What goes back where part of the time could not be used, for no fault of the user."""
        share = Fraction(int(lost.total_seconds()), max(int(whole.total_seconds()), 1))
        step = next((step for step in self.lost if share >= step.share), None)
        percent = step.percent if step is not None else 0
        return RefundQuote(Yen(paid.amount * percent // 100), percent, "lost", None)

    def called_off_refund(self, paid: Yen, by: CalledOffBy) -> RefundQuote:
        """What goes back where the use was called off."""
        percent = int(getattr(self.called_off, by))
        return RefundQuote(Yen(paid.amount * percent // 100), percent, f"called_off:{by}", None)


_WORDS = {
    "undo": "決まってすぐの取消し",
    "lost": "使えなかった時間の割合",
    "called_off:weather": "天候による中止",
    "called_off:city": "市の都合による中止",
    "called_off:facility": "施設の都合による中止",
    "options": "附属設備の料金",
}


NOTHING = Yen(0)


@dataclass(frozen=True)
class RefundQuote:
    """What goes back.

    Attributes:
        amount: whole yen, rounded down.
        percent: of what was paid.
        rule: "undo", "days_before:7", "lost", "called_off:weather", "options" or "too_late".
        step: the step that decided, if one did.
        owed: what is to be paid for cancelling, where nothing was paid yet.
    """

    amount: Yen
    percent: int
    rule: str
    step: CancelStep | None
    owed: Yen = NOTHING

    @property
    def words(self) -> str:
        """The rule as the ledger and the receipt of a refund say it."""
        if self.step is not None:
            return self.step.words
        return f"{_WORDS[self.rule]} {self.percent}%" if self.rule in _WORDS else ""
