"""Load the plan from a city pack: measures.csv and elsewhere.yaml."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from sqlalchemy.orm import Session

from portal.directory.pack import Entry, Located, Pack, PackDate
from portal.directory.schemas import Name, Slug
from portal.directory.sync import LoadReport, remove, switch_off, sync
from portal.plan.models import ElsewhereProcedure, Initiative, Measure, MeasureLine

_LINE = re.compile(r"([0-9]{4})=(-?[0-9]+(?:\.[0-9]+)?)")


def _lines(value: object) -> object:
    """`2022=50 2023=75` as figures by fiscal year."""
    if not isinstance(value, str):
        return value
    found: dict[int, Decimal] = {}
    for word in value.split():
        match = _LINE.fullmatch(word)
        if match is None:
            raise ValueError(f"「{word}」は「年度=値」ではありません。|2022=50 2023=75 のように、間を空けて並べます。")
        year = int(match[1])
        if year in found:
            raise ValueError(f"{year}年度が2回あります。|1つにしてください。")
        found[year] = Decimal(match[2])
    return found


class MeasureEntry(Entry):
    """One line of measures.csv."""

    no: Annotated[str, Field(pattern=r"^[0-9]+_[0-9]{2}[a-z]?$")]
    initiative: Name
    initiative_en: str | None = None
    departments: str = ""
    kpi: Name
    kpi_en: str | None = None
    unit: Name
    unit_en: str | None = None
    baseline: str | None = None
    baseline_as_of: str | None = None
    target: str | None = None
    target_year: Annotated[int, Field(ge=2000, le=2100)]
    lines: Annotated[dict[int, Decimal], BeforeValidator(_lines)] = Field(default_factory=dict)
    line_kind: Literal["level", "yearly"] = "level"
    better: Literal["up", "down"]
    headline: Literal["online_procedures", "online_facilities", "writeless_procedures", "cashless_kinds"] | None = None
    note: str | None = None

    @property
    def initiative_no(self) -> str:
        """1_04a and 1_04b belong to 1_04."""
        return self.no.rstrip("abcdefghijklmnopqrstuvwxyz")


class ElsewhereEntry(Entry):
    """One entry of elsewhere.yaml."""

    slug: Slug
    name: Name
    name_en: str | None = None
    department: str | None = None
    address: Annotated[str, Field(pattern=r"^https?://[^\s/]+")] | None = None
    since: PackDate | None = None
    evidence: str | None = None
    note: str | None = None


def load(session: Session, pack: Pack) -> LoadReport:
    """Create, change or leave alone the plan's rows; the files are optional (a city without a plan has none).

    Raises:
        PackError: with every mistake; nothing was written.
    """
    measures = pack.table("measures.csv", MeasureEntry) if pack.has("measures.csv") else []
    elsewhere = pack.rows("elsewhere.yaml", ElsewhereEntry) if pack.has("elsewhere.yaml") else []
    pack.unique(measures, "no")
    pack.unique([row for row in measures if row.value.headline], "headline")
    pack.unique(elsewhere, "slug")
    for entry in elsewhere:
        pack.known(entry, "department", entry.value.department, pack.departments(), "departments.yaml")
    titles: dict[str, str] = {}
    for row in measures:
        first = titles.setdefault(row.value.initiative_no, row.value.initiative)
        if row.value.initiative != first:
            pack.wrong(row, "initiative", "同じ施策の名前が、前の行と違います。", f"「{first}」にそろえてください。")
    pack.check()
    return _load_measures(session, measures) + _load_elsewhere(session, elsewhere)


def figure(text: str | None) -> Decimal | None:
    """A plan's cell as a number; None where it is words (未導入, 継続)."""
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _load_measures(session: Session, entries: list[Located[MeasureEntry]]) -> LoadReport:
    initiatives: dict[tuple[Any, ...], dict[str, Any]] = {}
    measures: dict[tuple[Any, ...], dict[str, Any]] = {}
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for position, entry in enumerate(entries, 1):
        row = entry.value
        initiatives.setdefault(
            (row.initiative_no,),
            {
                "title": row.initiative,
                "title_en": row.initiative_en,
                "departments": row.departments.replace(";", "、"),
                "position": position,
            },
        )
        measures[row.no,] = {
            "initiative_no": row.initiative_no,
            "title": row.kpi,
            "title_en": row.kpi_en,
            "unit": row.unit,
            "unit_en": row.unit_en,
            "baseline": figure(row.baseline),
            "baseline_text": row.baseline,
            "baseline_as_of": row.baseline_as_of,
            "target": figure(row.target),
            "target_text": row.target,
            "target_year": row.target_year,
            "better": row.better,
            "line_kind": row.line_kind,
            "headline": row.headline,
            "note": row.note,
            "position": position,
            "active": True,
        }
        for year, value in row.lines.items():
            lines[row.no, year] = {"value": value}
    return (
        LoadReport(name="plan")
        + sync(session, Initiative, initiatives, key=("no",))
        + sync(session, Measure, measures, key=("no",), retire=switch_off)
        + sync(session, MeasureLine, lines, key=("measure_no", "fiscal_year"), retire=remove(session))
    )


def _load_elsewhere(session: Session, entries: list[Located[ElsewhereEntry]]) -> LoadReport:
    wanted = {
        (entry.value.slug,): {
            **entry.value.model_dump(exclude={"slug", "department"}),
            "department_code": entry.value.department,
            "position": position,
        }
        for position, entry in enumerate(entries, 1)
    }
    return sync(session, ElsewhereProcedure, wanted, key=("slug",), retire=remove(session))
