"""The state of every slot of every space over some weeks: computed once a process, kept, and brought up to date by what was committed.

Every look asks the database one thing: which units were written by transactions that the stored state has not seen
(`occupancy.changed` against its snapshot). Only those are read again; holds end by their own time. So nothing that was committed
before the look is ever missing, without a lock, a counter or a message between processes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.kernel import dates
from reservations import bitmaps
from reservations.bitmaps import Parts, UnitTime
from reservations.documents import Rules
from reservations.queries.catalog import SpaceView
from reservations.timetable import TOKYO, Slot

WINDOWS = 8
"""How many stretches of days a process keeps."""

_CHANGED = text(
    """
    SELECT pg_current_snapshot()::text AS snapshot, ARRAY(
        SELECT unit_id FROM occupancy WHERE changed >= :xmin
          AND NOT pg_visible_in_snapshot(changed::text::xid8, cast(:snapshot AS pg_snapshot))
        UNION
        SELECT unit_id FROM occupancy_gone WHERE changed >= :xmin
          AND NOT pg_visible_in_snapshot(changed::text::xid8, cast(:snapshot AS pg_snapshot))
    ) AS units
    """
)
_SNAPSHOT = text("SELECT pg_current_snapshot()::text")
# Minutes of Tokyo since 1970, outward; the end of a hold in seconds. Arrays: one row a unit instead of one an occupancy.
_READ = text(
    """
    SELECT unit_id,
           array_agg((floor(extract(epoch FROM lower(during)) / 60))::integer + 540) AS starts,
           array_agg((ceil(extract(epoch FROM upper(during)) / 60))::integer + 540) AS ends,
           array_agg(CASE WHEN upper_inf(live) THEN NULL ELSE ceil(extract(epoch FROM upper(live)))::bigint END) AS untils
    FROM occupancy
    WHERE during && tstzrange(:start, :end) AND NOT isempty(live) AND (upper_inf(live) OR upper(live) > :now)
      AND (cast(:units AS integer[]) IS NULL OR unit_id = ANY(cast(:units AS integer[])))
    GROUP BY unit_id
    """
)


@dataclass
class _Row:
    """A space's states as they are until `changes` (seconds since 1970)."""

    free: tuple[bytes, ...]
    changes: int | None


@dataclass
class Window:
    """What is stored of a stretch of days."""

    first: date
    days: int
    snapshot: str = ""
    units: dict[int, UnitTime] = field(default_factory=dict)
    rows: dict[int, _Row] = field(default_factory=dict)
    slots: dict[str, tuple[tuple[tuple[Slot, ...], tuple[Parts, ...]], ...]] = field(default_factory=dict)
    versions: frozenset[int] = frozenset()
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def start(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time(), TOKYO)

    @property
    def end(self) -> datetime:
        """The last moment: a night may end on the day after."""
        return self.start + timedelta(days=self.days + 2)


@dataclass(frozen=True)
class Board:
    """The state of the slots of spaces: for each space and day, its slots and one byte each (1: free)."""

    window: Window
    rows: dict[int, tuple[bytes, ...]]
    codes: dict[int, str]

    def slots(self, space_id: int, day: date) -> tuple[Slot, ...]:
        """The slots of the day."""
        return self.window.slots[self.codes[space_id]][(day - self.window.first).days][0]

    def free(self, space_id: int, day: date) -> bytes:
        """One byte a slot of the day, in order: 1 where nobody has it."""
        return self.rows[space_id][(day - self.window.first).days]


class Store:
    """The windows of a process, the one used last at the end."""

    def __init__(self) -> None:
        self._windows: OrderedDict[tuple[str, date, int], Window] = OrderedDict()
        self._lock = threading.Lock()

    def window(self, database: str, first: date, days: int) -> Window:
        """The stored window, or a new one that holds nothing."""
        key = (database, first, days)
        with self._lock:
            found = self._windows.pop(key, None) or Window(first, days)
            self._windows[key] = found
            while len(self._windows) > WINDOWS:
                self._windows.popitem(last=False)
            return found

    def forget(self) -> None:
        """Keep nothing (tests, measurements)."""
        with self._lock:
            self._windows.clear()


store = Store()


def look(session: Session, views: Sequence[SpaceView], rules: Rules, *, first: date, days: int, now: datetime) -> Board:
    """The state of every slot of the spaces on `days` days: free or not, whoever looks. One statement, two where something changed.

    Args:
        session: any; READ COMMITTED.
        views: the spaces.
        rules: their documents (`catalog.rules_for`).
        first: first day.
        days: how many.
        now: the database's clock; holds that end at it are over.
    """
    window = store.window(str(session.get_bind().engine.url), first, days)
    with window.lock:
        _refresh(session, window, now=now)
        _prepare(window, views, rules)
        seconds = int(now.timestamp())
        rows = {view.id: _row(window, view, seconds) for view in views}
    return Board(window, rows, {view.id: view.timetable_code for view in views})


def _refresh(session: Session, window: Window, *, now: datetime) -> None:
    if not window.snapshot:
        snapshot = session.execute(_SNAPSHOT).scalar_one()
        _load(session, window, None, now=now)
        window.snapshot = snapshot
        return
    xmin = int(window.snapshot.split(":", 1)[0])
    found = session.execute(_CHANGED, {"xmin": xmin, "snapshot": window.snapshot}).one()
    if found.units:
        _load(session, window, list(found.units), now=now)
    window.snapshot = found.snapshot


def _load(session: Session, window: Window, units: list[int] | None, *, now: datetime) -> None:
    low = bitmaps.day_number(window.first) - 1
    values = {"start": window.start - timedelta(days=1), "end": window.end, "now": now, "units": units}
    if units is None:
        window.units.clear()
        window.rows.clear()
    else:
        for unit in units:
            window.units.pop(unit, None)
        window.rows.clear()
    for row in session.execute(_READ, values):
        window.units[row.unit_id] = UnitTime.of(
            zip(row.starts, row.ends, row.untils, strict=True), low, low + window.days + 3
        )


def _prepare(window: Window, views: Sequence[SpaceView], rules: Rules) -> None:
    """The slots of each timetable; anew where another version was published."""
    versions = frozenset(version.id for found in rules.versions.values() for version in found)
    if not versions <= window.versions:
        window.slots.clear()
        window.rows.clear()
        window.versions = versions | window.versions
    for code in {view.timetable_code for view in views} - window.slots.keys():
        made = []
        for offset in range(window.days):
            day = window.first + timedelta(days=offset)
            table = rules.timetable(code, day)
            slots = table.slots_on(day, dates.is_holiday) if table else ()
            made.append((slots, tuple(bitmaps.slot_parts(slot) for slot in slots)))
        window.slots[code] = tuple(made)


_EMPTY = UnitTime()


def _row(window: Window, view: SpaceView, now: int) -> tuple[bytes, ...]:
    kept = window.rows.get(view.id)
    if kept is not None and (kept.changes is None or now < kept.changes):
        return kept.free
    units = [window.units.get(unit, _EMPTY) for unit in view.units]
    taken, changes = bitmaps.together(units, now=now)
    free = tuple(bitmaps.free(taken, masks) for _slots, masks in window.slots[view.timetable_code])
    window.rows[view.id] = _Row(free, changes)
    return free
