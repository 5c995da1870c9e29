"""Things sold at the counter without an application: charge, money and receipt in one step."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from payments import counter_items, queries
from payments.contract import TaxClass
from payments.errors import CashTooLittle, NotSold
from payments.models import AccountCode, Charge, CounterItem, Payment
from portal.accounts.models import Role
from portal.kernel import clock, references
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.payments.things import balances
from tests.people import location, make_staff, post, sign_in


@pytest.fixture
def clerk(koga: str) -> Actor:
    return Actor(make_staff(Role.COUNTER, email="seller@example.jp").id, "staff")


def sell(sale: str, clerk: Actor, counts: dict[str, int], *, seen: int, received: int | None = None) -> str:
    with unit_of_work() as session:
        return counter_items.sell(
            session,
            sale,
            counts,
            seen=Yen(seen),
            received=None if received is None else Yen(received),
            slip_number="0077",
            clerk=clerk,
            place="koga",
            now=clock.now(),
        ).reference


def test_copies_and_a_tag_are_one_sale_with_the_tax_class_of_each_and_a_double_click_sells_once(clerk: Actor):
    sale = references.new("K")
    counts = {"copy-mono": 12, "dog-tag-again": 1}
    receipt = sell(sale, clerk, counts, seen=1720, received=2000)
    assert sell(sale, clerk, counts, seen=1720, received=2000) == receipt
    with unit_of_work() as session:
        assert session.scalars(select(func.count()).select_from(Payment)).one() == 1
        reference = session.scalars(select(Charge.reference).where(Charge.payable_ref == sale)).one()
        groups = queries.tax_groups(queries.charge(session, reference).lines)
    assert [(each.tax, each.amount, each.contained) for each in groups] == [
        (TaxClass.STANDARD, Yen(120), Yen(10)),
        (TaxClass.EXEMPT, Yen(1600), Yen(0)),
    ]
    assert balances() == {AccountCode.CASH: 1720, AccountCode.REVENUE: -1720}


def test_nothing_is_charged_where_the_money_is_too_little_or_the_price_is_another_one(clerk: Actor):
    for problem, seen, received in ((CashTooLittle, 600, 500), (NotSold, 500, 600)):
        with pytest.raises(problem):
            sell(references.new("K"), clerk, {"city-map": 1}, seen=seen, received=received)
    for counts in ({}, {"city-map": 0}, {"city-map": 1000}, {"gone": 1}):
        with pytest.raises(NotSold):
            sell(references.new("K"), clerk, counts, seen=600, received=600)
    assert balances() == {}


def test_money_of_two_payees_is_two_sales(clerk: Actor):
    with unit_of_work() as session:
        item = session.scalars(select(CounterItem).where(CounterItem.code == "city-map")).one()
        item.payee_code = "somebody-else"
    with pytest.raises(NotSold) as caught:
        sell(references.new("K"), clerk, {"city-map": 1, "copy-mono": 1}, seen=610, received=1000)
    assert caught.value.reason == "mixed"


def test_a_clerk_sells_in_the_browser_and_hands_over_the_receipt(koga: str, client: FlaskClient):
    sign_in(client, make_staff(Role.COUNTER, email="till@example.jp"))
    home = client.get("/staff/counter-items").get_data(as_text=True)
    for words in ("写し(白黒、A3まで)", "10円", "見本"):
        assert words in home, words
    assert client.get("/staff/counter-items?n-copy-mono=x").status_code == 200
    shown = client.get("/staff/counter-items?n-copy-mono=3&n-city-map=1").get_data(as_text=True)
    assert "いただく金額: 630円" in shown
    sale = re.search(r'name="sale"[^>]*value="([^"]+)"', shown)
    assert sale is not None
    form = {"sale": sale[1], "seen": "630", "n-copy-mono": "3", "n-city-map": "1", "place": "koga", "way": "cash"}
    assert post(client, "/staff/counter-items", {**form, "received": ""}).status_code == 422
    assert post(client, "/staff/counter-items", {**form, "received": "600"}).status_code == 422
    assert post(client, "/staff/counter-items", {**form, "way": "terminal"}).status_code == 422
    receipt = location(post(client, "/staff/counter-items", {**form, "received": "1,000"}))
    page = client.get(receipt).get_data(as_text=True)
    for words in ("おつりは370円", "都市計画図"):
        assert words in page, words
    assert post(client, receipt).data.startswith(b"%PDF")
    assert "630円" in client.get("/staff/till/report").get_data(as_text=True)
