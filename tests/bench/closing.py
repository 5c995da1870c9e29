"""Closing all facilities for a month with 20,000 bookings."""

from __future__ import annotations

import os
import time
from datetime import timedelta

from sqlalchemy import select, text

from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import transact, unit_of_work
from reservations.models import Space
from reservations.operations import closing
from reservations.operations.closing import ClosureRequest
from reservations.operations.models import ClosureKind
from reservations.queries import catalog
from tests.bench.bookings import Say, clear
from tests.bench.world import book


def shut(url: str, say: Say) -> None:
    """71 facilities for a month with 20,000 bookings: recorded, and one message row for each."""
    del url
    clear()
    count = int(os.environ.get("BENCH_CLOSING", "20000"))
    book(days=(10, 40), most=count)
    with unit_of_work() as session:
        codes = tuple(session.scalars(select(Space.code).where(Space.timetable_code.is_not(None))))
        facilities = {head.code for head in catalog.names(session, on=clock.today())}
        stand = session.execute(text("SELECT count(*) FROM booking WHERE state = 'confirmed'")).scalar_one()
    start = clock.now() + timedelta(days=5)
    request = ClosureRequest(ClosureKind.CLOSED, codes, start, start + timedelta(days=40), "停電のため")
    began = time.perf_counter()
    closure = transact(
        lambda s: closing.close(s, request, facilities=facilities, actor=Actor(None, "staff"), now=clock.now_in(s))
    )
    seconds = time.perf_counter() - began
    with unit_of_work() as session:
        told = session.execute(
            text("SELECT count(*) FROM notice WHERE key LIKE :key"),
            {"key": f"reservations.closure:{closure.reference}:%"},
        ).scalar_one()
    say(f"closing {len(facilities)} facilities for a month: bookings ended", closure.hits, "", least=stand)
    say("closing: message rows", told, "", least=stand)
    say("closing: recorded and queued", seconds, "s", target=10)
