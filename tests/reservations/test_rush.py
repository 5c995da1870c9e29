"""Too many in one second: a place in the queue, kept choices, and nobody jumps it."""

from __future__ import annotations

import os
import re
import signal
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
from reservations.turns import AGAIN, ANSWERED_BY, Turns
from tests.people import post, sign_in
from tests.reservations.conftest import Resident, booking

START = 1_800_000_000.0
FORM = {"date": "2026-12-04", "slot": "t0900", "purpose": "tennis"}


@given(arrivals=st.lists(st.floats(0, 5), min_size=1, max_size=200), rate=st.integers(1, 50), burst=st.integers(0, 20))
def test_never_more_turns_than_the_rate_and_first_come_first_served(
    arrivals: list[float], rate: int, burst: int
) -> None:
    turns = Turns(rate, burst)
    begun = [max(turns.of(person, START + at), START + at) for person, at in enumerate(sorted(arrivals))]
    assert begun == sorted(begun)
    for index, first in enumerate(begun):
        within = [at for at in begun[index:] if at < first + 1 - 1e-6]
        assert len(within) <= burst + rate + 1


def test_somebody_alone_never_waits() -> None:
    turns = Turns(10, 0)
    assert [turns.of(7, START + n) for n in range(5)] == [START + n for n in range(5)]
    assert Turns(0, 0).of(7, START) == START


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


def test_nobody_waits_for_their_own_tap() -> None:
    turns = Turns(10, 10)
    assert [turns.of(7, START + at / 1000) for at in (0, 1, 120)] == [START + at / 1000 for at in (0, 1, 120)]


def test_a_host_that_serves_fewer_gives_fewer_turns_and_finds_its_pace_again() -> None:
    turns = Turns(80, 0, side_by_side=2)
    assert turns.pace == 80
    for _ in range(200):
        turns.served(1, 0.1)
    assert turns.pace == pytest.approx(20, rel=0.01)
    begins = [turns.of(person, START) for person in range(41)]
    assert begins[40] - START == pytest.approx(2, rel=0.05), "forty in front at twenty a second"
    assert turns.place(begins[40], START) in range(39, 42)
    for _ in range(200):
        turns.served(1, 60)
    assert turns.pace == 2, "it never stops"
    for _ in range(200):
        turns.served(1, 0.005)
    assert turns.pace == 80


def test_what_a_turn_took_is_measured_where_somebody_taps(
    hanako: Resident, stranger: Resident, client: FlaskClient, app: Flask
) -> None:
    turns: Turns = app.extensions["reservations.turns"]
    with unit_of_work() as session:
        sign_in(client, session.get_one(Account, hanako.account_id))
    turns.took.value = 0.0
    assert post(client, "/spaces/S05-01/hold", FORM).status_code == 303
    first = float(turns.took.value)
    assert first > 0
    other = app.test_client()
    with unit_of_work() as session:
        sign_in(other, session.get_one(Account, stranger.account_id))
    assert post(other, "/spaces/S05-01/hold", FORM).status_code == 409
    assert float(turns.took.value) != first, "a refusal takes its time as well"


def test_a_turn_is_one_tap_and_the_next_one_waits_like_everybody_elses() -> None:
    turns = Turns(10, 0)
    for person in range(20):
        turns.of(person, START)
    mine = turns.of(99, START)
    assert mine == pytest.approx(START + 2)
    assert [turns.use(99, mine, mine + 0.1) for _ in range(50)] == [True] + [False] * 49
    for person in range(200, 205):
        turns.of(person, mine)
    assert turns.of(99, mine + 0.1) is None, "one tap is being answered: there is no place for the next one yet"
    turns.served(99, 0.05)
    assert turns.of(99, mine + 0.1) == pytest.approx(mine + 0.1 + AGAIN)
    assert turns.of(300, mine + 0.2) == pytest.approx(mine + 0.7), "nobody else waits for that"
    assert turns.use(98, mine, mine), "somebody whom this host does not know any more is let through"


@given(taps=st.integers(2, 60), rate=st.integers(5, 50))
def test_many_taps_at_once_are_no_more_turns_than_taps_one_by_one(taps: int, rate: int) -> None:
    """Also while nobody has to wait yet: the second tap within a second takes its place behind the others."""
    turns = Turns(rate, burst=rate)
    turns.of(1, START)
    together = [turns.of(2, START) for _ in range(taps)]
    assert together.count(START) == 1
    assert set(together[1:]) == {None}
    turns.served(2, 0.1)
    assert len({turns.of(2, START + 0.1) for _ in range(taps)} - {None}) == 1, "one place, however many ask for it"


def test_a_tap_that_is_never_answered_keeps_nobody_out_for_ever() -> None:
    turns = Turns(10, 0)
    for person in range(20):
        turns.of(person, START)
    assert turns.of(7, START + 60) == START + 60
    turns.of(8, START + 60)
    turns.of(9, START + 60)
    assert turns.of(7, START + 60.1) is None
    for person in range(1000):
        turns.of(100 + person, START + 80)
    assert turns.of(7, START + 60 + ANSWERED_BY) is not None


def _ask_often(people: range, turns: Turns) -> None:
    for person in people:
        turns.of(person, START)


def test_processes_share_one_queue() -> None:
    turns = Turns(100, 0)
    processes = [Process(target=_ask_often, args=(range(first, first + 250), turns)) for first in (0, 250)]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    assert turns.of(1000, START) == pytest.approx(START + 5)
    assert turns.of(3, START) <= START + 5, "a person has one place in all processes"


def test_a_process_that_dies_inside_the_queue_stops_nobody() -> None:
    turns = Turns(10, 0)
    holder = Process(target=_dies_inside, args=(turns,))
    holder.start()
    holder.join()
    assert holder.exitcode == -signal.SIGKILL
    assert turns.of(1, START) == START


def _dies_inside(turns: Turns) -> None:
    with turns.lock.held():
        os.kill(os.getpid(), signal.SIGKILL)


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


def test_a_second_connection_waits_for_the_answer_to_the_first_and_keeps_its_choice(
    hanako: Resident, client: FlaskClient, crowded: Turns
) -> None:
    with unit_of_work() as session:
        sign_in(client, session.get_one(Account, hanako.account_id))
    now = time.time()
    crowded.begins[hanako.person_id] = now - 1
    assert crowded.of(hanako.person_id, now) is not None
    assert crowded.use(hanako.person_id, float(crowded.begins[hanako.person_id]), now), "the first is being answered"
    crowded.begins[hanako.person_id] = now - 1
    sent = post(client, "/spaces/S05-01/hold", FORM)
    assert "turn=answering" in sent.headers["Location"]
    page = client.get(sent.headers["Location"]).text
    assert "前に押した予約の返事を待っています" in page
    assert 'data-turn="1"' in page
    for name, value in FORM.items():
        assert f'name="{name}" value="{value}"' in page
    crowded.served(hanako.person_id, 0.1)
    again = post(client, "/spaces/S05-01/hold", {**FORM, "turn": "answering"})
    assert "turn=answering" not in again.headers["Location"], "answered: now there is a place"


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
