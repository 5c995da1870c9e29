"""How a floor is shared: one choice makes the spaces and the units under them. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A space of a layout: its names, the tariff it is priced by, and which of the floor's units it takes (from 0)."""

    name: str
    name_en: str
    tariff: str
    units: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """A way to share a floor.

    Attributes:
        code: as the form sends it.
        units: how many pieces the floor has.
        parts: the spaces, the whole first.
    """

    code: str
    units: int
    parts: tuple[Part, ...]


def _whole(units: int) -> Part:
    return Part("全面", "Whole floor", "whole", tuple(range(units)))


def _pieces(units: int, size: int, names: tuple[tuple[str, str], ...], tariff: str) -> tuple[Part, ...]:
    return tuple(
        Part(name, name_en, tariff, tuple(range(start, start + size)))
        for (name, name_en), start in zip(names, range(0, units, size), strict=True)
    )


_HALVES = (("半面A", "Half A"), ("半面B", "Half B"))
_THIRDS = (("3分の1面A", "Third A"), ("3分の1面B", "Third B"), ("3分の1面C", "Third C"))
_TWO_THIRDS = (
    Part("3分の2面(AとB)", "Two thirds (A and B)", "two-thirds", (0, 1)),
    Part("3分の2面(BとC)", "Two thirds (B and C)", "two-thirds", (1, 2)),
)


def _courts(count: int) -> tuple[tuple[str, str], ...]:
    return tuple((f"第{n}コート", f"Court {n}") for n in range(1, count + 1))


LAYOUTS = {
    layout.code: layout
    for layout in (
        Layout("one", 1, (Part("", "", "whole", (0,)),)),
        Layout("halves", 2, (_whole(2), *_pieces(2, 1, _HALVES, "half"))),
        Layout("thirds", 3, (_whole(3), *_pieces(3, 1, _THIRDS, "third"))),
        Layout("two-thirds", 3, (_whole(3), *_TWO_THIRDS, *_pieces(3, 1, _THIRDS, "third"))),
        Layout("halves-thirds", 6, (_whole(6), *_pieces(6, 3, _HALVES, "half"), *_pieces(6, 2, _THIRDS, "third"))),
        Layout("halves-courts", 4, (_whole(4), *_pieces(4, 2, _HALVES, "half"), *_pieces(4, 1, _courts(4), "court"))),
        Layout("tenths", 10, (_whole(10), *_pieces(10, 1, _courts(10), "tenth"))),
        Layout(
            "joined",
            2,
            (
                Part("(つなげて使う)", "(joined)", "joined", (0, 1)),
                *_pieces(2, 1, (("A", "A"), ("B", "B")), "room"),
            ),
        ),
    )
}
"""By code. What they are called on the page: `reservations.web.studio.words.layout_words`."""
