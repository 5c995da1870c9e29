"""Load the organisation from a city pack: city, departments, offices, postal codes, texts."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.directory.models import City, CityText, Department, Office, PostalCode
from portal.directory.pack import Located, Pack
from portal.directory.schemas import CityEntry, DepartmentEntry, OfficeEntry, PostalEntry
from portal.directory.sync import LoadReport, remove, switch_off, sync
from portal.kernel import clock

LOCALES = ("ja", "en")


def load(session: Session, pack: Pack) -> LoadReport:
    """Create, change or leave alone the organisation's rows.

    Raises:
        PackError: with every mistake in the five kinds of file; nothing was written.
    """
    city = pack.one("city.yaml", CityEntry)
    departments = pack.rows("departments.yaml", DepartmentEntry)
    offices = pack.rows("offices.yaml", OfficeEntry)
    towns = pack.table("postal.csv", PostalEntry)
    texts = _texts(pack)
    pack.unique(departments, "code")
    pack.unique(offices, "code")
    pack.unique(towns, "postal_code", lambda row: (row.postal_code, row.town, row.detail))
    if city is not None:
        districts, where = city.value.districts, "city.yaml の districts"
        if city.value.districts_en and len(city.value.districts_en) != len(districts):
            pack.wrong(city, "districts_en", "地区の数と合いません。", "districts と同じ順に、同じ数だけ書きます。")
        for office in offices:
            pack.known(office, "district", office.value.district, districts, where)
        for town in towns:
            pack.known(town, "district", town.value.district, districts, where)
        present = session.scalars(select(City.code)).first()
        if present is not None and present != city.value.code:
            pack.wrong(
                city, "code", f"このデータベースは別の市({present})のものです。", "市ごとに別のデータベースを使います。"
            )
    pack.check()
    if city is None:  # check() has raised: city.yaml that cannot be read is a problem
        return LoadReport()
    return (
        _load_city(session, city.value)
        + _load_departments(session, departments)
        + _load_offices(session, offices)
        + _load_postal(session, towns)
        + _load_texts(session, texts)
    )


def _load_city(session: Session, city: CityEntry) -> LoadReport:
    values = city.model_dump(exclude={"source", "code"})
    return sync(session, City, {(city.code,): values}, key=("code",), name="directory")


def _load_departments(session: Session, entries: list[Located[DepartmentEntry]]) -> LoadReport:
    wanted = {
        (entry.value.code,): {**entry.value.model_dump(exclude={"code"}), "position": position, "active": True}
        for position, entry in enumerate(entries, 1)
    }
    return sync(session, Department, wanted, key=("code",), retire=switch_off)


def _load_offices(session: Session, entries: list[Located[OfficeEntry]]) -> LoadReport:
    wanted = {
        (entry.value.code,): {**entry.value.model_dump(exclude={"code"}), "position": position, "active": True}
        for position, entry in enumerate(entries, 1)
    }
    return sync(session, Office, wanted, key=("code",), retire=switch_off)


def _load_postal(session: Session, entries: list[Located[PostalEntry]]) -> LoadReport:
    wanted = {}
    for entry in entries:
        town = entry.value
        values = {"prefecture": town.prefecture, "city": town.city, "district": town.district, "source": town.source}
        wanted[town.postal_code.replace("-", ""), town.town, town.detail] = values
    return sync(session, PostalCode, wanted, key=("code", "town", "detail"), retire=remove(session))


def _texts(pack: Pack) -> dict[tuple[str, str], str]:
    """Markdown by (slug, locale); a name without a known locale, or an empty text, is a mistake."""
    found: dict[tuple[str, str], str] = {}
    for name in pack.files("texts/*.md"):
        slug, _dot, locale = name.removeprefix("texts/").removesuffix(".md").rpartition(".")
        if not slug or locale not in LOCALES:
            pack.problem(name, 0, "ファイル名に言語がありません。", "privacy.ja.md、privacy.en.md のようにします。")
            continue
        text = pack.text(name)
        if not text.strip():
            pack.problem(name, 1, "文章が空です。", "文章を書くか、ファイルを消してください。")
        found[slug, locale] = text
    for slug in ("privacy", "terms"):
        if (slug, "ja") not in found:
            pack.problem(f"texts/{slug}.ja.md", 0, "ファイルがありません。", "日本語の文章を置いてください。")
    return found


def _load_texts(session: Session, texts: dict[tuple[str, str], str]) -> LoadReport:
    """A text edited in the portal is kept until the pack's own text changes."""
    known = {(row.slug, row.locale): row.pack_hash for row in session.scalars(select(CityText))}
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
    for identity, text in texts.items():
        mark = hashlib.sha256(text.encode()).hexdigest()
        fresh = {"markdown": text, "pack_hash": mark, "changed_at": clock.now()}
        wanted[identity] = {} if known.get(identity) == mark else fresh
    return sync(session, CityText, wanted, key=("slug", "locale"))
