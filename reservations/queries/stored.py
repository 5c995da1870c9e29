"""What is offered and when it is taken: read once a process, kept, and brought up to date by what was committed.

Every look asks the database one thing: what was written by transactions that the stored state has not seen (units by
`occupancy.changed`, spaces and rules by `offer_changed`, against the snapshot of the look before). Only that is read again; holds end
by their own time. So nothing that was committed before the look is ever missing, without a lock, a counter or a message between processes.
"""

from __future__ import annotations

import operator
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.kernel import dates
from portal.kernel.money import Yen
from reservations import bitmaps
from reservations.bitmaps import Parts, UnitTime
from reservations.documents import Rules
from reservations.pricing import NoFee, case_of
from reservations.queries import catalog
from reservations.queries.catalog import Kept, SpaceView
from reservations.timetable import TOKYO, Closed, Slot

MONTHS = 16
"""How many months a process keeps."""
STORES = 2
"""How many databases (one, but in tests)."""
DAYS = 64
"""Days of which the spaces are kept with their names."""
WORKED = 30_000
"""Slots and prices that are kept before all are forgotten."""

_CHANGED = text(
    """
    SELECT pg_current_snapshot()::text AS snapshot, pg_current_xact_id_if_assigned() IS NOT NULL AS writing, ARRAY(
        SELECT unit_id FROM occupancy WHERE changed >= :xmin
          AND NOT pg_visible_in_snapshot(changed::text::xid8, cast(:snapshot AS pg_snapshot))
        UNION
        SELECT unit_id FROM occupancy_gone WHERE changed >= :xmin
          AND NOT pg_visible_in_snapshot(changed::text::xid8, cast(:snapshot AS pg_snapshot))
    ) AS units, EXISTS(
        SELECT FROM offer_changed WHERE changed >= :xmin
          AND NOT pg_visible_in_snapshot(changed::text::xid8, cast(:snapshot AS pg_snapshot))
    ) AS offer
    """
)
_NOTHING = (2**63 - 1, "1:1:")
"""Nothing was written since: asked where nothing is stored."""
# Minutes of Tokyo since 1970, outward; the end of a hold in seconds. Arrays: one row a unit instead of one an occupancy.
# date_part: a float, which holds microseconds of our times exactly; the numeric of extract() takes three times as long.
_READ = text(
    """
    SELECT unit_id,
           array_agg((floor(date_part('epoch', lower(during)) / 60))::integer + 540) AS starts,
           array_agg((ceil(date_part('epoch', upper(during)) / 60))::integer + 540) AS ends,
           array_agg(CASE WHEN upper_inf(live) THEN NULL ELSE date_part('epoch', upper(live)) END) AS untils
    FROM occupancy
    WHERE during && tstzrange(:start, :end) AND NOT isempty(live) AND (upper_inf(live) OR upper(live) > :now)
      AND unit_id = ANY(cast(:units AS integer[]))
    GROUP BY unit_id
    """
)
_EMPTY = UnitTime()
K = TypeVar("K")
V = TypeVar("V")
Month = tuple[int, int]
ByDay = tuple[dict[int, int], float | None]
"""What `bitmaps.together` answers: what is taken by day, and when that changes by itself."""


def month_of(day: date) -> Month:
    """The month of a day."""
    return (day.year, day.month)


def _begin(month: Month) -> datetime:
    return datetime(month[0], month[1], 1, tzinfo=TOKYO)


def _after(month: Month) -> Month:
    return (month[0] + month[1] // 12, month[1] % 12 + 1)


@dataclass
class Offer:
    """What is offered, and what follows from it by rule and date alone: worked out once."""

    kept: Kept
    rules: Rules
    _views: OrderedDict[date, list[SpaceView]] = field(default_factory=OrderedDict)
    _slots: dict[tuple[str, date], tuple[tuple[Slot, Parts], ...]] = field(default_factory=dict)
    _closed: dict[tuple[str, date], Closed | None] = field(default_factory=dict)
    _prices: dict[tuple[str, str, str, str, Slot], tuple[Yen | None, bool]] = field(default_factory=dict)

    def spaces(
        self,
        on: date,
        *,
        facility: str | None = None,
        space_code: str | None = None,
        purpose: str | None = None,
        district: str | None = None,
    ) -> list[SpaceView]:
        """Spaces that can be booked online, with the names of `on`; as `catalog.spaces`."""
        views = self._views.get(on)
        if views is None:
            views = self._views[on] = self.kept.on(on)
            while len(self._views) > DAYS:
                self._views.popitem(last=False)
        return [
            view
            for view in views
            if (facility is None or view.facility.code == facility)
            and (space_code is None or view.code == space_code)
            and (purpose is None or purpose in view.purposes)
            and (district is None or view.facility.district == district)
        ]

    def slots(self, code: str, day: date) -> tuple[tuple[Slot, Parts], ...]:
        """The slots of a timetable on the day, and what each takes."""
        found = self._slots.get((code, day))
        if found is None:
            table = self.rules.timetable(code, day)
            slots = table.slots_on(day, dates.is_holiday) if table else ()
            found = tuple((slot, bitmaps.slot_parts(slot)) for slot in slots)
            keep(self._slots, (code, day), found)
        return found

    def closed(self, code: str, day: date) -> Closed | None:
        """Why a timetable has no slots on the day; None where it has, or is none."""
        found = self._closed.get((code, day), ...)
        if found is ...:
            table = self.rules.timetable(code, day)
            found = table.closure_on(day, dates.is_holiday) if table else None
            keep(self._closed, (code, day), found)
        return found

    def price(self, view: SpaceView, slot: Slot, *, category: str, purpose: str) -> tuple[Yen | None, bool]:
        """The price before options, and whether it is a sample."""
        key = (view.fees_code, view.tariff, category, purpose, slot)
        found = self._prices.get(key)
        if found is None:
            found = self._price(*key)
            keep(self._prices, key, found)
        return found

    def _price(self, code: str, tariff: str, category: str, purpose: str, slot: Slot) -> tuple[Yen | None, bool]:
        fees = self.rules.fees(code, slot.day)
        if fees is None:
            return None, False
        case = case_of(slot, dates.is_holiday, tariff=tariff, category=category, purpose=purpose)
        try:
            return fees.quote(case).total, fees.sample
        except NoFee:
            return None, fees.sample


def keep(kept: dict[K, V], key: K, value: V) -> None:
    """Remember a value; where too many are remembered, all others are forgotten."""
    if len(kept) >= WORKED:
        kept.clear()
    kept[key] = value


@dataclass
class Row:
    """A space's states as they are until `changes` (seconds since 1970), from these readings of its units."""

    free: tuple[bytes, ...]
    changes: float | None
    made_of: list[UnitTime]


@dataclass
class Store:
    """What a process keeps of one database. A unit that is not among those of a month was not read, or changed since."""

    snapshot: str = ""
    offer: Offer | None = None
    months: OrderedDict[Month, dict[int, UnitTime]] = field(default_factory=OrderedDict)
    rows: dict[tuple[int, date, int], Row] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def refresh(self, session: Session) -> bool:
        """Forget what was written since the last time; False where the transaction itself has written: then nothing is to be kept."""
        xmin, before = (int(self.snapshot.split(":", 1)[0]), self.snapshot) if self.snapshot else _NOTHING
        found = session.execute(_CHANGED, {"xmin": xmin, "snapshot": before}).one()
        if found.writing:
            return False
        if self.snapshot and _newest(found.snapshot) < _newest(self.snapshot):
            # The server was set back to an earlier state.
            self.months.clear()
            self.offer = None
        for units in self.months.values():
            for unit in found.units:
                units.pop(unit, None)
        if found.offer:
            self.offer = None
        self.snapshot = found.snapshot
        return True

    def offered(self, session: Session) -> Offer:
        """What is offered; nothing is read where it is stored."""
        if self.offer is None:
            kept = catalog.kept(session)
            self.offer = Offer(kept, catalog.rules_for(session, kept.nameless))
            self.rows.clear()
        return self.offer

    def read(
        self, session: Session, months: Sequence[Month], units: Collection[int], *, now: datetime
    ) -> dict[Month, dict[int, UnitTime]]:
        """When the units are taken in months that follow each other; one statement, none where all is stored."""
        for month in months:
            self.months[month] = self.months.pop(month, {})
        missing = sorted({unit for month in months for unit in units if unit not in self.months[month]})
        if missing:
            self._read(session, months, missing, now=now)
        found = {month: {unit: self.months[month][unit] for unit in units} for month in months}
        while len(self.months) > max(MONTHS, len(months)):
            self.months.popitem(last=False)
        return found

    def _read(self, session: Session, months: Sequence[Month], missing: list[int], *, now: datetime) -> None:
        values = {
            "start": _begin(months[0]) - timedelta(days=1),
            "end": _begin(_after(months[-1])) + timedelta(days=2),  # a night may end on the day after
            "now": now,
            "units": missing,
        }
        rows = {row.unit_id: (row.starts, row.ends, row.untils) for row in session.execute(_READ, values)}
        low = bitmaps.day_number(_begin(months[0]).date()) - 1
        high = bitmaps.day_number(_begin(_after(months[-1])).date()) + 2
        for unit in missing:
            row = rows.get(unit)
            # All months share it: a change of the unit takes it out of each of them.
            taken = UnitTime.of(zip(*row, strict=True), low, high) if row else _EMPTY
            for month in months:
                self.months[month][unit] = taken


def _newest(snapshot: str) -> int:
    return int(snapshot.split(":", 2)[1])


class Stores:
    """The stores of a process, the one used last at the end."""

    def __init__(self) -> None:
        self.stores: OrderedDict[str, Store] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: Session) -> Store:
        """The store of the session's database, or a new one that holds nothing."""
        key = session.get_bind().engine.url.render_as_string(hide_password=True)
        with self._lock:
            found = self.stores.pop(key, None) or Store()
            self.stores[key] = found
            while len(self.stores) > STORES:
                self.stores.popitem(last=False)
            return found

    def forget(self) -> None:
        """Keep nothing (tests, measurements)."""
        with self._lock:
            self.stores.clear()


stores = Stores()


@dataclass(frozen=True)
class Sight:
    """What one transaction sees: at least everything that was committed before it looked."""

    session: Session
    now: datetime
    offer: Offer
    store: Store

    def taken(self, views: Iterable[SpaceView], first: date, last: date) -> TakenTime:
        """When the spaces are taken, from one day to another; one statement, none where all is stored."""
        with self.store.lock:
            months = [month_of(first)]
            while months[-1] < month_of(last):
                months.append(_after(months[-1]))
            units = {unit for view in views for unit in view.units}
            return TakenTime(self.store.read(self.session, months, units, now=self.now), self.now.timestamp())


@dataclass
class TakenTime:
    """When some units are taken, by month; a slot belongs to the month of its day."""

    months: dict[Month, dict[int, UnitTime]]
    now: float
    _together: dict[tuple[tuple[int, ...], Month], ByDay] = field(default_factory=dict)
    _last: dict[tuple[int, ...], tuple[list[UnitTime], ByDay]] = field(default_factory=dict)

    def together(self, units: tuple[int, ...], month: Month) -> ByDay:
        """What a space of these units has taken in a month; worked out once for months that were read together."""
        found = self._together.get((units, month))
        if found is None:
            made_of = [self.months[month][unit] for unit in units]
            last = self._last.get(units)
            same = last is not None and all(map(operator.is_, last[0], made_of))
            found = last[1] if last and same else bitmaps.together(made_of, now=self.now)
            self._last[units] = (made_of, found)
            self._together[units, month] = found
        return found

    def taken(self, units: tuple[int, ...], slot: Slot, parts: Parts) -> bool:
        """Whether any of the units is taken at some time of the slot."""
        by_day, _changes = self.together(units, (slot.day.year, slot.day.month))
        return any(by_day.get(day, 0) & mask for day, mask in parts)


def sight(session: Session, *, now: datetime) -> Sight:
    """What is offered and taken, as last committed. One statement; two more where what is offered changed.

    Args:
        session: any; READ COMMITTED. What a transaction has written itself is seen by it, and not kept for others.
        now: the database's clock; holds that end at it are over.
    """
    kept = stores.of(session)
    with kept.lock:
        if not kept.refresh(session):
            kept = Store()
        return Sight(session, now, kept.offered(session), kept)
