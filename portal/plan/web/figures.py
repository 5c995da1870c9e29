"""The words and drawings of the plan's pages, made from an overview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext, lazy_gettext
from markupsafe import Markup

from portal.kernel import dates
from portal.plan import chart
from portal.plan.queries import Overview, Standing
from portal.plan.registry import Evidence
from portal.plan.report import HEADLINES
from portal.plan.rules import number

TITLES: dict[str, Any] = {
    "online_procedures": lazy_gettext("オンラインでできる手続き"),
    "online_facilities": lazy_gettext("オンラインで予約できる施設"),
    "writeless_procedures": lazy_gettext("書かない窓口でできる手続き"),
    "cashless_kinds": lazy_gettext("キャッシュレスで払えるお金の種類"),
}
PARTS: dict[str, Any] = {
    "here": lazy_gettext("このサイトでできる"),
    "elsewhere": lazy_gettext("ほかの場所でできる"),
    "counter": lazy_gettext("窓口でできる"),
    "city_tax": lazy_gettext("市税"),
    "office_fee": lazy_gettext("手数料"),
    "facility_fee": lazy_gettext("施設の利用料"),
}


@dataclass(frozen=True)
class Card:
    """One of the four counts, ready to show."""

    key: str
    title: str
    unit: str
    standing: Standing
    value: str | None
    target: str
    chip_kind: str
    chip: str
    parts: Sequence[tuple[str, str]]
    line: str | None
    baseline: str | None

    @property
    def counted(self) -> Sequence[Evidence]:
        """What is counted, in the order in which the domains name it."""
        return [item for item in self._evidence if item.counted]

    @property
    def looked_into(self) -> Sequence[Evidence]:
        """What is known of but lacks a fact."""
        return [item for item in self._evidence if not item.counted]

    @property
    def _evidence(self) -> Sequence[Evidence]:
        return self.standing.value.evidence if self.standing.value else ()


def shown(value: Decimal | None) -> str:
    """A figure as people read it: 36,000; 34.8; — where there is none."""
    plain = number(value)
    return "—" if plain is None else f"{plain:,}"


def year(fiscal_year: int) -> str:
    """2026年度, FY2026."""
    return str(gettext("%(year)s年度", year=fiscal_year))


def cards(plan: Overview, locale: str) -> list[Card]:
    """The four counts that the city's plan has."""
    pairs = ((name, plan.headline(name)) for name in HEADLINES)
    return [_card(name, standing, locale) for name, standing in pairs if standing is not None]


def _card(name: str, standing: Standing, locale: str) -> Card:
    measure, line, value = standing.measure, standing.line, standing.value
    if value is None:
        kind, chip = "neutral", gettext("まだ数えていません")
    elif line is None:
        kind, chip = "neutral", gettext("今年度の目標はありません")
    elif standing.reached:
        kind, chip = "good", gettext("今年度の目標に届きました")
    else:
        kind, chip = "wait", gettext("今年度の目標まで あと%(count)s", count=shown(standing.missing))
    return Card(
        key=name,
        title=str(TITLES[name]),
        unit=(measure.unit_en if locale == "en" else None) or measure.unit,
        standing=standing,
        value=shown(value.value) if value else None,
        target=shown(measure.target),
        chip_kind=kind,
        chip=chip,
        parts=[(str(PARTS.get(part, part)), shown(amount)) for part, amount in _ordered(value.parts)] if value else [],
        line=shown(line.value) if line else None,
        baseline=shown(measure.baseline) if measure.baseline is not None else measure.baseline_text,
    )


def _ordered(parts: Any) -> list[tuple[str, Decimal]]:
    """Parts in the order of `PARTS`, unknown ones last."""
    order = list(PARTS)
    return sorted(parts.items(), key=lambda part: order.index(part[0]) if part[0] in order else len(order))


def bars(found: Sequence[Card]) -> Markup:
    """The four counts as bars."""
    rows = []
    for card in found:
        standing, target = card.standing, card.standing.measure.target
        if target is None:
            continue
        value = standing.value
        parts = _ordered(value.parts) if value and set(value.parts) & {"here", "elsewhere"} else []
        rows.append(
            chart.Bar(
                label=card.title,
                figure=f"{card.value or '—'} / {card.target}",
                parts=parts or ([("here", value.value)] if value else []),
                target=target,
                line=standing.line.value if standing.line else None,
            )
        )
    description = " ".join(
        gettext(
            "%(title)s: %(value)s / %(target)s。", title=row.label, value=row.figure.split(" / ")[0], target=row.target
        )
        for row in rows
    )
    return chart.bars(rows, name="plan-bars", title=gettext("目標に対する今の数"), description=description)


def years(card: Card, today: date) -> Markup | None:
    """One count over the years, where the plan names a figure for each."""
    standing = card.standing
    if not standing.lines:
        return None
    value = standing.value
    description = " ".join(
        [
            *(gettext("%(year)s年度末の目標 %(value)s。", year=fiscal, value=shown(figure)) for fiscal, figure in standing.lines.items()),
            gettext("今の数 %(value)s。", value=card.value) if value else "",
        ]
    )  # fmt: skip
    return chart.years(
        list(standing.lines.items()),
        chart.Point(today, value.value, gettext("今 %(value)s", value=card.value)) if value else None,
        start=_start(standing),
        readings=[chart.Point(day, reading) for day, reading in standing.readings if day < today],
        name="plan-years",
        title=gettext("%(title)s: 年度ごとの目標と今の数", title=card.title),
        description=description,
        year_label="{year}",
    )


def _start(standing: Standing) -> chart.Point | None:
    baseline, as_of = standing.measure.baseline, standing.measure.baseline_as_of
    if baseline is None or as_of is None:
        return None
    try:
        return chart.Point(dates.parse_date(as_of), baseline)
    except dates.DateError:  # the plan names only a year
        return None
