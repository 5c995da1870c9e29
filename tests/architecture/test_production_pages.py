"""What is for development only is not there in production."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from portal import app as composition
from portal.settings import Settings


@pytest.fixture
def production(settings: Settings, database: str) -> Iterator[FlaskClient]:
    """A production portal; what it hands to the whole process is put back afterwards."""
    real = replace(
        settings,
        environment="production",
        database_url=database,
        base_url="https://madoguchi.city.example",
        payment_provider="stripe",
        stripe_api_key="sk_test_x",
        stripe_webhook_secret="whsec_x",
        card_reader="none",
        file_keys="2026:" + "A" * 43,
    )
    assert real.problems() == []
    app = composition.create_app(real)
    yield app.test_client()
    composition.assemble(replace(settings, database_url=database))


@pytest.mark.parametrize(
    "path", ["/dev/mail", "/dev/mail/1-1-1", "/sandbox/pay/x", "/sandbox/sessions", "/metrics", "/identity/sample/keys"]
)
def test_a_page_for_development_is_not_there(production: FlaskClient, path: str):
    assert production.get(path, base_url="https://madoguchi.city.example").status_code == 404


def test_the_sandbox_provider_cannot_notify_production(production: FlaskClient):
    answer = production.post("/hooks/sandbox", json={"paid": True}, base_url="https://madoguchi.city.example")
    assert answer.status_code in {400, 403, 404}


def test_pages_are_closed_to_frames_scripts_and_guessing(production: FlaskClient):
    answer = production.get("/", base_url="https://madoguchi.city.example")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"]


def test_cookies_are_for_https_and_out_of_scripts_reach(production: FlaskClient):
    answer = production.get("/sign-in", base_url="https://madoguchi.city.example")
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert "Secure" in cookie
        assert "SameSite=Lax" in cookie or "SameSite=Strict" in cookie
        assert "HttpOnly" in cookie


def test_an_error_shows_nothing_of_the_inside(production: FlaskClient):
    answer = production.get("/procedures/no-such-thing", base_url="https://madoguchi.city.example")
    assert answer.status_code == 404
    assert "Traceback" not in answer.get_data(as_text=True)
