"""What a hold asks of the database before it decides: one read of the space, its rules' versions, and whoever wants it.

What is offered is known already (`reservations.services.offered`); the statement says whether that has changed. It goes in one message
with the lock that it has to come after and answers with one value: what costs a hold time are not the rows but waiting, and
composing, parsing and describing thirty columns anew.
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
from reservations.services import household, offered
from reservations.services.offered import Offered
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


_FIRST = World._fields.index("city")
_DATES = tuple(World._fields.index(name) - _FIRST for name in ("birth_date", "party_from", "party_until"))

_HELD = f"hand AND runs AND {household.COUNTS}"
_LAPSED = "hand AND created_at > n.since AND (ended OR state IN ('lapsed', 'released'))"

_KEPT = "reference, space_id, source, state, slots, facts, starts_at, created_at, held_until, accepted_at, ended_at, no_show_at, pay_when"


def _reading(name: str, *, party: bool) -> Prepared:
    """The statement; without what it asks of a group where none books, since each part costs whether or not it finds rows.

    Each booking of the person, of the group and of the household is read once, by an index, whatever the plan was made for.
    """
    theirs = f"UNION ALL SELECT 2, true, {_KEPT} FROM booking WHERE group_id = g.id"  # noqa: S608 - its part is a constant of this program
    history = f"""SELECT json_build_array(
json_agg((SELECT json_build_array(slots, o.policy_code, l.code, o.code, runs AND accepted_at IS NOT NULL)
FROM space o JOIN facility l ON l.id = o.facility_id WHERE o.id = b.space_id))
FILTER (WHERE counts AND starts_at > n.around AND (runs OR state IN ('requested', 'confirmed'))),
json_agg(json_build_array(coalesce(no_show_at, ended_at), no_show_at IS NOT NULL))
FILTER (WHERE counts AND (no_show_at IS NOT NULL OR state = 'cancelled' AND facts ->> 'late' = 'true')),
bool_or(EXISTS (SELECT FROM jsonb_array_elements(%(wanted)s) w WHERE slots @> jsonb_build_array(w)))
FILTER (WHERE counts AND b.space_id = %(space)s AND accepted_at IS NOT NULL AND pay_when IN ('within', 'counter')
AND (ended OR state = 'lapsed')),
count(*) FILTER (WHERE who = 1 AND {_HELD}),
count(*) FILTER (WHERE who = 1 AND {_LAPSED}),
count(*) FILTER (WHERE who = 3 AND {_HELD}),
count(*) FILTER (WHERE who = 3 AND {_LAPSED}),
min(reference) FILTER (WHERE who = 1 AND b.space_id = %(space)s AND runs
AND slots @> %(wanted)s AND jsonb_array_length(slots) = %(count)s)) AS facts
FROM (SELECT *, {household.BY_HAND} AS hand, state = 'held' AND held_until > n.now AS runs,
state = 'held' AND held_until <= n.now AS ended FROM (
SELECT 1 AS who, group_id IS NULL AND %(party)s IS NULL AS counts, {_KEPT} FROM booking WHERE person_id = p.id
{theirs if party else ""}
UNION ALL SELECT 3, false, {_KEPT} FROM booking WHERE person_id = ANY(hh.ids)) a) b"""  # noqa: S608 - its parts are constants of this program
    group = """g.id, g.kind, g.state, g.valid_from, g.valid_until, g.counter_only,
(SELECT json_agg(json_build_array(basis, city)) FROM booking_group_member WHERE group_id = g.id)"""
    joined = """LEFT JOIN booking_group g ON g.reference = %(party)s AND (g.representative_id = p.id
OR EXISTS (SELECT FROM booking_group_member WHERE group_id = g.id AND person_id = p.id AND may_book))"""
    return Prepared(
        name,
        f"""WITH n AS MATERIALIZED (SELECT now, now - interval '{LAPSE_WINDOW}' AS since,
least(%(first)s::timestamp AT TIME ZONE 'Asia/Tokyo', now) - interval '{AROUND}' AS around
FROM (SELECT coalesce(%(now)s, clock_timestamp()) AS now) c)
SELECT json_build_array(n.now, {offered.CHANGED}, p.id > 0,
%(purpose)s IS NOT NULL AND EXISTS (SELECT FROM space_neighbour w WHERE %(space)s IN (w.space_id, w.other_id)),
p.city, p.birth_date, {group if party else _NO_GROUP},
(SELECT json_agg(json_build_array(basis, city, state = 'verified', valid_from, valid_until)) FROM eligibility
WHERE person_id = p.id AND state IN ('declared', 'verified')), h.facts)
FROM n LEFT JOIN person p ON p.id = %(person)s
{joined if party else ""}
, LATERAL (SELECT array_agg(id) AS ids FROM (
{household.OF_P}) q
WHERE id <> p.id) hh
, LATERAL ({history}) h""",  # noqa: S608 - its parts are constants of this program
        person="bigint",
        space="integer",
        purpose="text",
        party="text",
        first="date",
        wanted="jsonb",
        count="integer",
        now="timestamptz",
        seen="pg_snapshot",
        seen_from="bigint",
        seen_by="bigint",
    )


_NO_GROUP = "NULL, NULL, NULL, NULL, NULL, NULL, NULL"
_READ_ALONE = _reading("hold_read", party=False)
_READ_GROUP = _reading("hold_read_group", party=True)


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
        "person": person_id,
        "purpose": purpose,
        "party": group,
        "wanted": json.dumps([{"day": each.isoformat(), "code": code} for each, code in wanted]),
        "count": len(wanted),
        "first": first,
        "now": now or clock.given(),
    }
    offer, (at, changed, known, beside, *stands, facts) = _read(session, space, values, after=after)
    if changed:
        offer = offered.read(session)
        _offer, (at, _changed, known, beside, *stands, facts) = _read(session, space, values, offer=offer)
    moment = datetime.fromisoformat(at)
    made = moment.astimezone(TOKYO).date()
    if not over and day < made:
        raise NotBookable(Refused.DAY_OVER)
    row = offer.spaces.get(space)
    if row is None or not (anybody or known):
        raise NotOffered
    timetable = offer.version("timetable", row.timetable_code, day, made=made)
    fees = offer.version("fees", row.fees_code, day, made=made)
    policy = offer.version("policy", row.policy_code, day, made=made)
    if timetable is None or fees is None or policy is None:
        raise NotOffered
    purpose_id, noise = offer.purposes.get(purpose or "", (None, None))
    for index in _DATES:
        stands[index] = stands[index] and date.fromisoformat(stands[index])
    place = (purpose_id if purpose_id in row.purposes else None, noise if beside else None)
    versions = (timetable.id, timetable.digest, fees.id, fees.digest, policy.id, policy.digest)
    world = World._make([moment, *row[:-1], *place, *versions, *stands, *facts])
    if not world.bookable or not world.units:
        raise NotOffered
    # A stay, too, lies with each of its days between the first and the last one of the facility.
    if world.opened_on and first < world.opened_on:
        raise NotOffered(opens=world.opened_on)
    if world.closed_on and wanted[-1][0] > world.closed_on:
        raise NotOffered(closed=world.closed_on, into=world.replaced_by)
    return world


def _read(
    session: Session, space: str, values: dict[str, Any], *, offer: Offered | None = None, after: Sequence[Call] = ()
) -> tuple[Offered, list[Any]]:
    """How the person stands towards the space, and what is offered as far as is known: the caller looks whether it changed since."""
    known = offer or offered.kept(session)
    if known is None:
        known, after = offered.read(session, after=tuple(after)), ()
    row = known.spaces.get(space)
    values = {
        **values,
        "space": row and row.id,
        "seen": known.snapshot,
        "seen_from": known.seen_from,
        "seen_by": known.seen_by,
    }
    reading = _READ_ALONE if values["party"] is None else _READ_GROUP
    return known, prepared.run(session, *after, (reading, values))[-1][0]
