"""Too many in one second: a place in the queue, kept choices, and nobody jumps it."""

from __future__ import annotations

import re
import time
from multiprocessing import Process
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.models import Account
from portal.kernel.database import unit_of_work
from reservations.turns import Turns
from tests.people import post, sign_in
from tests.reservations.conftest import Resident, booking

START = 1_800_000_000.0
FORM = {"date": "2026-12-04", "slot": "t0900", "purpose": "tennis"}


@given(arrivals=st.lists(st.floats(0, 5), min_size=1, max_size=200), rate=st.integers(1, 50), burst=st.integers(0, 20))
def test_never_more_turns_than_the_rate_and_first_come_first_served(
    arrivals: list[float], rate: int, burst: int
) -> None:
    turns = Turns(rate, burst)
    begun = [max(turns.ask(START + at), START + at) for at in sorted(arrivals)]
    assert begun == sorted(begun)
    for index, first in enumerate(begun):
        within = [at for at in begun[index:] if at < first + 1 - 1e-6]
        assert len(within) <= burst + rate + 1


def test_somebody_alone_never_waits() -> None:
    turns = Turns(10, 0)
    assert [turns.ask(START + n) for n in range(5)] == [START + n for n in range(5)]
    assert Turns(0, 0).ask(START) == START


def test_the_place_is_how_many_are_in_front() -> None:
    turns = Turns(10, 0)
    begins = [turns.of(person, START) for person in range(31)]
    assert begins[0] == START
    assert [turns.place(at, START) for at in begins[1:4]] == [1, 2, 3]
    assert turns.place(begins[30], START + 1) == 20


def test_fifty_connections_of_one_person_take_one_place() -> None:
    turns = Turns(10, 0)
    turns.of(1, START)
    mine = {turns.of(2, START) for _ in range(50)}
    assert len(mine) == 1
    assert turns.place(turns.of(3, START), START) == 2


def _ask_often(turns: Turns) -> None:
    for _ in range(250):
        turns.ask(START)


def test_processes_share_one_queue() -> None:
    turns = Turns(100, 0)
    processes = [Process(target=_ask_often, args=(turns,)) for _ in range(2)]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    assert turns.ask(START) == pytest.approx(START + 5)


def test_a_lock_that_nobody_gives_back_stops_nobody() -> None:
    turns = Turns(10, 0)
    turns.shared.get_lock().acquire()
    started = time.monotonic()
    holder = Process(target=_asks_with_a_held_lock, args=(turns,))
    holder.start()
    holder.join()
    assert holder.exitcode == 0
    assert time.monotonic() - started < 30


def _asks_with_a_held_lock(turns: Turns) -> None:
    raise SystemExit(0 if turns.ask(START) == START else 1)


@pytest.fixture
def crowded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Turns:
    """A host whose queue is 100 seconds long."""
    turns = Turns(1, 0)
    monkeypatch.setitem(app.extensions, "reservations.turns", turns)
    turns.shared.value = time.time() + 100
    return turns


def test_who_waits_gets_a_place_keeps_the_choice_and_goes_on_when_the_turn_comes(
    hanako: Resident, client: FlaskClient, crowded: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unit_of_work() as session:
        sign_in(client, session.get_one(Account, hanako.account_id))
    sent = post(client, "/spaces/S05-01/hold", FORM)
    assert sent.status_code == 303
    page = client.get(sent.headers["Location"])
    assert "順番を待っています" in page.text
    assert re.search(r"あなたは (99|100)番目です", page.text)
    ticket = parse_qs(urlsplit(sent.headers["Location"]).query)["turn"][0]
    early = post(client, "/spaces/S05-01/hold", {**FORM, "turn": ticket})
    assert parse_qs(urlsplit(early.headers["Location"]).query)["turn"] == [ticket], "the place is kept"
    for name, value in FORM.items():
        assert f'name="{name}" value="{value}"' in page.text
    later = time.time() + 101
    monkeypatch.setattr(time, "time", lambda: later)
    assert "あなたの番です" in client.get(sent.headers["Location"]).text
    held = post(client, "/spaces/S05-01/hold", {**FORM, "turn": ticket})
    assert booking(held.headers["Location"].rsplit("/", 1)[1]).person_id == hanako.person_id


@pytest.mark.parametrize("forged", ["x", "eyJwIjoxLCJ0IjowfQ.forged", "a" * 5000])
def test_a_forged_or_borrowed_ticket_is_none(
    hanako: Resident, stranger: Resident, client: FlaskClient, crowded: Turns, forged: str
) -> None:
    with unit_of_work() as session:
        sign_in(client, session.get_one(Account, hanako.account_id))
    mine = parse_qs(urlsplit(post(client, "/spaces/S05-01/hold", FORM).headers["Location"]).query)["turn"][0]
    other = client.application.test_client()
    with unit_of_work() as session:
        sign_in(other, session.get_one(Account, stranger.account_id))
    crowded.shared.value = time.time() + 1000
    for ticket in (forged, mine):
        sent = post(other, "/spaces/S05-01/hold", {**FORM, "turn": ticket})
        got = parse_qs(urlsplit(sent.headers["Location"]).query)["turn"][0]
        assert got not in {ticket, mine}
        assert re.search(r"あなたは (9\d\d|1000)番目です", other.get(sent.headers["Location"]).text)
