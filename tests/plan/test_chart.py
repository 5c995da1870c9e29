"""A chart can be read without colour, without eyes, under a strict content policy."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from portal.plan.chart import WIDTH, Bar, Point, bars, years

SVG = "{http://www.w3.org/2000/svg}"
ONLINE = [(2022, Decimal(50)), (2023, Decimal(75)), (2024, Decimal(100)), (2025, Decimal(125)), (2026, Decimal(150))]


def parsed(drawing: Markup) -> ET.Element:
    return ET.fromstring(drawing)


def the_bars(label: str = "手続き", amount: Decimal = Decimal(30)) -> Markup:
    row = Bar(label, "40 / 150", [("here", amount), ("elsewhere", Decimal(10))], Decimal(150), Decimal(125))
    return bars([row], name="plan", title="今の数", description="手続き: 40 / 150。")


def the_years() -> Markup:
    return years(
        ONLINE, Point(date(2026, 11, 22), Decimal(4), "今 4"), start=Point(date(2021, 10, 1), Decimal(23)),
        readings=[Point(date(2026, 10, 1), Decimal(1))], name="years", title="年度", description="目標と今", year_label="{year}",
    )  # fmt: skip


def test_a_drawing_has_a_name_and_a_description() -> None:
    for drawing in (the_bars(), the_years()):
        svg = parsed(drawing)
        assert svg.get("role") == "img"
        named = [svg.find(f".//*[@id='{name}']") for name in (svg.get("aria-labelledby") or "").split()]
        assert [element.tag for element in named if element is not None] == [SVG + "title", SVG + "desc"]
        assert all(element is not None and element.text for element in named)


def test_nothing_in_it_needs_inline_style_or_script() -> None:
    for drawing in (the_bars(), the_years()):
        for element in parsed(drawing).iter():
            assert element.tag not in {SVG + "style", SVG + "script"}
            assert not [name for name in element.attrib if name == "style" or name.startswith("on")]


def test_parts_differ_in_pattern_and_not_only_in_colour() -> None:
    fills = [part.get("fill") for part in parsed(the_bars()).iter(SVG + "rect") if part.get("class") == "chart__part"]
    assert fills == ["currentColor", "url(#plan-hatch)"]


def test_the_count_now_the_plan_and_the_beginning_have_their_own_shapes_and_labels() -> None:
    svg = parsed(the_years())
    shapes = {element.get("class") for element in svg.iter() if element.get("class")}
    assert {"chart__now", "chart__plan-mark", "chart__start", "chart__now-line"} <= shapes
    texts = [element.text for element in svg.iter(SVG + "text")]
    assert {"今 4", "150", "50", "23", "2021", "2026"} <= set(texts)


def test_words_of_the_city_are_escaped() -> None:
    assert "<script>" not in the_bars("<script>alert(1)</script>")
    assert parsed(the_bars("<script>alert(1)</script>")) is not None


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 200))
def test_no_bar_leaves_its_ground(here: int, elsewhere: int, target: int) -> None:
    row = Bar("x", "x", [("here", Decimal(here)), ("elsewhere", Decimal(elsewhere))], Decimal(target), Decimal(here))
    for part in parsed(bars([row], name="p", title="t", description="d")).iter(SVG + "rect"):
        if part.get("class") == "chart__part":
            left, width = float(part.get("x") or 0), float(part.get("width") or 0)
            assert width > 0
            assert left >= 1
            assert left + width <= WIDTH


@given(st.integers(0, 10**9), st.dates(date(2018, 1, 1), date(2035, 1, 1)))
def test_any_count_on_any_day_stays_inside_the_drawing(value: int, day: date) -> None:
    drawing = years(
        ONLINE, Point(day, Decimal(value)), name="y", title="t", description="d", year_label="{year}"
    )  # fmt: skip
    for mark in parsed(drawing).iter(SVG + "rect"):
        if mark.get("class") == "chart__plan-mark":
            assert -4 <= float(mark.get("x") or 0) <= WIDTH
            assert 0 <= float(mark.get("y") or 0) <= 260


def test_a_plan_without_any_figure_has_no_drawing() -> None:
    assert years([], None, name="y", title="t", description="d", year_label="{year}") == ""
