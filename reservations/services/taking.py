"""Writing a hold: booking, occupancies, history and audit in one statement, all of it or nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.kernel import prepared, references
from portal.kernel.audit import Actor
from portal.kernel.database import constraint_of
from portal.kernel.prepared import Last, Prepared
from reservations import combining
from reservations.combining import Span
from reservations.errors import SlotTaken
from reservations.models import Source
from reservations.operations import claims
from reservations.services.world import World
from reservations.timetable import Slot


@dataclass(frozen=True)
class HoldRequest:
    """What a person taps: a slot of a space on a day.

    Attributes:
        person_id: whose booking it is.
        account_id: who is signed in; None where staff type it for somebody without an account.
        space: code of the space.
        day: the day of use.
        slot: code of the slot in the timetable of that day.
        also: further slots of the same booking, as (day, code).
        keep: how long it is kept; None: as the rules of use say.
        series_id: the series that it belongs to.
        group: reference of the group for which is booked.
        locale: language of the messages about it.
        source: how it came in.
        purpose: code of what for, where the search named it; ignored where the space is not for it.
        begun: staff ask, for a use that they have let begin: the slot may run already, or be over. Then the booking's source says so.
    """

    person_id: int
    account_id: int | None
    space: str
    day: date
    slot: str
    locale: str = "ja"
    source: Source = Source.ONLINE
    purpose: str | None = None
    also: tuple[tuple[date, str], ...] = ()
    group: str | None = None
    keep: timedelta | None = None
    series_id: int | None = None
    begun: bool = False

    @property
    def wanted(self) -> tuple[tuple[date, str], ...]:
        """All slots that are asked for, each once, in order of their days."""
        return tuple(sorted({(self.day, self.slot), *self.also}))


# ON CONFLICT DO NOTHING knows exclusion constraints: a rival waits for the first, then gets no row; nobody deadlocks. The booking is
# made where all its units were got, else nothing: what is taken of some units only refers to no booking, and the server refuses it.
_TAKE = Prepared(
    "hold_take",
    """
WITH next AS (SELECT nextval('booking_id_seq') AS id), taken AS (
INSERT INTO occupancy (unit_id, during, live, kind, booking_id)
SELECT unit, tstzrange(span.start, span.stop), tstzrange(%(now)s, %(until)s), 'booking', next.id
FROM next CROSS JOIN unnest(%(units)s) AS unit
CROSS JOIN unnest(%(span_starts)s, %(span_ends)s) AS span(start, stop)
ORDER BY unit, span.start
ON CONFLICT DO NOTHING
RETURNING unit_id
), made AS (
INSERT INTO booking (id, reference, person_id, account_id, group_id, facts, space_id, source, state, locale, category, purpose_id,
people, options, slots, starts_at, ends_at, timetable_id, fees_id, policy_id, created_at, held_until, extensions, series_id)
SELECT id, %(reference)s, %(person)s, %(account)s, %(group)s, %(facts)s, %(space)s, %(source)s, 'held', %(locale)s, %(category)s,
%(purpose)s, 1, '{}', %(slots)s, %(starts_at)s, %(ends_at)s, %(timetable)s, %(fees)s, %(policy)s, %(now)s, %(until)s, 0,
%(series)s FROM next WHERE (SELECT count(*) FROM taken) = cardinality(%(units)s) * cardinality(%(span_starts)s)
RETURNING id
), noted AS (
INSERT INTO booking_event (booking_id, at, kind, actor_kind, actor_account_id, detail)
SELECT id, %(now)s, 'held', %(actor_kind)s, %(actor)s, '{}' FROM made
), logged AS (
INSERT INTO audit_entry (at, actor_account_id, actor_kind, action, subject_kind, subject_ref)
SELECT %(now)s, %(actor)s, %(actor_kind)s, 'booking.held', 'booking', %(reference)s FROM made
)
SELECT to_json(id) FROM made
""",
    reference="text",
    person="bigint",
    account="bigint",
    group="bigint",
    facts="jsonb",
    space="integer",
    source="text",
    locale="text",
    category="text",
    purpose="integer",
    slots="jsonb",
    starts_at="timestamptz",
    ends_at="timestamptz",
    timetable="integer",
    fees="integer",
    policy="integer",
    now="timestamptz",
    until="timestamptz",
    series="bigint",
    units="integer[]",
    span_starts="timestamptz[]",
    span_ends="timestamptz[]",
    actor_kind="text",
    actor="bigint",
)
_json = json.JSONEncoder(ensure_ascii=False).encode
_PARTLY = "fk_occupancy_booking_id_booking"
"""Refuses what was taken of some units only."""


@dataclass(frozen=True)
class Taking:
    """A hold that the rules allow: what is written if nobody is faster.

    Attributes:
        request: what is asked for.
        world: what was read.
        slots: in order.
        category: of the payer.
        facts: what the booking keeps of its nights.
        until: when the hold ends.
        actor: who types it.
    """

    request: HoldRequest
    world: World
    slots: tuple[Slot, ...]
    category: str
    facts: dict[str, Any]
    until: datetime
    actor: Actor

    def write(self, session: Session) -> str:
        """Write it in the session's transaction; the reference.

        Raises:
            SlotTaken: somebody else has it.
            NotBookable: neighbours would hear it, or be heard.
        """
        reference, spans, world = references.new("B"), combining.spans(self.slots), self.world
        try:
            made = prepared.run(session, (_TAKE, self._values(reference, spans)))[0]
        except IntegrityError as error:
            if constraint_of(error) == _PARTLY:
                raise self._lost() from error
            raise
        if not made:
            raise self._lost()
        if world.noise is not None and world.purpose_id is not None:
            claims.sound(
                session,
                made[0],
                space_id=world.id,
                noise=world.noise,
                party=claims.party_of(self.request.person_id, world.party_id),
                spans=spans,
                until=self.until,
                now=world.now,
            )
        return reference

    def last(self, session: Session) -> str | Last[str]:
        """`write` as the transaction's last statement; where neighbours may hear it there are two, and they are written at once."""
        if self.world.noise is not None and self.world.purpose_id is not None:
            return self.write(session)
        reference = references.new("B")

        def answer(made: list[Any]) -> str:
            if not made:
                raise self._lost()
            return reference

        return Last((_TAKE, self._values(reference, combining.spans(self.slots))), answer, {_PARTLY: self._lost})

    def _lost(self) -> SlotTaken:
        return SlotTaken(self.world.id, self.slots[0].start, self.slots[-1].end)

    def _values(self, reference: str, spans: Sequence[Span]) -> dict[str, Any]:
        request, world = self.request, self.world
        return {
            "reference": reference,
            "person": request.person_id,
            "account": request.account_id,
            "group": world.party_id,
            "facts": _json(self.facts),
            "space": world.id,
            "source": request.source.value,
            "locale": request.locale,
            "category": self.category,
            "purpose": world.purpose_id,
            "slots": _json(combining.stored(self.slots)),
            "starts_at": self.slots[0].start,
            "ends_at": self.slots[-1].end,
            "span_starts": [span.start for span in spans],
            "span_ends": [span.end for span in spans],
            "timetable": world.timetable_id,
            "fees": world.fees_id,
            "policy": world.policy_id,
            "now": world.now,
            "until": self.until,
            "series": request.series_id,
            "units": world.units,
            "actor_kind": self.actor.kind,
            "actor": self.actor.account_id,
        }
