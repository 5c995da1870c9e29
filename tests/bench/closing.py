"""Closing all facilities for a month with 20,000 bookings."""

from __future__ import annotations

import os
import time
from datetime import timedelta

from sqlalchemy import select, text

from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import transact, unit_of_work
from reservations import documents
from reservations.models import Space
from reservations.operations import closing
from reservations.operations.closing import ClosureRequest
from reservations.operations.models import ClosureKind
from reservations.queries import catalog
from tests.bench.bookings import Say, clear


def shut(url: str, say: Say) -> None:
    """71 facilities for a month with 20,000 bookings: recorded, and one message row for each."""
    del url
    clear()
    count = int(os.environ.get("BENCH_CLOSING", "20000"))
    with unit_of_work() as session:
        kept = session.scalars(select(Space).where(Space.timetable_code == "court").limit(1)).one()
        rules = documents.load(
            session, [("timetable", kept.timetable_code), ("fees", kept.fees_code), ("policy", kept.policy_code)]
        )
        ids = {kind: found[-1].id for (kind, _code), found in rules.versions.items()}
        session.execute(
            text(
                """
                WITH hours AS (
                    SELECT u.id AS unit, su.space_id AS space, at, row_number() OVER (ORDER BY at, u.id) AS n FROM unit u
                    JOIN LATERAL (SELECT min(space_id) AS space_id FROM space_unit WHERE unit_id = u.id) su ON true
                    CROSS JOIN LATERAL (SELECT (current_date + d + make_time(h, 0, 0)) AT TIME ZONE 'Asia/Tokyo' AS at
                                          FROM generate_series(10, 40) d, generate_series(9, 20) h WHERE u.id > 0) t
                    WHERE su.space_id IN (SELECT id FROM space WHERE timetable_code IS NOT NULL) LIMIT :count
                ), somebody AS (
                    INSERT INTO person (name, kana, city, email) SELECT '住民' || n, '', '古河市', 'p' || n || '@example.jp'
                    FROM generate_series(1, 2000) n RETURNING id
                ), people AS (SELECT array_agg(id) AS ids FROM somebody), made AS (
                    INSERT INTO booking (reference, person_id, space_id, source, state, locale, category, people, options, slots,
                        starts_at, ends_at, timetable_id, fees_id, policy_id, total, created_at, held_until, extensions, firm_at,
                        confirmed_at)
                    SELECT 'B-T' || n, ids[1 + n % 2000], space, 'online', 'confirmed', 'ja', 'resident', 1, '{}',
                        jsonb_build_array(jsonb_build_object('day', to_char(at, 'YYYY-MM-DD'), 'code', 'x', 'name', 'x', 'name_en', '',
                            'start', to_char(at AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD"T"HH24:MI:SS+09:00'),
                            'end', to_char((at + interval '1 hour') AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD"T"HH24:MI:SS+09:00'))),
                        at, at + interval '1 hour', :timetable, :fees, :policy, 500, now(), now(), 0, now(), now()
                    FROM hours, people RETURNING id, reference
                )
                INSERT INTO occupancy (unit_id, during, live, kind, booking_id)
                SELECT unit, tstzrange(at, at + interval '1 hour'), tstzrange(now(), NULL), 'booking', made.id
                FROM hours JOIN made ON made.reference = 'B-T' || n
                """
            ),
            {"count": count, **ids},
        )
        codes = tuple(session.scalars(select(Space.code).where(Space.timetable_code.is_not(None))))
        facilities = {head.code for head in catalog.names(session, on=clock.today())}
        stand = session.execute(text("SELECT count(*) FROM booking WHERE state = 'confirmed'")).scalar_one()
        session.execute(text("ANALYZE"))
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
