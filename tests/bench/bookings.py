"""Bookings under measure: holds beside the bound and beside libres, crowds of processes, availability, month pages, closing.

The bound is one bare row under the same exclusion constraint and its commit, through SQLAlchemy. Everything that is compared runs in
turns in one run; absolute figures stand beside a calibration loop, since no machine is like another.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import event, text

from portal.kernel import clock, database, dates
from portal.kernel.database import unit_of_work
from reservations.queries import board, calendar, catalog, stored
from tests.bench import worker
from tests.bench.other import DAYS, SHARE, Libres
from tests.bench.world import book

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
EACH = int(os.environ.get("BENCH_EACH", "60"))
PROCESSES = 8
Say = Callable[..., None]
_OVERLAPS = text(
    "SELECT count(*) FROM occupancy a JOIN occupancy b ON a.unit_id = b.unit_id AND a.id < b.id"
    " AND a.during && b.during AND a.live && b.live"
)


def calibrate(say: Say) -> None:
    """How fast this machine is now: a million additions, the median of five."""
    taken = []
    for _ in range(5):
        began, total = time.perf_counter(), 0
        for number in range(1_000_000):
            total += number
        taken.append((time.perf_counter() - began) * 1000)
    say("calibration: a million additions", statistics.median(taken), "ms")
    say("load of the machine, one minute", os.getloadavg()[0], "")


def slots(
    count: int, *, prefix: str = "", days: tuple[int, int] = (3, 30), seed: int = 4, free: bool = False
) -> list[list[str]]:
    """[space, day, slot] that anybody of the city may hold, shuffled, no two of which share a unit and a time; only `free` ones."""
    found: list[list[str]] = []
    now = clock.now()
    with unit_of_work() as session:
        views = [view for view in catalog.spaces(session, on=clock.today()) if view.code.startswith(prefix)]
        rules = catalog.rules_for(session, views)
        taken: dict[int, list[tuple[Any, Any]]] = {}
        if free:
            for unit, start, end in session.execute(
                text("SELECT unit_id, lower(during), upper(during) FROM occupancy")
            ):
                taken.setdefault(unit, []).append((start, end))
        # In a world that is partly taken small spaces first: a hall that takes all its courts leaves too few slots.
        for view in sorted(views, key=lambda one: len(one.units) if free else -len(one.units)):
            for offset in range(*days):
                day = clock.today() + timedelta(days=offset)
                table, policy = rules.timetable(view.timetable_code, day), rules.policy(view.policy_code, day)
                if table is None or policy is None or not view.facility.open_on(day):
                    continue
                category = policy.category("古河市").code
                for slot in table.slots_on(day, dates.is_holiday):
                    if policy.may_book(slot, category, now=now) is not None:
                        continue
                    meets = any(a < slot.end and slot.start < b for unit in view.units for a, b in taken.get(unit, []))
                    if not meets:
                        for unit in view.units:
                            taken.setdefault(unit, []).append((slot.start, slot.end))
                        found.append([view.code, day.isoformat(), slot.code])
    random.Random(seed).shuffle(found)
    if len(found) < count:
        raise SystemExit(f"only {len(found)} slots")
    return found[:count]


def people(count: int) -> list[int]:
    """So many residents."""
    with unit_of_work() as session:
        return list(
            session.scalars(
                text(
                    "INSERT INTO person (name, kana, city) SELECT '住民' || n, '', '古河市' FROM generate_series(1, :n) n"
                    " RETURNING id"
                ),
                {"n": count},
            )
        )


def clear() -> None:
    """No bookings, no occupancies."""
    with unit_of_work() as session:
        for table in ("sound_claim", "closure_hit", "booking_event", "occupancy"):
            session.execute(text(f"DELETE FROM {table}"))
        session.execute(text("DELETE FROM booking"))
        session.execute(text("ANALYZE"))


def bound_table() -> list[list[Any]]:
    """The table of the bound; [unit, start] that are all different."""
    with unit_of_work() as session:
        session.execute(text("DROP TABLE IF EXISTS bench_bound"))
        session.execute(
            text(
                "CREATE TABLE bench_bound (id bigserial PRIMARY KEY, unit_id integer, during tstzrange, live tstzrange,"
                " EXCLUDE USING gist (unit_id WITH =, during WITH &&, live WITH &&))"
            )
        )
    start = clock.now().replace(minute=0, second=0, microsecond=0)
    found = [[unit, (start + timedelta(hours=hour)).isoformat()] for unit in range(100) for hour in range(100)]
    random.Random(4).shuffle(found)
    return found


def rate(work: Callable[[], object], count: int) -> float:
    """How many a second."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def holds(url: str, say: Say) -> None:
    """A hold with all its rules, one by one: beside the bound, and beside libres' reserve and confirm."""
    clear()
    book(share=SHARE, held=0.1, days=(0, DAYS))
    wanted, bare, who = slots(EACH * (ROUNDS + 1), free=True), bound_table(), people(EACH * (ROUNDS + 1))
    with Libres(url) as libres:
        _one_by_one(say, libres, wanted, bare, who)


def _hold_all(items: list[list[Any]], outcomes: list[str]) -> None:
    outcomes.extend(worker.hold(*one) for one in items)


def _bound_all(items: list[list[Any]]) -> None:
    for one in items:
        worker.bound(*one)


def _one_by_one(say: Say, libres: Libres, wanted: list[list[str]], bare: list[list[Any]], who: list[int]) -> None:
    said: list[str] = []
    event.listen(database.engine(), "before_cursor_execute", lambda _c, _k, s, *_m: said.append(s))
    ours, bounds, theirs = [], [], []
    for number in range(ROUNDS + 1):
        part = slice(number * EACH, (number + 1) * EACH)
        items = [[person, *slot] for person, slot in zip(who[part], wanted[part], strict=True)]
        said.clear()
        outcomes: list[str] = []
        mine = rate(partial(_hold_all, items, outcomes), EACH)
        if any(not outcome.startswith("B-") for outcome in outcomes):
            raise SystemExit(f"a free slot was refused: {Counter(outcomes).most_common(3)}")
        each = len(said) / EACH
        bare_rate = rate(partial(_bound_all, bare[part]), EACH)
        other = libres.ask(f"reserve {EACH // 3}")
        if number:  # the first round warms up
            ours.append(mine)
            bounds.append(bare_rate)
            theirs.append(len(other) / sum(other))
    say("hold with all rules, one by one", statistics.median(ours), "/s")
    say("statements a hold, the clock's included", each, "", target=4)
    say("the bound, one by one", statistics.median(bounds), "/s")
    say("libres reserve and confirm, one by one", statistics.median(theirs), "/s")
    say("hold / bound", statistics.median(a / b for a, b in zip(ours, bounds, strict=True)), "x", least=0.30)
    say("hold / libres", statistics.median(a / b for a, b in zip(ours, theirs, strict=True)), "x", least=8)


def crowd(url: str, jobs: Sequence[dict[str, Any]]) -> tuple[float, list[list[Any]]]:
    """Processes that begin together; the slowest one's seconds and what came out of each try."""
    command = [sys.executable, "-m", "tests.bench.worker", url]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ})
        for _ in jobs
    ]
    for process, job in zip(running, jobs, strict=True):
        assert process.stdin
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
    for process in running:
        assert process.stdout
        process.stdout.readline()
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = []
    for process in running:
        assert process.stdout
        answers.append(json.loads(process.stdout.readline()))
        process.wait()
    return max(answer["seconds"] for answer in answers), [one for answer in answers for one in answer["done"]]


def p99(done: Sequence[Sequence[Any]]) -> float:
    """Milliseconds that 99 of 100 do not pass."""
    taken = sorted(one[1] for one in done)
    return float(taken[min(len(taken) - 1, round(0.99 * len(taken)))])


def _spread(items: Sequence[Any]) -> list[list[Any]]:
    return [list(items[number::PROCESSES]) for number in range(PROCESSES)]


def different(url: str, say: Say) -> None:
    """8 processes, each its own slots; and the bound under the same crowd."""
    ratios, slowest = [], []
    for number in range(max(2, ROUNDS // 2)):
        clear()
        wanted, who, bare = slots(EACH * PROCESSES, seed=number), people(EACH * PROCESSES), bound_table()
        items = [[person, *slot] for person, slot in zip(who, wanted, strict=True)]
        seconds, done = crowd(url, [{"kind": "hold", "items": part} for part in _spread(items)])
        refused = Counter(one[0] for one in done if not one[0].startswith("B-"))
        least, _bound = crowd(url, [{"kind": "bound", "items": part} for part in _spread(bare[: len(items)])])
        if refused:
            raise SystemExit(f"free slots were refused: {refused}")
        ratios.append(least / seconds)
        slowest.append(p99(done))
    say("8 processes, different slots: holds", len(items) / seconds, "/s")
    say("8 processes, different slots: hold / bound", statistics.median(ratios), "x", least=0.35)
    say("8 processes, different slots: p99", statistics.median(slowest), "ms", target=100)
    say("8 processes, different slots: refusals of a free slot", 0, "", target=0)


def same(url: str, say: Say) -> None:
    """8 processes want the same 300 slots; who loses is told three other times."""
    clear()
    wanted = slots(300)
    who = iter(people(300 * PROCESSES))
    jobs = []
    for number in range(PROCESSES):
        order = list(wanted)
        random.Random(number).shuffle(order)
        jobs.append({"kind": "hold", "alternatives": True, "items": [[next(who), *slot] for slot in order]})
    seconds, done = crowd(url, jobs)
    won = [one for one in done if one[0].startswith("B-")]
    lost = [one for one in done if one[0] == "slot_taken"]
    say("8 processes, the same 300 slots: sold", len(won), "", least=300)
    say("8 processes, the same 300 slots: attempts", len(done) / seconds, "/s")
    say("8 processes, the same 300 slots: losers' p99, with alternatives", p99(lost), "ms", target=80)
    say("losers who saw three other times", 100 * sum(one[2] == 3 for one in lost) / max(len(lost), 1), "%")
    none_overlap(say)


def composite(url: str, say: Say) -> None:
    """Whole, half and courts of one hall, all wanted at once by 8 processes."""
    clear()
    codes = ["S01-01", "S01-90", "S01-91", "S01-92", "S01-93", "S01-94", "S01-95"]
    times = [(day, slot) for _space, day, slot in slots(60, prefix="S01-01", days=(8, 60))]
    items = [[code, day, slot] for day, slot in times for code in codes]
    who = iter(people(len(items) * PROCESSES))
    jobs = []
    for number in range(PROCESSES):
        order = list(items)
        random.Random(number).shuffle(order)
        jobs.append({"kind": "hold", "items": [[next(who), *one] for one in order[:200]]})
    seconds, done = crowd(url, jobs)
    kinds = Counter("won" if one[0].startswith("B-") else one[0] for one in done)
    say("whole, half, court of a hall, 8 processes: attempts", len(done) / seconds, "/s")
    say("whole, half, court: give-ups", sum(kinds.values()) - kinds["won"] - kinds["slot_taken"], "", target=0)
    say("whole, half, court: p99", p99(done), "ms", target=150)
    none_overlap(say)


def none_overlap(say: Say) -> None:
    """Count the overlaps that there should not be."""
    with unit_of_work() as session:
        say("overlaps", session.execute(_OVERLAPS).scalar_one(), "", target=0)


def availability(url: str, say: Say) -> None:
    """The state of every slot of all units over 31 days, at 60% occupied."""
    clear()
    book(share=SHARE, held=0.1, days=(0, DAYS))
    with Libres(url) as libres:
        _looks(say, libres)


def _looks(say: Say, libres: Libres) -> None:
    cold: list[float] = []
    again: list[float] = []
    after: list[float] = []
    theirs: list[float] = []
    with unit_of_work() as session:
        views = catalog.spaces(session, on=clock.today())
    free: Any = None
    for _ in range(ROUNDS):
        stored.stores.forget()
        for kept in (cold, again):
            with unit_of_work() as session:
                now = clock.now_in(session)
                began = time.perf_counter()
                free = board.look(session, views, first=clock.today(), days=31, now=now)
                kept.append((time.perf_counter() - began) * 1000)
        (wanted,) = slots(1, days=(40, 60))
        worker.hold(people(1)[0], *wanted)
        with unit_of_work() as session:
            began = time.perf_counter()
            board.look(session, views, first=clock.today(), days=31, now=clock.now())
            after.append((time.perf_counter() - began) * 1000)
        theirs.append(libres.ask("look") * 1000)
    count = sum(len(states) for row in free.rows.values() for states in row)
    say("slots whose state is known", count, "")
    say("availability, all units, 31 days: cold", statistics.median(cold), "ms", target=150)
    say("availability, all units, 31 days: stored", statistics.median(again), "ms", target=20)
    say("availability: the first look after somebody's commit", statistics.median(after), "ms", target=20)
    say("libres, 71 resources, 31 days, at 60% too", statistics.median(theirs), "ms")
    ratio = statistics.median(a / b for a, b in zip(theirs, cold, strict=True))
    say("availability: libres / cold", ratio, "x")
    ratio = statistics.median(a / b for a, b in zip(theirs, again, strict=True))
    say("availability: libres / stored", ratio, "x", least=20)


def months(url: str, say: Say) -> None:
    """A facility's month with 71 facilities in the city, and with 1,000."""
    del url
    clear()
    book(share=SHARE, held=0.1, days=(0, DAYS))
    for wanted, most in ((71, 100), (1000, 500)):
        _facilities(wanted)
        said: list[str] = []

        def count(_c: object, _k: object, statement: str, *_more: object, said: list[str] = said) -> None:
            said.append(statement)

        with unit_of_work() as session:
            codes = [head.code for head in catalog.names(session, on=clock.today())]
        taken = []
        event.listen(database.engine(), "before_cursor_execute", count)
        for number in range(40):
            with unit_of_work() as session:
                began = time.perf_counter()
                calendar.month(
                    session,
                    codes[number % len(codes)],
                    clock.today().replace(day=1),
                    purpose=None,
                    city="古河市",
                    now=clock.now(),
                )
                taken.append((time.perf_counter() - began) * 1000)
        each = len(said) / 40
        event.remove(database.engine(), "before_cursor_execute", count)
        say(f"month page, {wanted} facilities: statements", each, "", target=6)
        say(f"month page, {wanted} facilities: p95", sorted(taken)[round(0.95 * len(taken)) - 1], "ms", target=most)


def _facilities(wanted: int) -> None:
    """Copies of the city's facilities and spaces, until there are so many."""
    with unit_of_work() as session:
        have = int(session.execute(text("SELECT count(*) FROM facility")).scalar_one())
        for statement in (
            (
                "INSERT INTO facility (code, kana, category, evidence_class, evidence, position) SELECT 'X' || n, '', 'sports', 'D',"
                " '[]', 1000 + n FROM generate_series(1, :more) n"
            ),
            (
                "INSERT INTO facility_name (facility_id, kind, name) SELECT id, 'official', '施設' || code FROM facility"
                " WHERE code LIKE 'X%' AND :more > 0"
            ),
            (
                "INSERT INTO unit (facility_id, code) SELECT id, 'u' || n FROM facility, generate_series(1, 2) n"
                " WHERE code LIKE 'X%' AND :more > 0"
            ),
            (
                "INSERT INTO space (facility_id, code, name, name_en, bookable, sample, tariff, timetable_code, fees_code, policy_code,"
                " position) SELECT u.facility_id, 'X' || u.id, '室', '', true, true, 'court', 'court', 'court', 'sports', u.id"
                " FROM unit u JOIN facility f ON f.id = u.facility_id WHERE f.code LIKE 'X%' AND :more > 0"
            ),
            (
                "INSERT INTO space_unit (space_id, unit_id) SELECT s.id, u.id FROM space s JOIN unit u ON 'X' || u.id = s.code"
                " WHERE :more > 0"
            ),
        ):
            if wanted > have:
                session.execute(text(statement), {"more": wanted - have})


MEASURES: dict[str, Callable[[str, Say], None]] = {
    "book-holds": holds,
    "book-different": different,
    "book-same": same,
    "book-composite": composite,
    "book-availability": availability,
    "book-months": months,
}
