"""From the one line on a card to the parts of an address. Pure: the city's postal codes are handed in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PREFECTURE = re.compile(r"東京都|北海道|京都府|大阪府|神奈川県|和歌山県|鹿児島県|[^都道府県\s]{2}県")
_BLANKS = re.compile(r"[\s\u3000]+")


@dataclass(frozen=True, slots=True)
class TownCode:
    """One town under one postal code (seven digits)."""

    code: str
    prefecture: str
    city: str
    town: str


@dataclass(frozen=True, slots=True)
class SplitAddress:
    """The parts; every character of the card is in them, in order. `postal_code` is "" where it is not certain."""

    postal_code: str
    prefecture: str
    city: str
    town: str
    block: str
    building: str

    @property
    def whole(self) -> bool:
        """Whether every part that an address needs is there."""
        return all((self.postal_code, self.prefecture, self.city, self.block))

    def parts(self) -> dict[str, str]:
        """As the field type `address` keeps it."""
        return {
            "postal_code": self.postal_code,
            "prefecture": self.prefecture,
            "city": self.city,
            "town": self.town,
            "block": self.block,
            "building": self.building,
        }


def split(line: str, towns: Iterable[TownCode]) -> SplitAddress:
    """Split a card's address.

    The town is the longest of the city's towns that the line goes on with (東本町 before 本町 is no question: it is matched
    from the front). What stands after the first blank is the building. Nothing is normalised.

    Args:
        line: such as 茨城県古河市東本町一丁目2番3号 見本ハイツ101.
        towns: the city's own towns; another city's address keeps its place in `town` and has no postal code.
    """
    text = line.strip(" \u3000")
    found = _PREFECTURE.match(text)
    prefecture = found.group() if found else ""
    rest = text[len(prefecture) :]
    known = [t for t in towns if t.prefecture == prefecture and rest.startswith(t.city)]
    if not known:
        return SplitAddress("", prefecture, "", "", *_block_and_building(rest))
    city = max((t.city for t in known), key=len)
    rest = rest[len(city) :]
    here = [t for t in known if t.city == city and t.town and rest.startswith(t.town)]
    town = max((t.town for t in here), key=len, default="")
    codes = {t.code for t in here if t.town == town}
    code = codes.pop() if len(codes) == 1 else ""
    block, building = _block_and_building(rest[len(town) :])
    return SplitAddress(f"{code[:3]}-{code[3:]}" if code else "", prefecture, city, town, block, building)


def _block_and_building(text: str) -> tuple[str, str]:
    head, *tail = _BLANKS.split(text.strip(" \u3000"), maxsplit=1)
    return head, tail[0] if tail else ""
