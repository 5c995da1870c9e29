"""What is offered, as a hold needs it: spaces, units, purposes, versions of rules. Read once a connection, again when it changed.

Whoever writes any of it leaves its transaction in `offer_changed` (triggers). What is kept is kept with the snapshot in which it was
read; every hold asks, in the statement that it sends anyway, whether a transaction has written since that this snapshot has not seen.
So nothing that was committed before a hold is missing in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from portal.kernel import prepared
from portal.kernel.prepared import Call, Prepared

_KEY = "reservations.offered"

_READ = Prepared(
    "hold_offered",
    """SELECT json_build_array(pg_current_snapshot()::text, coalesce(pg_current_xact_id_if_assigned()::text::bigint, 0),
EXISTS (SELECT FROM offer_changed WHERE changed = pg_current_xact_id_if_assigned()::text::bigint),
(SELECT json_agg(json_build_array(s.code, s.id, s.bookable, s.timetable_code, s.fees_code, s.policy_code, s.tariff, f.code,
f.opened_on, f.closed_on, f.replaced_by, ARRAY(SELECT unit_id FROM space_unit WHERE space_id = s.id ORDER BY 1),
ARRAY(SELECT purpose_id FROM space_purpose WHERE space_id = s.id)))
FROM space s JOIN facility f ON f.id = s.facility_id),
(SELECT json_object_agg(code, json_build_array(id, noise)) FROM purpose),
(SELECT json_agg(json_build_array(kind, code, valid_from, content ->> 'applies_to' = 'permit', id, digest) ORDER BY valid_from, revision)
FROM rule_document WHERE kind IN ('timetable', 'fees', 'policy')))""",
)
# Between two ends: with one only the server expects a third of the table and reads all of it.
CHANGED = """EXISTS (SELECT FROM offer_changed WHERE changed BETWEEN %(seen_from)s AND 9223372036854775807
AND (changed = %(seen_by)s OR NOT pg_visible_in_snapshot(changed::text::xid8, %(seen)s)))"""
"""Condition: what was read with `Offered.snapshot` is no longer all. A snapshot never names the transaction that took it."""


class Space(NamedTuple):
    """A space and its facility, in the order of the statement."""

    id: int
    bookable: bool
    timetable_code: str | None
    fees_code: str | None
    policy_code: str | None
    tariff: str
    facility: str
    opened_on: date | None
    closed_on: date | None
    replaced_by: str | None
    units: list[int]
    purposes: list[int]


_DATES = (Space._fields.index("opened_on"), Space._fields.index("closed_on"))


class Version(NamedTuple):
    """A version of a rule document. `by_permit`: the day of the permit decides, where that is earlier."""

    valid_from: date
    by_permit: bool
    id: int
    digest: str


@dataclass(frozen=True)
class Offered:
    """Everything, as of a snapshot.

    Attributes:
        snapshot: of the statement that has read it.
        seen_by: the transaction that has read it; 0 where it had not written by then.
        spaces: by code.
        purposes: (id, noise) by code.
        versions: in order, by kind and code of the document.
    """

    snapshot: str
    seen_by: int
    spaces: dict[str, Space]
    purposes: dict[str, tuple[int, str]]
    versions: dict[tuple[str, str], list[Version]]

    @property
    def seen_from(self) -> int:
        """All transactions before this one are seen."""
        return int(self.snapshot.split(":", 1)[0])

    def version(self, kind: str, code: str | None, day: date, *, made: date) -> Version | None:
        """The version in force on a day of use.

        Args:
            kind: of the document.
            code: of the document.
            day: of use.
            made: the day of the permit.
        """
        if code is None:
            return None
        versions = self.versions.get((kind, code), ())
        return next(
            (one for one in reversed(versions) if one.valid_from <= (min(day, made) if one.by_permit else day)), None
        )


def kept(session: Session) -> Offered | None:
    """What the session's connection has kept; it may have changed since."""
    found = prepared.memory(session).get(_KEY)
    return found if isinstance(found, Offered) else None


def read(session: Session, *, after: tuple[Call, ...] = ()) -> Offered:
    """Read it anew, and keep it, unless the transaction itself has written of it: that may be rolled back.

    Args:
        session: the caller's transaction.
        after: what has to come first and goes in the same message.
    """
    ((snapshot, seen_by, mine, spaces, purposes, versions),) = prepared.run(session, *after, (_READ, {}))[-1]
    found = Offered(
        snapshot,
        seen_by,
        {code: _space(more) for code, *more in spaces or ()},
        {code: (number, noise) for code, (number, noise) in (purposes or {}).items()},
        {},
    )
    for kind, code, valid_from, by_permit, number, digest in versions or ():
        version = Version(date.fromisoformat(valid_from), bool(kind == "fees" and by_permit), number, digest)
        found.versions.setdefault((kind, code), []).append(version)
    if not mine:
        prepared.memory(session)[_KEY] = found
    return found


def _space(values: list[Any]) -> Space:
    for place in _DATES:
        values[place] = values[place] and date.fromisoformat(values[place])
    return Space._make(values)
