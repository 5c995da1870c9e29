"""The plan's pages: the same numbers for everybody and for the IT strategy section; data to take away."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask.testing import FlaskClient

from portal.accounts.models import Role
from tests.people import make_resident, make_staff, sign_in

PUBLIC = ("/plan", "/plan.csv", "/plan.json")
STAFF = ("/staff/plan", "/staff/plan.csv", "/staff/plan.json")


def headline_values(html: str) -> list[str]:
    return re.findall(r'figure-card__now"(?: aria-hidden="true")?>([^<]+)<', html)


@pytest.mark.parametrize("path", PUBLIC)
def test_everybody_may_see_how_far_the_city_is(koga: str, client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", STAFF)
def test_a_guest_is_sent_to_sign_in_before_the_staff_page(koga: str, client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {302, 303}
    assert "/sign-in" in answer.headers["Location"]


@pytest.mark.parametrize("path", STAFF)
def test_hanako_and_a_manager_of_a_facility_have_no_way_in(koga: str, client: FlaskClient, path: str) -> None:
    for who in (make_resident(), make_staff(Role.FACILITY_MANAGER, "S01")):
        sign_in(client, who)
        assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", STAFF)
def test_the_it_strategy_section_enters(koga: str, client: FlaskClient, path: str) -> None:
    sign_in(client, make_staff(Role.IT_STRATEGY))
    assert client.get(path).status_code == 200


def test_both_pages_and_the_data_show_the_same_numbers(koga: str, client: FlaskClient) -> None:
    sign_in(client, make_staff(Role.IT_STRATEGY))
    data = client.get("/plan.json").get_json()
    wanted = ["—" if count["value"] is None else str(count["value"]) for count in data["headlines"].values()]
    assert headline_values(client.get("/plan").text) == wanted
    assert headline_values(client.get("/staff/plan").text) == wanted
    assert client.get("/staff/plan.json").get_json() == data
    rows = {row["headline"]: row for row in csv.DictReader(io.StringIO(client.get("/plan.csv").text))}
    assert [rows[name]["value"] or "—" for name in data["headlines"]] == wanted


def test_the_page_shows_this_years_line_and_where_the_plan_began(koga: str, client: FlaskClient) -> None:
    page = client.get("/plan", query_string={"lang": "ja"}).text
    assert "/ 150 手続き" in page
    assert "計画の目標(2026年度)" in page
    assert "23 (2021-10-01)" in page
    assert "ほかの場所でできる" in page


def test_what_lacks_a_fact_is_shown_apart_and_not_counted(koga: str, client: FlaskClient) -> None:
    page = client.get("/plan", query_string={"lang": "ja"}).text
    assert "まだ数えていないもの" in page
    assert "罹災証明書の発行申請" in page
    assert client.get("/plan.json").get_json()["headlines"]["online_procedures"]["parts"]["elsewhere"] == 0


def test_excel_gets_its_byte_order_mark(koga: str, client: FlaskClient) -> None:
    assert client.get("/plan.csv?for=excel").data.startswith(b"\xef\xbb\xbf")
    plain = client.get("/plan.csv")
    assert not plain.data.startswith(b"\xef\xbb\xbf")
    assert plain.headers["Content-Disposition"] == 'attachment; filename="plan-20261125.csv"'


def test_other_sites_may_read_the_open_data_but_not_the_staff_pages(koga: str, client: FlaskClient) -> None:
    assert client.get("/plan.json").headers["Access-Control-Allow-Origin"] == "*"
    sign_in(client, make_staff(Role.IT_STRATEGY))
    assert "Access-Control-Allow-Origin" not in client.get("/staff/plan.json").headers


def test_the_pages_hold_no_inline_style_or_script(koga: str, client: FlaskClient) -> None:
    page = client.get("/plan").text
    assert not re.search(r"\sstyle=|<style|<script(?![^>]*\ssrc=)|\son[a-z]+=", page)


def test_the_page_reads_in_english(koga: str, client: FlaskClient) -> None:
    page = client.get("/plan", query_string={"lang": "en"}).text
    assert "Progress of the plan" in page
    assert "Procedures you can do online" in page
    assert "Using online procedures" in page


def test_before_a_city_is_loaded_the_page_stands(client: FlaskClient) -> None:
    assert client.get("/plan").status_code == 200
    assert client.get("/plan.json").get_json()["city"] is None
