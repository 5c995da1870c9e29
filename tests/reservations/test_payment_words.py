"""The button that accepts a price says what comes after it, and leads there."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tests import people
from tests.payments import debits
from tests.reservations.conftest import change_rules
from tests.reservations.test_pages import hold, sign_in, token


@pytest.fixture
def resident(koga: str, client: FlaskClient) -> FlaskClient:
    """はなこ, signed in."""
    return sign_in(client, people.make_resident())


@pytest.mark.parametrize(
    ("term", "button", "note", "next_page"),
    [
        ({"when": "advance"}, "この料金で、支払いに進む", None, "/pay/"),
        ({"when": "within", "days": 3}, "この料金で、支払いに進む", "2026年11月28日(土) 24:00 までにできます", "/pay/"),
        ({"when": "counter", "days": 3}, "この料金で予約する", "までに、施設の窓口でします", "/bookings/"),
        ({"when": "on_day"}, "この料金で予約する", "支払いは、使う日にします", "/bookings/"),
        ({"when": "after_use", "days": 7}, "この料金で予約する", "2026年12月11日(金) までにします", "/bookings/"),
        ({"when": "monthly", "month_day": 27}, "この料金で予約する", "2027年1月27日(水) までにします", "/bookings/"),
    ],
)
def test_the_button_says_what_comes_after_it(
    resident: FlaskClient, term: dict[str, object], button: str, note: str | None, next_page: str
) -> None:
    """Payment now, within days, at the counter, on the day, after the use, by the month: nobody is sent to pay who need not yet."""
    change_rules("sports", payment=[term])
    _status, where = hold(resident)
    page = resident.get(where)
    assert f">{button}<" in page.text
    if note is None:
        assert "支払いは、" not in page.text
    else:
        assert note in page.text
    if not next_page.startswith("/pay"):
        assert "支払いに進む" not in page.text
    said = {"csrf_token": token(page.text), "purpose": _purpose(page.text), "people": "4", "action": "accept"}
    price = re.search(r'name="accepted"[^>]*value="([^"]+)"', page.text)
    assert price
    answer = resident.post(where, data={**said, "accepted": price[1]})
    assert answer.status_code == 303
    assert next_page in answer.headers["Location"]


def _purpose(html: str) -> str:
    found = re.search(r'<option[^>]*value="(\d+)"', html)
    assert found
    return found[1]


def test_the_button_of_a_place_that_the_manager_decides_on_asks_for_it(resident: FlaskClient) -> None:
    change_rules("sports", payment=[{"when": "on_day"}], approval="manager")
    _status, where = hold(resident)
    assert ">この料金で申し込む<" in resident.get(where).text


def test_who_has_registered_an_account_reads_from_which_and_when_it_is_taken(koga: str, client: FlaskClient) -> None:
    """January 27th is a bank day; the account is はなこ's."""
    who = people.make_resident()
    debits.register(who)
    change_rules("sports", payment=[{"when": "monthly", "month_day": 31}])
    _status, where = hold(sign_in(client, who))
    said = "使った月の分をまとめて、2027年1月27日(水) に、登録した口座(末尾 4321)から引き落とします。"
    assert said in client.get(where).text
