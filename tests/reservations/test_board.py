"""The stored state of every slot: equal to a brute-force look at every occupancy, and never stale after a commit."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from portal.kernel import clock, dates
from portal.kernel.database import engine, unit_of_work
from reservations import services
from reservations.bitmaps import DAY, UnitTime, day_number, free, minute, parts, slot_parts, together
from reservations.models import RuleDocument
from reservations.queries import board, catalog, stored
from reservations.queries.board import Board
from reservations.queries.catalog import SpaceView
from reservations.services import HoldRequest
from reservations.timetable import TOKYO, Slot
from tests.reservations.conftest import FRIDAY, Resident

FIRST = date(2026, 12, 1)
DAYS = 31
#: Random worlds in the usual run; `make soak` looks at 1,000.
WORLDS = 200 * int(os.environ["SOAK"]) if "SOAK" in os.environ else 6


@pytest.fixture(autouse=True)
def _nothing_stored() -> Iterator[None]:
    stored.stores.forget()
    yield
    stored.stores.forget()


def look(session: Session, views: list[SpaceView], now: datetime) -> Board:
    return board.look(session, views, first=FIRST, days=DAYS, now=now)


def every(session: Session, views: list[SpaceView], now: datetime) -> dict[tuple[int, date, str], bool]:
    found = look(session, views, now)
    return {
        (view.id, day, slot.code): bool(state)
        for view in views
        for day in (FIRST + timedelta(days=n) for n in range(DAYS))
        for slot, state in zip(found.slots(view.id, day), found.free(view.id, day), strict=True)
    }


def oracle(session: Session, views: list[SpaceView], now: datetime) -> dict[tuple[int, date, str], bool]:
    """Every slot against every row, as plainly as it can be said."""
    rows = session.execute(
        text("SELECT unit_id, lower(during), upper(during), lower(live), upper(live) FROM occupancy")
    ).all()
    by_unit: dict[int, list[tuple[datetime, datetime]]] = {}
    for unit, start, end, since, until in rows:
        if since is not None and (until is None or until > now):
            by_unit.setdefault(unit, []).append((start, end or datetime(9999, 1, 1, tzinfo=UTC)))
    rules = catalog.rules_for(session, views)
    found = {}
    for view in views:
        taken = [stretch for unit in view.units for stretch in by_unit.get(unit, [])]
        for offset in range(DAYS):
            day = FIRST + timedelta(days=offset)
            table = rules.timetable(view.timetable_code, day)
            for slot in table.slots_on(day, dates.is_holiday) if table else ():
                busy = any(start < slot.taken_until and end > slot.taken_from for start, end in taken)
                found[view.id, day, slot.code] = not busy
    return found


def fill(session: Session, draw: random.Random, units: list[int], now: datetime) -> None:
    """A random world: firm stretches of any minute, some over midnight or without end, holds at any stage, ended ones."""
    session.execute(text("DELETE FROM occupancy"))
    start = datetime(2026, 11, 30, tzinfo=TOKYO)
    for unit in draw.sample(units, k=min(len(units), 40)):
        at = start + timedelta(minutes=draw.randrange(0, 2000))
        while at < start + timedelta(days=33):
            length = timedelta(minutes=draw.choice([1, 15, 30, 60, 90, 120, 240, 1440, 3000]))
            until = draw.choice([None, None, None, now + timedelta(seconds=draw.randrange(-900, 900)), now])
            during_end = None if draw.random() < 0.005 else at + length
            session.execute(
                text(
                    "INSERT INTO occupancy (unit_id, during, live, kind, owner_ref)"
                    " VALUES (:unit, tstzrange(:start, :end), tstzrange(:since, :until), 'city', 'world')"
                ),
                {"unit": unit, "start": at, "end": during_end, "since": now - timedelta(hours=1), "until": until},
            )
            if during_end is None:
                break
            at += length + timedelta(minutes=draw.randrange(0, 4000))


def test_random_worlds_are_as_a_brute_force_look_sees_them(koga: str, session: Session) -> None:
    views = catalog.spaces(session, on=FIRST)
    units = sorted({unit for view in views for unit in view.units})
    now = clock.now()
    for seed in range(WORLDS):
        draw = random.Random(seed)
        some = draw.sample(views, k=25)
        fill(session, draw, units, now)
        session.commit()
        assert every(session, some, now) == oracle(session, some, now), seed
        later = now + timedelta(seconds=draw.randrange(0, 1000))
        assert every(session, some, later) == oracle(session, some, later), seed


def test_what_is_committed_is_seen_at_the_next_look(hanako: Resident, stranger: Resident, session: Session) -> None:
    views = [view for view in catalog.spaces(session, on=FIRST) if view.code in {"S01-01", "S01-92", "S05-01"}]
    ids = {view.code: view.id for view in views}
    now = clock.now()

    def free_now(code: str, at: datetime = now) -> bool:
        session.rollback()
        return every(session, views, at)[ids[code], FRIDAY, "t0900"]

    assert free_now("S01-01")
    reference = hanako.hold("S01-92", "t0900")
    assert not free_now("S01-01")
    assert not free_now("S01-92")
    assert free_now("S05-01")
    assert free_now("S01-01", now + timedelta(minutes=15))
    hanako.release(reference)
    assert free_now("S01-01")
    stranger.hold("S01-01", "t0900")
    assert not free_now("S01-92")
    with unit_of_work() as own:
        own.execute(text("DELETE FROM occupancy"))
    assert free_now("S01-92")


def test_a_transaction_that_was_open_at_the_look_is_seen_once_it_has_ended(koga: str, session: Session) -> None:
    """Its number is older than that of others that the look saw: order of beginning is not order of committing."""
    views = [view for view in catalog.spaces(session, on=FIRST) if view.code == "S05-01"]
    (view,) = views
    insert = text(
        "INSERT INTO occupancy (unit_id, during, live, kind, owner_ref) VALUES (:unit, tstzrange(:start, :end),"
        " tstzrange(:now, NULL), 'city', 'x')"
    )
    nine = datetime(2026, 12, 4, 9, tzinfo=TOKYO)
    with engine().connect() as slow, engine().connect() as quick:
        values = {"unit": view.units[0], "now": clock.now()}
        slow.execute(insert, {**values, "start": nine, "end": nine + timedelta(hours=2)})
        quick.execute(insert, {**values, "start": nine + timedelta(hours=4), "end": nine + timedelta(hours=6)})
        quick.commit()
        before = every(session, views, clock.now())
        session.rollback()
        assert before[view.id, FRIDAY, "t0900"]
        assert not before[view.id, FRIDAY, "t1300"]
        slow.commit()
    assert not every(session, views, clock.now())[view.id, FRIDAY, "t0900"]


def test_a_stored_look_is_one_statement_and_two_where_something_was_booked(hanako: Resident, session: Session) -> None:
    views = catalog.spaces(session, on=FIRST)
    catalog.rules_for(session, views)  # documents are read once a process
    said: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    def statements() -> int:
        said.clear()
        board.look(session, views, first=FIRST, days=DAYS, now=clock.now())
        session.rollback()
        return len(said)

    session.rollback()
    event.listen(engine(), "before_cursor_execute", count)
    try:
        # The first reads the spaces, their rules and what is taken.
        assert [statements(), statements(), statements()] == [4, 1, 1]
        hanako.hold("S05-01", "t0900")
        assert [statements(), statements()] == [2, 1]
    finally:
        event.remove(engine(), "before_cursor_execute", count)


def test_what_is_offered_is_seen_as_last_committed(hanako: Resident, session: Session) -> None:
    """Names, spaces, purposes and rules: whoever changes them, by whatever way."""

    def offered() -> list[SpaceView]:
        session.rollback()
        return stored.sight(session, now=clock.now()).offer.spaces(FIRST)

    assert offered() == catalog.spaces(session, on=FIRST)
    for change in (
        "UPDATE facility_name SET name = name || '新' WHERE facility_id = (SELECT facility_id FROM space WHERE code = 'S05-01')",
        "UPDATE space SET bookable = false WHERE code = 'S05-01'",
        "DELETE FROM space_purpose WHERE space_id = (SELECT id FROM space WHERE code = 'S01-01')",
        "DELETE FROM space_unit WHERE space_id = (SELECT id FROM space WHERE code = 'S01-90')",
        "UPDATE facility SET closed_on = '2026-12-24' WHERE code = 'S01'",
    ):
        before = offered()
        with unit_of_work() as other:
            other.execute(text(change))
        assert offered() == catalog.spaces(session, on=FIRST) != before, change
    rules = stored.sight(session, now=clock.now()).offer.rules
    with unit_of_work() as other:
        policy = other.scalars(select(RuleDocument).where(RuleDocument.kind == "policy")).first()
        assert policy
        later = {
            "valid_from": date(2026, 12, 20),
            "revision": policy.revision + 1,
            "sample": True,
            "published_at": clock.now(),
        }
        said = {name: getattr(policy, name) for name in ("kind", "code", "content", "digest")}
        other.add(RuleDocument(**said, **later))
    session.rollback()
    assert stored.sight(session, now=clock.now()).offer.rules.versions != rules.versions


def test_what_a_transaction_wrote_itself_is_seen_by_it_and_not_kept_when_it_is_rolled_back(
    hanako: Resident, session: Session
) -> None:
    views = [view for view in catalog.spaces(session, on=FIRST) if view.code == "S05-01"]
    key = (views[0].id, FRIDAY, "t0900")
    assert every(session, views, clock.now())[key]
    session.rollback()
    request = HoldRequest(hanako.person_id, None, "S05-01", FRIDAY, "t0900")
    services.hold(session, request, actor=hanako.actor, now=clock.now())
    session.execute(text("UPDATE space SET name = '仮' WHERE code = 'S05-01'"))
    assert not every(session, views, clock.now())[key]
    session.rollback()
    assert every(session, views, clock.now())[key]
    names = {view.name for view in stored.sight(session, now=clock.now()).offer.spaces(FIRST)}
    assert "仮" not in names


def test_a_night_and_a_stretch_over_midnight_meet_in_bits() -> None:
    night = Slot(datetime(2026, 12, 4, 16, tzinfo=TOKYO), datetime(2026, 12, 5, 9, tzinfo=TOKYO), "night", "1泊")
    number = day_number(FRIDAY)
    assert [day for day, _mask in slot_parts(night)] == [number, number + 1]
    early = minute(datetime(2026, 12, 5, 8, tzinfo=TOKYO))
    unit = UnitTime.of([(early, early + 30, None)], number - 1, number + 3)
    taken, changes = together([unit], now=0)
    assert changes is None
    assert free(taken, [slot_parts(night)]) == b"\x00"
    assert sum(mask.bit_count() for _day, mask in parts(0, 3 * DAY)) == 3 * DAY
