"""One process of a crowd: `python -m tests.bench.worker URL`, the work as JSON on the first line, "go" on the second; answers JSON.

Work: {"kind": "hold" | "bound", "items": […], "alternatives": bool}. A hold is [person, space, day, slot]; a bound is [unit, start].
"""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import text

from portal import app as composition
from portal.kernel import clock, database
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.settings import Settings
from reservations import services
from reservations.errors import NotBookable, SlotTaken
from reservations.queries import calendar
from reservations.services import HoldRequest

BOUND = text(
    "INSERT INTO bench_bound (unit_id, during, live) VALUES (:unit, tstzrange(:start, :end), tstzrange(:now, NULL))"
    " ON CONFLICT DO NOTHING"
)


def bound(unit: int, start: str) -> None:
    """The least that a booking could be: one row under the same constraint, and its commit."""
    begin = datetime.fromisoformat(start)
    with database.engine().begin() as connection:
        connection.execute(
            BOUND, {"unit": unit, "start": begin, "end": begin + timedelta(hours=1), "now": datetime.now(clock.TOKYO)}
        )


def hold(person: int, space: str, day: str, slot: str) -> str:
    """One tap: the reference, or the code of the refusal."""
    request = HoldRequest(person, None, space, date.fromisoformat(day), slot)
    try:
        return services.hold_alone(request, actor=Actor(None, "resident"))
    except (SlotTaken, NotBookable) as refused:
        return refused.code


def _alternatives(space: str, day: str, slot: str) -> int:
    with unit_of_work() as session:
        now = clock.now_in(session)
        return len(calendar.alternatives(session, space, date.fromisoformat(day), slot, city="古河市", now=now))


class _Undone(Exception):
    """Rolls a warm-up back."""


def warm(job: dict[str, Any]) -> None:
    """As a process that has served some people: documents read, statements prepared, plans settled. Nothing stays."""
    for _ in range(15):
        if job["kind"] == "bound":
            with database.engine().connect() as connection:
                begin = datetime.fromisoformat(job["items"][0][1])
                values = {"unit": -1, "start": begin, "end": begin + timedelta(hours=1), "now": begin}
                connection.execute(BOUND, values)
                connection.rollback()
            continue
        person, space, day, slot = job["items"][0]
        request = HoldRequest(person, None, space, date.fromisoformat(day), slot)
        try:
            with unit_of_work() as session:
                services.hold(session, request, actor=Actor(None, "resident"))
                raise _Undone  # noqa: TRY301 - the way out of the transaction
        except (_Undone, SlotTaken, NotBookable):
            pass
    if job.get("alternatives"):
        for _person, space, day, slot in job["items"][:12]:
            _alternatives(space, day, slot)


def work(job: dict[str, Any]) -> list[list[Any]]:
    """Do it; [what came out, milliseconds, alternatives] each."""
    done: list[list[Any]] = []
    for item in job["items"]:
        began = time.perf_counter()
        offers = 0
        if job["kind"] == "bound":
            bound(*item)
            outcome = "ok"
        else:
            outcome = hold(*item)
            if outcome == SlotTaken.code and job.get("alternatives"):
                offers = _alternatives(*item[1:])
        done.append([outcome, (time.perf_counter() - began) * 1000, offers])
    return done


def main() -> None:
    """Wait for the others, work, answer."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    composition.assemble(replace(Settings(), environment="test", database_url=sys.argv[1], smtp_port="1"))
    job = json.loads(sys.stdin.readline())
    warm(job)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    began = time.perf_counter()
    done = work(job)
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began, "done": done}) + "\n")


if __name__ == "__main__":
    main()
