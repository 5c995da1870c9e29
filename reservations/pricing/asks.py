"""What a price depends on that only the payer knows: the questions of the booking page. Pure, from the table alone.

A question is asked only where its answer can change the price of this very place, time and category.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reservations.pricing.cases import PriceCase
from reservations.pricing.parts import Fact, FixedOption, Match, Modifier, Reduction, Row, ShareOption, TicketBook
from reservations.pricing.table import FeeTable

_SAID = ("purposes", "people_from", "people_to", "minutes_from", "minutes_to", "traits", "only", "share", "unless")
_ADMISSION = ("admission_from", "admission_over", "admission_to")


@dataclass(frozen=True)
class OptionAsk:
    """An option that can be chosen here.

    Attributes:
        option: the option.
        pieces: how many at most; 1: a plain yes.
        minutes: for how long it can run, in minutes, the whole slot last; empty: always the whole slot.
    """

    option: FixedOption | ShareOption
    pieces: int
    minutes: tuple[int, ...]


@dataclass(frozen=True)
class Asks:
    """The questions. Each empty or False where it makes no difference.

    Attributes:
        admission: the highest admission fee.
        admission_total: all that visitors pay together.
        traits: facts of the use that are true or not.
        users: kinds of users to be counted.
        lengths: minutes of a shorter use that costs another price.
        options: what can be chosen.
        reductions: reductions that can be asked for.
        tickets: ticket books that are taken.
    """

    admission: bool
    admission_total: bool
    traits: tuple[Fact, ...]
    users: tuple[Fact, ...]
    lengths: tuple[int, ...]
    options: tuple[OptionAsk, ...]
    reductions: tuple[Reduction, ...]
    tickets: tuple[TicketBook, ...]


def asks(table: FeeTable, case: PriceCase) -> Asks:
    """What the payer is asked for a place, time and category; what `case` says besides makes no difference."""
    rows = list(_rows(table, case))
    modifiers = [part for part in table.modifiers if part.match.possible(case)]
    options = [part for part in table.options if part.match.possible(case)]
    reductions = [part for part in table.reductions if part.match.possible(case)]
    tickets = tuple(book for book in table.tickets if book.match.possible(case))
    parts: list[Row | Modifier | FixedOption | ShareOption | Reduction | TicketBook] = [*rows, *modifiers, *options]
    parts += [*reductions, *tickets]
    conditions = list(_flat((part.match for part in parts), case))
    return Asks(
        admission=_admission(conditions, rows, modifiers),
        admission_total="admission_total" in _shares(rows, modifiers),
        traits=_facts(table.traits, (name for match in conditions for name in match.traits or ())),
        users=_facts(table.users, _users(conditions, rows), all_of=True),
        lengths=_lengths(conditions, case),
        options=tuple(OptionAsk(option, option.at_most, _minutes(option, case)) for option in options),
        reductions=tuple(part for part in reductions if part.on_request),
        tickets=tickets,
    )


@dataclass(frozen=True)
class Words:
    """What a case of the table can say at all, whatever the place, time and category.

    Attributes:
        users: kinds of users, in the order of the table.
        traits: facts of the use.
        options: what can be chosen.
        reductions: those that staff have to grant.
        tickets: ticket books.
        admission_total, capacity: whether a price hangs on what all visitors pay, on how many the space holds.
        length: whether a shorter use costs another price.
    """

    users: tuple[Fact, ...]
    traits: tuple[Fact, ...]
    options: tuple[FixedOption | ShareOption, ...]
    reductions: tuple[Reduction, ...]
    tickets: tuple[TicketBook, ...]
    admission_total: bool
    capacity: bool
    length: bool


def words_of(table: FeeTable) -> Words:
    """The words of a whole table: what a case is tried and written with."""
    parts = [*table.rows, *table.modifiers, *table.overtime, *table.options, *table.reductions, *table.tickets]
    conditions = list(_unfolded(part.match for part in parts))
    rows, modifiers = list(table.rows), list(table.modifiers)
    shares = _shares(rows, modifiers)
    return Words(
        users=_named(table.users, _users(conditions, rows)),
        traits=_named(table.traits, (name for match in conditions for name in match.traits or ())),
        options=tuple(table.options),
        reductions=tuple(part for part in table.reductions if part.on_request),
        tickets=tuple(table.tickets),
        admission_total="admission_total" in shares,
        capacity="capacity" in shares,
        length=any(m.minutes_from is not None or m.minutes_to is not None for m in conditions),
    )


def _unfolded(of: Iterable[Match]) -> Iterator[Match]:
    for match in of:
        yield match
        if match.unless is not None:
            yield from _unfolded([match.unless])


def _named(known: tuple[Fact, ...], used: Iterable[str]) -> tuple[Fact, ...]:
    there = {fact.code for fact in known}
    return (*known, *(Fact(code=name, label=name) for name in dict.fromkeys(used) if name not in there))


def priceable(table: FeeTable, case: PriceCase) -> bool:
    """Whether the table has a price for the place, time and category at all, whatever the payer says."""
    return next(_rows(table, case), None) is not None


def _rows(table: FeeTable, case: PriceCase) -> Iterator[Row]:
    """Rows that can give the base: none after one that nothing said can take away."""
    slots = (case.slot.code, *table.sums.get(case.slot.code, ()))
    for row in table.rows:
        fits = any(
            (row.amounts is None or code in row.amounts) and (row.match.slots is None or code in row.match.slots)
            for code in slots
        )
        if not fits or not row.match.possible(case, slot=False):
            continue
        yield row
        if len(slots) == 1 and row.by_user is None and not _open(row.match):
            return


def _open(match: Match) -> bool:
    return any(getattr(match, key) is not None for key in (*_SAID, *_ADMISSION))


def _flat(of: Iterable[Match], case: PriceCase) -> Iterator[Match]:
    for match in of:
        yield match
        if match.unless is not None and match.unless.possible(case):
            yield from _flat([match.unless], case)


def _admission(conditions: list[Match], rows: list[Row], modifiers: list[Modifier]) -> bool:
    named = any(getattr(match, key) is not None for match in conditions for key in _ADMISSION)
    shares = _shares(rows, modifiers) - {"admission_total"}
    return named or bool(shares) or any(row.per == "admission" for row in rows)


def _shares(rows: list[Row], modifiers: list[Modifier]) -> set[str]:
    found = [row.share for row in rows] + [modifier.share for modifier in modifiers]
    return {share.of for share in found if share is not None}


def _users(conditions: list[Match], rows: list[Row]) -> Iterator[str]:
    for match in conditions:
        yield from match.only or ()
        yield from match.share.of if match.share is not None else ()
    for row in rows:
        yield from row.by_user or ()


def _facts(known: tuple[Fact, ...], asked: Iterable[str], *, all_of: bool = False) -> tuple[Fact, ...]:
    """In the order of the table; `all_of`: every kind is needed where one is, so that the numbers add up."""
    names = list(dict.fromkeys(asked))
    if not names:
        return ()
    found = [fact for fact in known if all_of or fact.code in names]
    there = {fact.code for fact in known}
    found += [Fact(code=name, label=name) for name in names if name not in there]
    return tuple(fact for fact in found if fact.by == "payer")


def _lengths(conditions: list[Match], case: PriceCase) -> tuple[int, ...]:
    found = {match.minutes_to for match in conditions if match.minutes_to is not None}
    found |= {match.minutes_from - 1 for match in conditions if match.minutes_from is not None}
    return tuple(sorted(length for length in found if 0 < length < case.slot.minutes))


def _minutes(option: FixedOption | ShareOption, case: PriceCase) -> tuple[int, ...]:
    step = 0
    if isinstance(option, FixedOption):
        step = 30 if option.per.endswith("half_hour") else 60 if option.per.endswith("hour") else 0
    if not step or case.slot.minutes <= step:
        return ()
    whole = case.slot.minutes
    return (*range(step, whole, step), whole)
