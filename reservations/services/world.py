"""What a hold asks of the database before it decides: one read of the space, its rules' versions, and whoever wants it.

The statement is prepared, goes in one message with the lock that it has to come after, and answers with one value: the parts that
cost a hold time are not the rows but waiting, and composing, parsing and describing thirty columns anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from portal.kernel import clock, prepared
from portal.kernel.prepared import Call, Prepared
from reservations.errors import NotBookable, NotOffered
from reservations.policy.refusals import Refused
from reservations.timetable import TOKYO

LAPSE_WINDOW = "24 hours"
AROUND = "40 days"
"""Bookings so long before the wanted ones count for caps by the week or month and for days in a row."""


class World(NamedTuple):
    """What the statement answers, in this order.

    `taken`, `faults`, `unpaid_before` are of the person, or of the group where they book for it; `held` and `lapsed` (within
    `LAPSE_WINDOW`) of the person; `house_…` of the others who share the telephone or the home; `mine` is the person's own hold of
    just these slots. `now` is the moment by the database's clock from which everything was judged.
    """

    now: datetime
    id: int
    bookable: bool
    timetable_code: str
    fees_code: str
    policy_code: str
    tariff: str
    facility: str
    opened_on: date | None
    closed_on: date | None
    replaced_by: str | None
    units: list[int]
    purpose_id: int | None
    noise: str | None
    timetable_id: int
    timetable_digest: str
    fees_id: int
    fees_digest: str
    policy_id: int
    policy_digest: str
    city: str | None
    birth_date: date | None
    party_id: int | None
    party_kind: str
    party_state: str
    party_from: date | None
    party_until: date | None
    party_counter: bool
    party_members: list[tuple[str, str]] | None
    ties: list[tuple[str, str, bool, str | None, str | None]] | None
    taken: list[tuple[list[dict[str, Any]], str, str, str, bool]] | None
    faults: list[tuple[str, bool]] | None
    unpaid_before: bool | None
    held: int
    lapsed: int
    house_held: int
    house_lapsed: int
    mine: str | None


_DATES = tuple(
    World._fields.index(name) for name in ("opened_on", "closed_on", "birth_date", "party_from", "party_until")
)

# Series and lists from a meeting are kept on terms of their own, and do not use up what a person may hold by hand.
_HELD = "hand AND runs AND (accepted_at IS NULL OR pay_when = 'advance')"
_LAPSED = "hand AND created_at > n.since AND (ended OR state IN ('lapsed', 'released'))"

_KEPT = "reference, space_id, source, state, slots, facts, starts_at, created_at, held_until, accepted_at, ended_at, no_show_at, pay_when"
# Each booking of the person, of the group and of the household is read once, by an index, whatever the plan was made for.
_HISTORY = f"""SELECT json_build_array(
json_agg((SELECT json_build_array(slots, o.policy_code, l.code, o.code, runs AND accepted_at IS NOT NULL)
FROM space o JOIN facility l ON l.id = o.facility_id WHERE o.id = b.space_id))
FILTER (WHERE counts AND starts_at > n.around AND (runs OR state IN ('requested', 'confirmed'))),
json_agg(json_build_array(coalesce(no_show_at, ended_at), no_show_at IS NOT NULL))
FILTER (WHERE counts AND (no_show_at IS NOT NULL OR state = 'cancelled' AND facts ->> 'late' = 'true')),
bool_or(EXISTS (SELECT FROM jsonb_array_elements(%(wanted)s) w WHERE slots @> jsonb_build_array(w)))
FILTER (WHERE counts AND b.space_id = s.id AND accepted_at IS NOT NULL AND pay_when IN ('within', 'counter')
AND (ended OR state = 'lapsed')),
count(*) FILTER (WHERE who = 1 AND {_HELD}),
count(*) FILTER (WHERE who = 1 AND {_LAPSED}),
count(*) FILTER (WHERE who = 3 AND {_HELD}),
count(*) FILTER (WHERE who = 3 AND {_LAPSED}),
min(reference) FILTER (WHERE who = 1 AND b.space_id = s.id AND runs
AND slots @> %(wanted)s AND jsonb_array_length(slots) = %(count)s)) AS facts
FROM (SELECT *, source NOT IN ('series', 'allocation') AS hand, state = 'held' AND held_until > n.now AS runs,
state = 'held' AND held_until <= n.now AS ended FROM (
SELECT 1 AS who, group_id IS NULL AND %(party)s IS NULL AS counts, {_KEPT} FROM booking WHERE person_id = p.id
UNION ALL SELECT 2, true, {_KEPT} FROM booking WHERE group_id = g.id
UNION ALL SELECT 3, false, {_KEPT} FROM booking WHERE person_id = ANY(hh.ids)) a) b"""  # noqa: S608 - its parts are constants of this program

_VERSION = """SELECT id, digest FROM rule_document WHERE kind = '{kind}' AND code = s.{kind}_code AND valid_from <= {day}
ORDER BY valid_from DESC, revision DESC LIMIT 1"""
# A table may say that the day of the permit decides (`applies_to`).
_FEES_DAY = "least(%(day)s, CASE WHEN content ->> 'applies_to' = 'permit' THEN n.made END)"

_READ = Prepared(
    "hold_read",
    f"""WITH n AS MATERIALIZED (SELECT now, (now AT TIME ZONE 'Asia/Tokyo')::date AS made, now - interval '{LAPSE_WINDOW}' AS since,
least(%(first)s::timestamp AT TIME ZONE 'Asia/Tokyo', now) - interval '{AROUND}' AS around
FROM (SELECT coalesce(%(now)s, clock_timestamp()) AS now) c)
SELECT json_build_array(n.now, s.id, s.bookable, s.timetable_code, s.fees_code, s.policy_code, s.tariff, f.code,
f.opened_on, f.closed_on, f.replaced_by, ARRAY(SELECT unit_id FROM space_unit WHERE space_id = s.id ORDER BY 1), k.purpose_id,
CASE WHEN EXISTS (SELECT FROM space_neighbour w WHERE s.id IN (w.space_id, w.other_id)) THEN u.noise END,
t.id, t.digest, c.id, c.digest, r.id, r.digest, p.city, p.birth_date,
g.id, g.kind, g.state, g.valid_from, g.valid_until, g.counter_only,
(SELECT json_agg(json_build_array(basis, city)) FROM booking_group_member WHERE group_id = g.id),
(SELECT json_agg(json_build_array(basis, city, state = 'verified', valid_from, valid_until)) FROM eligibility
WHERE person_id = p.id AND state IN ('declared', 'verified')), h.facts)
FROM n CROSS JOIN space s JOIN facility f ON f.id = s.facility_id
LEFT JOIN person p ON p.id = %(person)s
LEFT JOIN purpose u ON u.code = %(purpose)s
LEFT JOIN space_purpose k ON k.space_id = s.id AND k.purpose_id = u.id
LEFT JOIN booking_group g ON g.reference = %(party)s AND (g.representative_id = p.id
OR EXISTS (SELECT FROM booking_group_member WHERE group_id = g.id AND person_id = p.id AND may_book))
, LATERAL (SELECT array_agg(id) AS ids FROM (
SELECT id FROM person q WHERE regexp_replace(q.phone, '\\D', '', 'g') = regexp_replace(p.phone, '\\D', '', 'g')
AND length(regexp_replace(p.phone, '\\D', '', 'g')) >= 9
UNION SELECT id FROM person q WHERE p.postal_code <> '' AND p.block <> ''
AND (q.postal_code, q.block, q.town, q.building) = (p.postal_code, p.block, p.town, p.building)
AND split_part(replace(q.name, '　', ' '), ' ', 1) = split_part(replace(p.name, '　', ' '), ' ', 1)) q
WHERE id <> p.id) hh
, LATERAL ({_HISTORY}) h
, LATERAL ({_VERSION.format(kind="timetable", day="%(day)s")}) t
, LATERAL ({_VERSION.format(kind="fees", day=_FEES_DAY)}) c
, LATERAL ({_VERSION.format(kind="policy", day="%(day)s")}) r
WHERE s.code = %(space)s AND (%(anybody)s OR p.id > 0)""",  # noqa: S608 - its parts are constants of this program
    person="bigint",
    space="text",
    purpose="text",
    party="text",
    day="date",
    first="date",
    wanted="jsonb",
    count="integer",
    now="timestamptz",
    anybody="boolean",
)


def read(
    session: Session,
    *,
    person_id: int,
    space: str,
    purpose: str | None,
    group: str | None,
    day: date,
    wanted: Sequence[tuple[date, str]],
    now: datetime | None,
    after: Sequence[Call] = (),
    anybody: bool = False,
    over: bool = False,
) -> World:
    """What the space is on the day, and how the person stands.

    Args:
        session: the caller's transaction.
        person_id: who; not looked at where `anybody`.
        space: code.
        purpose: code of what for.
        group: reference of the group for which is booked.
        day: the day of use that decides about the rules.
        wanted: (day, code of the slot), in order.
        now: the database's clock; None: the statement reads it.
        after: what has to come first and goes in the same message: the person's lock.
        anybody: for nobody in particular.
        over: the day may be over.

    Raises:
        NotBookable: the day is over.
        NotOffered: no such space or person, not online, or not open on that day.
    """
    first = wanted[0][0]
    values = {
        "anybody": anybody,
        "person": person_id,
        "space": space,
        "purpose": purpose,
        "party": group,
        "wanted": json.dumps([{"day": each.isoformat(), "code": code} for each, code in wanted]),
        "count": len(wanted),
        "day": day,
        "first": first,
        "now": now or clock.given(),
    }
    rows = prepared.run(session, *after, (_READ, values))[-1]
    row = [*rows[0][:-1], *rows[0][-1]] if rows else None
    moment = datetime.fromisoformat(row[0]) if row else now or clock.now()
    if not over and day < moment.astimezone(TOKYO).date():
        raise NotBookable(Refused.DAY_OVER)
    if row is None:
        raise NotOffered
    row[0] = moment
    for at in _DATES:
        row[at] = row[at] and date.fromisoformat(row[at])
    world = World(*row)
    if not world.bookable or not world.units:
        raise NotOffered
    # A stay, too, lies with each of its days between the first and the last one of the facility.
    if world.opened_on and first < world.opened_on:
        raise NotOffered(opens=world.opened_on)
    if world.closed_on and wanted[-1][0] > world.closed_on:
        raise NotOffered(closed=world.closed_on, into=world.replaced_by)
    return world
