"""The other program under the same measure, in an environment of its own (it wants SQLAlchemy 2.0): one by one only.

`python libres_side.py URL RESOURCES DAYS SHARE` makes the same world as the portal's: so many resources and days, by the hour from 9
to 21, that share of the hours reserved. Then it answers lines with JSON: `reserve N` with the seconds of each reserve and confirm of
a free hour, `look` with the seconds of one look at the availability of all resources. Knows nothing of the portal.
"""

import json
import random
import sys
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

import libres
from libres import new_scheduler
from libres.db.models import ORMBase, Reservation, ReservedSlot
from sqlalchemy import create_engine, text

FIRST = datetime(2031, 1, 6, 9, 0)
WARM = 12


def _fill(scheduler: Any, days: int, share: float, draw: random.Random) -> list[datetime]:
    """Allocate the days and reserve a share of their hours, in the rows that reserving and approving leave; the free hours."""
    dates = [(FIRST + timedelta(days=d), FIRST + timedelta(days=d, hours=12)) for d in range(days)]
    allocations = scheduler.allocate(dates, raster=60, partly_available=True)
    session, free, made = scheduler.session, [], []
    session.flush()
    for (begin, _end), allocation in zip(dates, allocations, strict=True):
        for hour in range(12):
            start = begin + timedelta(hours=hour)
            if draw.random() >= share:
                free.append(start)
                continue
            ((slot_start, slot_end),) = allocation.all_slots(*_aware(scheduler, start))
            reservation = Reservation()
            reservation.token, reservation.target, reservation.target_type = (
                uuid.uuid4(),
                allocation.group,
                "allocation",
            )
            reservation.start, reservation.end, reservation.timezone = slot_start, slot_end, allocation.timezone
            reservation.resource, reservation.status, reservation.quota = scheduler.resource, "approved", 1
            reservation.email, reservation.session_id = "a@example.jp", uuid.uuid4()
            made.append((allocation, reservation))
    session.add_all(reservation for _allocation, reservation in made)
    session.flush()
    for allocation, reservation in made:
        slot = ReservedSlot()
        slot.start, slot.end, slot.resource = reservation.start, reservation.end, allocation.resource
        slot.reservation_token, slot.source_type, slot.source_id = reservation.token, "reservation", reservation.id
        allocation.reserved_slots.append(slot)
    scheduler.commit()
    return free


def _aware(scheduler: Any, start: datetime) -> tuple[datetime, datetime]:
    ((begin, end),) = scheduler._prepare_dates((start, start + timedelta(hours=1)))
    return begin, end


def _reserve(scheduler: Any, start: datetime) -> float:
    began = time.perf_counter()
    token = scheduler.reserve("a@example.jp", (start, start + timedelta(hours=1)), session_id=uuid.uuid4())
    scheduler.commit()
    scheduler.approve_reservations(token)
    scheduler.commit()
    return time.perf_counter() - began


def main() -> None:
    url, resources, days, share = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS btree_gist"))
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS hstore"))
    ORMBase.metadata.create_all(engine)
    context = libres.registry.register_context("bench", replace=True)
    context.set_setting("dsn", url)
    draw, free, schedulers = random.Random(4), [], []
    for number in range(resources):
        scheduler = new_scheduler(context, f"r{number}", "Asia/Tokyo")
        free += [(scheduler, start) for start in _fill(scheduler, days, share, draw)]
        schedulers.append(scheduler)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    draw.shuffle(free)
    for _ in range(WARM):
        _reserve(*free.pop())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = line.split()
        if asked[0] == "reserve":
            answer: Any = [_reserve(*free.pop()) for _ in range(int(asked[1]))]
        else:
            start = time.perf_counter()
            for scheduler in schedulers:
                for allocation in scheduler.allocations_in_range(FIRST, FIRST + timedelta(days=days)):
                    allocation.availability_partitions()
                scheduler.rollback()
            answer = time.perf_counter() - start
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
