"""Use rates as a drawing; the table with the same figures stands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from markupsafe import Markup

from portal.plan.chart import Bar, bars
from reservations.desk.statistics import Rate

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


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"
