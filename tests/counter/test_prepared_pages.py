"""The counter's pages for what was prepared at home, without script."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.models import Application
from portal.accounts.models import Account
from portal.web.access import Grant, Visitor
from tests import people
from tests.counter.conftest import OFFICE
from tests.counter.test_pages import HOME, As, desk, signed_in
from tests.counter.test_prepared import FUHYO, hanako, number

__all__ = ["As", "desk", "hanako", "number", "signed_in"]
SENT = {"p-authority": "self", "p-office": OFFICE}


def test_the_whole_way_from_the_number_to_the_end(desk: FlaskClient, number: str, session: Session) -> None:
    answer = desk.post(f"{HOME}/prepared", data={**SENT, "p-number": f"https://x.example/applications/{number}"})
    assert answer.status_code == 303
    visit = answer.location
    page = desk.get(visit).text
    assert "家で準備した内容" in page
    assert "古河市下大野2248番地" in page
    assert desk.post(f"{visit}/card", data={"card": "watanabe"}).status_code == 409
    page = desk.post(f"{visit}/card", data={"card": "watanabe"}).text
    assert 'name="same_person"' in page
    assert "渡邊" in page
    assert desk.post(f"{visit}/card", data={"card": "hanako"}).status_code == 303
    page = desk.get(visit).text
    assert "窓口で直しました(窓口 職員)。家で準備した内容: " in page
    assert desk.post(f"{visit}/print").status_code == 303
    assert 'value="my-number-card" checked' in desk.get(visit).text, "the card that was read was looked at"
    assert desk.post(f"{visit}/sign").status_code == 422
    assert desk.post(f"{visit}/sign", data={"seen": ["insurance"]}).status_code == 422
    assert desk.post(f"{visit}/sign", data={"seen": ["licence"]}).status_code == 303
    assert "運転免許証" in desk.get(visit).text
    assert desk.post(f"{visit}/cash", data={"received": "600"}).status_code == 303
    assert desk.post(f"{visit}/end").status_code == 303
    assert session.scalars(select(Application.state)).one() == "filed"


def test_a_number_that_cannot_be_opened_says_why_beside_the_field(desk: FlaskClient, number: str) -> None:
    wrong = desk.post(f"{HOME}/prepared", data={**SENT, "p-number": "A-7K3F-92QX-4"})
    assert (wrong.status_code, "この番号の準備はありません" in wrong.text) == (404, True)
    assert 'value="A-7K3F-92QX-4"' in wrong.text, "what was typed stays"
    assert desk.post(f"{HOME}/prepared", data={**SENT, "p-number": ""}).status_code == 422
    first = desk.post(f"{HOME}/prepared", data={**SENT, "p-number": number}).location
    again = desk.post(f"{HOME}/prepared", data={**SENT, "p-number": number})
    assert (again.status_code, first.rpartition("/")[2] in again.text) == (409, True)
    other = desk.post(HOME, data={"slugs": ["seal-certificate"], "authority": "self", "office": OFFICE}).location
    assert desk.post(f"{other}/prepared", data={"number": number}).status_code == 409
    assert desk.post(f"{first}/cancel").status_code == 303
    assert desk.post(f"{other}/prepared", data={"number": number}).status_code == 303
    assert "この準備を来庁から外す" in desk.get(other).text
    assert desk.post(f"{other}/prepared/{FUHYO}/release").status_code == 303
    assert desk.post(f"{HOME}/prepared", data={**SENT, "p-number": number}).status_code == 303


def test_the_resident_sees_number_code_and_last_day_and_nobody_else_does(
    number: str, hanako: Account, client: FlaskClient
) -> None:
    people.sign_in(client, people.make_resident(email="stranger@example.jp", name="他人 太郎"))
    assert client.get(f"/applications/{number}").status_code == 404
    assert client.get(f"/applications/{number}/counter.pdf").status_code == 404
    people.sign_in(client, hanako)
    page = client.get(f"/applications/{number}").text
    assert number in page
    assert "<svg" in page.partition('class="code"')[2][:40]
    assert "窓口に来る期限: 2026年12月" in page
    slip = client.get(f"/applications/{number}/counter.pdf")
    assert (slip.status_code, slip.data[:5]) == (200, b"%PDF-")


@pytest.mark.parametrize("path", ["/prepared", "/K-0000-0000-0/prepared"])
def test_only_the_counter_pulls_it_in(number: str, signed_in: As, path: str) -> None:
    who = people.make_staff("reviewer", "citizen-counter")
    grants = (Grant("reviewer", "department", "citizen-counter"),)
    sent = signed_in(Visitor(account_id=who.id, is_staff=True, grants=grants)).post(
        f"{HOME}{path}", data={**SENT, "p-number": number}
    )
    assert sent.status_code == 403
