"""The calendar page of a facility can be cached, and stays up when the database is away or slow."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from portal.kernel import database as kernel_database
from portal.kernel.database import unit_of_work
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


def test_a_server_that_has_stopped_answering_is_not_waited_for_and_is_asked_again_once_it_answers(
    koga: str, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process keeps its connections and never answers: no time limit of its own can end."""
    before = client.get(PAGE).data
    monkeypatch.setattr(kept, "DEADLINE_SECONDS", 0.2)
    with unit_of_work() as session:
        pids = list(session.scalars(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        first, second = client.get(PAGE), client.get(PAGE)
        assert (first.status_code, first.data) == (200, before)
        assert (second.status_code, second.data) == (200, before)
        assert len(kept.copies.late) == 1, "one question waits, not one for each guest"
        asked = list(kept.copies.late)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    for one in asked:
        one.result(timeout=30)
    kept.copies.rest_until = 0.0
    monkeypatch.setattr(kept, "DEADLINE_SECONDS", 30)
    fresh = client.get(PAGE)
    assert (fresh.status_code, "Age" in fresh.headers, kept.copies.late) == (200, False, set())


def test_a_page_that_nobody_has_seen_says_so_instead_of_keeping_the_guest_waiting(
    koga: str, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setattr(kept, "ALONE_SECONDS", 0.2)
    with psycopg.connect(koga) as blocker:
        blocker.execute("LOCK TABLE space IN ACCESS EXCLUSIVE MODE")
        answer = client.get("/facilities/S08?month=2026-12")
        assert answer.status_code == 503
        # The page about it asks the database for nothing, not even for the city's name, however long that has been kept.
        client.application.extensions["portal.city"].read_at = None
        monkeypatch.setattr("portal.web.city.unit_of_work", pytest.fail)
        assert client.get("/facilities/S09?month=2026-12").status_code == 503
        asked = list(kept.copies.late)
        blocker.rollback()
    for one in asked:
        one.result(timeout=30)
