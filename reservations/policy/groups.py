"""Kinds of groups (団体) that a city registers: how many, how many from the city, until when. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal

from pydantic import Field

from reservations.calendar import Document, months_before
from reservations.policy.applicants import Tie


class GroupKind(Document):
    """A kind of group.

    Attributes:
        minimum: members at least.
        in_city_percent: so many percent of the members live, work or study in one of `cities`.
        cities: municipalities that count; empty: no such rule.
        term: until the end of the fiscal year (31 March) or for some months from the day of verification.
        months: for `term: months`.
        renew_days: so many days before its end it can be renewed.
        counter_only: fees are settled at the counter (減免団体).
    """

    code: str = Field(pattern=r"^[a-z0-9_-]{1,30}$")
    name: str
    name_en: str = ""
    minimum: int = Field(default=2, ge=1, le=10_000)
    in_city_percent: int = Field(default=0, ge=0, le=100)
    cities: tuple[str, ...] = ()
    term: Literal["fiscal_year", "months"] = "fiscal_year"
    months: int = Field(default=12, ge=1, le=60)
    renew_days: int = Field(default=60, ge=0, le=365)
    counter_only: bool = False

    def until(self, day: date) -> date:
        """The last day of a registration that is verified on a day; near its fiscal year's end that of the next one."""
        if self.term == "months":
            return months_before(day, -self.months) - timedelta(days=1)
        year = day.year if day.month < 4 else day.year + 1
        end = date(year, 3, 31)
        return end if (end - day).days > self.renew_days else date(year + 1, 3, 31)

    def renewed_until(self, day: date, running: date | None) -> date:
        """The last day after a renewal that is decided on a day: the new term begins when the running one ends, so nothing of it is lost.

        Args:
            day: of the decision.
            running: last day of the term that holds; None, or past: there is none, and the term begins with the decision.
        """
        if running is None or running < day:
            return self.until(day)
        if self.term == "months":
            return self.until(running + timedelta(days=1))
        return self.until(running)


class GroupRules(Document):
    """The kinds of groups, from a date. `minimum_people`: members at least, by purpose (種目別: テニス4・野球9・サッカー11)."""

    code: Literal["groups"]
    valid_from: date
    sample: bool
    source: str = ""
    kinds: tuple[GroupKind, ...] = Field(min_length=1)
    minimum_people: Mapping[str, int] = Field(default_factory=dict)

    def kind(self, code: str) -> GroupKind | None:
        """A kind by its code."""
        return next((kind for kind in self.kinds if kind.code == code), None)

    def fewest(self, kind: GroupKind, purposes: Sequence[str]) -> int:
        """How many members a group needs for what it does."""
        return max([kind.minimum, *(self.minimum_people.get(purpose, 0) for purpose in purposes)])


def tied_percent(kind: GroupKind, members: Sequence[Tie]) -> int:
    """How many percent of the members are tied to the cities that count, rounded down."""
    if not members:
        return 0
    tied = sum(any(tie.city.endswith(city) for city in kind.cities) and tie.basis != "none" for tie in members)
    return 100 * tied // len(members)
