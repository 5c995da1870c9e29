"""The counter's pages, without script: who may enter, what bad input gets, and the whole way."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from forms.counter.models import Visit, VisitItem
from payments.models import Payment
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.web.access import GUEST_VISITOR, Grant, Visitor
from tests.counter.conftest import OFFICE
from tests.counter.test_visits import ANSWERS, begin

HOME = "/staff/counter"
OPEN = {"slugs": ["resident-record", "seal-certificate"], "authority": "self", "office": OFFICE}
As = Callable[[Visitor], FlaskClient]


@pytest.fixture
def signed_in(app: Flask, monkeypatch: pytest.MonkeyPatch) -> As:
    """A browser of somebody who signed in."""

    def enter(who: Visitor) -> FlaskClient:
        monkeypatch.setitem(app.extensions, "portal.visitor", lambda: who)
        monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
        return app.test_client()

    return enter


@pytest.fixture
def desk(signed_in: As, clerk: Actor) -> FlaskClient:
    """The clerk's browser."""
    who = Visitor(account_id=clerk.account_id, is_staff=True, display_name="窓口 職員", grants=(Grant("counter"),))
    return signed_in(who)


def fields(answers: dict[str, dict[str, list[str]]]) -> dict[str, list[str]]:
    """Answers as the page sends them."""
    sent: dict[str, list[str]] = {"asked": list(answers)}
    for name, parts in answers.items():
        for part, texts in parts.items():
            sent[f"f.{name}" + (f".{part}" if part else "")] = texts
    return sent


def new_visit(desk: FlaskClient, **more: object) -> str:
    answer = desk.post(HOME, data={**OPEN, **more})
    assert answer.status_code == 303
    return answer.location


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_the_whole_way_from_the_card_to_the_end(desk: FlaskClient, locale: str) -> None:
    assert desk.get(HOME, query_string={"lang": locale}).status_code == 200
    visit = new_visit(desk)
    assert desk.get(visit).status_code == 200
    assert desk.post(f"{visit}/card", data={"card": "hanako"}).status_code == 303
    assert "見本 花子" in desk.get(visit).text
    page = desk.get(f"{visit}/questions").text
    assert page.count('name="f.item-person-kana"') == 1
    assert 'name="f.item-person-name"' not in page
    everything = {**ANSWERS, "resident-record--shown": {}, "seal-certificate--card_number": {}}
    assert desk.post(f"{visit}/questions", data=fields(everything)).status_code == 303
    assert desk.get(f"{visit}/questions").status_code == 303, "nothing is left to ask"
    assert desk.get(f"{visit}/questions?again=1").status_code == 200
    assert desk.post(f"{visit}/print").status_code == 303
    paper = desk.get(f"{visit}/papers/resident-record.pdf")
    assert paper.data.startswith(b"%PDF-")
    assert desk.post(f"{visit}/sign", data={"seen": ["my-number-card"]}).status_code == 303
    page = desk.get(visit).text
    yen = "円" if locale == "ja" else " yen"
    assert f"900{yen}" in page
    assert "badge--sample" in page
    assert desk.post(f"{visit}/cash", data={"received": "１，０００"}).status_code == 303
    page = desk.get(visit).text
    assert f"100{yen}" in page
    assert "/receipts/" in page
    assert desk.post(f"{visit}/end").location.endswith("/summary")
    summary = desk.get(f"{visit}/summary").text
    assert "見本 花子" in summary
    assert f"900{yen}" in summary
    assert desk.get(visit).status_code == 200


@pytest.mark.parametrize(
    ("who", "status"),
    [
        (GUEST_VISITOR, 303),
        (Visitor(account_id=2, person_id=2), 403),
        (Visitor(account_id=3, is_staff=True, grants=(Grant("reviewer", "department", "citizen-counter"),)), 403),
    ],
)
def test_only_counter_clerks_enter(koga: str, clerk: Actor, signed_in: As, who: Visitor, status: int) -> None:
    reference = begin(clerk)
    client = signed_in(who)
    for path in (HOME, f"{HOME}/{reference}", f"{HOME}/{reference}/questions", f"{HOME}/{reference}/summary"):
        answer = client.get(path)
        assert answer.status_code == status
        assert "見本 花子" not in answer.text


@pytest.mark.parametrize("reference", ["K-0000-0000-0", "nonsense", "A-7K3F-92QX-5"])
def test_an_unknown_visit_is_not_found(koga: str, desk: FlaskClient, reference: str) -> None:
    assert desk.get(f"{HOME}/{reference}").status_code == 404
    assert desk.post(f"{HOME}/{reference}/print").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [{"slugs": []}, {"slugs": ["dog-registration"]}, {"office": "moon"}, {"authority": "king"}, {"authority": ""}],
)
def test_a_bad_start_is_told_and_opens_nothing(koga: str, desk: FlaskClient, wrong: dict[str, object]) -> None:
    answer = desk.post(HOME, data={**OPEN, **wrong})
    assert answer.status_code == 422
    assert "error-summary" in answer.text
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Visit)) == 0


def test_an_unknown_card_is_told(desk: FlaskClient) -> None:
    visit = new_visit(desk)
    for card in ("", "nobody"):
        answer = desk.post(f"{visit}/card", data={"card": card})
        assert answer.status_code == 422
        assert "error-summary" in answer.text


def test_bad_answers_come_back_with_everything_typed(desk: FlaskClient) -> None:
    visit = new_visit(desk)
    desk.post(f"{visit}/card", data={"card": "hanako"})
    wrong = {
        **ANSWERS,
        "item-person-kana": {"": ["みほん😀"]},
        "item-person-phone": {"": ["<script>alert(1)</script>"]},
        "resident-record--copies": {"": ["0"]},
        "resident-record--whose": {"": ["emperor"]},
    }
    answer = desk.post(f"{visit}/questions", data=fields(wrong))
    assert answer.status_code == 422
    assert 'href="#f-item-person-kana"' in answer.text
    assert "みほん😀" in answer.text
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text
    assert 'name="f.resident-record--copies" value="0"' in answer.text


def test_a_pasted_individual_number_is_refused_and_forgotten(desk: FlaskClient) -> None:
    visit = new_visit(desk, slugs=["seal-certificate"])
    desk.post(f"{visit}/card", data={"card": "hanako"})
    number = "123456789018"  # the check digit fits
    sent = {**ANSWERS, "seal-certificate--card_number": {"": [number]}}
    answer = desk.post(f"{visit}/questions", data=fields(sent))
    assert answer.status_code == 422
    assert number not in desk.get(f"{visit}/questions").text


def test_an_answer_that_opens_a_question_shows_it(desk: FlaskClient) -> None:
    visit = new_visit(desk)
    desk.post(f"{visit}/card", data={"card": "hanako"})
    everything = {**ANSWERS, "resident-record--shown": {}, "seal-certificate--card_number": {}}
    answer = desk.post(f"{visit}/questions", data=fields({**everything, "resident-record--whose": {"": ["member"]}}))
    assert answer.status_code == 200
    assert 'name="f.resident-record--member_name"' in answer.text


def test_the_postal_code_is_looked_up_without_script(desk: FlaskClient) -> None:
    visit = new_visit(desk)
    sent = fields({"item-person-address": {"postal_code": ["３０６－０１２６"]}, "item-person-kana": {"": ["ミホン"]}})
    answer = desk.post(f"{visit}/questions", data={**sent, "action": "look_up:item-person-address"})
    assert answer.status_code == 200
    assert 'value="諸川"' in answer.text
    assert 'value="ミホン"' in answer.text
    wrong = fields({"item-person-address": {"postal_code": ["000-0000"]}})
    answer = desk.post(f"{visit}/questions", data={**wrong, "action": "look_up:item-person-address"})
    assert answer.status_code == 422


def test_a_correction_asks_for_its_reason(desk: FlaskClient) -> None:
    visit = new_visit(desk)
    desk.post(f"{visit}/card", data={"card": "hanako"})
    path = f"{visit}/facts/person.birth_date"
    assert desk.get(path).status_code == 200
    answer = desk.post(path, data={"f.value": "昭和36年4月6日", "reason": ""})
    assert answer.status_code == 422
    assert "昭和36年4月6日" in answer.text
    assert desk.post(path, data={"f.value": "令和元年13月1日", "reason": "誤り"}).status_code == 422
    assert desk.post(path, data={"f.value": "昭和36年4月6日", "reason": "カードの誤り"}).status_code == 303
    page = desk.get(visit).text
    assert "1961年4月6日" in page
    assert "カードの誤り" in page
    assert desk.get(f"{visit}/facts/person.mail").status_code == 404


def test_too_little_money_is_told_and_nothing_is_taken(desk: FlaskClient, clerk: Actor) -> None:
    from tests.counter.test_journey import signed

    visit = f"{HOME}/{signed(clerk)}"
    for money in ("", "千円", "899", "-900"):
        answer = desk.post(f"{visit}/cash", data={"received": money})
        assert answer.status_code == 422, money
        assert "error-summary" in answer.text
    assert desk.post(f"{visit}/cash", data={"received": "900"}).status_code == 303
    assert desk.post(f"{visit}/cash", data={"received": "900"}).status_code == 303, "a double click"
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Payment)) == 2


def test_a_paper_of_another_visit_is_not_found(desk: FlaskClient, clerk: Actor) -> None:
    visit = f"{HOME}/{begin(clerk)}"
    assert desk.get(f"{visit}/papers/resident-record.pdf").status_code == 404
    assert desk.get(f"{visit}/papers/dog-registration.pdf").status_code == 404


def test_leaving_throws_the_card_away(desk: FlaskClient, clerk: Actor) -> None:
    visit = f"{HOME}/{begin(clerk)}"
    assert desk.post(f"{visit}/cancel").status_code == 303
    assert "見本 花子" not in desk.get(visit).text
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(VisitItem)) == 0


def test_in_production_no_sample_card_is_read(app: Flask, desk: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    visit = new_visit(desk)
    monkeypatch.setitem(app.extensions, "portal", replace(app.extensions["portal"], environment="production"))
    answer = desk.post(f"{visit}/card", data={"card": "hanako"})
    assert answer.status_code == 503
    assert 'name="card"' not in desk.get(visit).text
