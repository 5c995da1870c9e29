"""Repeated groups through the pages, without script: add, take away, nothing typed is lost; the office asks about one entry."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.definition import Procedure, from_document
from forms.models import Application
from forms.rules import Facts, broken_limits, evaluate, to_file
from forms.services import casework
from forms.services.common import Incomplete, NotCorrectable
from portal.accounts.models import Account
from portal.kernel import clock
from tests import people
from tests.forms.conftest import resident, sha_on, staff
from tests.forms.test_rules import document

SLUG = "after-school-club"


@pytest.fixture
def browser(client: FlaskClient, hanako: Account) -> FlaskClient:
    people.sign_in(client, hanako)
    return client


def child(row: int, name: str, **more: str) -> dict[str, str]:
    facts = {
        "child_name": name,
        "child_kana": "コガ タロウ",
        "child_born": "平成30年5月1日",
        "school": "古河小",
        "grade": "2",
    }
    return {f"f.children.{row}.{k}": v for k, v in {**facts, "allergy": "no", **more}.items()}


def page_of(browser: FlaskClient) -> str:
    where = people.location(people.post(browser, f"/apply/{SLUG}"))
    return where.replace("/steps/parent", "/steps/child")


def post(browser: FlaskClient, url: str, html: str, typed: dict[str, str], action: str) -> tuple[int, str]:
    """As a browser without script sends the page: what is hidden on it, what was typed, the button."""
    hidden = re.findall(r'name="(f\.children\.(?:row|seen)|asked)" value="([^"]*)"', html)
    data: dict[str, list[str]] = {"action": [action]}
    for name, value in hidden:
        data.setdefault(name, []).append(value)
    answer = people.post(browser, url, {**data, **{k: [v] for k, v in typed.items()}})
    return answer.status_code, answer.get_data(as_text=True) if answer.status_code != 303 else people.location(answer)


def test_entries_are_added_and_taken_away_without_script_and_nothing_typed_is_lost(browser: FlaskClient) -> None:
    url = page_of(browser)
    html = browser.get(url).get_data(as_text=True)
    assert html.count('name="f.children.row"') == 1, "as many entries as there must be"
    assert "remove:children" not in html
    status, html = post(browser, url, html, child(1, "古河 一郎", grade="九"), "add:children")
    assert (status, html.count('name="f.children.row"')) == (200, 2)
    assert 'value="古河 一郎"' in html
    assert 'value="九"' in html, "what cannot be read is kept as well"
    status, html = post(browser, url, html, child(1, "古河 一郎") | child(2, "古河 二郎"), "add:children")
    status, html = post(
        browser, url, html, child(1, "古河 一郎") | child(2, "古河 二郎") | child(3, "三"), "remove:children:2"
    )
    assert re.findall(r'name="f.children.row" value="(\d)"', html) == ["1", "3"]
    assert "古河 二郎" not in html
    assert 'value="三"' in html
    status, where = post(browser, url, html, child(1, "古河 一郎") | child(3, "古河 三郎"), "next")
    assert status == 303
    assert where.endswith("/steps/need")


def test_a_problem_is_told_at_the_question_of_its_entry(browser: FlaskClient) -> None:
    url = page_of(browser)
    _status, html = post(browser, url, browser.get(url).get_data(as_text=True), child(1, "古河 一郎"), "add:children")
    status, html = post(browser, url, html, child(1, "古河 一郎") | child(2, "古河 二郎", grade="9", school=""), "next")
    assert status == 422
    assert 'id="f-children-2-grade-error"' in html
    assert 'href="#f-children-2-grade"' in html
    assert 'id="f-children-1-grade-error"' not in html


def test_what_is_counted_stays_after_a_refused_page(browser: FlaskClient) -> None:
    start = people.location(people.post(browser, "/apply/disaster-damage-certificate"))
    url = start.replace("/steps/person", "/steps/family")
    assert "0人" in browser.get(url).get_data(as_text=True)
    sent: dict[str, list[str]] = {"asked": ["household"], "action": ["next"]}
    sent["f.household.row"], sent["f.household.seen"] = ["1", "2", "3"], []
    for row, name in (("1", "古河 花子"), ("2", "古河 太郎"), ("3", "")):
        sent["f.household.seen"] += [f"{row}.member", f"{row}.hurt"]
        sent[f"f.household.{row}.member.name"] = [name]
        sent[f"f.household.{row}.member.kana"] = ["漢字" if name else ""]
    answer = people.post(browser, url, sent)
    assert answer.status_code == 422
    assert '<p class="fixed lines">2人</p>' in answer.get_data(as_text=True)


def test_a_question_inside_an_entry_opens_by_an_answer_of_the_same_entry(browser: FlaskClient) -> None:
    url = page_of(browser)
    _status, html = post(browser, url, browser.get(url).get_data(as_text=True), child(1, "古河 一郎"), "add:children")
    status, where = post(browser, url, html, child(1, "一") | child(2, "二", allergy="yes"), "next")
    assert status == 303
    assert where.split("#")[0].endswith("/steps/child?more=1")
    html = browser.get(where).get_data(as_text=True)
    assert "f.children.2.allergy_what" in html
    assert "f.children.1.allergy_what" not in html


def filed(browser: FlaskClient, session: Session) -> Application:
    from tests.forms.test_robot import ALL, fill_in

    path = fill_in(browser, ALL[SLUG], 0)
    people.post(browser, path, {"sha256": sha_on(browser.get(path))})
    session.expire_all()
    return session.scalars(select(Application)).one()


def test_the_office_asks_about_one_question_of_one_entry_and_only_that_changes(
    browser: FlaskClient, session: Session, hanako: Account, reviewer: Account
) -> None:
    case = filed(browser, session)
    before = case.filings[0].answers
    casework.ask_correction(
        session,
        reference=str(case.reference),
        requests=[("children.1.school", "学校の名前がちがいます。")],
        actor=staff(reviewer),
        revision=None,
        now=clock.now(),
    )
    session.commit()
    page = browser.get(f"/applications/{case.reference}/correction").get_data(as_text=True)
    assert "申し込む子ども 1人目 小学校の名前" in page
    assert page.count('name="asked"') == 1
    with pytest.raises(Incomplete) as wrong:
        casework.submit_correction(
            session, reference=str(case.reference), typed={}, seen=[], actor=resident(hanako), now=clock.now()
        )
    assert set(wrong.value.problems) == {"children.1.school"}
    session.rollback()
    answer = people.post(
        browser,
        f"/applications/{case.reference}/correction",
        {"asked": ["children.1.school"], "f.children.1.school": ["第一小"], "f.children.1.child_name": ["別人"]},
    )
    assert answer.status_code == 303
    session.expire_all()
    after = session.scalars(select(Application)).one().filings[-1].answers
    assert after["children"][0] == {**before["children"][0], "school": "第一小"}
    assert {k: v for k, v in after.items() if k != "children"} == {k: v for k, v in before.items() if k != "children"}


def test_what_is_calculated_cannot_be_asked_about(browser: FlaskClient, session: Session, reviewer: Account) -> None:
    case = filed(browser, session)
    with pytest.raises(NotCorrectable):
        casework.ask_correction(
            session,
            reference=str(case.reference),
            requests=[("child_count", "なぜ")],
            actor=staff(reviewer),
            revision=None,
            now=clock.now(),
        )


PETS = {
    "id": "pets",
    "type": "group",
    "label": "ペット",
    "required": False,
    "maximum": 3,
    "fields": [
        {"id": "kind", "type": "one_of", "label": "種類", "choices": [{"code": c, "label": c} for c in ("dog", "cat")]},
        {"id": "born", "type": "date", "label": "生まれた日"},
        {"id": "weight", "type": "number", "label": "重さ", "show_if": {"field": "kind", "is": "dog"}},
        {
            "id": "age",
            "type": "calculated",
            "result": "number",
            "label": "年れい",
            "value": {"age": [{"field": "born"}, {"date": "today"}]},
        },
        {
            "id": "chip_on",
            "type": "date",
            "label": "チップの日",
            "required": False,
            "limits": [
                {"must": {"field": "chip_on", "at_least": {"field": "born"}}, "message": "生まれた日より後です。"}
            ],
        },
    ],
}


def form(*fields: dict[str, object]) -> Procedure:
    return from_document(document(steps=[{"id": "one", "title": "ひとつ", "fields": [PETS, *fields]}]))


def test_outside_of_a_group_a_condition_asks_for_one_entry_and_values_count_and_sum() -> None:
    from datetime import date

    procedure = form(
        {"id": "has_dog", "type": "text", "label": "犬", "show_if": {"field": "kind", "is": "dog"}},
        {"id": "many", "type": "text", "label": "2ひきから", "show_if": {"field": "pets", "at_least": 2}},
        {"id": "heavy", "type": "calculated", "result": "number", "label": "重さ", "value": {"sum": "weight"}},
    )
    cat = {"_row": 1, "kind": "cat", "born": "2020-12-01", "weight": 99}
    dog = {"_row": 4, "kind": "dog", "born": "2020-11-25", "weight": 12}
    facts = Facts(today=date(2026, 11, 25))
    assert evaluate(procedure, {"pets": [cat]}, facts).shown == {"pets", "heavy"}
    both = evaluate(procedure, {"pets": [cat, dog]}, facts)
    assert both.shown == {"pets", "has_dog", "many", "heavy"}
    assert both.values["heavy"] == 12, "a hidden answer does not count"
    assert [row.values["age"] for row in both.rows["pets"]] == [5, 6]
    assert to_file(procedure, {"pets": [cat, dog]}, facts)["pets"] == [
        {"_row": 1, "kind": "cat", "born": "2020-12-01", "age": 5},
        {"_row": 4, "kind": "dog", "born": "2020-11-25", "weight": 12, "age": 6},
    ]


def test_a_limit_inside_an_entry_looks_at_that_entry_and_waits_for_both_answers() -> None:
    procedure = form()
    good = {"_row": 1, "born": "2020-12-01", "chip_on": "2021-01-01"}
    bad = {"_row": 2, "born": "2020-12-01", "chip_on": "2020-01-01"}
    found = broken_limits(procedure, {"pets": [good, bad, {"_row": 3, "chip_on": "2000-01-01"}]})
    assert {f: [p.part for p in problems] for f, problems in found.items()} == {"pets": ["2.chip_on"]}
