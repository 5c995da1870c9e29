"""Many want the same: slots, shifted pairs, parts of a hall, series, moves, rows written beside the program. Nothing overlaps."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.kernel import clock, dates
from portal.kernel import database as kernel_database
from portal.kernel.audit import Actor
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import PortalError
from reservations import documents, services
from reservations.errors import SlotTaken
from reservations.models import Space
from reservations.operations import moving, series
from reservations.operations.moving import MoveTo
from reservations.operations.series import SeriesRequest
from reservations.services import HoldRequest, paying
from reservations.services.common import locked
from tests.reservations.conftest import MANAGER
from tests.reservations.test_race import _overlaps

#: Attempts in the usual run; `make soak` makes 100,000.
ATTEMPTS = 20_000 * int(os.environ["SOAK"]) if "SOAK" in os.environ else 400
THREADS = 6
RESIDENT = Actor(None, "resident")
HALL = ("S01-90", "S01-91", "S01-92", "S01-93", "S01-94", "S01-95")
COURT, MOVED = "S05-01", "S08-01"


class Contest:
    """What is wanted by whom, and what came out."""

    def __init__(self, session: Session, attempts: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self.unexpected: list[BaseException] = []
        self.lock = threading.Lock()
        self.people = list(
            session.scalars(
                text(
                    "INSERT INTO person (name, kana, city) SELECT '住民' || n, '', '古河市' FROM generate_series(1, :n) n"
                    " RETURNING id"
                ),
                {"n": attempts},
            )
        )
        codes = (COURT, MOVED, *HALL)
        self.times = {code: self._times(session, code) for code in codes}
        self.units = {
            code: list(
                session.scalars(
                    text(
                        "SELECT unit_id FROM space_unit u JOIN space s ON s.id = u.space_id WHERE s.code = :code ORDER BY 1"
                    ),
                    {"code": code},
                )
            )
            for code in codes
        }
        self.asked: set[tuple[date, str]] = set()
        session.commit()
        self.movable = [
            self._firm(person, slot) for person, slot in zip(self.people, self.times[MOVED][:12], strict=False)
        ][:12]

    def _times(self, session: Session, code: str) -> list[tuple[date, str]]:
        space = session.scalars(select(Space).where(Space.code == code)).one()
        rules = documents.load(session, [("timetable", space.timetable_code)])
        found = []
        for offset in range(9, 50):
            day = clock.today() + timedelta(days=offset)
            table = rules.timetable(space.timetable_code, day)
            found += [(day, slot.code) for slot in table.slots_on(day, dates.is_holiday)] if table else []
        return found[: 24 + ATTEMPTS // 100]

    def _firm(self, person: int, slot: tuple[date, str]) -> str:
        def book(session: Session) -> str:
            request = HoldRequest(person, None, MOVED, *slot)
            reference = services.hold(session, request, actor=RESIDENT, now=clock.now())
            paying.settle(session, locked(session, reference), actor=RESIDENT, now=clock.now())
            return reference

        return transact(book)

    def same(self, draw: random.Random, person: int) -> str:
        """One court, one slot."""
        day, slot = draw.choice(self.times[COURT])
        self.asked.add((day, slot))
        return self._hold(HoldRequest(person, None, COURT, day, slot))

    def shifted(self, draw: random.Random, person: int) -> str:
        """Two slots in a row of a part of the hall: they overlap with other pairs by half."""
        code = draw.choice(HALL)
        times = self.times[code]
        at = draw.randrange(len(times) - 1)
        (day, one), (next_day, other) = times[at], times[at + 1]
        also = ((day, other),) if day == next_day else ()
        return self._hold(HoldRequest(person, None, code, day, one, also=also))

    def composite(self, draw: random.Random, person: int) -> str:
        """A half, or a court of it."""
        code = draw.choice(HALL)
        return self._hold(HoldRequest(person, None, code, *draw.choice(self.times[code])))

    def in_series(self, draw: random.Random, person: int) -> str:
        """Some weeks of one weekday."""
        day, slot = draw.choice(self.times["S01-93"])
        request = SeriesRequest(person, None, "S01-93", day, day + timedelta(days=15), (day.weekday(),), (slot,))
        made = transact(lambda s: series.ask(s, request, actor=RESIDENT, now=clock.now()))
        return "won" if len(made.missed) < 3 else "slot_taken"

    def move(self, draw: random.Random, person: int) -> str:
        """Somebody's firm booking goes to another slot, or stays."""
        del person
        reference, (day, slot) = draw.choice(self.movable), draw.choice(self.times[MOVED])

        def go(session: Session) -> None:
            moving.move(
                session,
                locked(session, reference),
                MoveTo(day, (slot,)),
                accepted=None,
                by_staff=True,
                waive=True,
                actor=MANAGER,
                now=clock.now(),
            )

        transact(go)
        return "won"

    def beside(self, draw: random.Random, person: int) -> str:
        """A row written by hand, past every rule but the constraint."""
        del person
        code = draw.choice(HALL)
        day, _slot = draw.choice(self.times[code])
        start = datetime(day.year, day.month, day.day, draw.randrange(8, 20), 30, tzinfo=clock.TOKYO)
        try:
            with unit_of_work() as session:
                session.execute(
                    text(
                        "INSERT INTO occupancy (unit_id, during, live, kind, owner_ref) SELECT u, tstzrange(:start, :end),"
                        " tstzrange(:now, NULL), 'city', 'beside' FROM unnest(cast(:units AS integer[])) u ORDER BY u"
                    ),
                    {
                        "start": start,
                        "end": start + timedelta(hours=1),
                        "now": clock.now(),
                        "units": self.units[code],
                    },
                )
        except IntegrityError:
            return "slot_taken"
        return "won"

    def _hold(self, request: HoldRequest) -> str:
        transact(lambda s: services.hold(s, request, actor=RESIDENT, now=clock.now()))
        return "won"

    def attempt(self, draw: random.Random, person: int) -> str:
        """One try of any kind."""
        kinds: list[Callable[[random.Random, int], str]] = [
            self.same,
            self.same,
            self.shifted,
            self.composite,
            self.in_series,
            self.move,
            self.beside,
        ]
        kind = draw.choice(kinds)
        try:
            return f"{kind.__name__} {kind(draw, person)}"
        except PortalError as refused:
            return f"{kind.__name__} {refused.code}"

    def run(self, seed: int, people: list[int]) -> None:
        """One thread's tries."""
        draw = random.Random(seed)
        try:
            for person in people:
                outcome = self.attempt(draw, person)
                with self.lock:
                    self.outcomes[outcome] += 1
        except BaseException as error:
            self.unexpected.append(error)
            raise


@pytest.mark.timeout(3600 if "SOAK" in os.environ else 120)
def test_whatever_is_tried_at_once_nothing_overlaps_and_what_was_asked_for_is_sold(koga: str, session: Session) -> None:
    kernel_database.configure(koga, pool_size=THREADS + 2)
    contest = Contest(session, ATTEMPTS)
    threads = [
        threading.Thread(target=contest.run, args=(number, contest.people[number::THREADS]), daemon=True)
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not contest.unexpected, contest.unexpected[0]
    assert _overlaps(session) == 0
    for day, slot in contest.asked:
        with pytest.raises(SlotTaken):
            contest._hold(HoldRequest(contest.people[0], None, COURT, day, slot))
    assert contest.outcomes["same won"] == len(contest.asked)
    for reference in contest.movable:
        live = session.execute(
            text(
                "SELECT count(*) FROM occupancy o JOIN booking b ON b.id = o.booking_id WHERE b.reference = :reference"
                " AND upper_inf(o.live)"
            ),
            {"reference": reference},
        ).scalar_one()
        assert live == 1
    print(
        f"\n{sum(contest.outcomes.values())} contested attempts, 0 overlaps, {len(contest.asked)} of {len(contest.asked)} sold"
    )
    for kind, count in sorted(contest.outcomes.items()):
        print(f"  {kind}: {count}")
