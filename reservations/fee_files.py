"""Fee files on disk: find every mistake with file and line, price a case. Asks no database.

A file that lies beside a city pack's `spaces.yaml`, `timetables.yaml`, `policies.yaml` and `purposes.yaml` is checked against what
its spaces need; one that stands alone against its own `covers` and `bands`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from portal.directory.pack import Pack, PackError, Problem, near
from portal.directory.wording import explain
from portal.kernel import dates
from reservations.calendar import Clock, Document, When, is_weekend_or_holiday
from reservations.pricing import FeeTable, NoFee, PriceCase, Quote, words_of
from reservations.pricing.check import check as findings_of
from reservations.pricing.worlds import Use, words
from reservations.rules import Policy
from reservations.schemas import SpacesFile
from reservations.timetable import TOKYO, Slot, Timetable

SPACES, TIMETABLES, POLICIES, PURPOSES = "spaces.yaml", "timetables.yaml", "policies.yaml", "purposes.yaml"
Lines = Mapping[tuple[str | int, ...], int]


@dataclass(frozen=True)
class Found:
    """A table of a file, and where its parts stand."""

    table: FeeTable
    index: int
    lines: Lines

    def line(self, *path: str | int) -> int:
        """The line of a part, or of the nearest one around it that is written."""
        return line_of(self.lines, (self.index, *path))


class CaseFile(Document):
    """CASE.json: what somebody wants to use. `weekend` is found from the date where it is not given."""

    table: str | None = None
    date: date
    slot: str = ""
    start: Clock | None = None
    end: Clock | None = None
    tariff: str = ""
    category: str = ""
    purpose: str = ""
    weekend: bool | None = None
    people: int | None = Field(default=None, ge=1)
    users: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    length: int = Field(default=0, ge=0)
    admission: int = Field(default=0, ge=0)
    admission_total: int = Field(default=0, ge=0)
    capacity: int = Field(default=0, ge=0)
    traits: frozenset[str] = frozenset()
    options: dict[str, int] = Field(default_factory=dict)
    option_minutes: dict[str, int] = Field(default_factory=dict)
    granted: frozenset[str] = frozenset()
    tickets: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    overtime: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _times(self) -> CaseFile:
        if (self.start is None) != (self.end is None):
            raise ValueError("start と end は両方書きます。|どちらも書かないときは、表の bands の時刻です。")
        if not self.slot and self.start is None:
            raise ValueError("時間が分かりません。|slot か、start と end を書きます。")
        counted = sum(self.users.values())
        if self.users and self.people not in {None, counted}:
            raise ValueError(
                f"people が users の合計({counted}人)とちがいます。|people を書かないか、合計と同じにします。"
            )
        return self

    def price_case(self, table: FeeTable) -> PriceCase:
        """The case for one table.

        Raises:
            BadCase: the table knows no times for the slot, or the case names what the table does not.
        """
        band = next((band for band in table.bands if band.code == self.slot), None)
        start, end = self.start, self.end
        if start is None or end is None:
            if band is None:
                times = "case に start と end を書くか、料金表に bands(時間帯の時刻)を書きます。"
                nearest = near(self.slot, [b.code for b in table.bands])
                raise BadCase(f"slot 「{self.slot}」の時刻が分かりません。{times}", nearest)
            start, end = band.start, band.end
        begins, ends = (datetime.combine(self.date, at, TOKYO) for at in (start, end))
        if end == time.max:
            ends = datetime.combine(self.date + timedelta(days=1), time(), TOKYO)
        elif ends <= begins:
            raise BadCase("end が start より後ではありません。", "時刻を直します。")
        name = band.name if band is not None else self.slot
        weekend = self.weekend if self.weekend is not None else is_weekend_or_holiday(self.date, dates.is_holiday)
        known = words_of(table)
        options = {option.id for option in known.options}
        self._known("options", self.options, options)
        self._known("option_minutes", self.option_minutes, options)
        self._known("traits", self.traits, {fact.code for fact in known.traits})
        self._known("users", self.users, {fact.code for fact in known.users})
        self._known("granted", self.granted, {part.id for part in known.reductions})
        self._known("tickets", self.tickets, {book.id for book in known.tickets})
        if self.length:
            ends = min(ends, begins + timedelta(minutes=self.length))
        return PriceCase(
            Slot(begins, ends, self.slot or f"t{start:%H%M}", name),
            self.tariff,
            self.category,
            self.purpose,
            weekend,
            self.people or sum(self.users.values()) or 1,
            self.options,
            self.admission,
            self.traits,
            self.option_minutes,
            self.overtime,
            self.users,
            self.admission_total,
            self.capacity,
            self.granted,
            self.tickets,
        )

    def _known(self, key: str, used: Mapping[str, int] | frozenset[str], names: set[str]) -> None:
        for name in sorted(used):
            if name not in names:
                raise BadCase(f"{key} の「{name}」はこの表にありません。", near(name, names))


class BadCase(ValueError):
    """A case that cannot be priced: what is wrong, what would be right (Japanese)."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(f"{message} → {suggestion}" if suggestion else message)


def check(path: Path) -> list[Problem]:
    """Every mistake of one file, sorted by line; empty where there is none."""
    pack = Pack(path.parent)
    tables = _tables(pack, path.name)
    first: dict[tuple[str, date], Found] = {}
    for found in tables:
        key = found.table.code, found.table.valid_from
        if key in first:
            shown = f"「{key[0]}」は {key[1]} から始まる表が2つあります(1つ目は{first[key].line('code')}行目)。"
            pack.problem(path.name, found.line("valid_from"), shown, "valid_from を変えるか、1つにします。")
        first.setdefault(key, found)
    uses = _uses(pack)
    if uses is not None:
        _unused_codes(pack, path.name, tables, uses)
    for found in tables:
        wanted = (uses or {}).get(found.table.code, ())
        if wanted:
            _known_names(pack, path.name, found, wanted)
        for finding in findings_of(found.table, wanted):
            pack.problem(path.name, found.line(*finding.path), finding.message, finding.suggestion)
    here = str(path.parent)
    return [
        Problem(str(Path(here) / problem.file), problem.line, problem.message, problem.suggestion)
        for problem in sorted(set(pack.problems), key=lambda problem: (problem.file, problem.line, problem.message))
    ]


def read(path: Path) -> list[FeeTable]:
    """The tables of a file.

    Raises:
        PackError: with every mistake of form.
    """
    pack = Pack(path.parent)
    tables = _tables(pack, path.name)
    pack.check()
    return [found.table for found in tables]


def quote(tables: list[FeeTable], case: CaseFile) -> Quote:
    """The price of a case by the version in force on its day.

    Raises:
        BadCase: no such table, none in force yet, or nothing in it fits.
    """
    codes = sorted({table.code for table in tables})
    code = case.table or (codes[0] if len(codes) == 1 else "")
    if code not in codes:
        raise BadCase(f"table 「{code}」はこのファイルにありません。", near(code, codes))
    versions = [table for table in tables if table.code == code and table.valid_from <= case.date]
    if not versions:
        raise BadCase(f"{case.date} にはまだ「{code}」の料金がありません。", "date か valid_from を見てください。")
    table = max(versions, key=lambda table: table.valid_from)
    try:
        return table.quote(case.price_case(table))
    except NoFee as error:
        raise BadCase(f"この場合の料金がありません({error})。", "portal fees check で表を調べます。") from error


def line_of(lines: Lines, path: tuple[str | int, ...]) -> int:
    """The line of a path; pydantic also names the kind of a choice, which is no key of the file."""
    best, here = lines.get((), 1), tuple[str | int, ...]()
    for step in path:
        if (*here, step) in lines:
            here = (*here, step)
            best = lines[here]
    return best


def explained(fault: Any, schema: type[BaseModel]) -> tuple[str, str]:
    """A fault's words, with suggestions from the part of the schema where it lies."""
    return explain(fault, _schema_at(schema, fault["loc"][:-1]))


def _schema_at(schema: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel]:
    here = schema
    for step in path:
        info = here.model_fields.get(step) if isinstance(step, str) else None
        inside = list(_models(info.annotation)) if info is not None else []
        if len(inside) == 1:
            here = inside[0]
        elif inside:  # a choice: pydantic names its kind next
            chosen = [model for model in inside if set(path) & set(get_args(model.model_fields["kind"].annotation))]
            here = chosen[0] if chosen else here
    return here


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def _tables(pack: Pack, name: str) -> list[Found]:
    data, lines = pack.raw(name)
    if data is None:
        return []
    if isinstance(data, dict):  # one table alone
        data, lines = [data], {(0, *path): line for path, line in lines.items()}
    if not isinstance(data, list):
        pack.problem(name, 1, "料金表ではありません。", "code: で始まる1つの表か、「- code:」で始まる一覧にします。")
        return []
    tables = []
    for index, content in enumerate(data):
        try:
            tables.append(Found(FeeTable.model_validate(content), index, lines))
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                message, suggestion = explained(fault, FeeTable)
                pack.problem(name, line_of(lines, (index, *fault["loc"])), message, suggestion)
    return tables


def _uses(pack: Pack) -> dict[str, list[Use]] | None:
    """What the spaces of a pack need of each table, by code; None where the file does not lie in a pack."""
    if not all(pack.has(name) for name in (SPACES, TIMETABLES, POLICIES, PURPOSES)):
        return None
    beside = Pack(pack.folder)
    spaces = beside.one(SPACES, SpacesFile)
    data, _lines = beside.raw(PURPOSES)
    timetables = {table.code: table for table in _read_all(beside, TIMETABLES, Timetable)}
    policies = {policy.code: policy for policy in _read_all(beside, POLICIES, Policy)}
    if spaces is None or beside.problems or not isinstance(data, list):
        pack.problems += beside.problems
        return None
    found: dict[str, list[Use]] = {}
    for rule in spaces.value.rules:
        timetable, policy = timetables.get(rule.timetable), policies.get(rule.policy)
        slots, seasonal = slots_of(timetable) if timetable is not None else (None, {})
        categories = tuple(category.code for category in policy.categories) if policy is not None else None
        found.setdefault(rule.fees, []).append(
            Use((rule.tariff,), slots, categories, tuple(rule.purposes), seasonal),
        )
    return found


def _read_all(pack: Pack, name: str, schema: type[Any]) -> list[Any]:
    data, lines = pack.raw(name)
    found = []
    for index, content in enumerate(data if isinstance(data, list) else []):
        try:
            found.append(schema.model_validate(content))
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                message, suggestion = explained(fault, schema)
                pack.problem(name, line_of(lines, (index, *fault["loc"])), message, suggestion)
    return found


def slots_of(timetable: Timetable) -> tuple[tuple[Slot, ...], dict[str, frozenset[tuple[int, int]]]]:
    """Each slot that a timetable knows, and the days of the year on which it exists where those are not all."""
    rules = tuple(rule.model_copy(update={"when": When(season=rule.when.season)}) for rule in timetable.slots)
    always_open = timetable.model_copy(update={"slots": rules, "closed": (), "open_on": ()})
    year = [date(2028, 1, 1) + timedelta(days=step) for step in range(366)]
    seen = sorted(
        ((slot.code, slot) for day in year for slot in always_open.slots_on(day, dates.is_holiday)),
        key=lambda pair: (pair[0], pair[1].start),
    )
    slots, seasonal = [], {}
    for code, group in groupby(seen, key=lambda pair: pair[0]):
        days = [slot for _, slot in group]
        slots.append(days[0])
        on = frozenset((slot.day.month, slot.day.day) for slot in days)
        if len(on) < len(year):
            seasonal[code] = on
    return tuple(slots), seasonal


def _unused_codes(pack: Pack, name: str, tables: list[Found], uses: Mapping[str, list[Use]]) -> None:
    for found in tables:
        if found.table.code not in uses:
            shown = f"「{found.table.code}」を使う室がありません。"
            pack.problem(name, found.line("code"), shown, near(found.table.code, uses))


def _known_names(pack: Pack, name: str, found: Found, uses: list[Use]) -> None:
    """Names in conditions that no space, timetable or set of rules knows."""
    slots = [slot.code for use in uses for slot in use.slots or ()]
    known = {
        "tariffs": ({tariff for use in uses for tariff in use.tariffs or ()}, SPACES),
        "slots": (set(slots), TIMETABLES),
        "categories": ({category for use in uses for category in use.categories or ()}, POLICIES),
        "purposes": ({purpose for use in uses for purpose in use.purposes or ()}, SPACES),
    }
    for key, (names, where) in known.items():
        for word, path in words(found.table, key).items():
            if word not in names:
                pack.problem(name, found.line(*path), f"「{word}」は {where} にありません。", near(word, names))


__all__ = ["BadCase", "CaseFile", "PackError", "check", "explained", "line_of", "quote", "read", "slots_of"]
