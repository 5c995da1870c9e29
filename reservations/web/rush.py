"""The waiting page: a place and a time for whoever comes when too many want to book at once. Nothing they chose is lost."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from portal.kernel.errors import NotFound
from portal.settings import Settings
from portal.web import access
from reservations.turns import Turns
from reservations.web.public import bp

SOON = 1.0
"""Seconds after which somebody asks again whose other tap is being answered."""
GOOD_FOR = 180.0
"""Seconds that a turn is kept after it has begun."""
ANSWERING = "answering"
"""Instead of a ticket: there is no place yet, another tap of the same person is being answered."""
#: What a hold's form carries; the waiting page hands it on.
CARRIED = ("date", "slot", "nights", "purpose", "like")
LONGEST = 60
MOST = 20


def init(settings: Settings) -> Turns:
    """The queue of this host, made before the processes are forked."""
    rate = float(settings.holds_per_second)
    return Turns(rate, burst=int(rate))


def _turns() -> Turns:
    turns: Turns = current_app.extensions["reservations.turns"]
    return turns


def _signer() -> URLSafeSerializer:
    settings: Settings = current_app.extensions["portal"]
    return URLSafeSerializer(settings.secret_key, salt="reservations.turn")


def _person() -> int:
    person_id = access.visitor().person_id
    if person_id is None:
        raise NotFound
    return person_id


def _begins(ticket: str) -> float | None:
    """When the turn of a ticket begins; None where it is not this person's, or over."""
    try:
        said: Any = _signer().loads(ticket)
        person, begins = int(said["p"]), float(said["t"])
    except (BadSignature, KeyError, TypeError, ValueError):
        return None
    return begins if person == _person() and time.time() <= begins + GOOD_FOR else None


def wait_first(space: str) -> ResponseReturnValue | None:
    """Where somebody who has to wait is sent; None for whose turn it is."""
    now = time.time()
    begins = _begins(request.form.get("turn", "")[:200])
    if begins is not None and begins <= now and _turns().use(_person(), begins, now):
        return None
    if begins is None or begins <= now:
        begins = _turns().of(_person(), now)
    if begins is not None and begins <= now:
        return None
    ticket = _signer().dumps({"p": _person(), "t": round(begins, 3)}) if begins is not None else ANSWERING
    carried = [(name, value[:LONGEST]) for name in CARRIED for value in request.form.getlist(name)[:MOST]]
    kept: dict[str, Any] = {}
    for name, value in carried:
        kept.setdefault(name, []).append(value)
    return redirect(url_for("reservations.wait", space=space, turn=ticket, **kept), 303)


@contextmanager
def turn() -> Iterator[None]:
    """What is done in somebody's turn: how long it takes says how many turns a second this host can give."""
    began, person = time.monotonic(), _person()
    try:
        yield
    finally:
        _turns().served(person, time.monotonic() - began)


@bp.get("/spaces/<space>/wait")
@access.resident
def wait(space: str) -> ResponseReturnValue:
    """The place in the queue. When the turn comes, the script sends the form; without script the button does."""
    now = time.time()
    ticket = request.args.get("turn", "")[:200]
    begins = now + SOON if ticket == ANSWERING else _begins(ticket) or now
    carried = [(name, value[:LONGEST]) for name in CARRIED for value in request.args.getlist(name)[:MOST]]
    return render_template(
        "reservations/wait.html",
        space=space,
        carried=carried,
        turn=ticket,
        place=_turns().place(begins, now) if ticket != ANSWERING else 0,
        answering=ticket == ANSWERING,
        seconds=max(0, math.ceil(begins - now)),
    )
