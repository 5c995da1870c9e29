"""How often somebody may book: caps by day, week, month, days in a row; night and day apart; what is not paid yet. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from pydantic import Field

from reservations.calendar import Document, Holidays, is_weekend_or_holiday
from reservations.policy.refusals import Refusal, Refused
from reservations.timetable import TOKYO, Slot

_REASON = {
    "day": Refused.CAP_DAY,
    "week": Refused.CAP_WEEK,
    "month": Refused.CAP_MONTH,
    "consecutive": Refused.CAP_CONSECUTIVE,
    "ahead": Refused.CAP_AHEAD,
    "unpaid": Refused.CAP_UNPAID,
}


@dataclass(frozen=True)
class Taken:
    """A slot that the same person or group has, held or booked.

    Attributes:
        slot: its time.
        policy: code of the rules of use of its space.
        facility: code of its facility.
        space: code of its space.
        unpaid: the price is accepted and not paid.
    """

    slot: Slot
    policy: str
    facility: str
    space: str
    unpaid: bool = False


class Cap(Document):
    """At most so many.

    Attributes:
        per: the day of use, its week (Monday to Sunday), its month, days in a row (連続), everything still to come, or everything that is
            accepted and not paid.
        of: slots, hours (begun ones) or days. Days in a row are days.
        at_most: the number.
        within: what is counted together: spaces under these rules of use, of the facility, or the space alone.
        parts: only slots of these parts of the day are counted and limited (夜と昼で別上限).
        weekend: only Saturdays, Sundays and holidays (True), or only the others (False).
        categories: only for these; empty: for all.
        who: whether it is for groups, for persons, or both; a group's bookings and a person's own are never counted together.
        same_day_free: what is still free on the day itself may be booked beyond the cap (当日の空きは制限なし).
    """

    per: Literal["day", "week", "month", "consecutive", "ahead", "unpaid"]
    of: Literal["slots", "hours", "days"] = "slots"
    at_most: int = Field(ge=1, le=1000)
    within: Literal["rules", "facility", "space"] = "rules"
    parts: tuple[Literal["morning", "afternoon", "evening"], ...] = ()
    weekend: bool | None = None
    categories: tuple[str, ...] = ()
    who: Literal["all", "groups", "persons"] = "all"
    same_day_free: bool = False

    def against(self, wanted: Sequence[Taken], have: Sequence[Taken], *, asker: Asker) -> Refusal | None:
        """What the cap says against more slots, beside those that somebody has."""
        counted = [one for one in wanted if self._counts(one, asker.holidays)]
        if not counted or not self._for(asker):
            return None
        here = [one for one in have if self._together(one, counted[0]) and self._counts(one, asker.holidays)]
        if self.per == "consecutive":
            return self._in_a_row(counted, here)
        for one in counted:
            if self.same_day_free and one.slot.day == asker.now.astimezone(TOKYO).date():
                continue
            around = [*counted, *here]
            if self.per == "unpaid":
                around = [*counted, *(other for other in here if other.unpaid)]
            elif self.per == "ahead":
                around = [*counted, *(other for other in here if other.slot.end > asker.now)]
            else:
                around = [other for other in around if self._period(other.slot.day) == self._period(one.slot.day)]
            if self._amount(around) > self.at_most:
                return Refusal(_REASON[self.per], self._until(one.slot.day), self.at_most)
        return None

    def _for(self, asker: Asker) -> bool:
        by = self.who == "all" or (self.who == "groups") == asker.group
        return by and (not self.categories or asker.category in self.categories)

    def _counts(self, one: Taken, holidays: Holidays) -> bool:
        if self.parts and one.slot.part not in self.parts:
            return False
        return self.weekend is None or is_weekend_or_holiday(one.slot.day, holidays) == self.weekend

    def _together(self, one: Taken, other: Taken) -> bool:
        return {
            "rules": one.policy == other.policy,
            "facility": one.facility == other.facility,
            "space": one.space == other.space,
        }[self.within]

    def _amount(self, around: Sequence[Taken]) -> int:
        if self.of == "hours":
            return sum(-(-one.slot.minutes // 60) for one in around)
        return len({one.slot.day for one in around}) if self.of == "days" else len(around)

    def _period(self, day: date) -> date:
        if self.per == "week":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.per == "month" else day

    def _until(self, day: date) -> datetime | None:
        """When the next period begins."""
        if self.per == "day":
            after = day + timedelta(days=1)
        elif self.per == "week":
            after = self._period(day) + timedelta(days=7)
        elif self.per == "month":
            after = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        else:
            return None
        return datetime.combine(after, time(), TOKYO)

    def _in_a_row(self, wanted: Sequence[Taken], have: Sequence[Taken]) -> Refusal | None:
        days = {one.slot.day for one in (*wanted, *have)}
        for one in wanted:
            first = last = one.slot.day
            while first - timedelta(days=1) in days:
                first -= timedelta(days=1)
            while last + timedelta(days=1) in days:
                last += timedelta(days=1)
            if (last - first).days + 1 > self.at_most:
                return Refusal(Refused.CAP_CONSECUTIVE, None, self.at_most)
        return None


@dataclass(frozen=True)
class Asker:
    """For whom and when caps are asked."""

    category: str
    group: bool
    holidays: Holidays
    now: datetime


class Penalty(Document):
    """What follows from not coming, and from cancelling late (無断不使用・直前取消しの点数).

    Attributes:
        no_show: points for not coming.
        late_cancel: points for cancelling fewer than `late_days` days before.
        limit: from so many points on, nothing more can be booked
        within_days: points count for so many days.
        block_days: for so many days from the last point.
    """

    no_show: int = Field(default=1, ge=0, le=100)
    late_cancel: int = Field(default=0, ge=0, le=100)
    late_days: int = Field(default=0, ge=0, le=60)
    limit: int = Field(ge=1, le=100)
    within_days: int = Field(default=365, ge=1, le=3650)
    block_days: int = Field(ge=1, le=3650)

    def blocked_until(self, faults: Sequence[Fault], *, now: datetime) -> datetime | None:
        """Until when nothing can be booked; None: nothing stands against it."""
        since = now - timedelta(days=self.within_days)
        counted = [fault for fault in faults if since <= fault.at <= now]
        points = sum(self.no_show if fault.no_show else self.late_cancel for fault in counted)
        if points < self.limit or not counted:
            return None
        until = max(fault.at for fault in counted) + timedelta(days=self.block_days)
        return until if until > now else None


@dataclass(frozen=True)
class Fault:
    """Somebody did not come, or cancelled late."""

    at: datetime
    no_show: bool
