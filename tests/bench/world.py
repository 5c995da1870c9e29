"""The city under measure: bookings of a crowd of people, as the program leaves them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text

from portal.kernel import database
from portal.kernel.database import unit_of_work
from reservations import documents
from reservations.models import Space

PEOPLE = 2000
_HOURS = """
    SELECT u.id AS unit, su.space_id AS space, at, row_number() OVER (ORDER BY at, u.id) AS n, random() AS draw FROM unit u
    JOIN LATERAL (SELECT min(space_id) AS space_id FROM space_unit WHERE unit_id = u.id) su ON true
    CROSS JOIN LATERAL (SELECT (current_date + d + make_time(h, 0, 0)) AT TIME ZONE 'Asia/Tokyo' AS at
                          FROM generate_series(cast(:first AS integer), cast(:last AS integer)) d, generate_series(9, 20) h
                         WHERE u.id > 0) t
    WHERE su.space_id IN (SELECT id FROM space WHERE timetable_code IS NOT NULL)
"""
_BOOKED = f"""
    WITH every AS MATERIALIZED ({_HOURS}), hours AS (
        SELECT * FROM every WHERE draw < cast(:share AS double precision) ORDER BY n LIMIT :most
    ), somebody AS (
        INSERT INTO person (name, kana, city, email) SELECT '住民' || n, '', '古河市', 'p' || n || '@example.jp'
        FROM generate_series(1, {PEOPLE}) n RETURNING id
    ), people AS (SELECT array_agg(id) AS ids FROM somebody), made AS (
        INSERT INTO booking (reference, person_id, space_id, source, state, locale, category, people, options, slots,
            starts_at, ends_at, timetable_id, fees_id, policy_id, total, created_at, held_until, extensions, firm_at, confirmed_at)
        SELECT 'B-T' || n, ids[1 + n % {PEOPLE}], space, 'online', CASE WHEN held THEN 'held' ELSE 'confirmed' END, 'ja', 'resident', 1,
            '{{}}', jsonb_build_array(jsonb_build_object('day', to_char(at AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD'), 'code', 'x',
                'name', 'x', 'name_en', '', 'start', to_char(at AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD"T"HH24:MI:SS+09:00'),
                'end', to_char((at + interval '1 hour') AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD"T"HH24:MI:SS+09:00'))),
            at, at + interval '1 hour', :timetable, :fees, :policy, 500, now(), now() + interval '15 minutes', 0,
            CASE WHEN NOT held THEN now() END, CASE WHEN NOT held THEN now() END
        FROM (SELECT *, draw < cast(:share AS double precision) * :held AS held FROM hours) h, people RETURNING id, reference, state
    )
    INSERT INTO occupancy (unit_id, during, live, kind, booking_id)
    SELECT unit, tstzrange(at, at + interval '1 hour'),
        tstzrange(now(), CASE WHEN state = 'held' THEN now() + interval '15 minutes' END), 'booking', made.id
    FROM hours JOIN made ON made.reference = 'B-T' || n
"""


def book(*, share: float = 1.0, held: float = 0.0, days: tuple[int, int], most: int = 10**6) -> None:
    """People book hours from 9 to 21 of every unit, at random but the same each time.

    Args:
        share: so much of the hours.
        held: so much of these are holds that still run.
        days: the first and the last one, counted from today.
        most: no more bookings than this.
    """
    with unit_of_work() as session:
        kept = session.scalars(select(Space).where(Space.timetable_code == "court").limit(1)).one()
        rules = documents.load(
            session, [("timetable", kept.timetable_code), ("fees", kept.fees_code), ("policy", kept.policy_code)]
        )
        values: dict[str, Any] = {kind: found[-1].id for (kind, _code), found in rules.versions.items()}
        values |= {"share": share, "held": held, "first": days[0], "last": days[1], "most": most}
        session.execute(text("SELECT setseed(0.4)"))
        session.execute(text(_BOOKED), values)
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
