"""Charts as SVG, made on the server: no script, no inline style, a title and a description, no meaning by colour alone.

Colours come from classes in `css/plan.css`; what a shape means is also said by its form (solid, hatched, square, diamond)
and by a label beside it. A table with the same figures stands next to each chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from markupsafe import Markup, escape

from portal.kernel.dates import fiscal_year

WIDTH = 360
"""User units; the narrowest page (320 px) shows 1 unit as 0.8 px, so texts of 15 units stay at 12 px."""


@dataclass(frozen=True)
class Bar:
    """One count as a part of its target.

    Attributes:
        label: what is counted.
        figure: the value as people read it: "3 / 150".
        parts: amounts from left to right, each drawn in its own pattern: "here" solid, "elsewhere" hatched.
        line: this year's figure of the plan, drawn as a triangle; None for no triangle.
    """

    label: str
    figure: str
    parts: Sequence[tuple[str, Decimal]]
    target: Decimal
    line: Decimal | None = None


@dataclass(frozen=True)
class Point:
    """A value on a day, with the words beside it."""

    day: date
    value: Decimal
    label: str = ""


def bars(rows: Sequence[Bar], *, name: str, title: str, description: str) -> Markup:
    """Horizontal bars, one a count.

    Args:
        rows: from top to bottom.
        name: unique on the page; ids inside the drawing begin with it.
        title: short name of the drawing.
        description: what it shows, for people who do not see it.
    """
    height, body = 68, list[Markup]()
    for index, row in enumerate(rows):
        top = index * height
        body += [
            _text(0, top + 18, row.label, "chart__label"),
            _text(WIDTH, top + 18, row.figure, "chart__figure", anchor="end"),
            Markup('<rect x="1" y="{}" width="{}" height="22" rx="3" class="chart__ground"/>').format(
                top + 27, WIDTH - 2
            ),
        ]
        left = Decimal(1)
        for kind, amount in row.parts:
            width = _scaled(amount, row.target, WIDTH - 2, most=Decimal(WIDTH - 1) - left)
            if width > 0:
                body.append(
                    Markup('<rect x="{}" y="{}" width="{}" height="22" class="chart__part" fill="{}"/>').format(
                        left, top + 27, width, f"url(#{name}-hatch)" if kind == "elsewhere" else "currentColor"
                    )
                )
            left += width
        if row.line is not None:
            x = 1 + _scaled(row.line, row.target, WIDTH - 2, most=Decimal(WIDTH - 2))
            body.append(
                Markup('<path d="M{} {} l6 10 h-12 z" class="chart__line-mark"/>').format(
                    min(max(x, Decimal(7)), Decimal(WIDTH - 7)), top + 50
                )
            )
    return _svg(name, title, description, len(rows) * height, body)


def years(
    line: Sequence[tuple[int, Decimal]],
    now: Point | None,
    *,
    start: Point | None = None,
    readings: Sequence[Point] = (),
    name: str,
    title: str,
    description: str,
    year_label: str,
) -> Markup:
    """The plan's line over the fiscal years, and where the value stands.

    Args:
        line: figure by fiscal year, due at its end.
        now: today's value, a diamond.
        start: the plan's baseline, a ring.
        readings: earlier values, a thin line that leads to `now`.
        name: unique on the page.
        title: short name of the drawing.
        description: what it shows.
        year_label: how a year is written on the axis, with `{year}` in it: "{year}年度".
    """
    ends = [Point(date(year + 1, 3, 31), value) for year, value in line]
    marks = [point for point in (*ends, *readings, now, start) if point is not None]
    if not marks:
        return Markup("")
    first = min(fiscal_year(point.day) for point in marks)
    last = max(fiscal_year(point.day) for point in marks) + 1
    top = max(point.value for point in marks) or Decimal(1)
    frame = _Frame(date(first, 4, 1), date(last, 4, 1), top)
    body = [
        Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="chart__axis"/>').format(
            frame.left, frame.floor, WIDTH - 8, frame.floor
        )
    ]
    for year in range(first, last):
        middle = (frame.x(date(year, 4, 1)) + frame.x(date(year + 1, 4, 1))) / 2
        body.append(_text(middle, frame.floor + 18, year_label.format(year=year), "chart__tick", anchor="middle"))
        body.append(
            Markup('<line x1="{0}" y1="{1}" x2="{0}" y2="{2}" class="chart__grid"/>').format(
                _round(frame.x(date(year + 1, 4, 1))), 20, frame.floor
            )
        )
    body.append(_path(frame, ends, "chart__plan"))
    for point in ends:
        x, y = frame.at(point)
        body.append(Markup('<rect x="{}" y="{}" width="8" height="8" class="chart__plan-mark"/>').format(x - 4, y - 4))
        body.append(_text(x - 6, y - 8, _plain(point.value), "chart__value", anchor="end"))
    if start is not None:
        x, y = frame.at(start)
        body.append(Markup('<circle cx="{}" cy="{}" r="5" class="chart__start"/>').format(x, y))
        body.append(_text(x, y - 10, start.label or _plain(start.value), "chart__value", anchor="middle"))
    if now is not None:
        body.append(_path(frame, [*readings, now], "chart__now-line"))
        x, y = frame.at(now)
        body.append(Markup('<path d="M{} {} l7 7 -7 7 -7 -7 z" class="chart__now"/>').format(x, y - 7))
        body.append(_text(x, y - 12, now.label or _plain(now.value), "chart__value chart__value--now", anchor="end"))
    return _svg(name, title, description, int(frame.floor) + 28, body)


@dataclass(frozen=True)
class _Frame:
    begins: date
    ends: date
    top: Decimal
    left: Decimal = Decimal(4)
    floor: Decimal = Decimal(212)

    def x(self, day: date) -> Decimal:
        share = Decimal((day - self.begins).days) / Decimal((self.ends - self.begins).days)
        return self.left + share * (WIDTH - 12)

    def at(self, point: Point) -> tuple[Decimal, Decimal]:
        return _round(self.x(point.day)), _round(self.floor - point.value / self.top * (self.floor - 36))


def _path(frame: _Frame, points: Sequence[Point], css: str) -> Markup:
    if len(points) < 2:
        return Markup("")
    words = " L".join(f"{x} {y}" for x, y in map(frame.at, points))
    return Markup('<path d="M{}" class="{}" fill="none"/>').format(words, css)


def _scaled(amount: Decimal, whole: Decimal, length: int, *, most: Decimal) -> Decimal:
    """Length of a part; at least 3 units for what is there at all, never over the edge."""
    if amount <= 0 or whole <= 0:
        return Decimal(0)
    return _round(min(max(amount / whole * length, Decimal(3)), most))


def _round(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"))


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _text(x: Decimal | int, y: Decimal | int, words: str, css: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{}" y="{}" class="{}" text-anchor="{}">{}</text>').format(
        _round(Decimal(x)), _round(Decimal(y)), css, anchor, words
    )


def _svg(name: str, title: str, description: str, height: int, body: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
        ' aria-labelledby="{name}-title {name}-desc" xmlns="http://www.w3.org/2000/svg">'
        '<title id="{name}-title">{title}</title><desc id="{name}-desc">{description}</desc>'
        '<defs><pattern id="{name}-hatch" width="6" height="6" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect width="3" height="6" fill="currentColor"/></pattern></defs>'
        "{body}</svg>"
    ).format(
        width=WIDTH,
        height=height,
        name=escape(name),
        title=title,
        description=description,
        body=Markup("").join(body),
    )
