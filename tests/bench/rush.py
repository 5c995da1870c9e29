"""Holds through HTTP: gunicorn and the worker as production starts them, signed-in people, all on the same cores.

Eight clients one tap after the other; and the rush: everybody wants a part of the same 300 slots. People are signed in by cookies that
are made beforehand, so that no password is hashed meanwhile. What was won is counted in the database as well.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import text

from portal.kernel.database import unit_of_work
from tests.bench.bookings import clear, none_overlap, slots
from tests.bench.filing import serving, tell

PEOPLE = int(os.environ.get("BENCH_RUSH", "2000"))
#: As many slots a person as in the question: 300 for 2,000.
SLOTS = PEOPLE * 3 // 20
MEAN, TRIES, CLIENTS, EACH = 20.0, 3, 8, int(os.environ.get("BENCH_EACH", "60"))
CONNECTIONS, RIVALS = 50, 5
LONGEST = 300
_RAW = "0" * 40
Say = Callable[..., None]

_MADE = text(
    """
    WITH people AS (
        INSERT INTO person (name, kana, city) SELECT '住民' || n, '', '古河市' FROM generate_series(1, :count) n RETURNING id
    )
    INSERT INTO account (email, fs_uniquifier, confirmed_at, person_id)
    SELECT 'rush' || id || '@example.jp', 'rush' || id, now(), id FROM people RETURNING fs_uniquifier
    """
)
_DOUBLE = text("SELECT count(*) - count(DISTINCT (space_id, starts_at)) FROM booking WHERE state = 'held'")
_HELD = text("SELECT reference FROM booking WHERE state = 'held'")


def _cookies(app: Flask, count: int) -> list[str]:
    """So many new residents, each signed in: the session cookies."""
    with unit_of_work() as session:
        keys = list(session.scalars(_MADE, {"count": count}))
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer
    common = {"_fresh": True, "fs_cc": "set", "fs_paa": time.time(), "csrf_token": _RAW}
    return [str(signer.dumps({"_user_id": key, **common})) for key in keys]


def _person(cookie: str, tries: Sequence[Sequence[str]], at: float = 0, **kind: bool) -> dict[str, Any]:
    return {"at": at, "cookie": cookie, "tries": tries, "together": False, "look": False, "many": False, **kind}


def _crowd(app: Flask, port: int, people: Sequence[dict[str, Any]]) -> tuple[float, list[dict[str, Any]]]:
    """Seconds, and what became of each person."""
    token = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="wtf-csrf-token").dumps(_RAW)
    client = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.rush_client"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert client.stdout
    tell(client, json.dumps({"port": port, "token": token, "seconds": LONGEST, "people": people}))
    client.stdout.readline()
    tell(client, "go")
    said, _nothing = client.communicate()
    if client.returncode or not said:
        raise SystemExit("the crowd gave up")
    answer = json.loads(said)
    return answer["seconds"], answer["people"]


def _warm(app: Flask, port: int) -> None:
    """As processes that have served some people."""
    wanted = slots(CLIENTS * 12, seed=1)
    cookies = _cookies(app, len(wanted))
    for part in range(0, len(wanted), CLIENTS):
        people = [
            _person(cookie, [slot]) for cookie, slot in zip(cookies[part:], wanted[part:][:CLIENTS], strict=False)
        ]
        _crowd(app, port, people)
    clear()


def _statuses(told: Sequence[dict[str, Any]]) -> Counter[int]:
    return Counter(status for person in told for status, _taken in person["answers"])


def _bad(told: Sequence[dict[str, Any]]) -> int:
    """Answers 5xx, and questions without an answer."""
    return sum(count for status, count in _statuses(told).items() if status >= 500 or status == 0)


def _p99(told: Sequence[dict[str, Any]]) -> float:
    taken = sorted(each for person in told for _status, each in person["answers"])
    return float(taken[min(len(taken) - 1, round(0.99 * len(taken)))])


def through_http(url: str, app: Flask, say: Say) -> None:
    """8 clients, each one tap after the other, every tap another person and another free slot; without a queue in front."""
    clear()
    with serving(url, PORTAL_HOLDS_PER_SECOND="0") as port:
        _warm(app, port)
        count = CLIENTS * EACH
        wanted, cookies = slots(count), _cookies(app, count)
        # One client is a chain of people: the next one taps when the one before was answered.
        chains = [list(zip(cookies[n::CLIENTS], wanted[n::CLIENTS], strict=True)) for n in range(CLIENTS)]
        people = [_person("", [[*slot, cookie] for cookie, slot in chain], many=True) for chain in chains]
        seconds, told = _crowd(app, port, people)
        won = sum(len(person["won"]) for person in told)
        say("holds through HTTP, 8 clients", won / seconds, "/s", least=90)
        say("holds through HTTP: free slots refused", count - won, "", target=0)
        say("holds through HTTP: answers 5xx or none", _bad(told), "", target=0)
        say("holds through HTTP: p99", _p99(told), "ms")
    none_overlap(say)


def rush(url: str, app: Flask, say: Say) -> None:
    """2,000 people for 300 slots, some of them through 50 connections; then 2,000 within one second."""
    clear()
    with serving(url) as port:
        _warm(app, port)
        _arriving(app, port, say)
        _at_once(app, port, say)


def _arriving(app: Flask, port: int, say: Say) -> None:
    wanted, draw = slots(SLOTS, seed=2), random.Random(4)
    cookies = _cookies(app, PEOPLE + 2 * RIVALS)
    people = [
        _person(cookie, draw.sample(wanted, TRIES), draw.expovariate(1 / MEAN)) for cookie in cookies[: -2 * RIVALS]
    ]
    for number, cookie in enumerate(cookies[-2 * RIVALS :]):
        # As many taps through 50 connections at once as another's through one, at the same moment.
        tries = draw.sample(wanted, min(CONNECTIONS, len(wanted)))
        at = MEAN / 10 + (number % RIVALS) * 0.2
        people.append(_person(cookie, tries, at, together=number < RIVALS, many=True))
    seconds, told = _crowd(app, port, people)
    with unit_of_work() as session:
        double, held = session.execute(_DOUBLE).scalar_one(), set(session.scalars(_HELD))
    won = [reference for person in told for reference in person["won"]]
    by_fifty, by_one = told[PEOPLE : PEOPLE + RIVALS], told[PEOPLE + RIVALS :]
    say(f"rush: people for {SLOTS} slots", PEOPLE, "")
    say("rush: sold", len(held), "", least=SLOTS)
    say("rush: double", double + len(held ^ set(won)), "", target=0)
    say("rush: answers 5xx or none", _bad(told), "", target=0)
    say("rush: p99 of all answers", _p99(told), "ms", target=3000)
    say("rush: people who were given a place in the queue", sum(bool(person["places"]) for person in told), "")
    say("rush: over after", seconds, "s")
    fifty, one = (sum(len(set(p["won"])) for p in group) for group in (by_fifty, by_one))
    say("rush: won by five people through 50 connections each", fifty, "")
    say("rush: won by five people through one connection each", one, "")
    ratio = fifty / max(1, one)
    say("rush: won through 50 connections / through one", ratio, "x", target=1.5)
    none_overlap(say)


def _at_once(app: Flask, port: int, say: Say) -> None:
    clear()
    wanted, draw = slots(SLOTS, seed=3), random.Random(5)
    people = [_person(cookie, [draw.choice(wanted)], draw.random(), look=True) for cookie in _cookies(app, PEOPLE)]
    _seconds, told = _crowd(app, port, people)
    placed = sum(bool(person["places"]) for person in told)
    served = sum(bool(person["won"] or person["lost"]) for person in told)
    say("within one second: people", PEOPLE, "")
    say("within one second: shown their place in the queue", placed, "")
    say("within one second: served at once", served, "")
    say("within one second: neither", PEOPLE - placed - served, "", target=0)
    say("within one second: answers 5xx or none", _bad(told), "", target=0)
    say("within one second: p99 of all answers", _p99(told), "ms", target=3000)
    none_overlap(say)
