"""The second factor: set up, asked for, good once, replaced by a recovery code; required of staff in production."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from passlib.totp import TOTP

from portal.accounts.models import Account, Role
from portal.kernel.database import unit_of_work
from portal.settings import Settings
from tests.people import PASSWORD, location, make_resident, make_staff, post, sign_in

pytestmark = pytest.mark.real_clock


def key_on(page: str) -> str:
    found = re.search(r'<span class="secret">([^<]+)</span>', page)
    assert found
    return found.group(1)


def code_for(key: str, *, ahead: int = 0) -> str:
    import time

    return str(TOTP(key=key, format="base32").generate(time=time.time() + 30 * ahead).token)


def set_up(client: FlaskClient) -> str:
    page = post(client, "/my/security/code", {"setup": "authenticator"})
    assert page.status_code == 200
    assert "<svg" in page.text
    key = key_on(page.text)
    action = re.search(r'action="(/my/security/code/[^"]+)"', page.text)
    assert action
    answer = post(client, action.group(1), {"code": code_for(key, ahead=-1)})
    assert (answer.status_code, location(answer)) == (303, "/my/security")
    return key


def first_step(client: FlaskClient, email: str) -> Any:
    return post(client, "/sign-in", {"email": email, "password": PASSWORD})


@pytest.fixture
def clerk(koga: str) -> Account:
    return make_staff(Role.COUNTER)


def test_a_clerk_sets_it_up_and_is_asked_for_it(client: FlaskClient, clerk: Account) -> None:
    sign_in(client, clerk)
    key = set_up(client)
    post(client, "/sign-out")
    answer = first_step(client, clerk.email)
    assert location(answer).startswith("/sign-in/code")
    assert location(client.get("/staff")).startswith("/sign-in?")
    wrong = post(client, "/sign-in/code", {"code": "000000"})
    assert wrong.status_code == 422
    assert "確認コードがちがいます" in wrong.text
    code = code_for(key)
    right = post(client, "/sign-in/code", {"code": f" {code[:3]} {code[3:]} "})
    assert right.status_code == 303, right.text
    assert client.get("/staff").status_code == 200


def test_full_width_digits_are_read_and_a_code_is_good_once(client: FlaskClient, clerk: Account) -> None:
    sign_in(client, clerk)
    key = set_up(client)
    post(client, "/sign-out")
    code = code_for(key, ahead=1)
    first_step(client, clerk.email)
    wide = code.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert post(client, "/sign-in/code", {"code": wide}).status_code == 303
    post(client, "/sign-out")
    first_step(client, clerk.email)
    assert post(client, "/sign-in/code", {"code": code}).status_code == 422


def test_codes_cannot_be_guessed_through(client: FlaskClient, clerk: Account) -> None:
    sign_in(client, clerk)
    set_up(client)
    post(client, "/sign-out")
    first_step(client, clerk.email)
    answers = [post(client, "/sign-in/code", {"code": f"{n:06}"}).status_code for n in range(7)]
    assert answers.count(429) == 2


def test_a_recovery_code_helps_once(client: FlaskClient, clerk: Account) -> None:
    sign_in(client, clerk)
    set_up(client)
    page = post(client, "/my/security/recovery-codes", {"generate_new_codes": "y"})
    code = key_on(page.text)
    with unit_of_work() as session:
        account = session.get(Account, clerk.id)
        assert account is not None
        assert len(account.mf_recovery_codes or []) == 8
        assert code not in (account.mf_recovery_codes or [])
    post(client, "/sign-out")
    first_step(client, clerk.email)
    assert post(client, "/sign-in/recovery-code", {"code": code.upper()}).status_code == 303
    assert client.get("/staff").status_code == 200
    post(client, "/sign-out")
    first_step(client, clerk.email)
    assert post(client, "/sign-in/recovery-code", {"code": code}).status_code == 422


def test_staff_in_production_set_it_up_before_anything_else(
    client: FlaskClient, clerk: Account, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = app.extensions["portal"]
    monkeypatch.setitem(app.extensions, "portal", replace(settings, environment="production"))
    answer = first_step(client, clerk.email)
    assert location(answer) == "/my/security/code"
    assert client.get("/staff").status_code == 303
    page = post(client, "/my/security/code", {"setup": "authenticator"})
    assert "職員は" not in page.text
    done = post(client, "/sign-in/code", {"code": code_for(key_on(page.text))})
    assert done.status_code == 303, done.text
    assert client.get("/staff").status_code == 200
    refused = post(client, "/my/security/code", {"setup": "disable"})
    assert refused.status_code == 422
    # A session from before, without second factor, sees nobody's data either.
    other = make_staff(Role.FINANCE)
    client.get("/")
    sign_in(client, other)
    assert location(client.get("/staff")) == "/my/security/code"


def test_residents_may_use_it_and_switch_it_off(koga: str, client: FlaskClient) -> None:
    hanako = make_resident()
    sign_in(client, hanako)
    set_up(client)
    assert post(client, "/my/security/code", {"setup": "disable"}).status_code == 303
    post(client, "/sign-out")
    assert location(first_step(client, hanako.email)) == "/sign-in/done"


def test_an_old_session_proves_itself_before_it_changes_the_second_factor(koga: str, client: FlaskClient) -> None:
    sign_in(client, make_resident())
    with client.session_transaction() as cookie:
        cookie["fs_paa"] = 1.0
    answer = client.get("/my/security/code")
    assert location(answer).startswith("/my/security/verify")
    assert (
        post(client, "/my/security/verify?next=/my/security/code", {"password": "まちがいまちがい"}).status_code == 422
    )
    proved = post(client, "/my/security/verify?next=/my/security/code", {"password": PASSWORD})
    assert location(proved) == "/my/security/code"
    assert client.get("/my/security/code").status_code == 200


def test_there_is_no_way_round_through_the_library(koga: str, client: FlaskClient) -> None:
    assert client.get("/sign-in/code/rescue").status_code == 404
    assert location(client.get("/sign-in/code")) == "/sign-in"
    assert client.get("/my/security/passkey").status_code == 303
