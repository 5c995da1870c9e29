"""Every view states who may enter, and nobody else does."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts.models import SCOPE_OF, STAFF_ROLES, Role, ScopeKind
from portal.web import access
from portal.web.access import Grant, Visitor
from tests.people import location, make_resident, make_staff, sign_in


def test_every_route_states_its_access(app: Flask) -> None:
    silent = [rule.endpoint for rule in app.url_map.iter_rules() if access.rule_of(app, rule.endpoint) is None]
    assert silent == []


def test_a_view_that_states_nothing_answers_nobody(koga: str, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    view = app.view_functions["web.home"]
    monkeypatch.delattr(view, "access")
    assert app.test_client().get("/").status_code == 403


def test_a_guest_is_sent_to_sign_in_and_back(koga: str, client: FlaskClient) -> None:
    answer = client.get("/my/profile?x=1")
    assert (answer.status_code, location(answer)) == (303, "/sign-in?next=/my/profile?x%3D1")


def test_a_program_is_told_in_json(koga: str, client: FlaskClient) -> None:
    answer = client.get("/my", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    body = answer.get_json()
    assert (body["code"], body["status"]) == ("not_signed_in", 401)


@pytest.mark.parametrize("role", STAFF_ROLES)
def test_each_role_sees_the_staff_home_but_not_a_residents_page(koga: str, client: FlaskClient, role: Role) -> None:
    sign_in(client, make_staff(role))
    assert client.get("/staff").status_code == 200
    assert client.get("/my").status_code == 403
    assert location(client.get("/sign-in/done")) == "/staff"


def test_a_resident_does_not_see_the_staff_home(koga: str, client: FlaskClient) -> None:
    sign_in(client, make_resident())
    answer = client.get("/staff")
    assert answer.status_code == 403
    assert "担当の職員だけ" in answer.text
    assert location(client.get("/sign-in/done")) == "/my"


def test_an_account_that_is_switched_off_is_signed_out(koga: str, client: FlaskClient) -> None:
    from portal.accounts.models import Account
    from portal.kernel.database import unit_of_work

    hanako = make_resident()
    sign_in(client, hanako)
    assert client.get("/my").status_code == 200
    with unit_of_work() as session:
        account = session.get(Account, hanako.id)
        assert account is not None
        account.active = False
    assert location(client.get("/my")) == "/sign-in?next=/my"


def test_a_manager_may_only_within_the_own_facility() -> None:
    manager = Visitor(account_id=1, is_staff=True, grants=(Grant("facility_manager", "facility", "S01"),))
    assert manager.may(Role.FACILITY_MANAGER, "facility", "S01")
    assert not manager.may(Role.FACILITY_MANAGER, "facility", "S02")
    assert not manager.may(Role.FACILITY_MANAGER)
    assert not manager.may(Role.REVIEWER, "department", "S01")
    assert manager.scopes(Role.FACILITY_MANAGER, "facility") == {"S01"}
    assert manager.scopes(Role.FACILITY_MANAGER, "department") == set()


def test_a_city_wide_role_holds_everywhere_and_a_guest_holds_none() -> None:
    finance = Visitor(account_id=1, is_staff=True, grants=(Grant("finance"),))
    assert finance.may(Role.FINANCE)
    assert finance.may(Role.FINANCE, "facility", "S01")
    assert not access.GUEST_VISITOR.may(Role.FINANCE)
    assert access.GUEST_VISITOR.actor.kind == "guest"
    assert Visitor(account_id=2, person_id=3).roles == {"resident"}


def test_scoped_roles_are_those_of_departments_and_facilities() -> None:
    assert set(SCOPE_OF.values()) == {ScopeKind.DEPARTMENT, ScopeKind.FACILITY}
