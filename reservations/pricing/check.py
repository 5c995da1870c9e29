"""What is wrong with a fee table although each of its words is allowed: holes, overlaps, parts that never count. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from reservations.pricing.cases import NoFee, PriceCase
from reservations.pricing.parts import Match
from reservations.pricing.table import FeeTable, basic_bands
from reservations.pricing.worlds import Path, Use, World, declared, shown, words

MOST_TOLD = 12
"""Holes told of one table: who mends one often mends all."""


@dataclass(frozen=True)
class Finding:
    """One mistake: where in the table, what, and what would be right (Japanese)."""

    path: Path
    message: str
    suggestion: str = ""


def check(table: FeeTable, uses: Sequence[Use] = ()) -> list[Finding]:
    """Every mistake that can be found. `uses` tells what must be priced; the table's `covers` where none is given."""
    worlds = [World(table, use) for use in uses or [declared(table)]]
    return [
        *_bands(table),
        *_names(table),
        *_crossing(table),
        *_never(table, worlds),
        *_holes(table, worlds),
        *_negative(table, worlds),
    ]


def _names(table: FeeTable) -> Iterator[Finding]:
    covers = table.covers
    known: dict[str, tuple[str, ...] | None] = {"slots": tuple(band.code for band in table.bands) or None}
    if covers is not None:
        known |= {key: getattr(covers, key) for key in ("tariffs", "categories", "purposes", "traits")}
    for key, names in known.items():
        where = "bands" if key == "slots" else f"covers.{key}"
        for name, path in words(table, key).items() if names is not None else ():
            if name not in (names or ()):
                yield Finding(path, f"「{name}」は {where} にありません。", f"使えるもの: {'、'.join(names or ())}")
    options = {option.id for option in table.options}
    for index, reduction in enumerate(table.reductions):
        for name in reduction.leaves_out:
            if name not in options:
                at: Path = ("reductions", index, "leaves_out")
                yield Finding(at, f"「{name}」は options にありません。", f"使えるもの: {'、'.join(sorted(options))}")
    neighbours = [index for index, rule in enumerate(table.overtime) if rule.of == "dearer_neighbour"]
    if neighbours and not table.bands:
        yield Finding(("overtime", neighbours[0]), "前後の区分が分かりません。", "bands に区分と時刻を書きます。")


def _bands(table: FeeTable) -> Iterator[Finding]:
    codes = [band.code for band in table.bands]
    basic = basic_bands(table.bands)
    for index, band in enumerate(table.bands):
        at: Path = ("bands", index)
        if band.code in codes[:index]:
            yield Finding(at, f"区分「{band.code}」は2回出てきます。", "別の code にします。")
        for other in table.bands[:index]:
            crossing = other.start < band.end and band.start < other.end
            if crossing and band in basic and other in basic:
                times = f"{band.start:%H:%M}–{band.end:%H:%M} と {other.start:%H:%M}–{other.end:%H:%M}"
                yield Finding(at, f"区分「{other.code}」と時間が重なります({times})。", "どちらかの時刻を直します。")
        if band not in basic:
            inside = [one for one in basic if band.start < one.end and one.start < band.end]
            if any(one.start < band.start or one.end > band.end for one in inside):
                yield Finding(
                    at, f"区分「{band.code}」の始めか終わりが、ほかの区分の途中です。", "区分の境に合わせます。"
                )


# -- questions ------------------------------------------------------------------------------------------------------


def _holes(table: FeeTable, worlds: Sequence[World]) -> Iterator[Finding]:
    """Cases without a base."""
    conditions = [row.match for row in table.rows]
    told = set[str]()
    for world in worlds:
        for case in world.cases(conditions):
            text = shown(case, conditions)
            if text in told:
                continue
            try:
                table.quote(case)
            except NoFee:
                told.add(text)
                if len(told) > MOST_TOLD:
                    yield Finding(
                        ("rows",), "料金がない場合がほかにもあります。", "上のものを直してから、もう一度調べます。"
                    )
                    return
                yield Finding(("rows",), f"料金がない場合があります: {text}。", "あてはまる行を rows に足します。")


def _negative(table: FeeTable, worlds: Sequence[World]) -> Iterator[Finding]:
    conditions: list[Match] = [part.match for part in table.modifiers]
    conditions += [part.match for part in table.reductions]
    told = set[str]()
    for world in worlds:
        for case in world.cases(conditions):
            try:
                below = table.below_zero(case) - told
            except NoFee:
                continue
            for kind in ("modifiers", "reductions"):
                for index, part in enumerate(getattr(table, kind)):
                    if part.id in below:
                        told.add(part.id)
                        yield Finding(
                            (kind, index),
                            f"「{part.id}」で料金が0円より下になる場合があります: {shown(case, conditions)}。",
                            "group で1つだけにするか、割合を直します。",
                        )


def _never(table: FeeTable, worlds: Sequence[World]) -> Iterator[Finding]:
    """Parts that count in no case: their condition never holds, or an earlier one always takes their place."""
    conditions = [row.match for row in table.rows]
    cases = [case for world in worlds for case in world.cases(conditions)]
    for index, row in enumerate(table.rows):
        before = [(other.id, other.holds) for other in table.rows[:index]]
        yield from _unused(("rows", index), row.id, row.holds, before, cases)
    for kind in ("modifiers", "reductions", "options"):
        parts = getattr(table, kind)
        for index, part in enumerate(parts):
            exclusive = kind != "options" and part.group is not None
            earlier = [other for other in parts[:index] if exclusive and other.group == part.group]
            conditions = [part.match, *(other.match for other in earlier)]
            tried = (case for world in worlds for case in world.cases(conditions))
            before = [(other.id, other.match.holds) for other in earlier]
            yield from _unused((kind, index), part.id, part.match.holds, before, tried)


def _unused(
    at: Path,
    name: str,
    holds: Callable[[PriceCase], bool],
    before: Sequence[tuple[str, Callable[[PriceCase], bool]]],
    cases: Iterable[PriceCase],
) -> Iterator[Finding]:
    hiding: list[str] = []
    for case in cases:
        if holds(case):
            first = next((other for other, taken in before if taken(case)), None)
            if first is None:
                return
            if first not in hiding:
                hiding.append(first)
    if hiding:
        names = "、".join(hiding)
        yield Finding(at, f"「{name}」は使われません。前の「{names}」がいつも先に合います。", "前に置くか、消します。")
    else:
        yield Finding(at, f"「{name}」に合う場合がありません。", "match を直すか、消します。")


def _crossing(table: FeeTable) -> Iterator[Finding]:
    """Two rows that fit the same case although neither is a special case of the other: which counts is chance."""
    for index, row in enumerate(table.rows):
        for earlier in table.rows[:index]:
            if apart(earlier.match.tariffs, row.match.tariffs) or apart(earlier.match.slots, row.match.slots):
                continue
            conditions = [earlier.match, row.match]
            world = World(table, Use())
            both, only_row, only_earlier = None, False, False
            for case in world.cases(conditions):
                fits = earlier.holds(case), row.holds(case)
                both = case if fits == (True, True) else both
                only_earlier, only_row = only_earlier or fits == (True, False), only_row or fits == (False, True)
            if both is not None and only_row and only_earlier:
                text = shown(both, conditions)
                yield Finding(
                    ("rows", index),
                    f"「{earlier.id}」と「{row.id}」の両方に合う場合があります: {text}。",
                    "どちらか一方だけに合うように match を書きます。",
                )


def apart(one: Sequence[str] | None, other: Sequence[str] | None) -> bool:
    """Whether two lists of names have nothing in common; no list is every name."""
    return one is not None and other is not None and not set(one) & set(other)
