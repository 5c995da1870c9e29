"""When the fee is to be paid: at once, within days, on the day, after use, at the counter only. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum

from pydantic import Field

from reservations.calendar import Document
from reservations.policy.windows import moment
from reservations.timetable import TOKYO


class PayWhen(StrEnum):
    """When the fee is to be paid."""

    ADVANCE = "advance"
    """At once, within the minutes of the hold."""
    WITHIN = "within"
    """Within some days; then it is cancelled by itself."""
    ON_DAY = "on_day"
    AFTER_USE = "after_use"
    MONTHLY = "monthly"
    """All of a month's uses together, by a day of the next month (口座振替月まとめ)."""
    COUNTER = "counter"
    """Within some days, at the counter only (減免団体)."""

    @property
    def firm_at_once(self) -> bool:
        """Whether the booking is firm before anything is paid."""
        return self in {PayWhen.ON_DAY, PayWhen.AFTER_USE, PayWhen.MONTHLY}


class PayTerm(Document):
    """For whom which term holds; the first that fits counts.

    Attributes:
        categories: only these; empty: all.
        groups: only kinds of groups; empty: all, persons too.
        counter_groups: only groups whose registration says that they settle at the counter.
        when: see `PayWhen`.
        days: within so many days from accepting the price (until the end of the last one); after the use for `after_use`.
        before_days: at the latest so many days before the day of use.
        month_day: `monthly`: the day of the month after the use, or that month's last one.
        alone: each use is a payment of its own (カードは1枠ずつ, 併用不可): never one sum with others.
        receipt: whether there is a receipt for what is paid online; at a counter there always is one.
        retry: whether the same person may take the same slot again after it was cancelled for want of payment (目黒: いいえ).
    """

    categories: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    counter_groups: bool = False
    when: PayWhen
    days: int = Field(default=0, ge=0, le=180)
    before_days: int = Field(default=0, ge=0, le=180)
    month_day: int = Field(default=27, ge=1, le=31)
    alone: bool = False
    receipt: bool = True
    retry: bool = True

    def fits(self, category: str, group: str | None, *, counter_only: bool) -> bool:
        """Whether it holds for somebody."""
        return (
            (not self.categories or category in self.categories)
            and (not self.groups or group in self.groups)
            and (not self.counter_groups or counter_only)
        )

    def due(self, *, starts: datetime, ends: datetime, now: datetime) -> datetime | None:
        """Until when it is to be paid; None for `advance`: the hold's own minutes.

        Args:
            starts: beginning of the use.
            ends: end of the use.
            now: when the price was accepted; all aware.
        """
        use = starts.astimezone(TOKYO).date()
        if self.when is PayWhen.ADVANCE:
            return None
        if self.when is PayWhen.ON_DAY:
            return ends
        if self.when is PayWhen.AFTER_USE:
            return moment(ends.astimezone(TOKYO).date() + timedelta(days=self.days), time.max)
        if self.when is PayWhen.MONTHLY:
            first = (use.replace(day=1) + timedelta(days=32)).replace(day=1)
            last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
            return moment(min(first + timedelta(days=self.month_day - 1), last), time.max)
        until = moment(now.astimezone(TOKYO).date() + timedelta(days=self.days), time.max)
        return min(until, moment(use - timedelta(days=self.before_days), time.max), starts)


ADVANCE = PayTerm(when=PayWhen.ADVANCE)


class DaysToPay(Document):
    """Days to pay what is owed apart from the usual term, counted from the day on which it arises; until the end of the last one.

    Attributes:
        telephone: for who booked by telephone where payment is due at once; at the latest until the use begins.
        overtime: for use beyond the booked end.
        decision: after a reduction was refused or revoked, or the price was corrected; before the use where that is still to come.
        cancelling: for what who cancels without having paid owes.
        source: which rule of the city says so; empty: the days are a sample (見本).
    """

    telephone: int = Field(default=7, ge=1, le=60)
    overtime: int = Field(default=14, ge=1, le=90)
    decision: int = Field(default=14, ge=1, le=90)
    cancelling: int = Field(default=14, ge=1, le=90)
    source: str = Field(default="", max_length=300)

    @property
    def sample(self) -> bool:
        """Whether no rule of the city is named for them."""
        return not self.source


def last_moment(now: datetime, days: int) -> datetime:
    """The end of the last of some days after a moment, in Japan."""
    return moment(now.astimezone(TOKYO).date() + timedelta(days=days), time.max)
