"""The other program under the same measure, in an environment of its own (it wants SQLAlchemy 2.0): one by one only.

`python libres_side.py URL RESERVATIONS RESOURCES DAYS` prints JSON: seconds of reserve and confirm each, and of one look at the
availability of all resources. Knows nothing of the portal.
"""

import json
import sys
import time
import uuid
from datetime import datetime, timedelta

import libres
from libres import new_scheduler
from libres.db.models import ORMBase
from sqlalchemy import create_engine, text


def main() -> None:
    url, count, resources, days = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS btree_gist"))
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS hstore"))
    ORMBase.metadata.create_all(engine)
    context = libres.registry.register_context("bench", replace=True)
    context.set_setting("dsn", url)
    first = datetime(2031, 1, 6, 9, 0)
    schedulers = []
    for number in range(resources):
        scheduler = new_scheduler(context, f"r{number}", "Asia/Tokyo")
        dates = [(first + timedelta(days=d), first + timedelta(days=d, hours=12)) for d in range(days)]
        scheduler.allocate(dates, raster=60, partly_available=True)
        scheduler.commit()
        schedulers.append(scheduler)
    taken = []
    number = 0
    began = time.perf_counter()
    while number < count:
        scheduler = schedulers[number % resources]
        day = first + timedelta(days=(number // resources) % days, hours=(number * 7) % 11)
        start = time.perf_counter()
        session_id = uuid.uuid4()
        try:
            token = scheduler.reserve("a@example.jp", (day, day + timedelta(hours=1)), session_id=session_id)
            scheduler.commit()
            scheduler.approve_reservations(token)
            scheduler.commit()
        except Exception:  # noqa: BLE001 - whatever it says, the slot was not to be had
            scheduler.rollback()
            number += 1
            continue
        taken.append(time.perf_counter() - start)
        number += 1
    total = time.perf_counter() - began
    start = time.perf_counter()
    for scheduler in schedulers:
        for allocation in scheduler.allocations_in_range(first, first + timedelta(days=days)):
            allocation.availability_partitions()
    look = time.perf_counter() - start
    print(json.dumps({"each": taken, "total": total, "availability": look}))


main()
