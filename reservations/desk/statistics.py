"""How much of what was offered was used, and what it brought in: by space, part of the day and category.

The rate counts minutes: booked minutes of confirmed bookings by offered minutes of the timetables in force (closures by the
timetable are not offered). Income is what was received for bookings of the period less what was promised back; other charges
of a booking (overtime) count with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import paid as paid_for
from portal.kernel import dates
from reservations.documents import Rules
from reservations.models import Booking, BookingState, Facility, Space
from reservations.queries import catalog
from reservations.queries.catalog import SpaceView
from reservations.rules import Policy
from reservations.services.common import KIND, slots_of
from reservations.timetable import TOKYO, PartOfDay

LONGEST = timedelta(days=366)


@dataclass(frozen=True)
class Rate:
    """Minutes offered and booked."""

    label: str
    offered: int
    booked: int

    @property
    def percent(self) -> float | None:
        """Share in percent, one decimal; None where nothing was offered."""
        return round(100 * self.booked / self.offered, 1) if self.offered else None


@dataclass(frozen=True)
class Income:
    """Bookings and yen under a label."""

    label: str
    bookings: int
    yen: int


@dataclass(frozen=True)
class Statistics:
    """A period's figures. `last` belongs to it."""

    first: date
    last: date
    by_space: Sequence[Rate]
    by_part: Sequence[Rate]
    income_by_space: Sequence[Income]
    income_by_part: Sequence[Income]
    income_by_category: Sequence[Income]

    @property
    def yen(self) -> int:
        """All income."""
        return sum(line.yen for line in self.income_by_space)


def statistics(session: Session, facilities: Collection[str], first: date, last: date) -> Statistics:
    """The figures of some facilities; a fixed number of statements.

    Raises:
        ValueError: the period is backwards or longer than `LONGEST`.
    """
    if not timedelta(0) <= last - first < LONGEST:
        raise ValueError("a period of one day to a year")
    views = [view for view in catalog.spaces(session, on=first) if view.facility.code in facilities]
    rules = catalog.rules_for(session, views)
    offered: dict[tuple[str, PartOfDay], int] = defaultdict(int)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    labels = {view.code: f"{view.facility.name} {view.name}" for view in views}
    for view in views:
        for day in days:
            timetable = rules.timetable(view.timetable_code, day)
            if timetable is None or not view.facility.open_on(day):
                continue
            for slot in timetable.slots_on(day, dates.is_holiday):
                offered[view.code, slot.part] += int((slot.end - slot.start).total_seconds() // 60)
    booked, income_space, income_part, income_category = _booked(session, facilities, first, last)
    categories = _categories(rules, views)
    parts = get_args(PartOfDay)
    return Statistics(
        first,
        last,
        [
            Rate(labels[view.code], sum(offered[view.code, p] for p in parts), sum(booked[view.code, p] for p in parts))
            for view in views
        ],
        [Rate(p, sum(offered[v.code, p] for v in views), sum(booked[v.code, p] for v in views)) for p in parts],
        [Income(labels.get(code, code), *found) for code, found in sorted(income_space.items())],
        [Income(p, *income_part[p]) for p in parts if p in income_part],
        [Income(categories.get(code, code), *found) for code, found in sorted(income_category.items())],
    )


def _categories(rules: Rules, views: Sequence[SpaceView]) -> dict[str, str]:
    """What the categories of these spaces' rules of use are called."""
    codes = {view.policy_code for view in views}
    return {
        category.code: category.name
        for (_kind, code), versions in rules.versions.items()
        if code in codes
        for version in versions
        if isinstance(version.document, Policy)
        for category in version.document.categories
    }


_Minutes = dict[tuple[str, PartOfDay], int]
_Sums = dict[str, tuple[int, int]]


def _booked(
    session: Session, facilities: Collection[str], first: date, last: date
) -> tuple[_Minutes, _Sums, _Sums, _Sums]:
    start = datetime.combine(first, time(), TOKYO)
    end = datetime.combine(last + timedelta(days=1), time(), TOKYO)
    rows = session.execute(
        select(Booking, Space.code)
        .join(Space, Space.id == Booking.space_id)
        .join(Facility, Facility.id == Space.facility_id)
        .where(
            Facility.code.in_(facilities),
            Booking.starts_at >= start,
            Booking.starts_at < end,
            Booking.firm_at.is_not(None),
        )
    ).all()
    received: dict[str, int] = defaultdict(int)
    for charge in paid_for.refundable(session, KIND, [booking.reference for booking, _space in rows]):
        received[charge.payable_ref] += charge.amount.amount
    minutes: _Minutes = defaultdict(int)
    by_space: dict[str, list[int]] = defaultdict(list)
    by_part: dict[str, list[int]] = defaultdict(list)
    by_category: dict[str, list[int]] = defaultdict(list)
    for booking, space in rows:
        yen = received[booking.reference]
        if booking.state == BookingState.CONFIRMED:
            for slot in slots_of(booking):
                minutes[space, slot.part] += int((slot.end - slot.start).total_seconds() // 60)
        if booking.state == BookingState.CONFIRMED or yen:
            by_space[space].append(yen)
            # A booking over several parts of the day counts where it begins: its price is not divided.
            by_part[slots_of(booking)[0].part].append(yen)
            by_category[booking.category].append(yen)
    return minutes, _sums(by_space), _sums(by_part), _sums(by_category)


def _sums(lists: dict[str, list[int]]) -> _Sums:
    return {code: (len(amounts), sum(amounts)) for code, amounts in lists.items()}
