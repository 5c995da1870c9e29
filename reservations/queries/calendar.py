"""Search, month and day: what is free, for whom, and at what price. At most six statements a page."""

from __future__ import annotations

import calendar as _calendar
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from operator import attrgetter
from typing import get_args

from sqlalchemy.orm import Session

from portal.kernel.money import Yen
from reservations.availability import Mark, SlotState, State, mark, refused
from reservations.bitmaps import Parts
from reservations.models import Purpose
from reservations.places import Point
from reservations.queries import catalog
from reservations.queries.catalog import FacilityHead, SpaceView
from reservations.queries.stored import Offer as Offered
from reservations.queries.stored import Sight, TakenTime, sight
from reservations.rules import Applicant, Looker, Policy
from reservations.services.standing import days_of
from reservations.timetable import TOKYO, Closed, PartOfDay, Slot

ALTERNATIVES = 3
DAYS_AHEAD = 21
LOOK_AHEAD = 14
STRIP = 7
WEEKS_AHEAD = 8


@dataclass(frozen=True)
class Offer:
    """A free slot of a space, with its price before options."""

    space: SpaceView
    slot: Slot
    price: Yen | None
    sample: bool


@dataclass(frozen=True)
class PartCell:
    """A part of the day at a facility: how free it is, in how many slots, from which price."""

    mark: Mark
    free: int
    price: Yen | None


@dataclass(frozen=True)
class Hit:
    """A facility in the search result: its free slots on the day."""

    facility: FacilityHead
    offers: tuple[Offer, ...]
    mark: Mark
    closed: Closed | None
    waits: SlotState | None
    """The first time of the day that cannot be booked yet or any more, with the moment; None where there is none."""
    parts: dict[PartOfDay, PartCell] = field(default_factory=dict)
    km: float | None = None

    @property
    def by_time(self) -> list[Offer]:
        """One offer for each time, the cheapest."""
        first: dict[datetime, Offer] = {}
        for offer in self.offers:
            first.setdefault(offer.slot.start, offer)
        return list(first.values())


@dataclass(frozen=True)
class SearchPage:
    """What the search page needs: the day that is shown, the days around it at a glance, the facilities."""

    day: date
    strip: tuple[DayCell, ...]
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class DayCell:
    """One day of the month."""

    day: date
    mark: Mark
    free: int
    closed: Closed | None


@dataclass(frozen=True)
class MonthPage:
    """A facility and its month."""

    facility: FacilityHead
    spaces: tuple[SpaceView, ...]
    purposes: tuple[Purpose, ...]
    weeks: tuple[tuple[DayCell | None, ...], ...]
    first: date


@dataclass(frozen=True)
class SpaceDay:
    """A space on a day: its slots, or why there are none."""

    space: SpaceView
    slots: tuple[SlotState, ...]
    prices: dict[str, Yen] = field(default_factory=dict)
    sample: bool = True
    closed: Closed | None = None


@dataclass(frozen=True)
class DayPage:
    """A facility on a day."""

    facility: FacilityHead
    day: date
    spaces: tuple[SpaceDay, ...]


@dataclass(frozen=True)
class _World:
    """Everything that decides about slots, as last committed; what the rules of use refuse is worked out once a page."""

    offer: Offered
    busy: TakenTime
    city: Looker
    now: datetime
    _refusals: dict[tuple[str, Slot], SlotState | None] = field(default_factory=dict)
    _categories: dict[tuple[str, date], str] = field(default_factory=dict)

    def states(self, view: SpaceView, day: date, code: str | None = None) -> tuple[SlotState, ...]:
        """The view's slots on the day, or only the one of the code, and what they are to the looker."""
        if not view.facility.open_on(day):
            return ()
        found = self.offer.slots(view.timetable_code, day)
        return tuple(self._state(view, slot, parts) for slot, parts in found if code is None or slot.code == code)

    def _state(self, view: SpaceView, slot: Slot, parts: Parts) -> SlotState:
        key = (f"{view.policy_code} {view.timetable_code}", slot)
        if key not in self._refusals:
            policy = self.offer.rules.policy(view.policy_code, slot.day)
            self._refusals[key] = self._refused(view, slot, policy) if policy else None
        refusal = self._refusals[key]
        if refusal is not None:
            return refusal
        return SlotState(slot, State.TAKEN if self.busy.taken(view.units, slot, parts) else State.FREE)

    def _refused(self, view: SpaceView, slot: Slot, policy: Policy) -> SlotState | None:
        timetable = self.offer.rules.timetable(view.timetable_code, slot.day)
        days = days_of(timetable) if timetable is not None else None
        group = isinstance(self.city, Applicant) and self.city.party is not None
        return refused(slot, policy, self.category(view, slot.day), now=self.now, days=days, group=group)

    def category(self, view: SpaceView, day: date) -> str:
        """The looker's category; somebody not signed in is shown what residents of the city see."""
        key = (view.policy_code, day)
        if key not in self._categories:
            self._categories[key] = self._category(view.policy_code, day)
        return self._categories[key]

    def _category(self, code: str, day: date) -> str:
        policy = self.offer.rules.policy(code, day)
        if policy is None:
            return ""
        if self.city is None:
            return next((one for one in policy.categories if not one.groups), policy.categories[-1]).code
        made = self.now.astimezone(TOKYO).date()
        return policy.category(self.city or None, on=policy.category_day(use=day, made=made)).code

    def closed(self, view: SpaceView, day: date) -> Closed | None:
        return self.offer.closed(view.timetable_code, day)

    def price(self, view: SpaceView, slot: Slot, purpose: str | None = None) -> tuple[Yen | None, bool]:
        """The price before options, and whether it is a sample."""
        wanted = purpose or (view.purposes[0] if view.purposes else "")
        return self.offer.price(view, slot, category=self.category(view, slot.day), purpose=wanted)


def _world(seen: Sight, views: Iterable[SpaceView], first: date, last: date, *, city: Looker) -> _World:
    return _World(seen.offer, seen.taken(views, first, last), city, seen.now)


def search(
    session: Session,
    *,
    purpose: str,
    day: date | None,
    district: str | None,
    part: PartOfDay | None,
    city: Looker,
    now: datetime,
    near: Point | None = None,
) -> SearchPage:
    """Facilities where the purpose is possible, free ones first, on a day and the days around it. One statement.

    Two where somebody booked since, at most four; so are all others here.

    Args:
        session: any.
        purpose: code.
        day: the day of use; None: the first one in the next two weeks on which anything is free.
        district: name; None: all.
        part: part of the day; None: all.
        city: who looks, or only where they live; None: not signed in.
        now: aware.
        near: nearest first among those that are equally free; a facility whose place is not known comes last.
    """
    today = now.astimezone(TOKYO).date()
    first = today if day is None else max(today, day - timedelta(days=2))
    last = first + timedelta(days=LOOK_AHEAD if day is None else STRIP)
    seen = sight(session, now=now)
    views = seen.offer.spaces(day or today, purpose=purpose, district=district)
    world = _world(seen, views, first, last, city=city)
    days = [first + timedelta(days=n) for n in range((last - first).days)]
    if day is None:
        day = next((one for one in days if _any_free(world, views, one, part)), today)
        first = max(today, min(day - timedelta(days=2), last - timedelta(days=STRIP)))
    strip = tuple(_cell(world, views, first + timedelta(days=n), part) for n in range(STRIP))
    grouped: dict[str, list[SpaceView]] = {}
    for view in views:
        grouped.setdefault(view.facility.code, []).append(view)
    hits = [
        _hit(world, group, day, part, purpose, near=near)
        for group in grouped.values()
        if group[0].facility.open_on(day)
    ]
    order = {Mark.PLENTY: 0, Mark.FEW: 0, Mark.FULL: 1, Mark.NONE: 2}
    far = float("inf")
    return SearchPage(
        day, strip, tuple(sorted(hits, key=lambda hit: (order[hit.mark], far if hit.km is None else hit.km)))
    )


def _cheap_first(offer: Offer) -> tuple[datetime, int]:
    return (offer.slot.start, offer.price.amount if offer.price else 0)


def _any_free(world: _World, views: list[SpaceView], day: date, part: PartOfDay | None) -> bool:
    return any(
        state.state is State.FREE and (part is None or state.slot.part == part)
        for view in views
        for state in world.states(view, day)
    )


def _parts(states: list[SlotState], offers: list[Offer]) -> dict[PartOfDay, PartCell]:
    cells: dict[PartOfDay, PartCell] = {}
    for part in get_args(PartOfDay):
        own = [state for state in states if state.slot.part == part]
        prices = [offer.price for offer in offers if offer.slot.part == part and offer.price is not None]
        free = sum(state.state is State.FREE for state in own)
        cells[part] = PartCell(mark(own), free, min(prices, default=None))
    return cells


def _hit(
    world: _World, views: list[SpaceView], day: date, part: PartOfDay | None, purpose: str, *, near: Point | None
) -> Hit:
    offers: list[Offer] = []
    states: list[SlotState] = []
    for view in views:
        wanted = [state for state in world.states(view, day) if part is None or state.slot.part == part]
        states += wanted
        free = [state.slot for state in wanted if state.state is State.FREE]
        offers += [Offer(view, slot, *world.price(view, slot, purpose)) for slot in free]
    offers.sort(key=_cheap_first)
    waits = [s for s in states if s.state in (State.NOT_YET, State.TOO_LATE) and s.refusal and s.refusal.at]
    closed = world.closed(views[0], day) if not states else None
    there = views[0].facility.point
    km = near.km_to(there) if near and there else None
    parts = _parts(states, offers)
    return Hit(
        views[0].facility,
        tuple(offers),
        mark(states),
        closed,
        min(waits, key=attrgetter("refusal.at"), default=None),
        parts,
        km,
    )


def month(
    session: Session, code: str, first: date, *, purpose: str | None, city: Looker, now: datetime
) -> MonthPage | None:
    """A facility's month at a glance, weeks from Sunday; None where there is no such facility. At most six statements."""
    days = [first + timedelta(days=n) for n in range(_calendar.monthrange(first.year, first.month)[1])]
    seen = sight(session, now=now)
    views = seen.offer.spaces(now.astimezone(TOKYO).date(), facility=code)
    facility = views[0].facility if views else catalog.facility_head(session, code, on=now.astimezone(TOKYO).date())
    if facility is None:
        return None
    every = catalog.purposes(session)
    here = {name for view in views for name in view.purposes}
    wanted = [view for view in views if purpose is None or purpose in view.purposes]
    world = _world(seen, wanted, days[0], days[-1], city=city)
    cells = [_cell(world, wanted, day) for day in days]
    padded: list[DayCell | None] = [None] * ((first.weekday() + 1) % 7) + list(cells)
    padded += [None] * (-len(padded) % 7)
    weeks = tuple(tuple(padded[start : start + 7]) for start in range(0, len(padded), 7))
    purposes = tuple(purpose for purpose in every if purpose.code in here)
    return MonthPage(facility, tuple(wanted), purposes, weeks, first)


def _cell(world: _World, views: list[SpaceView], day: date, part: PartOfDay | None = None) -> DayCell:
    states = [state for view in views for state in world.states(view, day) if part is None or state.slot.part == part]
    closures = [world.closed(view, day) for view in views]
    closed = closures[0] if closures and all(closures) else None
    return DayCell(day, mark(states), sum(state.state is State.FREE for state in states), closed)


def day_page(
    session: Session, code: str, day: date, *, purpose: str | None, city: Looker, now: datetime
) -> DayPage | None:
    """All spaces of a facility on a day; None where there is no such facility. At most five statements."""
    seen = sight(session, now=now)
    views = seen.offer.spaces(day, facility=code)
    facility = views[0].facility if views else catalog.facility_head(session, code, on=day)
    if facility is None:
        return None
    wanted = [view for view in views if purpose is None or purpose in view.purposes]
    world = _world(seen, wanted, day, day, city=city)
    return DayPage(facility, day, tuple(_space_day(world, view, day, purpose) for view in wanted))


def _space_day(world: _World, view: SpaceView, day: date, purpose: str | None) -> SpaceDay:
    states = world.states(view, day)
    prices: dict[str, Yen] = {}
    sample = False
    for state in states:
        price, is_sample = world.price(view, state.slot, purpose)
        sample = sample or is_sample
        if price is not None:
            prices[state.slot.code] = price
    return SpaceDay(view, states, prices, sample, world.closed(view, day))


def space_days(
    session: Session, view: SpaceView, days: Sequence[date], *, city: Looker, now: datetime
) -> list[SpaceDay]:
    """One space on several days in order."""
    world = _world(sight(session, now=now), [view], days[0], days[-1], city=city)
    return [_space_day(world, view, day, None) for day in days]


def one_slot(session: Session, space_code: str, day: date, slot: str, *, city: Looker, now: datetime) -> Offer | None:
    """A slot as it would be booked, with its price before options, free or not; None where there is none."""
    seen = sight(session, now=now)
    views = seen.offer.spaces(day, space_code=space_code)
    if not views:
        return None
    world = _world(seen, (), day, day, city=city)
    found = next((one for one, _parts in seen.offer.slots(views[0].timetable_code, day) if one.code == slot), None)
    return None if found is None else Offer(views[0], found, *world.price(views[0], found))


def same_slot(
    session: Session, space_code: str, slot: str, weekday: int, *, weeks: int, city: Looker, now: datetime
) -> list[Offer]:
    """The days of a weekday (Monday is 0), from tomorrow for some weeks, on which the slot of the space is free."""
    tomorrow = now.astimezone(TOKYO).date() + timedelta(days=1)
    first = tomorrow + timedelta(days=(weekday - tomorrow.weekday()) % 7)
    seen = sight(session, now=now)
    views = seen.offer.spaces(first, space_code=space_code)
    if not views:
        return []
    days = [first + timedelta(weeks=n) for n in range(weeks)]
    world = _world(seen, views, days[0], days[-1], city=city)
    return [offer for day in days for offer in _free(world, views[0], day, slot)]


def alternatives(
    session: Session, space_code: str, day: date, slot: str, *, city: Looker, now: datetime
) -> list[Offer]:
    """Three real offers instead of a slot that is gone.

    The same time elsewhere in the facility, another time of the day in the same space, the same time on one of the next days, then
    the same time at other facilities. Where the time is none that the place has, any other; where the day cannot be booked yet, the same
    weekday and time within the coming weeks.
    """
    seen = sight(session, now=now)
    own = next(iter(seen.offer.spaces(day, space_code=space_code)), None)
    if own is None:
        return []
    same_use = seen.offer.spaces(day, purpose=own.purposes[0]) if own.purposes else [own]
    here = [view for view in same_use if view.facility.code == own.facility.code and view.tariff == own.tariff]
    later = [day + timedelta(days=n) for n in range(1, DAYS_AHEAD)]
    world = _world(seen, {own.code: own, **{view.code: view for view in same_use}}.values(), day, later[-1], city=city)
    offers = _first_of(world, [(view, day, slot) for view in here if view.code != own.code])
    offers += _first_of(world, [(own, day, None)])
    following = (offer for other in later for offer in _free(world, own, other, slot))
    offers += islice(following, 1)
    if len(offers) < ALTERNATIVES:
        usual = _usual_price(world, own, day)
        elsewhere = [view for view in same_use if view.facility.code != own.facility.code]
        elsewhere.sort(key=lambda view: abs(_usual_price(world, view, day) - usual))
        there = (offer for view in elsewhere for offer in _free(world, view, day, slot))
        offers += islice(there, 1)
        offers += islice(following, ALTERNATIVES - len(offers))
        offers += islice(there, ALTERNATIVES - len(offers))
    if len(offers) < ALTERNATIVES:
        said = tuple(offers)
        rest = (offer for on in (day, *later) for offer in _free(world, own, on, None) if offer not in said)
        offers += islice(rest, ALTERNATIVES - len(offers))
    if not offers:
        offers = same_slot(session, space_code, slot, day.weekday(), weeks=WEEKS_AHEAD, city=city, now=now)
    return offers[:ALTERNATIVES]


def _first_of(world: _World, places: Iterable[tuple[SpaceView, date, str | None]]) -> list[Offer]:
    """The first free one, if there is any."""
    return list(islice((offer for view, on, slot in places for offer in _free(world, view, on, slot)), 1))


def _usual_price(world: _World, view: SpaceView, day: date) -> int:
    """The price of the day's first slot in yen; nothing where there is none."""
    price = next((world.price(view, slot)[0] for slot, _parts in world.offer.slots(view.timetable_code, day)), None)
    return price.amount if price else 0


def _free(world: _World, view: SpaceView, day: date, slot: str | None) -> Iterator[Offer]:
    """The free slots of the day, or only the one of this code."""
    return (
        Offer(view, state.slot, *world.price(view, state.slot))
        for state in world.states(view, day, slot)
        if state.state is State.FREE
    )
