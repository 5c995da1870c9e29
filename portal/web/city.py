"""The city's name and texts on every page, read from the database and kept for a minute in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, current_app, g
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal.directory.models import City, CityText
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound

_KEPT_SECONDS = 60.0
_EXTENSION = "portal.city"
DATABASE_AWAY = "database_away"
"""In `g` while a page says that the database does not answer: nothing asks it then."""

#: CommonMark without raw HTML: what staff write is never code on the page.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")


@dataclass(frozen=True)
class CityName:
    """How the city and its districts are called."""

    ja: str = ""
    en: str = ""
    districts_en: Mapping[str, str] = field(default_factory=dict)

    def in_locale(self, locale: str) -> str:
        """The name in one language."""
        return self.en if locale == "en" and self.en else self.ja

    def district_in(self, locale: str, district: str) -> str:
        """A district's name in one language; in Japanese where the city gives no other."""
        return self.districts_en.get(district, district) if locale == "en" else district


@dataclass
class _Kept:
    name: CityName = CityName()
    read_at: float | None = None


def _named(row: Any) -> CityName:
    return CityName(row.name, row.name_en, dict(zip(row.districts, row.districts_en, strict=False)))


def name() -> CityName:
    """The city's name; empty before a city pack was loaded, and where the database does not answer (error pages)."""
    kept: _Kept = current_app.extensions[_EXTENSION]
    if g.get(DATABASE_AWAY):
        return kept.name  # a server that answers nothing at all would keep the page about it waiting as well
    if kept.read_at is None or time.monotonic() - kept.read_at > _KEPT_SECONDS:
        try:
            with unit_of_work() as session:
                row = session.execute(select(City.name, City.name_en, City.districts, City.districts_en)).first()
        except SQLAlchemyError:
            return kept.name
        kept.name = _named(row) if row else CityName()
        kept.read_at = time.monotonic() if row else None
    return kept.name


def text_page(session: Session, slug: str, locale: str) -> Markup:
    """A text that the city edits (privacy, terms, about), as HTML; in Japanese where the language has none.

    Raises:
        NotFound: the city has no such text.
    """
    rows = {
        row.locale: row.markdown
        for row in session.execute(select(CityText.locale, CityText.markdown).where(CityText.slug == slug))
    }
    markdown = rows.get(locale) or rows.get("ja")
    if markdown is None:
        raise NotFound
    return Markup(_markdown.render(markdown))  # noqa: S704 - raw HTML is off in the renderer


def init_app(app: Flask) -> None:
    """Start with nothing read."""
    app.extensions[_EXTENSION] = _Kept()
