"""The cases on which a fee table is tried. Pure.

The axes of the cases are those that its conditions name, each with the values that can make a difference: the bounds of seasons,
of steps and of numbers, and the values beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import combinations, islice, product
from math import gcd

from reservations.calendar import Season
from reservations.pricing.cases import PriceCase
from reservations.pricing.parts import FixedOption, Match
from reservations.pricing.table import FeeTable
from reservations.timetable import TOKYO, Slot

Path = tuple[str | int, ...]
MOST = 20_000
"""Cases tried for one question; of more than that, evenly spread ones."""
OTHER = "(other)"


@dataclass(frozen=True)
class Use:
    """What one kind of space must be priced for; None: not known, so the table's own words."""

    tariffs: tuple[str, ...] | None = None
    slots: tuple[Slot, ...] | None = None
    categories: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    seasonal: Mapping[str, frozenset[tuple[int, int]]] = field(default_factory=dict)
    """Slots that exist only on some days of the year (month, day), by code."""


def declared(table: FeeTable) -> Use:
    """What the table itself says that it must price."""
    covers = table.covers
    if covers is None:
        return Use()
    return Use(covers.tariffs, None, covers.categories, covers.purposes)


def matches(table: FeeTable) -> Iterator[tuple[Path, Match]]:
    """Every condition of the table and where it stands."""
    for kind in ("rows", "modifiers", "overtime", "options", "reductions"):
        for index, part in enumerate(getattr(table, kind)):
            at: Path = (kind, index, "match")
            match: Match | None = part.match
            while match is not None:
                yield at, match
                at, match = (*at, "unless"), match.unless


def words(table: FeeTable, key: str) -> dict[str, Path]:
    """The names that conditions use for one key ("tariffs", "slots", …), each with its first place."""
    found: dict[str, Path] = {}
    for at, match in matches(table):
        for name in getattr(match, key) or ():
            found.setdefault(name, (*at, key))
    if key == "slots":
        for index, row in enumerate(table.rows):
            for name in row.amounts or ():
                found.setdefault(name, ("rows", index, "amounts", name))
        for name, parts in table.sums.items():
            found.setdefault(name, ("sums", name))
            for part in parts:
                found.setdefault(part, ("sums", name))
        for index, option in enumerate(table.options):
            for name in option.by_slot if isinstance(option, FixedOption) else ():
                found.setdefault(name, ("options", index, "by_slot", name))
    return found


class World:
    """The cases of one use: axes with the values that make a difference."""

    def __init__(self, table: FeeTable, use: Use) -> None:
        self.table, self.use = table, use
        self.tariffs = use.tariffs or tuple(words(table, "tariffs")) or (OTHER,)
        self.known_slots = use.slots or tuple(
            slot_of(table, code, start) for code in _codes(table) for start in _starts(table)
        )

    def slots(self, tariff: str) -> tuple[Slot, ...]:
        """Slots of a tariff: those that it must have; where nobody says which, those that its rows name."""
        if self.use.slots or self.table.bands:
            return self.known_slots
        named = {
            code
            for row in self.table.rows
            if row.match.tariffs is None or tariff in row.match.tariffs
            for code in (*(row.amounts or ()), *(row.match.slots or ()))
        }
        return tuple(slot for slot in self.known_slots if slot.code in named) or self.known_slots

    def cases(self, of: Sequence[Match]) -> Iterator[PriceCase]:
        """Cases over the axes that these conditions name; the other axes stand still."""
        flat = list(_flat(of))
        axes = (
            self._values(flat, "categories", self.use.categories),
            self._values(flat, "purposes", self.use.purposes),
            _days(flat),
            _steps(flat, ("people_from", 0), ("people_to", 1), least=1),
            _steps(flat, ("admission_from", 0), ("admission_over", 1), ("admission_to", 1), least=0),
            _traits(flat),
            self._users(flat),
        )
        seasons = any(match.season is not None for match in flat)
        lengths = _steps(flat, ("minutes_from", 0), ("minutes_to", 1), least=0)
        spots = [(tariff, slot) for tariff in self.tariffs for slot in self.slots(tariff)]
        sizes = len(spots) * len(lengths)
        for axis in axes:
            sizes *= len(axis)
        every = max(1, -(-sizes // MOST))
        while gcd(every, sizes) > 1:  # in step with the length of an axis, some of its values would never be tried
            every += 1
        for (tariff, slot), minutes, category, purpose, (day, weekend), people, admission, traits, users in islice(
            product(spots, lengths, *axes), 0, None, every
        ):
            if seasons and (day.month, day.day) not in self.use.seasonal.get(slot.code, {(day.month, day.day)}):
                continue
            piece = _moved(slot, day, minutes)
            if piece is not None:
                yield PriceCase(
                    piece,
                    tariff,
                    category,
                    purpose,
                    weekend,
                    sum(users.values()) or people,
                    admission=admission,
                    traits=frozenset(traits),
                    users=users,
                )

    def _users(self, of: list[Match]) -> tuple[dict[str, int], ...]:
        """Users by kind: each kind alone, two together, and both sides of each share; nobody counted where nothing asks."""
        named = [name for match in of for name in match.only or ()]
        named += [name for match in of if match.share is not None for name in match.share.of]
        named += [name for row in self.table.rows for name in row.by_user or ()]
        if not named:
            return ({},)
        kinds = list(dict.fromkeys([*(fact.code for fact in self.table.users), *named]))
        found = [{kind: 1} for kind in kinds] + [{one: 1, other: 1} for one, other in combinations(kinds, 2)]
        for match in of:
            if match.share is not None:
                one, percent = match.share.of[0], match.share.percent
                other = next((kind for kind in kinds if kind not in match.share.of), OTHER)
                found += [{one: percent, other: 100 - percent}, {one: percent - 1, other: 101 - percent}]
        return tuple(found)

    def _values(self, of: list[Match], key: str, known: tuple[str, ...] | None) -> tuple[str, ...]:
        named = sorted({name for match in of for name in getattr(match, key) or ()})
        if known is None:
            return (*named, OTHER)
        return known if named else known[:1]


def _codes(table: FeeTable) -> tuple[str, ...]:
    return tuple(band.code for band in table.bands) or tuple(words(table, "slots")) or (OTHER,)


def _starts(table: FeeTable) -> tuple[time, ...]:
    """When slots begin that the table gives no times for: in each part of the day where a condition asks for it."""
    flat = list(_flat(match for _, match in matches(table)))
    asked = {match.starts_from for match in flat if match.starts_from is not None}
    parts = {time(13), time(17)} if asked or any(match.parts for match in flat) else set()
    return (time(9),) if table.bands else tuple(sorted({time(9), *parts, *asked}))


def slot_of(table: FeeTable, code: str, start: time, day: date = date(2026, 12, 2)) -> Slot:
    """A band of the table as a slot of a day; three hours from `start` where the table does not say."""
    band = next((band for band in table.bands if band.code == code), None)
    begins = datetime.combine(day, band.start if band is not None else start, tzinfo=TOKYO)
    ends = datetime.combine(day, band.end, tzinfo=TOKYO) if band is not None else begins + timedelta(hours=3)
    return Slot(begins, ends, code, code)


def _moved(slot: Slot, day: date, minutes: int) -> Slot | None:
    """The slot on another day, cut to `minutes` (0: whole); None where it is not that long."""
    if minutes > slot.minutes:
        return None
    shift = day - slot.day
    end = slot.start + timedelta(minutes=minutes or slot.minutes)
    return replace(slot, start=slot.start + shift, end=end + shift)


def _flat(of: Iterable[Match]) -> Iterator[Match]:
    for match in of:
        yield match
        if match.unless is not None:
            yield from _flat([match.unless])


def _steps(of: list[Match], *keys: tuple[str, int], least: int) -> tuple[int, ...]:
    """Both sides of each bound."""
    found = {least}
    for key, beyond in keys:
        for match in of:
            bound = getattr(match, key)
            if bound is not None:
                found |= {max(least, bound + beyond), max(least, bound + beyond - 1)}
    return tuple(sorted(found))


def _traits(of: list[Match]) -> tuple[tuple[str, ...], ...]:
    """None of them, each, each pair, and every set that a condition asks for."""
    named = sorted({name for match in of for name in match.traits or ()})
    asked = {tuple(sorted(match.traits)) for match in of if match.traits}
    return tuple(sorted({(), *((name,) for name in named), *combinations(named, 2), *asked}))


def _days(of: list[Match]) -> tuple[tuple[date, bool], ...]:
    """A day of each stretch of the year between the bounds of seasons; of each kind where conditions ask for the kind."""
    seasons = [match.season for match in of if match.season is not None]
    weekdays = any(match.weekdays for match in of)
    weekends = weekdays or any(match.weekend is not None for match in of)
    found: list[tuple[date, bool]] = []
    for start, end in stretches(seasons):
        days = [start + timedelta(days=step) for step in range(min((end - start).days + 1, 7))]
        for day in days if weekdays else days[:1]:
            found.append((day, day.weekday() >= 5) if weekdays else (day, False))
            if weekends and not (weekdays and day.weekday() >= 5):
                found.append((day, True))
    return tuple(found)


def stretches(seasons: Sequence[Season]) -> list[tuple[date, date]]:
    """The year 2028 (a leap year) cut at every bound of a season: first and last day of each piece."""
    first, last = date(2028, 1, 1), date(2028, 12, 31)
    starts = {first}
    for season in seasons:
        starts |= {date(2028, *season.start), date(2028, *season.end) + timedelta(days=1)}
    cuts = sorted(day for day in starts if day <= last)
    ends = [day - timedelta(days=1) for day in cuts[1:]]
    return list(zip(cuts, [*ends, last], strict=True))


def shown(case: PriceCase, of: Sequence[Match]) -> str:
    """A case in words: only what the conditions ask for."""
    flat = list(_flat(of))
    day = case.slot.day
    pieces = stretches([match.season for match in flat if match.season is not None])
    season = next(f"{a.month}/{a.day}–{b.month}/{b.day}" for a, b in pieces if a <= day.replace(year=2028) <= b)
    said: list[tuple[tuple[str, ...], str]] = [
        (("categories",), f"category {case.category}"),
        (("purposes",), f"purpose {case.purpose}"),
        (("season",), season),
        (("weekdays",), "月火水木金土日"[day.weekday()]),
        (("weekend", "weekdays"), "土日祝" if case.weekend else "平日"),
        (("minutes_from", "minutes_to"), f"{case.slot.minutes}分"),
        (("people_from", "people_to"), f"{case.people}人"),
        (("admission_from", "admission_over", "admission_to"), f"入場料 {case.admission:,}円"),
        (("only", "share"), "users " + "+".join(sorted(case.users)) if case.users else ""),
        (("traits",), f"traits {'+'.join(sorted(case.traits))}" if case.traits else ""),
    ]
    asked = [text for keys, text in said if any(getattr(match, key) is not None for match in flat for key in keys)]
    where = [f"tariff {case.tariff}" * (case.tariff != OTHER), f"slot {case.slot.code}" * (case.slot.code != OTHER)]
    return "、".join(text for text in (*where, *asked) if text) or "どの場合も"
