"""The plan's figures as data: `portal kpi --json`, /plan.json, /plan.csv. Keys are stable (docs/open-data.md)."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from portal.plan.queries import Overview, Standing, overview
from portal.plan.registry import Evidence, Registry
from portal.plan.registry import registry as the_registry
from portal.plan.rules import number

FORMAT = "kpi/1"
HEADLINES = ("online_procedures", "online_facilities", "writeless_procedures", "cashless_kinds")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

COLUMNS = (
    "measure", "initiative", "title", "unit", "value", "target", "target_fiscal_year", "share_percent",
    "line_fiscal_year", "line", "line_reached", "missing_to_line", "baseline", "baseline_as_of", "parts", "departments",
    "headline", "date",
)  # fmt: skip


def kpi(session: Session, today: date, *, registry: Registry = the_registry) -> dict[str, Any]:
    """Everything the plan counts, computed from what is live, as JSON values.

    Returns:
        format: "kpi/1"; grows by new keys only.
        city: {code, name}, null before a city is loaded.
        date, fiscal_year, fiscal_year_ends: the day (ISO, in Japan), its 年度, the last day of that.
        headlines: the four counts by name (null where the plan has no such measure).
        measures: every measure in the plan's order. Each: measure, initiative, title, title_en, unit, headline,
            value (null: not computed by this portal), parts (by name), target (number or null), target_text,
            target_fiscal_year, share_percent (whole, rounded down), line {fiscal_year, value, of: year|target, due,
            reached, missing} or null, lines (by fiscal year), baseline {value, text, as_of}, better: up|down,
            departments, note, evidence [{key, name, part, counted, address, since, source, note}].
    """
    return as_json(overview(session, today, registry=registry))


def as_json(plan: Overview) -> dict[str, Any]:
    """An overview as JSON values; see `kpi`."""
    headlines = {name: plan.headline(name) for name in HEADLINES}
    return {
        "format": FORMAT,
        "city": {"code": plan.city_code, "name": plan.city_name} if plan.city_code else None,
        "date": plan.today.isoformat(),
        "fiscal_year": plan.fiscal_year,
        "fiscal_year_ends": date(plan.fiscal_year + 1, 3, 31).isoformat(),
        "headlines": {name: _standing(standing) if standing else None for name, standing in headlines.items()},
        "measures": [_standing(standing) for standing in plan.standings],
    }


def _standing(standing: Standing) -> dict[str, Any]:
    measure, line, value = standing.measure, standing.line, standing.value
    return {
        "measure": measure.no,
        "initiative": standing.initiative.title,
        "title": measure.title,
        "title_en": measure.title_en,
        "unit": measure.unit,
        "headline": measure.headline,
        "value": number(value.value) if value else None,
        "parts": {name: number(part) for name, part in value.parts.items()} if value else {},
        "target": number(measure.target),
        "target_text": measure.target_text,
        "target_fiscal_year": measure.target_year,
        "share_percent": standing.share,
        "line": {
            "fiscal_year": line.fiscal_year,
            "value": number(line.value),
            "of": line.of,
            "due": line.due.isoformat(),
            "reached": standing.reached,
            "missing": number(standing.missing),
        }
        if line
        else None,
        "lines": {str(year): number(figure) for year, figure in standing.lines.items()},
        "baseline": {
            "value": number(measure.baseline),
            "text": measure.baseline_text,
            "as_of": measure.baseline_as_of,
        },
        "better": measure.better,
        "departments": standing.initiative.departments,
        "note": measure.note,
        "evidence": [_evidence(item) for item in value.evidence] if value else [],
    }


def _evidence(item: Evidence) -> dict[str, Any]:
    return {
        "key": item.key,
        "name": item.name,
        "part": item.part,
        "counted": item.counted,
        "address": item.address,
        "since": item.since.isoformat() if item.since else None,
        "source": item.source,
        "note": item.note,
    }


def lines(figures: dict[str, Any]) -> list[str]:
    """The four counts of `kpi` as lines to read in a terminal."""
    found = [f"{figures['date']} ({figures['fiscal_year']}年度)"]
    for standing in figures["headlines"].values():
        if standing is None:
            continue
        value = "—" if standing["value"] is None else standing["value"]
        words = f"{standing['measure']} {standing['title']}: {value}/{standing['target']} {standing['unit']}"
        if standing["parts"]:
            words += f" ({', '.join(f'{name} {part}' for name, part in standing['parts'].items())})"
        if standing["line"]:
            words += f" {standing['line']['fiscal_year']}年度の目標 {standing['line']['value']}"
        found.append(words)
    return found


def as_csv(plan: Overview, *, excel: bool = False) -> bytes:
    """One line a measure, UTF-8, CRLF (RFC 4180).

    Args:
        plan: what to write.
        excel: begin with a byte order mark, without which Excel reads Japanese as Shift_JIS.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for standing in plan.standings:
        writer.writerow([cell(value) for value in _row(standing, plan.today)])
    return out.getvalue().encode("utf-8-sig" if excel else "utf-8")


def _row(standing: Standing, today: date) -> list[object]:
    measure, line, value = standing.measure, standing.line, standing.value
    parts = " ".join(f"{name}={number(part)}" for name, part in value.parts.items()) if value else ""
    return [
        measure.no, standing.initiative.title, measure.title, measure.unit,
        value.value if value else None, measure.target if measure.target is not None else measure.target_text,
        measure.target_year, standing.share,
        line.fiscal_year if line else None, line.value if line else None, standing.reached, standing.missing,
        measure.baseline if measure.baseline is not None else measure.baseline_text, measure.baseline_as_of,
        parts, standing.initiative.departments, measure.headline, today,
    ]  # fmt: skip


def cell(value: object) -> str:
    """A CSV cell that a spreadsheet takes as it is meant: numbers plain, text never as a formula.

    Text that begins like a formula gets an apostrophe in front (OWASP, CSV injection); a number keeps its minus sign.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return str(number(value))
    if isinstance(value, (int, float)):
        return str(value)
    text = value.isoformat() if isinstance(value, date) else str(value)
    return "'" + text if text.startswith(_FORMULA) else text
