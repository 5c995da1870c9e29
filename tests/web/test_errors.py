"""Errors say what happened, what was kept and what to do next; headers protect every answer."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.kernel.errors import Conflict, PortalError
from portal.web import access, error_texts, errors
from tests.people import make_resident, post, sign_in


def test_a_page_that_is_not_there_helps_in_both_languages(koga: str, client: FlaskClient) -> None:
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert "ページが見つかりません" in answer.text
    assert "トップページへ" in answer.text
    assert "This page was not found" in client.get("/nothing?lang=en").text


def test_a_wrong_method_and_a_large_upload_are_told(koga: str, app: Flask, client: FlaskClient) -> None:
    wrong = client.get("/sign-out")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "OPTIONS, POST")
    sign_in(client, make_resident())
    large = b"name=" + b"x" * app.config["MAX_CONTENT_LENGTH"]
    answer = client.post("/my/profile", data=large, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413
    assert "大きすぎます" in answer.text


def test_a_stale_form_keeps_what_was_typed_and_goes_on(koga: str, client: FlaskClient) -> None:
    sign_in(client, make_resident(facts=None))
    typed = {"csrf_token": "stale", "name": '古河 "花子"', "password": "secret", "block": "1-2-3"}
    answer = client.post("/my/profile", data=typed, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 400
    assert "入力した内容は残っています" in answer.text
    assert 'name="name" value="古河 &#34;花子&#34;"' in answer.text
    assert 'action="/my/profile"' in answer.text
    assert "secret" not in answer.text
    assert 'value="stale"' not in answer.text


def test_a_session_that_ended_while_typing_loses_nothing(koga: str, client: FlaskClient) -> None:
    """The form comes back with a way to sign in beside it; sent again, it goes through."""
    hanako = make_resident()
    here = {"Sec-Fetch-Site": "same-origin"}
    stale = {"csrf_token": "of the session that ended", "name": "見本 <花子>", "block": "9-9-9"}
    for answer in (
        client.post("/my/profile", data=stale, headers=here),
        post(client, "/my/profile", {"name": "見本 <花子>", "block": "9-9-9"}, headers=here),
    ):
        assert answer.status_code == 401
        assert 'name="name" value="見本 &lt;花子&gt;"' in answer.text
        assert 'name="block" value="9-9-9"' in answer.text
        assert 'href="/sign-in?next=/my" target="_blank"' in answer.text
        assert "まだ送っていません" in answer.text
    sign_in(client, hanako)
    answer = post(client, "/my/profile", {"name": "見本 <花子>", "block": "9-9-9"}, headers=here)
    assert answer.status_code in {303, 422}


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}])
def test_what_another_site_sent_is_not_offered_again(koga: str, client: FlaskClient, headers: dict[str, str]) -> None:
    sign_in(client, make_resident(facts=None))
    answer = client.post("/my/profile", data={"name": "forged"}, headers=headers)
    assert answer.status_code == 400
    assert "forged" not in answer.text
    assert "何も送られていません" in answer.text


def test_an_unexpected_error_shows_a_number_and_no_insides(
    koga: str, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise RuntimeError("the insides")

    monkeypatch.setitem(app.view_functions, "web.home", access.public(broken))
    answer = client.get("/")
    assert answer.status_code == 500
    assert "the insides" not in answer.text
    assert "マイページで確認できます" in answer.text


def test_the_error_page_needs_no_database(app: Flask) -> None:
    from portal.kernel import database

    hanako = make_resident()
    client = app.test_client()
    sign_in(client, hanako)
    database.configure("postgresql://nobody@127.0.0.1:1/none")
    answer = client.get("/my")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "つながりにくくなっています" in answer.text


def test_a_domain_error_has_its_status_and_its_words(koga: str, app: Flask) -> None:
    class Taken(Conflict):
        code = "test_taken"

    with app.test_request_context("/", headers={"Accept": "application/json"}):
        answer = errors._portal_error(Taken())
    assert getattr(answer, "status_code", None) == 409


def test_every_error_code_of_the_program_has_words(app: Flask) -> None:
    def below(kind: type[PortalError]) -> list[type[PortalError]]:
        return [kind, *(found for sub in kind.__subclasses__() for found in below(sub))]

    codes = {kind.code for kind in below(PortalError) if not kind.__module__.startswith("tests.")}
    with app.test_request_context("/"):
        assert not codes - set(error_texts.TEXTS), sorted(codes - set(error_texts.TEXTS))


def test_two_rooms_cannot_claim_the_same_code() -> None:
    with pytest.raises(ValueError, match="not_found"):
        error_texts.add({"not_found": error_texts.TEXTS["conflict"]})


def test_every_answer_carries_a_strict_policy(koga: str, client: FlaskClient) -> None:
    for path in ("/", "/nothing", "/static/css/portal.css", "/postal?code=1"):
        with client.get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/").headers["Cache-Control"] == "private, no-store"


def test_no_page_has_inline_script_or_style(koga: str, client: FlaskClient) -> None:
    import re

    sign_in(client, make_resident())
    for path in ("/", "/my", "/my/profile", "/my/security", "/my/security/code", "/my/security/passkey"):
        page = client.get(path).text
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", page), path


def test_the_first_load_is_small(koga: str, client: FlaskClient) -> None:
    import re

    page = client.get("/")
    total = len(page.data)
    for link in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
        with client.get(link) as asset:
            assert asset.status_code == 200
            assert "immutable" in asset.headers["Cache-Control"]
            total += len(asset.data)
    assert total < 150_000
