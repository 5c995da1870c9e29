"""How much of what was offered was used, and what it brought in: by facility, space, part of the day, band of the timetable and category.

The rate counts minutes: booked minutes of confirmed bookings by offered minutes of the timetables in force (closures by the
timetable are not offered). For facilities, parts of the day, bands and categories they are minutes of the smallest units, each once
(`unit_hours`): a floor that can be booked whole, in halves and by the court is one floor. A space is counted as itself. Income is
what was received for bookings of the period less what was promised back; other charges of a booking (overtime) count with it. A
booking over several parts of the day or bands counts in each: its minutes as they are, its money by their share of its minutes, to
the yen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TypeVar, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import paid as paid_for
from portal.kernel import dates
from reservations.desk.unit_hours import UnitHours, once, stretch_of
from reservations.documents import Rules
from reservations.models import Booking, BookingState, Facility, Space
from reservations.queries import catalog
from reservations.queries.catalog import SpaceView
from reservations.rules import Policy
from reservations.services.common import KIND, slots_of
from reservations.timetable import TOKYO, PartOfDay, Slot

LONGEST = timedelta(days=366)
Key = TypeVar("Key")


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
    #: Minutes of units.
    by_facility: Sequence[Rate]
    #: A space's own minutes, as itself.
    by_space: Sequence[Rate]
    by_part: Sequence[Rate]
    #: By the facilities' own bands (午前, 9:00〜11:00), in order of the day.
    by_band: Sequence[Rate]
    #: Of all offered minutes, how many each category of user booked.
    by_category: Sequence[Rate]
    income_by_space: Sequence[Income]
    income_by_part: Sequence[Income]
    income_by_band: Sequence[Income]
    income_by_category: Sequence[Income]

    @property
    def yen(self) -> int:
        """All income."""
        return sum(line.yen for line in self.income_by_space)


def statistics(
    session: Session, facilities: Collection[str], first: date, last: date, *, english: bool = False
) -> Statistics:
    """The figures of some facilities, in English where asked and translated; a fixed number of statements.

    Raises:
        ValueError: the period is backwards or longer than `LONGEST`.
    """
    if not timedelta(0) <= last - first < LONGEST:
        raise ValueError("a period of one day to a year")
    views = [view for view in catalog.spaces(session, on=first) if view.facility.code in facilities]
    rules = catalog.rules_for(session, views)
    own: dict[str, int] = defaultdict(int)
    hours = UnitHours()
    bands: dict[tuple[Band, date], set[int]] = defaultdict(set)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    locale = "en" if english else "ja"
    labels = {view.code: f"{view.facility.called(locale)} {view.called(locale)}" for view in views}
    for view in views:
        for day in days:
            timetable = rules.timetable(view.timetable_code, day)
            if timetable is None or not view.facility.open_on(day):
                continue
            slots = timetable.slots_on(day, dates.is_holiday)
            own[view.code] += sum(end - start for start, end, _part in once(frozenset(map(stretch_of, slots))))
            hours.offer(view.units, slots)
            for slot in slots:
                bands[band_of(slot, english=english), day].update(view.units)
    units = {view.code: view.units for view in views}
    used = _booked(session, facilities, (first, last), units, hours, english=english)
    every = {unit for view in views for unit in view.units} | set(used.unknown)
    offered, booked = hours.offered(every), hours.booked(every)
    whole = sum(offered.values())
    minutes: dict[Band, int] = defaultdict(int)
    for (band, _day), which in bands.items():
        minutes[band] += len(which) * (band.ends - band.begins)
    categories = _categories(rules, views, english=english)
    parts = get_args(PartOfDay)
    return Statistics(
        first,
        last,
        _facilities(views, hours, locale),
        [Rate(labels[view.code], own[view.code], used.minutes[view.code]) for view in views],
        [Rate(p, offered.get(p, 0), booked.get(p, 0)) for p in parts],
        [Rate(band.label, minutes[band], used.bands[band]) for band in sorted({*minutes, *used.bands})],
        [Rate(categories.get(code, code), whole, taken) for code, taken in sorted(used.categories.items())],
        [Income(labels.get(code, code), *found) for code, found in sorted(_sums(used.by_space).items())],
        [Income(p, *found) for p, found in ((p, _sums(used.by_part).get(p)) for p in parts) if found],
        [Income(band.label, *found) for band, found in sorted(_sums(used.by_band).items())],
        [Income(categories.get(code, code), *found) for code, found in sorted(_sums(used.by_category).items())],
    )


def _facilities(views: Sequence[SpaceView], hours: UnitHours, locale: str) -> list[Rate]:
    found: dict[str, tuple[str, set[int]]] = {}
    for view in views:
        found.setdefault(view.facility.code, (view.facility.called(locale), set()))[1].update(view.units)
    return [
        Rate(name, sum(hours.offered(units).values()), sum(hours.booked(units).values()))
        for name, units in found.values()
    ]


def _categories(rules: Rules, views: Sequence[SpaceView], *, english: bool) -> dict[str, str]:
    """What the categories of these spaces' rules of use are called."""
    codes = {view.policy_code for view in views}
    return {
        category.code: (category.name_en if english else "") or category.name
        for (_kind, code), versions in rules.versions.items()
        if code in codes
        for version in versions
        if isinstance(version.document, Policy)
        for category in version.document.categories
    }


@dataclass(frozen=True, order=True)
class Band:
    """A band of a timetable as people know it: minutes of the day at which it begins and ends, and its name ("" for plain hours)."""

    begins: int
    ends: int
    name: str

    @property
    def label(self) -> str:
        """The name and the times, or the times alone where they are the name; 翌 where it ends on the day after."""
        times = f"{_clock(self.begins)}〜{_clock(self.ends)}"
        padded = f"{self.begins // 60:02}:{self.begins % 60:02}〜{self.ends // 60:02}:{self.ends % 60:02}"
        return times if self.name in {"", times, padded} else f"{self.name} {times}"


def _clock(minutes: int) -> str:
    """9:00, 24:00, 翌9:00."""
    whole = 24 * 60
    after, rest = ("翌", minutes - whole) if minutes > whole else ("", minutes)
    return f"{after}{rest // 60}:{rest % 60:02}"


def band_of(slot: Slot, *, english: bool = False) -> Band:
    """The band that a slot is."""
    start = slot.start.astimezone(TOKYO)
    begins = start.hour * 60 + start.minute
    return Band(begins, begins + slot.minutes, (slot.name_en if english else "") or slot.name)


def shares(yen: int, minutes: Sequence[int]) -> list[int]:
    """An amount divided by minutes, whole yen; the parts make the whole: what rounding leaves goes to the last."""
    total = sum(minutes)
    parts = [yen * one // total for one in minutes[:-1]]
    return [*parts, yen - sum(parts)]


@dataclass(frozen=True)
class _Used:
    """What was booked: minutes by space; minutes of units by band and by category; the money of each booking by the same.

    `unknown`: stand for the units of spaces that can no longer be booked.
    """

    minutes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unknown: set[str] = field(default_factory=set)
    bands: dict[Band, int] = field(default_factory=lambda: defaultdict(int))
    categories: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_space: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_part: dict[PartOfDay, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_band: dict[Band, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_category: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def _booked(
    session: Session,
    facilities: Collection[str],
    period: tuple[date, date],
    units: Mapping[str, Sequence[int]],
    hours: UnitHours,
    *,
    english: bool,
) -> _Used:
    first, last = period
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
    used, sessions = _Used(), set[int | None]()
    for booking, space in rows:
        yen, slots = received[booking.reference], slots_of(booking)
        # Many people in one session of individual use stand on one floor.
        first_of_session = booking.session_id is None or booking.session_id not in sessions
        if booking.state == BookingState.CONFIRMED and first_of_session:
            sessions.add(booking.session_id)
            which: Sequence[Hashable] = units.get(space, (space,))
            if space not in units:
                used.unknown.add(space)
            for slot in slots:
                used.minutes[space] += slot.minutes
                hours.book(which, slot)
                used.bands[band_of(slot, english=english)] += slot.minutes * len(which)
                used.categories[booking.category] += slot.minutes * len(which)
        if booking.state == BookingState.CONFIRMED or yen:
            used.by_space[space].append(yen)
            used.by_category[booking.category].append(yen)
            _divide(used.by_part, yen, [(slot.part, slot.minutes) for slot in slots])
            _divide(used.by_band, yen, [(band_of(slot, english=english), slot.minutes) for slot in slots])
    return used


def _divide(into: dict[Key, list[int]], yen: int, parts: Sequence[tuple[Key, int]]) -> None:
    """Put an amount under each key once, by its share of the minutes."""
    minutes: dict[Key, int] = {}
    for key, length in parts:
        minutes[key] = minutes.get(key, 0) + length
    for key, share in zip(minutes, shares(yen, list(minutes.values())), strict=True):
        into[key].append(share)


def _sums(lists: dict[Key, list[int]]) -> dict[Key, tuple[int, int]]:
    return {code: (len(amounts), sum(amounts)) for code, amounts in lists.items()}
