"""職員ホーム: tiles that the domains hand over (`staff.register(staff.Tile(…))` in portal.app)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portal.web.access import Visitor


@dataclass(frozen=True)
class Tile:
    """A way into staff work, for the roles that may use it (all staff where none is named)."""

    key: str
    title: Any
    endpoint: str
    roles: tuple[str, ...] = ()
    text: Any = ""
    order: int = 50
    #: How much waits there for this visitor; None shows no number.
    count: Callable[[Visitor], int] | None = None
    #: Also in the menu on top of every staff page.
    in_menu: bool = True

    def for_visitor(self, who: Visitor) -> bool:
        """Whether the visitor may use it."""
        return not self.roles or bool(who.roles.intersection(self.roles))


_tiles: dict[str, Tile] = {}


def register(tile: Tile) -> None:
    """Add a tile; one of the same key is replaced."""
    _tiles[tile.key] = tile


def tiles_for(who: Visitor) -> list[Tile]:
    """The tiles that the visitor may use, in their order."""
    mine = [tile for tile in _tiles.values() if tile.for_visitor(who)]
    return sorted(mine, key=lambda tile: (tile.order, tile.key))
