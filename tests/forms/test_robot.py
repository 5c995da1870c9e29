"""Every procedure of the city, driven by its definition alone through its pages: valid answers reach the end of their channel and
the paper holds each of them; each broken answer is refused at its field. A procedure added later is tried without a line written here.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms import presenting
from forms.definition import Problem, Procedure, from_document
from forms.definition.fields import AnyField, GroupField, Moment
from forms.models import Application
from forms.web.problems import words
from portal.accounts.models import Account
from portal.directory.plain import read
from portal.kernel import clock
from tests import people
from tests.forms import robot
from tests.forms.conftest import sha_on

FOLDER = Path(__file__).resolve().parents[2] / "portal" / "cities" / "koga" / "procedures"
ALL = {p.slug: p for p in (from_document(read(f.read_text("utf-8"))[0]) for f in sorted(FOLDER.glob("*.yaml")))}
FILLABLE = [slug for slug, p in ALL.items() if p.fillable]
HERE = [slug for slug, p in ALL.items() if p.channel.kind == "here"]
ELSEWHERE = [slug for slug, p in ALL.items() if p.channel.kind == "elsewhere"]


@pytest.fixture
def browser(client: FlaskClient, hanako: Account) -> FlaskClient:
    people.sign_in(client, hanako)
    return client


def flat(text: str) -> str:
    """Without blanks and in one form of characters: a PDF breaks lines where it likes."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def open_page(browser: FlaskClient, procedure: Procedure, where: str, variant: int) -> robot.Page:
    """A step's page once everything that hangs on its answers is there: a group has an entry, choices fit what was chosen."""
    url = where.partition("?")[0]
    answer = browser.get(where)
    assert answer.status_code == 200, where
    page = robot.Page(answer.get_data(as_text=True), procedure, clock.today())
    for spec in page.fields():
        if spec.kind == "group" and f'name="f.{spec.id}.row"' not in page.html:
            more = people.post(browser, url, {**page.sent(variant), "action": f"add:{spec.id}"})
            page = robot.Page(more.get_data(as_text=True), procedure, clock.today())
    for _turn in range(3 if page.refreshes else 0):
        again = people.post(browser, url, {**page.sent(variant), "action": "refresh"}).get_data(as_text=True)
        before, page = page.sent(variant), robot.Page(again, procedure, clock.today())
        if page.sent(variant) == before:
            break
    return page


def hand_in_files(browser: FlaskClient, page: robot.Page, where: str) -> None:
    """Hand in a photo at every question of the page that takes files."""
    for spec in page.fields():
        if spec.stored:
            answer = people.post(browser, where.partition("?")[0] + "/files", robot.hand_in(spec, robot.picture()))
            assert answer.status_code == 303, answer.get_data(as_text=True)


def break_files(browser: FlaskClient, page: robot.Page, good: dict[str, list[str]], url: str) -> int:
    """Leave out needed files, and hand in what is no picture; how many questions that were."""
    asked = [spec for spec in page.fields() if spec.stored]
    for spec in asked:
        answer = people.post(browser, url + "/files", robot.hand_in(spec, b"#!/bin/sh\nls", "a.jpg"))
        assert answer.status_code == 422
        assert f'id="f-{spec.id}-error"' in answer.get_data(as_text=True)
        if spec.required:
            assert f'id="f-{spec.id}-error"' in people.post(browser, url, good).get_data(as_text=True)
    return len(asked)


def fill_in(browser: FlaskClient, procedure: Procedure, variant: int) -> str:
    """From "begin" to the review page; its path."""
    where = people.location(people.post(browser, f"/apply/{procedure.slug}"))
    for _turn in range(40):
        if where.endswith("/review"):
            return where
        page = open_page(browser, procedure, where, variant)
        hand_in_files(browser, page, where)
        answer = people.post(browser, where.partition("?")[0], page.sent(variant))
        assert answer.status_code == 303, (where, answer.get_data(as_text=True))
        where = people.location(answer).partition("#")[0]
    raise AssertionError(f"{procedure.slug} never ends")


@pytest.mark.parametrize("variant", [0, 1], ids=["yes", "no"])
@pytest.mark.parametrize("slug", FILLABLE)
def test_valid_answers_reach_the_end_of_the_channel_and_the_paper_holds_each(
    browser: FlaskClient, hanako: Account, session: Session, run_jobs: Callable[[], None], slug: str, variant: int
) -> None:
    procedure = ALL[slug]
    path = fill_in(browser, procedure, variant)
    if procedure.channel.kind == "here" and procedure.identity == "authenticated":
        people.confirm_identity(browser, hanako)
    review = browser.get(path)
    answer = people.post(browser, path, {"sha256": sha_on(review)})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    case = session.scalars(select(Application)).one()
    if procedure.channel.kind == "prepared":
        assert case.state == "prepared"
        assert "窓口でこの番号を見せてください" in browser.get(people.location(answer)).get_data(as_text=True)
        return
    assert case.state == "filed"
    filed = case.filings[0].answers
    assert filed
    run_jobs()
    session.expire_all()
    paper = next(d for d in case.documents if d.kind == "application")
    content = browser.get(f"/applications/{case.reference}/documents/{paper.id}").data
    text = flat("".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages))
    for _step, rows in presenting.steps(procedure, filed, "ja"):
        for row in rows:
            # In a repeated group the entry and its question stand at the head of a row and of a column.
            for part in row.label.split(" ") if "." in row.path else [row.label]:
                assert flat(part) in text, row.path
            for line in row.text.split("\n"):
                assert flat(line) in text, f"{row.path}: {line}"


@pytest.mark.parametrize("slug", HERE)
def test_each_broken_answer_is_refused_at_its_field_with_its_message(
    browser: FlaskClient, app: Flask, slug: str
) -> None:
    procedure = ALL[slug]
    at = Moment(clock.today())
    where = people.location(people.post(browser, f"/apply/{slug}"))
    tried = 0
    for _turn in range(40):
        if where.endswith("/review"):
            break
        shown = open_page(browser, procedure, where, 0)
        good = shown.sent(0)
        url = where.partition("?")[0]
        tried += break_files(browser, shown, good, url)
        hand_in_files(browser, shown, where)
        for spec in shown.fields():
            field_id = spec.id
            group = isinstance(spec, GroupField)
            wrong = (
                robot.broken_inside(spec, shown.typed(spec, 0)) if isinstance(spec, GroupField) else robot.broken(spec)
            )
            if spec.stored:
                continue
            if spec.required and not group:
                wrong = [robot.Broken(robot.empty(spec), "required"), *wrong]
            for each in wrong:
                sent = {k: v for k, v in good.items() if k.split(".")[1:2] != [field_id]} | robot.sent(spec, each.typed)
                answer = people.post(browser, url, sent)
                page = answer.get_data(as_text=True)
                assert answer.status_code == 422, (field_id, each)
                html_id = f"f-{field_id}" + (f"-{each.part.replace('.', '-')}" if each.part else "")
                assert f'id="{html_id}-error"' in page, (field_id, each)
                summary = page.partition('id="error-summary"')[2].partition("</div>")[0]
                assert set(re.findall(r'href="#f-([a-z0-9_]+)', summary)) == {field_id}, (field_id, each)
                facts = next((p for p in spec.read(each.typed, at).problems if p.code == each.code), Problem(each.code))
                with app.test_request_context():
                    assert words(facts, "ja") in page, (field_id, each)
                tried += 1
        where = people.location(people.post(browser, url, good)).partition("#")[0]
    assert where.endswith("/review"), where
    assert tried >= len(list(procedure.fields()))


@pytest.mark.parametrize("slug", ELSEWHERE)
def test_what_is_done_elsewhere_leads_there_and_is_never_taken(browser: FlaskClient, slug: str) -> None:
    channel = ALL[slug].channel
    assert channel.kind == "elsewhere"
    page = browser.get(f"/procedures/{slug}").get_data(as_text=True)
    assert channel.url in page
    assert people.post(browser, f"/apply/{slug}").status_code in {303, 404, 409, 422}


def test_the_robot_knows_every_field_type() -> None:
    from typing import get_args

    kinds = {get_args(t.model_fields["type"].annotation)[0] for t in get_args(get_args(AnyField)[0])} - {"note"}
    used = {f.kind for p in ALL.values() for f in p.fields()} - {"note"}
    assert used == kinds, "every type is used by a procedure of the city"
