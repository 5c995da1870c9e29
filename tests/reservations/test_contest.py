"""Many want the same: slots, shifted pairs, parts of a hall, series, permits, moves, rows beside the program. Nothing overlaps."""

from __future__ import annotations

import os
import random
import threading
import time
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
from reservations.models import Booking, Space
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
KINDS = ("same", "same", "shifted", "composite", "in_series", "approve", "move", "beside")
HALL = ("S01-90", "S01-91", "S01-92", "S01-93", "S01-94", "S01-95")
COURT, MOVED = "S05-01", "S08-01"
#: The whole hall: a manager has to permit it.
WHOLE = "S01-01"


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
        codes = (COURT, MOVED, WHOLE, *HALL)
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
        #: Whatever somebody who may book it has asked for: a space and its slots.
        self.asked: set[tuple[str, tuple[tuple[date, str], ...]]] = set()
        #: Bookings that a manager has to permit, or has permitted.
        self.waiting: list[str] = []
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
        self._hold(person, COURT, draw.choice(self.times[COURT]))
        return "won"

    def shifted(self, draw: random.Random, person: int) -> str:
        """Two slots in a row of a part of the hall: they overlap with other pairs by half."""
        code = draw.choice(HALL)
        times = self.times[code]
        at = draw.randrange(len(times) - 1)
        one, other = times[at], times[at + 1]
        self._hold(person, code, *((one, other) if one[0] == other[0] else (one,)))
        return "won"

    def composite(self, draw: random.Random, person: int) -> str:
        """A half, or a court of it."""
        code = draw.choice(HALL)
        self._hold(person, code, draw.choice(self.times[code]))
        return "won"

    def in_series(self, draw: random.Random, person: int) -> str:
        """Some weeks of one weekday."""
        day, slot = draw.choice(self.times["S01-93"])
        request = SeriesRequest(person, None, "S01-93", day, day + timedelta(days=15), (day.weekday(),), (slot,))
        made = transact(lambda s: series.ask(s, request, actor=RESIDENT, now=clock.now()))
        return "won" if len(made.missed) < 3 else "slot_taken"

    def approve(self, draw: random.Random, person: int) -> str:
        """The whole hall, paid; then a manager permits one that waits, often one that another permits at the same moment."""
        try:
            reference = self._hold(person, WHOLE, draw.choice(self.times[WHOLE]))
            transact(lambda s: paying.settle(s, locked(s, reference), actor=RESIDENT, now=clock.now()))
            with self.lock:
                self.waiting.append(reference)
        finally:
            for waits in draw.sample(self.waiting, min(1, len(self.waiting))):
                self._permit(waits)
        return "won"

    def _permit(self, reference: str) -> None:
        facilities = [WHOLE.partition("-")[0]]
        transact(lambda s: services.approve(s, reference, facilities=facilities, actor=MANAGER, now=clock.now()))

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

    def _hold(self, person: int, code: str, *slots: tuple[date, str]) -> str:
        self.asked.add((code, slots))
        return self.hold(person, code, slots)

    def hold(self, person: int, code: str, slots: tuple[tuple[date, str], ...]) -> str:
        """One tap; the reference."""
        request = HoldRequest(person, None, code, *slots[0], also=slots[1:])
        return services.hold_alone(request, actor=RESIDENT)

    def attempt(self, draw: random.Random, person: int) -> str:
        """One try of any kind."""
        name = draw.choice(KINDS)
        kind: Callable[[random.Random, int], str] = getattr(self, name)
        try:
            return f"{name} {kind(draw, person)}"
        except PortalError as refused:
            return f"{name} {refused.code}"

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


def _states(session: Session, references: list[str]) -> set[str]:
    return set(session.scalars(select(Booking.state).where(Booking.reference.in_(references))))


@pytest.mark.timeout(3600 if "SOAK" in os.environ else 120)
def test_whatever_is_tried_at_once_nothing_overlaps_and_what_was_asked_for_is_sold(koga: str, session: Session) -> None:
    kernel_database.configure(koga, pool_size=THREADS + 2)
    began = time.perf_counter()
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
    for code, slots in sorted(contest.asked):
        with pytest.raises(SlotTaken):
            contest.hold(contest.people[-1], code, slots)
    assert contest.outcomes["same won"] == sum(code == COURT for code, _slots in contest.asked)
    for reference in contest.waiting:
        contest._permit(reference)
    assert _states(session, contest.waiting) <= {"confirmed"}
    for reference in contest.movable:
        live = session.execute(
            text(
                "SELECT count(*) FROM occupancy o JOIN booking b ON b.id = o.booking_id WHERE b.reference = :reference"
                " AND upper_inf(o.live)"
            ),
            {"reference": reference},
        ).scalar_one()
        assert live == 1
    assert {outcome.split()[0] for outcome in contest.outcomes} == set(KINDS)
    print(
        f"\n{sum(contest.outcomes.values())} contested attempts in {time.perf_counter() - began:.0f} s, 0 overlaps,"
        f" all {len(contest.asked)} different wishes taken, {len(contest.waiting)} permitted"
    )
    for kind, count in sorted(contest.outcomes.items()):
        print(f"  {kind}: {count}")
