"""A list from a meeting as text, one line a wish: space, day, times, who, what for. Read into lines with their mistakes (pure)."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from portal.kernel.dates import DateError, parse_date
from reservations.timetable import Slot

MOST_LINES = 1000
MOST_CHARACTERS = 200_000
_CLOCK = re.compile(r"([01]?\d|2[0-9]):([0-5]\d)")


@dataclass(frozen=True)
class Written:
    """One line as it stands in the list.

    Attributes:
        number: of the line, from 1.
        space: code.
        day: of use.
        times: codes of slots or the clock at which they begin, such as `19:00`.
        who: reference of a group, or the mail address of an account.
        purpose: code; None: the person says it later.
    """

    number: int
    space: str
    day: date
    times: tuple[str, ...]
    who: str
    purpose: str | None


@dataclass(frozen=True)
class Unread:
    """A line that cannot be read. `reason`: columns, day, times, too_many_lines, too_long."""

    number: int
    reason: str


def read(text: str) -> tuple[list[Written], list[Unread]]:
    """The lines of a list; blank ones and those that begin with # are left out.

    Columns are parted by commas or tabs: space, day (西暦 or 和暦), times (parted by + or blanks), who, and what for where it is known.
    """
    if len(text) > MOST_CHARACTERS:
        return [], [Unread(0, "too_long")]
    rows = text.replace("\ufeff", "").replace("\t", ",").replace("、", ",").splitlines()
    lines: list[Written] = []
    unread: list[Unread] = []
    for number, row in enumerate(rows, start=1):
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        if len(lines) + len(unread) >= MOST_LINES:
            unread.append(Unread(number, "too_many_lines"))
            break
        found = _line(number, row)
        if isinstance(found, Written):
            lines.append(found)
        else:
            unread.append(found)
    return lines, unread


def _line(number: int, row: str) -> Written | Unread:
    try:
        columns = [each.strip() for each in next(csv.reader([row], strict=True))]
    except csv.Error:
        return Unread(number, "columns")
    if not 4 <= len(columns) <= 5 or not columns[0] or not columns[3]:
        return Unread(number, "columns")
    space, typed, times, who, *purpose = columns
    try:
        day = parse_date(typed)
    except DateError:
        return Unread(number, "day")
    codes = tuple(re.split(r"[+\s]+", times.replace(":", ":").replace("+", "+"))) if times else ()
    if not codes or not all(codes):
        return Unread(number, "times")
    return Written(number, space, day, codes, who, purpose[0] if purpose and purpose[0] else None)


def slot_codes(times: Sequence[str], slots: Sequence[Slot], clock: Mapping[str, str]) -> tuple[str, ...]:
    """The codes of slots that were named by code or by the clock at which they begin; what fits nothing stays as it was written.

    Args:
        times: as written.
        slots: of the space on that day.
        clock: code → the local clock at which it begins, `9:00`.
    """
    by_clock = {_bare(at): code for code, at in clock.items()}
    known = {slot.code for slot in slots}
    return tuple(each if each in known else by_clock.get(_bare(each), each) for each in times)


def _bare(clock: str) -> str:
    found = _CLOCK.fullmatch(clock)
    return f"{int(found[1])}:{found[2]}" if found else clock
