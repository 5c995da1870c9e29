"""Whoever guesses is slowed down; the owner never is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts import throttle
from portal.accounts.models import Guess
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests.people import PASSWORD, make_resident, post

GUESSER = {"REMOTE_ADDR": "203.0.113.7"}
NEIGHBOUR_OF_GUESSER = {"REMOTE_ADDR": "203.0.113.99"}
HOME = {"REMOTE_ADDR": "198.51.100.20"}


def attempt(client: FlaskClient, password: str, where: dict[str, str], email: str = "hanako@example.jp") -> int:
    answer = post(client, "/sign-in", {"email": email, "password": password}, environ_base=where)
    return answer.status_code


def test_a_guesser_is_stopped_and_hanako_at_home_signs_in(koga: str, app: Flask) -> None:
    make_resident()
    guesser = app.test_client()
    assert [attempt(guesser, f"まちがい{n}まちがい", GUESSER) for n in range(8)] == [422] * 5 + [429] * 3
    assert attempt(guesser, PASSWORD, GUESSER) == 429
    assert attempt(app.test_client(), PASSWORD, NEIGHBOUR_OF_GUESSER) == 429
    assert attempt(app.test_client(), PASSWORD, HOME) == 303


def test_a_known_device_signs_in_even_from_the_guessers_network(koga: str, app: Flask) -> None:
    make_resident()
    hanako = app.test_client()
    assert attempt(hanako, PASSWORD, HOME) == 303
    post(hanako, "/sign-out", environ_base=HOME)
    guesser = app.test_client()
    for n in range(7):
        attempt(guesser, f"まちがい{n}まちがい", GUESSER)
    assert attempt(guesser, PASSWORD, GUESSER) == 429
    assert attempt(hanako, PASSWORD, GUESSER) == 303


def test_a_forged_device_cookie_is_no_known_device(koga: str, app: Flask) -> None:
    make_resident()
    guesser = app.test_client()
    guesser.set_cookie("madoguchi_device", "eyJkZXZpY2UiOiJ4In0.forged")
    assert [attempt(guesser, "まちがいまちがい", GUESSER) for _ in range(6)][-1] == 429


def test_an_address_without_account_is_counted_the_same(koga: str, app: Flask) -> None:
    client = app.test_client()
    answers = [attempt(client, "まちがいまちがい", GUESSER, "nobody@example.jp") for _ in range(6)]
    assert answers == [422] * 5 + [429]


def test_the_wait_ends_by_itself(koga: str, app: Flask, clock_at: Callable[[str], datetime]) -> None:
    make_resident()
    client = app.test_client()
    for _ in range(6):
        attempt(client, "まちがいまちがい", GUESSER)
    assert attempt(client, PASSWORD, GUESSER) == 429
    clock_at("2026-11-25 10:16")
    assert attempt(client, PASSWORD, GUESSER) == 303


def test_the_answer_says_how_long_to_wait_and_what_else_works(koga: str, app: Flask) -> None:
    client = app.test_client()
    for _ in range(5):
        attempt(client, "まちがいまちがい", GUESSER)
    data = {"email": "hanako@example.jp", "password": "まちがいまちがい"}
    answer = post(client, "/sign-in", data, environ_base=GUESSER)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "900")
    assert "ほかの場所や、いつものスマートフォンからは使えます" in answer.text


def test_the_right_password_starts_the_count_anew(koga: str, app: Flask) -> None:
    make_resident()
    for _ in range(3):
        client = app.test_client()
        for _ in range(4):
            assert attempt(client, "まちがいまちがい", GUESSER) == 422
        assert attempt(client, PASSWORD, GUESSER) == 303


def test_one_address_that_tries_every_account_is_stopped(koga: str, app: Flask, monkeypatch: Any) -> None:
    monkeypatch.setattr(throttle, "PER_ADDRESS", 6)
    client = app.test_client()
    answers = [attempt(client, "まちがいまちがい", GUESSER, f"person{n}@example.jp") for n in range(8)]
    assert answers == [422] * 6 + [429] * 2


def test_parallel_guesses_are_counted_one_by_one(koga: str) -> None:
    now = clock.now()

    def guess(_number: int) -> bool:
        try:
            with unit_of_work() as session:
                throttle.take(session, subject="s", origin="net:a", most=5, now=now)
        except throttle.TooManyGuesses:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(guess, range(60))) == 5


def test_the_table_names_nobody_and_is_swept(koga: str, app: Flask, session: Session) -> None:
    attempt(app.test_client(), "まちがいまちがい", GUESSER)
    rows = session.scalars(select(Guess)).all()
    assert rows
    assert not any("hanako" in row.subject for row in rows)
    assert throttle.sweep(session, now=clock.now() + timedelta(days=2)) == len(rows)
    assert session.scalar(select(func.count()).select_from(Guess)) == 0


@pytest.mark.parametrize(
    ("address", "network", "household"),
    [
        ("203.0.113.7", "net:203.0.113.0/24", "net:203.0.113.7/32"),
        ("::ffff:203.0.113.7", "net:203.0.113.0/24", "net:203.0.113.7/32"),
        ("2001:db8:1:2ff:3:4:5:6", "net:2001:db8:1:200::/56", "net:2001:db8:1:2ff::/64"),
        (None, "net:unknown", "net:unknown"),
    ],
)
def test_the_network_of_an_address(address: str | None, network: str, household: str) -> None:
    assert throttle.network_of(address) == network
    assert throttle.address_of(address) == household


def test_one_address_does_not_register_people_by_the_hundred(koga: str, app: Flask) -> None:
    client = app.test_client()
    fields = {"password": "x", "password_confirm": "y"}
    answers = [
        post(client, "/register", {"email": f"a{n}@example.jp", **fields}, environ_base=GUESSER).status_code
        for n in range(throttle.REGISTRATIONS + 1)
    ]
    assert answers == [422] * throttle.REGISTRATIONS + [429]
    other = post(app.test_client(), "/register", {"email": "a@example.jp", **fields}, environ_base=HOME)
    assert other.status_code == 422
