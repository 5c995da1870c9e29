"""Every address of the portal: who may enter is stated, and what is stated holds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule as Address

from portal.web import access

KINDS = {"public", "provider", "signed_in", "resident", "staff", "integration", "closed"}
#: Addresses under /my that are open, each with its reason.
OPEN_UNDER_MY = {"/my/security/code": "the second factor is asked for before the sign-in is complete"}
#: A value for each kind of placeholder that an address may have.
_VALUES: dict[str, Any] = {
    "IntegerConverter": 1,
    "UnicodeConverter": "x",
    "PathConverter": "x",
    "UUIDConverter": "0" * 32,
}


def _addresses(app: Flask) -> list[Address]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def _path(app: Flask, rule: Address) -> str:
    values = {name: _VALUES.get(type(converter).__name__, "1") for name, converter in rule._converters.items()}
    _, path = rule.build(values, append_unknown=False) or ("", "")
    return path


def test_every_route_states_who_may_enter(_application: Flask):
    for rule in _addresses(_application):
        stated = access.rule_of(_application, rule.endpoint)
        assert stated is not None, f"{rule.rule} ({rule.endpoint}) does not state who may enter"
        assert stated.kind in KINDS, rule.rule


def test_a_view_that_states_nothing_answers_nobody(settings: Any, database: str):
    from portal import app as composition

    app = composition.create_app(settings)
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = app.test_client().get("/forgotten")
    assert answer.status_code == 403
    assert b"secret" not in answer.data


def test_roles_that_routes_name_exist(_application: Flask):
    from portal.accounts.models import Role
    from reservations.api.tokens import SCOPES

    known = {role.value for role in Role}
    for rule in _addresses(_application):
        stated = access.rule_of(_application, rule.endpoint)
        assert stated is not None
        assert set(stated.roles) <= (set(SCOPES) if stated.kind == "integration" else known), rule.rule


def test_staff_addresses_are_for_staff_and_no_other_address_begins_that_way(_application: Flask):
    for rule in _addresses(_application):
        stated = access.rule_of(_application, rule.endpoint)
        assert stated is not None
        if re.match(r"/(staff|counter)(/|$)", rule.rule):
            assert stated.kind in {"staff", "closed"}, f"{rule.rule} is {stated.kind}"
        if stated.kind == "staff":
            assert re.match(r"/(staff|counter)(/|$)", rule.rule), (
                f"{rule.rule} is for staff but does not say so in its address"
            )


def test_my_addresses_are_for_people_who_signed_in(_application: Flask):
    for rule in _addresses(_application):
        stated = access.rule_of(_application, rule.endpoint)
        assert stated is not None
        if rule.rule == "/my" or rule.rule.startswith("/my/"):
            assert stated.kind in {"resident", "signed_in", "closed"} or rule.rule in OPEN_UNDER_MY, (
                f"{rule.rule} is {stated.kind}"
            )


def test_a_guest_is_shown_no_page_that_is_not_public(app: Flask, client: FlaskClient, koga: str):
    closed = 0
    for rule in _addresses(app):
        stated = access.rule_of(app, rule.endpoint)
        assert stated is not None
        if stated.kind in {"public", "provider"} or "GET" not in (rule.methods or ()):
            continue
        closed += 1
        answer = client.get(_path(app, rule))
        assert answer.status_code in {302, 303, 401, 403, 404}, f"{rule.rule} answered {answer.status_code}"
        if answer.status_code in {302, 303}:
            assert "sign-in" in answer.location or "login" in answer.location, f"{rule.rule} leads to {answer.location}"
    assert closed > 3


def test_a_guest_changes_nothing_that_is_not_public(
    app: Flask, client: FlaskClient, koga: str, monkeypatch: pytest.MonkeyPatch
):
    """With the token check out of the way: access alone refuses."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    monkeypatch.setitem(app.config, "WTF_CSRF_CHECK_DEFAULT", False)
    for rule in _addresses(app):
        stated = access.rule_of(app, rule.endpoint)
        assert stated is not None
        if stated.kind in {"public", "provider"} or "POST" not in (rule.methods or ()):
            continue
        answer = client.post(_path(app, rule))
        assert answer.status_code in {302, 303, 401, 403, 404}, f"{rule.rule} answered {answer.status_code}"
        if answer.status_code in {302, 303}:
            assert "sign-in" in answer.location or "login" in answer.location, f"{rule.rule} leads to {answer.location}"


def test_no_public_address_fails_on_nonsense(app: Flask, client: FlaskClient, koga: str):
    """A stranger's reference, an unknown name: 404 or a page, never a fault of ours."""
    for rule in _addresses(app):
        stated = access.rule_of(app, rule.endpoint)
        assert stated is not None
        if stated.kind == "public" and "GET" in (rule.methods or ()):
            answer = client.get(_path(app, rule))
            assert answer.status_code < 500, f"{rule.rule} answered {answer.status_code}"
            answer.close()


def test_every_form_is_guarded_by_a_token_unless_the_sender_signs(app: Flask, client: FlaskClient, koga: str):
    for rule in _addresses(app):
        stated = access.rule_of(app, rule.endpoint)
        assert stated is not None
        if "POST" not in (rule.methods or ()) or stated.kind in {"provider", "closed"}:
            continue
        answer = client.post(_path(app, rule))
        assert answer.status_code in {302, 303, 400, 401, 403, 404}, (
            f"{rule.rule} took a form without a token: {answer.status_code}"
        )
