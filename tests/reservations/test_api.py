"""Other systems: tokens with scopes, a write happens once, problems for every error, limits, and a fuzzed run of the document."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase
from hypothesis import settings as bounds
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as api_checks
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import SYSTEM
from portal.kernel.database import unit_of_work
from reservations.api import tokens
from reservations.api.models import ApiToken
from reservations.models import Booking, Space
from tests import people
from tests.reservations.conftest import booking, change_rules, pay

PERSON = {
    "subject": "u-1",
    "name": "古河 はなこ",
    "kana": "コガ ハナコ",
    "phone": "0280-00-0000",
    "city": "古河市",
}
HOLD = {"space": "S05-01", "date": "2026-12-04", "slot": "t0900", "purpose": "tennis", "person": PERSON}


def token(*scopes: str, per_minute: int = 1000) -> str:
    with unit_of_work() as session:
        _, secret = tokens.make(
            session,
            name="見本のシステム",
            scopes=scopes or tokens.SCOPES,
            ends_at=None,
            actor=SYSTEM,
            now=clock.now(),
            per_minute=per_minute,
        )
        return secret


class System:
    """Another system with its token."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client, self.secret, self.sent = client, secret, 0

    def get(self, path: str) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {self.secret}"})

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str = "") -> TestResponse:
        self.sent += 1
        headers = {"Authorization": f"Bearer {self.secret}", "Idempotency-Key": key or f"k{self.sent}"}
        if body is None:
            return self.client.post(f"/api/v1{path}", headers=headers)
        return self.client.post(f"/api/v1{path}", json=body, headers=headers)


@pytest.fixture
def system(koga: str, client: FlaskClient) -> System:
    return System(client, token())


def problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    body: dict[str, Any] = answer.get_json()
    assert body["status"] == status
    assert body["code"] == code
    return body


def test_a_system_finds_a_court_books_it_for_somebody_and_cancels(system: System) -> None:
    found = system.get("/facilities?purpose=tennis").get_json()["facilities"]
    assert "S05" in [one["code"] for one in found]
    days = system.get("/spaces/S05-01/availability?from=2026-12-04&to=2026-12-06").get_json()["days"]
    assert [day["date"] for day in days] == ["2026-12-04", "2026-12-05", "2026-12-06"]
    assert days[0]["slots"][0]["state"] == "free"
    asked = {key: HOLD[key] for key in ("space", "date", "slot", "purpose")}
    price = system.post("/quotes", asked)
    assert price.status_code == 200, price.text
    assert price.get_json()["total"] == 600
    held = system.post("/holds", HOLD)
    assert held.status_code == 201, held.text
    reference = held.get_json()["reference"]
    assert (
        system.get("/spaces/S05-01/availability?from=2026-12-04&to=2026-12-04").get_json()["days"][0]["slots"][0][
            "state"
        ]
        == "taken"
    )
    said = {"hold": reference, "purpose": "tennis", "people": 2, "accepted_total": 600}
    booked = system.post("/bookings", said)
    assert booked.status_code == 201, booked.text
    assert booked.get_json()["charge"]
    pay(reference)
    shown = system.get(f"/bookings/{reference}").get_json()
    assert shown["state"] == "confirmed"
    assert shown["refund_now"] == 600
    gone = system.post(f"/bookings/{reference}/cancel", {"expected_refund": 600})
    assert gone.get_json()["booking"]["state"] == "cancelled"
    assert gone.get_json()["refund"] == 600


def by_kind_of_user() -> None:
    """Tennis costs by kind of user; a registered club gets half on request; a ball machine runs by the half hour."""
    change_rules(
        booking_fees("S05-01"),
        "fees",
        rows=[{"id": "each", "by_user": {"adult": 400, "child": 200}, "label": "1人", "label_en": "A person"}],
        users=[{"code": "adult", "label": "大人", "label_en": "Adults"}, {"code": "child", "label": "子ども"}],
        options=[{"kind": "fixed", "id": "machine", "amount": 100, "per": "half_hour", "label": "球出し機"}],
        reductions=[{"id": "club", "percent": 50, "on_request": True, "label": "登録団体 5割減免"}],
        modifiers=[],
        tickets=[],
        traits=[],
        overtime=[],
    )


def booking_fees(space: str) -> str:
    with unit_of_work() as session:
        return session.scalars(select(Space.fees_code).where(Space.code == space)).one()


def test_a_price_by_kinds_of_users_is_asked_and_booked_through_the_api(system: System) -> None:
    by_kind_of_user()
    asked = {key: HOLD[key] for key in ("space", "date", "slot", "purpose")}
    unsaid = problem(system.post("/quotes", asked), 422, "api_bad_input")
    assert unsaid["errors"] == [{"where": "users", "message": "counted by kind here: adult, child"}]
    users = {"adult": 2, "child": 1}
    price = system.post(
        "/quotes", {**asked, "users": users, "option_minutes": {"machine": 30}, "options": {"machine": 1}}
    )
    assert price.status_code == 200, price.text
    assert price.get_json()["total"] == 2 * 400 + 200 + 100
    wanted = price.get_json()["asks"]
    assert [(one["code"], one["label_en"]) for one in wanted["users"]] == [("adult", "Adults"), ("child", "")]
    assert wanted["option_minutes"] == {"machine": [30, 60, 90, 120]}
    assert [one["code"] for one in wanted["reductions"]] == ["club"]
    half = system.post("/quotes", {**asked, "users": users, "reductions": ["club"]})
    assert half.get_json()["total"] == 500

    reference = system.post("/holds", HOLD).get_json()["reference"]
    said = {"hold": reference, "purpose": "tennis", "people": 3, "users": users, "accepted_total": 1000}
    wrong = problem(system.post("/bookings", {**said, "users": {"senior": 3}}), 422, "api_bad_input")
    assert wrong["errors"] == [{"where": "users.senior", "message": "not asked here; known: adult, child"}]
    uneven = problem(system.post("/bookings", {**said, "people": 5}), 422, "api_bad_input")
    assert uneven["errors"][0]["where"] == "people"
    asked_for = {**said, "reductions": {"club": "登録証 12号"}}
    booked = system.post("/bookings", asked_for)
    assert booked.status_code == 201, booked.text
    assert booked.get_json()["price"]["total"] == 1000, "until staff grant it"
    assert booking(reference).facts["asked"] == {"club": "登録証 12号"}


def test_several_slots_are_one_booking_through_the_api_as_well(system: System) -> None:
    several = {**HOLD, "more": [{"date": HOLD["date"], "slot": "t1100"}]}
    held = system.post("/holds", several)
    assert held.status_code == 201, held.text
    shown = held.get_json()
    assert (shown["starts_at"][11:], shown["ends_at"][11:]) == ("00:00:00Z", "04:00:00Z"), "9 to 13 o'clock in Japan"
    assert shown["price"]["total"] == 1200


def test_whoever_gets_the_payment_address_pays_this_fee_without_an_account(system: System) -> None:
    reference = system.post("/holds", HOLD).get_json()["reference"]
    assert system.get(f"/bookings/{reference}").get_json()["payment_url"] is None
    said = {"hold": reference, "purpose": "tennis", "people": 2, "accepted_total": 600}
    address = system.post("/bookings", said).get_json()["payment_url"]
    path = urlsplit(address).path
    guest = system.client.application.test_client()
    charge = f"/pay/{path.split('/')[3]}"
    assert "/sign-in" in guest.get(charge).headers["Location"]
    assert guest.get(f"{path[:-1]}{'A' if path[-1] != 'A' else 'B'}").status_code == 404
    assert guest.get(path).headers["Location"].endswith(charge)
    assert "600円" in guest.get(charge).text
    pay(reference)
    assert system.get(f"/bookings/{reference}").get_json()["payment_url"] is None
    assert "/pay/receipts/" in guest.get(charge).text


def test_the_same_key_gives_the_same_answer_and_one_hold(system: System) -> None:
    first = system.post("/holds", HOLD, key="same")
    again = system.post("/holds", HOLD, key="same")
    assert again.status_code == 201
    assert again.get_json() == first.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Booking)) == 1
    problem(system.post("/holds", {**HOLD, "slot": "t1100"}, key="same"), 422, "api_key_used_again")
    other = System(system.client, token())
    gone = problem(other.post("/holds", HOLD, key="same"), 409, "slot_taken")
    assert datetime.fromisoformat(gone["at"]) == datetime.fromisoformat(first.get_json()["held_until"])
    assert len(gone["alternatives"]) == 3
    free = gone["alternatives"][0]
    instead = {**HOLD, "space": free["space"], "date": free["date"], "slot": free["slot"]}
    assert other.post("/holds", instead).status_code == 201


def test_another_total_than_the_person_accepted_books_nothing(system: System) -> None:
    reference = system.post("/holds", HOLD).get_json()["reference"]
    said = {"hold": reference, "purpose": "tennis", "people": 2, "accepted_total": 500}
    assert problem(system.post("/bookings", said), 409, "api_other_price")["total"] == 600
    assert system.get(f"/bookings/{reference}").get_json()["state"] == "held"


def test_what_is_let_go_owes_nothing_any_more(system: System) -> None:
    reference = system.post("/holds", HOLD).get_json()["reference"]
    said = {"hold": reference, "purpose": "tennis", "people": 2, "accepted_total": 600}
    assert system.post("/bookings", said).get_json()["charge"]
    assert system.post(f"/holds/{reference}/release").get_json()["charge"] is None


def test_a_system_sees_only_what_it_booked_itself(system: System) -> None:
    reference = system.post("/holds", HOLD).get_json()["reference"]
    other = System(system.client, token())
    problem(other.get(f"/bookings/{reference}"), 404, "not_found")
    problem(other.post(f"/holds/{reference}/release"), 404, "not_found")
    assert system.post(f"/holds/{reference}/release").get_json()["state"] == "released"


def test_a_token_is_good_for_its_scopes_only_and_not_after_it_was_revoked(koga: str, client: FlaskClient) -> None:
    reader = System(client, token("facilities:read"))
    assert reader.get("/facilities").status_code == 200
    assert problem(reader.post("/holds", HOLD), 403, "api_scope_missing")["scope"] == "bookings:write"
    with unit_of_work() as session:
        assert reader.secret not in str(session.scalars(select(ApiToken.digest)).all())
        tokens.revoke(session, session.scalars(select(ApiToken.id)).one(), actor=SYSTEM, now=clock.now())
    assert "Bearer" in reader.get("/facilities").headers["WWW-Authenticate"]
    problem(reader.get("/facilities"), 401, "api_token_missing")
    problem(System(client, "").get("/facilities"), 401, "api_token_missing")


def test_a_token_that_calls_too_often_is_told_when_to_come_back(
    koga: str, client: FlaskClient, clock_at: Callable[[str], datetime]
) -> None:
    eager = System(client, token(per_minute=2))
    assert [eager.get("/facilities").status_code for _ in range(3)] == [200, 200, 429]
    refused = eager.get("/facilities")
    problem(refused, 429, "api_too_many_calls")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    clock_at("2026-11-25 10:01")
    assert eager.get("/facilities").status_code == 200


@pytest.mark.parametrize(
    ("send", "status", "code"),
    [
        (lambda s, h: s.client.get("/api/v1/nothing", headers=h), 404, "not_found"),
        (lambda s, h: s.client.delete("/api/v1/facilities", headers=h), 405, "method_not_allowed"),
        (lambda s, h: s.client.post("/api/v1/quotes", data="a=1", headers=h), 415, "api_not_json"),
        (
            lambda s, h: s.client.post("/api/v1/quotes", data="{", headers={**h, "Content-Type": "application/json"}),
            400,
            "api_bad_request",
        ),
        (lambda s, h: s.client.post("/api/v1/quotes", json={"x": "y" * 70_000}, headers=h), 413, "too_large"),
        (lambda s, _: s.post("/quotes", {"space": "S05-01"}), 422, "api_bad_input"),
        (lambda s, _: s.get("/spaces/S05-01/availability?from=2026-12-04&to=2027-02-04"), 422, "api_bad_input"),
        (lambda s, _: s.get("/spaces/S05-01/availability?from=2027-02-29&to=2027-03-04"), 422, "api_bad_input"),
        (lambda s, _: s.get("/bookings/B-0000-0000-0"), 404, "bad_reference"),
        (
            lambda s, h: s.client.post("/api/v1/quotes", json={}, headers={"Authorization": h["Authorization"]}),
            400,
            "api_bad_request",
        ),
        (lambda s, _: s.post("/holds", {**HOLD, "date": "2026-12-07"}), 422, "no_such_slot"),
        (lambda s, _: s.post("/holds", {**HOLD, "date": "2026-11-20"}), 422, "not_bookable"),
        (lambda s, _: s.post("/holds", {**HOLD, "space": "S99-99"}), 404, "not_offered"),
    ],
)
def test_every_error_is_a_problem(system: System, send: Any, status: int, code: str) -> None:
    headers = {"Authorization": f"Bearer {system.secret}", "Idempotency-Key": "x"}
    problem(send(system, headers), status, code)


def test_the_it_section_makes_and_revokes_a_token_and_sees_it_once(koga: str, client: FlaskClient) -> None:
    people.sign_in(client, people.make_staff(Role.IT_STRATEGY))
    made = people.post(
        client, "/staff/api-tokens", {"name": "見本", "scopes": ["facilities:read"], "per_minute": "60", "ends_on": ""}
    )
    assert made.status_code == 200
    secret = made.text.split('<code class="secret" tabindex="0">')[1].split("<")[0]
    assert secret not in client.get("/staff/api-tokens").text
    assert System(client, secret).get("/facilities").status_code == 200
    with unit_of_work() as session:
        row = session.scalars(select(ApiToken.id)).one()
    assert people.post(client, f"/staff/api-tokens/{row}/revoke").status_code == 303
    assert System(client, secret).get("/facilities").status_code == 401
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    assert client.get("/staff/api-tokens").status_code == 403


def test_the_document_states_the_scope_of_every_operation(app: Flask, client: FlaskClient, koga: str) -> None:
    document = client.get("/api/v1/openapi.json").get_json()
    assert document["openapi"] == "3.1.0"
    for methods in document["paths"].values():
        for one in methods.values():
            assert one["x-scope"] in tokens.SCOPES
    described = {path.replace("{", "<").replace("}", ">") for path in document["paths"]}
    routed = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")}
    assert routed - {"/api/v1/openapi.json"} == described


def test_no_request_that_schemathesis_thinks_of_breaks_the_api_or_its_document(app: Flask, koga: str) -> None:
    """Fuzzed: at most 6 requests an operation of each kind, valid and invalid ones; every answer is as documented."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    headers = {"Authorization": f"Bearer {token(per_minute=100_000)}"}
    checks = (
        not_a_server_error,
        api_checks.status_code_conformance,
        api_checks.content_type_conformance,
        api_checks.response_schema_conformance,
        api_checks.response_headers_conformance,
        api_checks.negative_data_rejection,
    )
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

            @bounds(
                max_examples=6,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @_given(operation, mode)
            def send(case: schemathesis.Case) -> None:
                nonlocal tried
                tried += 1
                case.call_and_validate(headers=headers, checks=list(checks))

            send()
    assert tried > 60


def _given(operation: Any, mode: Any) -> Any:
    from hypothesis import given

    return given(case=operation.as_strategy(generation_mode=mode))
