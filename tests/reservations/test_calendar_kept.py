"""The calendar page of a facility can be cached, and stays up when the database is away or slow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.kernel import database as kernel_database
from reservations.web import kept
from tests.people import make_resident, sign_in

PAGE = "/facilities/S05?month=2026-12"


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    kept.copies.clear()
    yield
    kept.copies.clear()


def test_guests_get_one_page_that_may_be_cached_and_asks_again_by_its_mark(
    koga: str, app: Flask, client: FlaskClient
) -> None:
    first, second = client.get(PAGE), app.test_client().get(PAGE)
    assert first.data == second.data
    assert "public" in first.headers["Cache-Control"]
    assert "stale-if-error" in first.headers["Cache-Control"]
    assert "Set-Cookie" not in second.headers
    again = client.get(PAGE, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_whoever_is_signed_in_has_a_page_of_their_own(koga: str, client: FlaskClient) -> None:
    sign_in(client, make_resident())
    assert "no-store" in client.get(PAGE).headers["Cache-Control"]


def test_the_calendar_stays_up_while_the_database_is_away(koga: str, client: FlaskClient) -> None:
    before = client.get(PAGE).data
    kernel_database.configure("postgresql://nobody@127.0.0.1:1/none")
    try:
        answer = client.get(PAGE)
        assert (answer.status_code, answer.data) == (200, before)
        assert "Age" in answer.headers
        assert client.get("/facilities/S08?month=2026-12").status_code == 503
    finally:
        kernel_database.configure(koga)


def test_a_slow_database_is_not_waited_for_where_there_is_a_copy(
    koga: str, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    before = client.get(PAGE).data
    monkeypatch.setattr(kept, "PATIENCE_MS", 50)
    with psycopg.connect(koga) as blocker:
        blocker.execute("LOCK TABLE space IN ACCESS EXCLUSIVE MODE")
        answer = client.get(PAGE)
        assert (answer.status_code, answer.data) == (200, before)
        blocker.rollback()
