"""Thirty-two people tap the same slot at the same moment, a hundred times in a row."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import date, timedelta

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.kernel import clock, dates, references
from portal.kernel import database as kernel_database
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from reservations import documents, services
from reservations.errors import SlotTaken
from reservations.models import Booking, Occupancy, Space
from reservations.services import HoldRequest

PEOPLE = 32
ROUNDS = 100


@pytest.fixture
def crowd(koga: str) -> list[int]:
    kernel_database.configure(koga, pool_size=PEOPLE)
    with unit_of_work() as session:
        rows = [{"name": f"住民{n}", "kana": "", "city": "古河市"} for n in range(PEOPLE)]
        return list(session.scalars(insert(Person).returning(Person.id), rows))


def _slots(session: Session, codes: list[str], count: int) -> list[tuple[str, date, str]]:
    """Slots that can be booked from now on, each used once."""
    found: list[tuple[str, date, str]] = []
    for space in session.scalars(select(Space).where(Space.code.in_(codes)).order_by(Space.code)):
        rules = documents.load(session, [("timetable", space.timetable_code)])
        for offset in range(9, 80):
            day = clock.today() + timedelta(days=offset)
            timetable = rules.timetable(space.timetable_code, day)
            assert timetable
            found += [(space.code, day, slot.code) for slot in timetable.slots_on(day, dates.is_holiday)]
    assert len(found) >= count
    return found[:count]


def _forget_caps(session: Session) -> None:
    """What a round won is let go, and not held against the winner: here the constraint is tested, not the caps."""
    session.execute(text("UPDATE booking SET state = 'cancelled' WHERE state = 'held'"))


def _race(crowd: list[int], rounds: list[list[tuple[str, date, str]]]) -> list[Counter[str]]:
    """Everybody tries the slot that is theirs in each round, all at once; what came out, by round."""
    outcomes = [Counter[str]() for _ in rounds]
    barrier = threading.Barrier(len(crowd))
    unexpected: list[BaseException] = []
    lock = threading.Lock()

    def attempt(person: int, wanted: tuple[str, date, str]) -> str:
        space, day, slot = wanted
        request = HoldRequest(person, None, space, day, slot)
        try:
            services.hold_alone(request, actor=Actor(None, "resident"))
        except SlotTaken as refused:
            return "refused" if refused.starts_at.date() == day else "confused"
        return "won"

    def run(index: int, person: int) -> None:
        try:
            for number, wanted in enumerate(rounds):
                barrier.wait(timeout=30)
                outcome = attempt(person, wanted[index % len(wanted)])
                with lock:
                    outcomes[number][outcome] += 1
                if barrier.wait(timeout=30) == 0:
                    with unit_of_work() as session:
                        _forget_caps(session)
                barrier.wait(timeout=30)
        except BaseException as error:
            unexpected.append(error)
            barrier.abort()
            raise

    threads = [threading.Thread(target=run, args=(n, person), daemon=True) for n, person in enumerate(crowd)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=150)
    assert not unexpected, unexpected[0]
    return outcomes


_LACKING = text(
    "SELECT count(*) FROM booking b WHERE (SELECT count(*) FROM space_unit u WHERE u.space_id = b.space_id)"
    " <> (SELECT count(*) FROM occupancy o WHERE o.booking_id = b.id)"
)


def _overlaps(session: Session) -> int:
    one, other = Occupancy.__table__.alias(), Occupancy.__table__.alias()
    statement = (
        select(func.count())
        .select_from(one.join(other, (one.c.unit_id == other.c.unit_id) & (one.c.id < other.c.id)))
        .where(one.c.during.op("&&")(other.c.during), one.c.live.op("&&")(other.c.live))
    )
    return int(session.execute(statement).scalar_one())


def test_thirty_two_people_and_one_slot_give_one_winner_a_hundred_times_in_a_row(
    crowd: list[int], session: Session
) -> None:
    slots = _slots(session, ["S05-01"], ROUNDS)
    session.commit()
    began = time.perf_counter()
    outcomes = _race(crowd, [[slot] for slot in slots])
    seconds = time.perf_counter() - began
    assert outcomes == [Counter(won=1, refused=PEOPLE - 1)] * ROUNDS
    assert session.scalar(select(func.count()).select_from(Occupancy)) == ROUNDS
    assert _overlaps(session) == 0
    print(f"\n{ROUNDS * PEOPLE} attempts in {seconds:.1f} s: {ROUNDS * PEOPLE / seconds:.0f}/s")


def test_whole_halves_and_courts_of_one_floor_never_overlap(crowd: list[int], session: Session) -> None:
    """Seven spaces over four units, all tried at once: whoever wins, no unit is taken twice."""
    codes = ["S01-01", "S01-90", "S01-91", "S01-92", "S01-93", "S01-94", "S01-95"]
    whole = _slots(session, ["S01-01"], 15)
    session.commit()
    rounds = [[(code, day, slot) for code in codes] for _space, day, slot in whole]
    outcomes = _race(crowd, rounds)
    with unit_of_work() as other:
        assert other.scalar(_LACKING) == 0  # each has all of its units, and whoever lost has nothing
        assert other.scalar(select(func.count()).select_from(Booking)) == sum(outcome["won"] for outcome in outcomes)
    assert all(outcome["won"] >= 1 for outcome in outcomes)
    assert all(outcome["won"] + outcome["refused"] == PEOPLE for outcome in outcomes)
    assert _overlaps(session) == 0


def test_the_constraint_also_refuses_what_goes_past_the_program(crowd: list[int], session: Session) -> None:
    space, day, slot = _slots(session, ["S05-01"], 1)[0]
    request = HoldRequest(crowd[0], None, space, day, slot)
    services.hold(session, request, actor=Actor(None, "resident"), now=clock.now())
    session.commit()
    with pytest.raises(Exception, match="ex_occupancy_no_overlap"):
        session.execute(
            text(
                "INSERT INTO occupancy (unit_id, during, live, kind) SELECT unit_id, during, live, 'city' FROM occupancy"
            ),
        )
    session.rollback()


def test_references_do_not_repeat() -> None:
    assert len({references.new("B") for _ in range(2000)}) == 2000
