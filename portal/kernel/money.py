"""Money: whole yen. JPY has no minor unit; every amount includes tax unless a name says otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

from portal.kernel.text import digits

_AMOUNT = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+|[-+]?\d+")


class NotWholeYenError(ValueError):
    """A text is not an amount of whole yen."""


@total_ordering
@dataclass(frozen=True)
class Yen:
    """An amount of whole yen; may be negative (a refund)."""

    amount: int

    def __post_init__(self) -> None:
        """Refuse floats, booleans and text: an amount is an integer from the start."""
        if type(self.amount) is not int:
            raise NotWholeYenError(repr(self.amount))

    @classmethod
    def parse(cls, text: str) -> Yen:
        """Read `3,000`, `3000円`, `¥3,000` or full-width digits.

        Raises:
            NotWholeYenError: anything else, a fraction among them.
        """
        cleaned = digits(text).strip().removeprefix("¥").removeprefix("\uffe5").removesuffix("円").strip()
        if not _AMOUNT.fullmatch(cleaned):
            raise NotWholeYenError(text)
        return cls(int(cleaned.replace(",", "")))

    def __add__(self, other: Yen) -> Yen:
        return Yen(self.amount + other.amount)

    def __sub__(self, other: Yen) -> Yen:
        return Yen(self.amount - other.amount)

    def __neg__(self) -> Yen:
        return Yen(-self.amount)

    def __mul__(self, times: int) -> Yen:
        return Yen(self.amount * times)

    __rmul__ = __mul__

    def __lt__(self, other: Yen) -> bool:
        return self.amount < other.amount

    def __bool__(self) -> bool:
        return self.amount != 0

    def __str__(self) -> str:
        return f"{self.amount:,}円"


ZERO = Yen(0)


def total(amounts: list[Yen] | tuple[Yen, ...]) -> Yen:
    """The sum; zero for none."""
    return Yen(sum(each.amount for each in amounts))
