"""`make bench`: measures the portal on a throw-away database with Koga's data; prints one JSON object a line.

Keys: name, value, unit; where there is one, target and met, and versus (what another program reached, and where that stands) with
ratio. Pages are measured at the server, in this process: from the request's arrival to its last byte, without a network.
`python -m tests.bench pages` measures only what begins with the word.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import app as composition
from portal.accounts.models import Account
from portal.kernel import clock, database, dates, i18n, migrate
from portal.kernel.audit import Actor
from portal.kernel.database import transact, unit_of_work
from portal.kernel.embedded import EmbeddedServer
from portal.settings import Settings
from reservations import documents, services
from reservations.errors import NotBookable, NotOffered, SlotTaken
from reservations.models import Booking, Space
from reservations.services import HoldRequest, paying
from reservations.services.common import locked
from tests.architecture.weight import first_load
from tests.bench import bookings, cases, closing, filing, money, rush
from tests.people import make_resident, sign_in

ROUNDS, WARM = 100, 5
KB = 1024
#: Reserve and confirm one by one: published measurements of libres 1.x on two cores (33 to 46 a second).
LIBRES_ONE_BY_ONE = 46
#: The same slots wanted by 8 processes.
LIBRES_CONTESTED = 68


def say(
    name: str,
    value: float,
    unit: str,
    *,
    target: float | None = None,
    least: float | None = None,
    versus: float | None = None,
) -> None:
    """Print one line.

    Args:
        name: what was measured.
        value: the figure.
        unit: its unit.
        target: not to be passed.
        least: to be reached.
        versus: what another program reached in the same unit.
    """
    line: dict[str, Any] = {"name": name, "value": round(value, 2), "unit": unit}
    if target is not None:
        line |= {"target": target, "met": value <= target}
    if least is not None:
        line |= {"least": least, "met": value >= least}
    if versus is not None:
        line |= {"versus": versus, "ratio": round(value / versus, 1)}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of all do not pass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * len(ordered)))]


@dataclass
class Ground:
    """The portal under measurement."""

    url: str
    client: FlaskClient
    resident: Account


@contextmanager
def ground() -> Iterator[Ground]:
    """Koga with demo people, every unit taken for about 60% of the hours from 9 to 21 of the next 31 days, and one resident signed in."""
    i18n.compile_all()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            Path(folder).chmod(0o755)
        with EmbeddedServer(Path(folder) / "postgres") as server:
            url = server.url()
            migrate.upgrade(url)
            app = composition.create_app(
                Settings(
                    environment="test", database_url=url, base_url="http://localhost", data_dir=folder, smtp_port="1"
                )
            )
            database.configure(url, pool_size=32)
            ok, lines = composition.load_city(Path(Settings().city_folder))
            if not ok:
                raise SystemExit("\n".join(lines))
            fill()
            resident = make_resident(email="bench@example.jp")
            client = app.test_client()
            sign_in(client, resident)
            yield Ground(url, client, resident)
            database.dispose()


def fill() -> None:
    """Take 60% of the hours, at random but the same each time."""
    with unit_of_work() as session:
        session.execute(text("SELECT setseed(0.4)"))
        session.execute(
            text(
                "INSERT INTO occupancy (unit_id, during, live, kind, owner_ref)"
                " SELECT u.id, tstzrange(t.at, t.at + interval '1 hour'), tstzrange(now(), NULL), 'city', 'bench' FROM unit u"
                " CROSS JOIN LATERAL (SELECT (current_date + d + make_time(h, 0, 0)) AT TIME ZONE 'Asia/Tokyo' AS at"
                "   FROM generate_series(1, 31) d, generate_series(9, 20) h WHERE random() < 0.6 AND u.id > 0) t"
            )
        )
    with unit_of_work() as session:
        session.execute(text("ANALYZE"))


def pages(on: Ground) -> None:
    """95 of 100 requests are answered within …"""
    day = (clock.today() + timedelta(days=9)).isoformat()
    for name, path, target in (
        ("home", "/", None),
        ("catalogue", "/procedures", None),
        ("procedure", "/procedures/dog-registration", None),
        ("facility search", f"/facilities?purpose=tennis&date={day}", None),
        ("facility month", "/facilities/S01", 100),
        ("facility day", f"/facilities/S01/day/{day}", None),
        ("my page", "/my", None),
        ("plan", "/plan", None),
    ):
        taken = []
        for number in range(ROUNDS + WARM):
            began = time.perf_counter()
            with on.client.get(path) as answer:
                body = answer.get_data()
            if number >= WARM:
                taken.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200 or not body:
                message = f"{path} answered {answer.status_code}"
                raise SystemExit(message)
        say(f"page p95: {name}", percentile(taken, 0.95), "ms", target=target)


def weight(on: Ground) -> None:
    """What a first visit sends."""
    guest = on.client.application.test_client()
    for path in ("/", "/facilities", "/procedures/dog-registration"):
        say(f"first load: {path}", sum(first_load(guest, path).values()) / KB, "KB", target=150)


def _slots(count: int) -> list[tuple[str, Any, str]]:
    """Free slots that can be held now, spread over the spaces."""
    found: list[tuple[str, Any, str]] = []
    with unit_of_work() as session:
        session.execute(text("DELETE FROM occupancy WHERE kind = 'city' AND owner_ref = 'bench'"))
        for space in session.scalars(select(Space).order_by(Space.code)):
            if space.timetable_code is None:
                continue
            rules = documents.load(session, [("timetable", space.timetable_code)])
            for offset in range(3, 25):
                day = clock.today() + timedelta(days=offset)
                timetable = rules.timetable(space.timetable_code, day)
                if timetable is not None:
                    found += [(space.code, day, slot.code) for slot in timetable.slots_on(day, dates.is_holiday)]
    random.Random(4).shuffle(found)
    return found[:count]


def _hold(person: int, wanted: tuple[str, Any, str]) -> str | None:
    space, day, slot = wanted
    request = HoldRequest(person, None, space, day, slot)
    try:
        return transact(lambda s: services.hold(s, request, actor=Actor(None, "resident")))
    except (SlotTaken, NotBookable, NotOffered):
        # Somebody else has it (also through a shared unit), or the rules of use keep it back.
        return None


def _people(count: int) -> list[int]:
    with unit_of_work() as session:
        return list(
            session.scalars(
                text(
                    "INSERT INTO person (name, kana, city) SELECT '住民' || n, '', '古河市' FROM generate_series(1, :n) n RETURNING id"
                ),
                {"n": count},
            )
        )


def holds(_on: Ground) -> None:
    """Holding a slot: one after the other, and by many at once."""
    wanted = _slots(700)
    people = _people(len(wanted))
    began = time.perf_counter()
    won = [_hold(person, slot) for person, slot in zip(people, wanted, strict=True)]
    seconds = time.perf_counter() - began
    kept = [reference for reference in won if reference]
    say("holds one by one, one commit each", len(kept) / seconds, "/s")
    confirmed = kept[:200]
    began = time.perf_counter()
    for reference in confirmed:
        transact(partial(_confirm, reference=reference))
    both = seconds * len(confirmed) / len(kept) + time.perf_counter() - began
    say("reserved and confirmed one by one, two commits each", len(confirmed) / both, "/s", versus=LIBRES_ONE_BY_ONE)

    with unit_of_work() as session:
        session.execute(text("DELETE FROM occupancy"))
        session.execute(text("UPDATE booking SET state = 'cancelled' WHERE state = 'held'"))
    fought = _slots(60)
    contested = [slot for slot in fought for _ in range(8)]
    rivals = _people(8 * len(fought))
    with ThreadPoolExecutor(8) as crowd:
        began = time.perf_counter()
        outcomes = list(crowd.map(_hold, rivals, contested))
        seconds = time.perf_counter() - began
    say("attempts by 8 threads on the same slots", len(outcomes) / seconds, "/s", versus=LIBRES_CONTESTED)
    winners = Counter(slot for slot, won in zip(contested, outcomes, strict=True) if won)
    say("winners of one slot, at most", max(winners.values()), "", target=1)


def _confirm(session: Session, reference: str) -> None:
    paying.settle(session, locked(session, reference), actor=Actor(None, "system"), now=clock.now_in(session))


def documents_(_on: Ground) -> None:
    """A permit from its booking to the stored PDF (the job, as the worker runs it)."""
    from reservations import jobs

    with unit_of_work() as session:
        made = list(session.scalars(select(Booking.id).where(Booking.state == "confirmed").limit(6)))
    if len(made) < 2:
        raise SystemExit("measure holds first: python -m tests.bench holds documents")
    taken = []
    for booking_id in made:
        began = time.perf_counter()
        jobs.issue_permit(booking_id)
        taken.append((time.perf_counter() - began) * 1000)
    say("permit as PDF: the first (fonts are read)", taken[0], "ms")
    say("permit as PDF: median of the others", percentile(taken[1:], 0.5), "ms")


def starts(_on: Ground) -> None:
    """`portal run`, on new data and again."""
    from tests.ops.running import READY, Run, free_port

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            Path(folder).chmod(0o755)
        for name, target in (("first start on new data", None), ("second start", 10)):
            run = Run(Path(folder) / "instance", free_port())
            seconds = run.wait_for(READY, 120)
            run.end()
            say(name, seconds, "s", target=target)


def bills(on: Ground) -> None:
    """A file of the tax section."""
    from tests.bench import bills as tax_bills

    tax_bills.measure(on.url, say)


def forms(on: Ground) -> None:
    """A large form."""
    from tests.bench import forms as large_form

    large_form.measure(on.client, say, percentile)


def casework(on: Ground) -> None:
    """The queue over 200,000 cases, the export of 50,000 (BENCH_CASES, BENCH_EXPORTED for fewer)."""
    cases.measure(on.client, say, percentile)


MEASURES: dict[str, Callable[[Ground], None]] = {
    "pages": pages,
    "weight": weight,
    "holds": holds,
    "documents": documents_,
    "starts": starts,
    "bills": bills,
    "forms": forms,
    "reconciliation": lambda on: money.reconciliation(on, say, percentile),
    "notices": lambda on: money.notices(on, say, percentile),
    "cases": casework,
    "filing": lambda on: filing.measure(on.url, say, percentile),
}
#: Bookings clear what others have filled in, so they come last.
BOOKINGS: dict[str, Callable[[Ground], None]] = {
    name: lambda on, measure=measure: measure(on.url, say)  # type: ignore[misc]
    for name, measure in {**bookings.MEASURES, "book-closing": closing.shut}.items()
}
BOOKINGS["book-http"] = lambda on: rush.through_http(on.url, on.client.application, say)
BOOKINGS["book-rush"] = lambda on: rush.rush(on.url, on.client.application, say)


def main() -> None:
    """Measure everything, or what is named."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with ground() as on:
        bookings.calibrate(say)
        known = {**MEASURES, **BOOKINGS}
        for name in sys.argv[1:] or known:
            known[name](on)


if __name__ == "__main__":
    main()
