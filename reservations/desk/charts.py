"""Use rates and income as drawings; the tables with the same figures stand beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from markupsafe import Markup

from portal.kernel.money import Yen
from portal.plan.chart import Bar, bars
from reservations.desk.statistics import Income, Rate

WHOLE = Decimal(100)
LONGEST_LABEL = 22


def rates(lines: Sequence[Rate], *, name: str, title: str, labels: Mapping[str, str] | None = None) -> Markup:
    """One bar for each line, as a share of what was offered.

    Args:
        lines: from top to bottom; one without offers is drawn empty.
        name: unique on the page.
        title: short name of the drawing.
        labels: words for codes.
    """
    drawn = [
        Bar(
            _short((labels or {}).get(line.label, line.label)),
            "−" if line.percent is None else f"{line.percent}%",
            [("here", Decimal(str(line.percent or 0)))],
            WHOLE,
        )
        for line in lines
    ]
    description = "、".join(f"{bar.label} {bar.figure}" for bar in drawn)
    return bars(drawn, name=name, title=title, description=description)


def incomes(lines: Sequence[Income], *, name: str, title: str, labels: Mapping[str, str] | None = None) -> Markup:
    """One bar for each line, beside the largest; nothing where there is none."""
    if not lines:
        return Markup("")
    most = Decimal(max(line.yen for line in lines) or 1)
    drawn = [
        Bar(
            _short((labels or {}).get(line.label, line.label)),
            str(Yen(line.yen)),
            [("here", Decimal(max(line.yen, 0)))],
            most,
        )
        for line in lines
    ]
    description = "、".join(f"{bar.label} {bar.figure}" for bar in drawn)
    return bars(drawn, name=name, title=title, description=description)


def _short(label: str) -> str:
    # The end tells the courts of one hall apart.
    return label if len(label) <= LONGEST_LABEL else "…" + label[1 - LONGEST_LABEL :]
