"""How far a facility is, and how facilities compare on one day."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from reservations.places import Point, centre

STATION, CITY_HALL = Point(36.19, 139.71), Point(36.178, 139.755)
POINTS = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))


@pytest.mark.parametrize(
    "text",
    ["", "36.1", "36.1,", "91,0", "0,181", "36.1,139.7,1", "٣٦,١٣٩", "nan,nan", "1e2,1", "'; DROP TABLE facility"],
)
def test_what_is_no_point_is_none(text: str) -> None:
    assert Point.parse(text) is None


def test_a_point_is_read_and_the_way_is_about_right() -> None:
    assert Point.parse(" 36.19, 139.71 ") == STATION
    assert STATION.km_to(CITY_HALL) == pytest.approx(4.25, abs=0.1)


@given(POINTS, POINTS)
def test_the_way_there_is_the_way_back_and_at_most_half_the_earth(here: Point, there: Point) -> None:
    assert here.km_to(there) == pytest.approx(there.km_to(here), abs=1e-6)
    assert 0 <= here.km_to(there) <= 20016
    assert here.km_to(here) == pytest.approx(0, abs=1e-6)


def test_the_middle_of_nothing_is_nothing() -> None:
    assert centre([]) is None
    assert centre([STATION]) == STATION


def hits(html: str) -> list[str]:
    return re.findall(r'id="hit-([^"]+)"', html)


def distances(html: str) -> list[float]:
    found = re.findall(r"約([0-9.]+)(k?)m", html)
    return [float(number) * (1000 if kilo else 1) for number, kilo in found]


@pytest.mark.parametrize("near", ["36.181,139.753", "下大野", "306-0204"])
def test_the_nearest_free_facility_comes_first(koga: str, client: FlaskClient, near: str) -> None:
    page = client.get("/facilities", query_string={"purpose": "meeting", "date": "2026-12-04", "near": near})
    assert page.status_code == 200
    told = distances(page.text)
    assert told == sorted(told)
    assert len(told) >= 2


def test_a_town_that_nobody_knows_is_told_and_what_was_typed_stays(koga: str, client: FlaskClient) -> None:
    page = client.get("/facilities", query_string={"purpose": "tennis", "date": "2026-12-04", "near": "<b>月面</b>"})
    assert page.status_code == 422
    assert "見つかりませんでした" in page.text
    assert "&lt;b&gt;月面&lt;/b&gt;" in page.text


def test_who_asks_for_what_is_near_without_saying_what_for_is_asked(koga: str, client: FlaskClient) -> None:
    page = client.get("/facilities", query_string={"purpose": "", "near": "36.195,139.711"})
    assert page.status_code == 422
    assert page.text.count("「使いみち」をえらんでください。") == 2, "above, and at the field"
    assert client.get("/facilities?purpose=&date=&district=&part=&near=").status_code == 200


def test_a_search_without_a_day_finds_the_first_one_that_is_free(koga: str, client: FlaskClient) -> None:
    start = client.get("/facilities").text
    day = re.search(r'<input[^>]*name="date"[^>]*>', start)
    assert day
    assert 'value=""' in day[0] or "value" not in day[0], "today may be closed; an empty day finds the first free one"
    assert "いちばん早く空いている日をさがします" in start


def test_facilities_are_compared_on_one_day_with_words_beside_the_marks(koga: str, client: FlaskClient) -> None:
    listed = client.get("/facilities?purpose=tennis&date=2026-12-04")
    table = client.get("/facilities?purpose=tennis&date=2026-12-04&view=table")
    body = table.text[table.text.index("<tbody>") : table.text.index("</tbody>")]
    assert len(re.findall(r'<th scope="row">', body)) == len(hits(listed.text))
    assert body.count("<td>") == 3 * len(hits(listed.text))
    assert body.count('aria-hidden="true"') == body.count("visually-hidden") == body.count("<td>")
    assert "円から" in body
    assert "料金は見本です" in table.text
