"""A guest follows the case by number and secret; a guesser learns nothing and locks out nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.accounts.models import Role
from portal.kernel import references
from tests import people
from tests.conftest import Mailbox
from tests.forms.conftest import fill, sha_on

HOME = {"REMOTE_ADDR": "198.51.100.7"}
GUESSER = {"REMOTE_ADDR": "203.0.113.9"}
REFUSAL = "受付番号か確認のことばがちがいます"


@pytest.fixture
def letter(
    client: FlaskClient, koga: str, mailbox: Mailbox, run_jobs: Callable[[], None], app: Flask
) -> tuple[str, str, str]:
    """Number, secret and text of the mail of a guest who reported a damaged road."""
    path = fill(
        client,
        "road-damage",
        {
            "damage": {
                "kind": "hole",
                "spot.spot": "総和庁舎の前",
                "seen_on": "2026-11-24",
                "details": "",
                "photos": "",
            },
            "contact": {"wants_answer": "yes", "reporter_name": "", "reporter_mail": "guest@example.jp"},
        },
    )
    number = people.location(people.post(client, path, {"sha256": sha_on(client.get(path))})).rpartition("/")[2]
    run_jobs()
    words = mailbox.to("guest@example.jp")[-1].get_content()
    found = re.search(r"確認のことば: ([0-9A-Z-]+)", words)
    assert found, words
    return number, found[1], words


def attempt(app: Flask, number: str, secret: str, home: dict[str, str] = HOME) -> tuple[FlaskClient, int, str]:
    client = app.test_client()
    answer = people.post(client, "/applications/follow", {"number": number, "secret": secret}, environ_base=home)
    return client, answer.status_code, answer.get_data(as_text=True)


def test_number_and_secret_from_the_mail_open_the_case_on_another_device(
    app: Flask, letter: tuple[str, str, str]
) -> None:
    number, secret, words = letter
    assert "/applications/follow" in words
    spellings = ((number, secret), (number.lower(), secret.lower().replace("-", "")), (f" {number} ", f" {secret} "))
    for typed_number, typed_secret in spellings:
        other, status, _ = attempt(app, typed_number, typed_secret)
        assert status == 303
        assert number in other.get(f"/applications/{number}").get_data(as_text=True)
    link = re.search(r"/applications/\S+/open/\S+", words)
    assert link
    assert app.test_client().get(link[0]).status_code == 303


def test_a_later_mail_asks_a_guest_for_the_secret_and_never_for_an_account(
    app: Flask, client: FlaskClient, letter: tuple[str, str, str], mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    number, secret, _ = letter
    desk = app.test_client()
    people.sign_in(desk, people.make_staff(Role.REVIEWER, "roads-rivers"))
    people.post(desk, f"/staff/applications/{number}/messages", {"message": "信号のどちら側ですか。"})
    run_jobs()
    words = mailbox.to("guest@example.jp")[-1].get_content()
    link = re.search(r"https?://[^/]+(/\S+)", words)
    assert link, words
    assert secret not in words
    other = app.test_client()
    asked = other.get(link[1])
    assert asked.status_code == 200
    assert f'value="{number}"' in asked.get_data(as_text=True)
    people.post(other, "/applications/follow", {"number": number, "secret": secret}, environ_base=HOME)
    for browser in (client, other):
        opened = browser.get(link[1], follow_redirects=True)
        assert "信号のどちら側ですか。" in opened.get_data(as_text=True)


def test_a_guest_without_mail_is_told_where_the_page_is_seen(client: FlaskClient, koga: str) -> None:
    damage = {"kind": "hole", "spot.spot": "総和庁舎の前", "seen_on": "2026-11-24", "details": "", "photos": ""}
    path = fill(client, "road-damage", {"damage": damage, "contact": {"wants_answer": "no"}})
    answer = people.post(client, path, {"sha256": sha_on(client.get(path))}, follow_redirects=True)
    page = answer.get_data(as_text=True)
    assert "いま使っているブラウザでだけ見られます" in page
    assert "結果は、このページに出ます" in page, "nothing else will tell them"
    assert "結果を待ってください" not in page


def test_a_guests_case_opened_elsewhere_leads_from_the_sign_in_to_its_secret_the_same_for_every_number(
    app: Flask, letter: tuple[str, str, str]
) -> None:
    number, _secret, _words = letter
    for asked in (number, references.new("A")):
        other = app.test_client()
        page = other.get(f"/applications/{asked}", follow_redirects=True)
        assert page.request.path == "/sign-in"
        assert f'href="/applications/follow?number={asked}"' in page.get_data(as_text=True)
    elsewhere = app.test_client().get("/my", follow_redirects=True).get_data(as_text=True)
    assert "/applications/follow" not in elsewhere.partition("<main")[2]


def test_a_wrong_number_and_a_wrong_secret_get_the_same_answer(
    app: Flask, letter: tuple[str, str, str], session: Session
) -> None:
    number, secret, _ = letter
    pages = set()
    for typed_number, typed_secret in (
        (number, "0000-0000-0000-0000"),
        ("A-7K3F-92QX-5", secret),
        ("A-0000-0000-0", secret),
        ("なにか", "なにか"),
    ):
        other, status, page = attempt(app, typed_number, typed_secret)
        assert (status, REFUSAL in page) == (422, True)
        assert typed_secret in page, "what was typed is kept"
        assert other.get(f"/applications/{number}").status_code == 303, "not signed in, and not opened"
        kept = re.sub(r'(name="csrf_token"[^>]*value|nonce)="[^"]*"', "", page)
        pages.add(kept.replace(f'value="{typed_number}"', "").replace(f'value="{typed_secret}"', ""))
    assert len(pages) == 1
    stored = str(session.execute(text("SELECT * FROM application")).all())
    assert secret not in stored
    assert secret not in str(session.execute(text("SELECT * FROM sign_in_guess")).all())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"number": "", "secret": ""}, "受付番号"),
        ({"number": "A" * 41, "secret": "x"}, "40"),
        ({"number": "A\x00", "secret": "x"}, "制御文字"),
        ({}, "確認のことば"),
    ],
)
def test_broken_input_is_refused_at_its_field(client: FlaskClient, koga: str, data: dict[str, str], words: str) -> None:
    answer = people.post(client, "/applications/follow", data)
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)
    assert REFUSAL not in answer.get_data(as_text=True)


def test_a_guesser_is_stopped_however_the_number_is_spelt_and_the_guest_is_not(
    app: Flask, letter: tuple[str, str, str]
) -> None:
    number, secret, _ = letter
    spellings = [number, number.lower(), number.replace("-", ""), f"{number} ", number.replace("-", " "), number]
    answers = [attempt(app, each, "0000-0000-0000-0000", GUESSER)[1] for each in spellings]
    assert answers == [422] * 5 + [429]
    assert attempt(app, number, secret, GUESSER)[1] == 429
    assert app.test_client().get(f"/applications/{number}/open/{secret}", environ_base=GUESSER).status_code == 429
    assert attempt(app, number, secret)[1] == 303, "at home nobody is locked out"


def test_a_case_that_has_an_owner_is_opened_by_no_secret(app: Flask, koga: str) -> None:
    hanako = people.make_resident()
    browser = app.test_client()
    people.sign_in(browser, hanako)
    path = fill(browser)
    number = people.location(people.post(browser, path, {"sha256": sha_on(browser.get(path))})).rpartition("/")[2]
    for secret in ("None", "-", "0000-0000-0000-0000"):
        assert attempt(app, number, secret)[1] == 422
