"""Who books, and which resident category (利用者区分) that is at which date. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from reservations.calendar import Document

Basis = Literal["lives", "works", "studies"]


@dataclass(frozen=True)
class Tie:
    """What ties somebody to a municipality, and within which days (both included; None: open)."""

    basis: str
    city: str
    verified: bool = False
    valid_from: date | None = None
    valid_until: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it holds on the day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


@dataclass(frozen=True)
class Party:
    """The group (団体) for which somebody books.

    Attributes:
        kind: code of the kind of group.
        verified: staff have accepted the registration.
        valid_from: first day of the registration.
        valid_until: last day of it.
        members: what ties each member, at most one.
        counter_only: its fees are settled at the counter.
        over: the registration was refused or has been ended.
    """

    kind: str
    verified: bool
    valid_from: date | None
    valid_until: date | None
    members: tuple[Tie, ...] = ()
    counter_only: bool = False
    over: bool = False

    def holds_on(self, day: date) -> bool:
        """Whether the registration holds on the day."""
        return self.verified and Tie("", "", True, self.valid_from, self.valid_until).holds_on(day)


@dataclass(frozen=True)
class Applicant:
    """Who books: what ties the person, and for which group they book."""

    ties: tuple[Tie, ...] = ()
    party: Party | None = None
    birth_date: date | None = None

    @classmethod
    def living_in(cls, city: str | None) -> Applicant:
        """Somebody of whom only the home is known."""
        return cls((Tie("lives", city),) if city else ())

    def age_on(self, day: date) -> int | None:
        """Full years on a day (年齢計算ニ関スル法律: a year is full at the end of the day before the birthday)."""
        if self.birth_date is None:
            return None
        born = self.birth_date
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class Category(Document):
    """A resident category. The first one that fits counts, so exceptions stand before the rule.

    Attributes:
        cities: names of municipalities that it holds for; empty: everybody.
        bases: which ties to them count: `lives`, `works` (在勤), `studies` (在学).
        proof: only ties that staff have verified count.
        groups: kinds of groups that it holds for; empty: persons, and every kind.
        members_percent: so many of a group's members must be tied (過半数: 51, 全員: 100).
        unless_purposes, unless_traits: uses for which it does not hold (営利は市外扱い).
    """

    code: str = Field(pattern=r"^[a-z0-9_-]{1,20}$")
    name: str
    name_en: str
    cities: tuple[str, ...] = ()
    bases: tuple[Basis, ...] = ("lives",)
    proof: bool = False
    groups: tuple[str, ...] = ()
    members_percent: int = Field(default=50, ge=0, le=100)
    unless_purposes: tuple[str, ...] = ()
    unless_traits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _some_basis(self) -> Category:
        if self.cities and not self.bases:
            raise ValueError("bases が空です。|lives、works、studies のどれかを書きます。")
        return self

    @property
    def everybody(self) -> bool:
        """Whether nobody is left out."""
        return not (self.cities or self.groups or self.unless_purposes or self.unless_traits)

    def fits(self, who: Applicant, on: date, purpose: str = "", traits: frozenset[str] = frozenset()) -> bool:
        """Whether somebody belongs to it on a day, for a use."""
        if purpose in self.unless_purposes or traits & set(self.unless_traits):
            return False
        party = who.party if who.party is not None and who.party.holds_on(on) else None
        if self.groups and (party is None or party.kind not in self.groups):
            return False
        if not self.cities:
            return True
        if party is not None:
            tied = sum(self._tied([member], on, proof=False) for member in party.members)
            return bool(party.members) and tied * 100 >= self.members_percent * len(party.members)
        return self._tied(who.ties, on, proof=self.proof)

    def _tied(self, ties: Sequence[Tie], on: date, *, proof: bool) -> bool:
        return any(
            tie.basis in self.bases
            and (tie.verified or not proof)
            and tie.holds_on(on)
            and any(tie.city.endswith(name) for name in self.cities)
            for tie in ties
        )


class Ages(Document):
    """From which age somebody may book by themselves (full years on the day of booking)."""

    book_from: int = Field(ge=0, le=120)
