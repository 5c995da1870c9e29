"""What a booking claims of space and time: units, quiet or noise beside neighbours, a place in a session. Taken and let go as one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from reservations.combining import Span
from reservations.errors import NotBookable
from reservations.policy.refusals import Refused

CONSTRAINTS = frozenset({"ex_occupancy_no_overlap", "ex_sound_claim_no_noise", "ex_session_place_once"})
"""What a rival's claim is refused by."""

# One statement for all three: a booking claims units or a place, and noise only where its space has neighbours.
_END = text(
    """
    WITH units AS (
        UPDATE occupancy SET live = tstzrange(lower(live), greatest(lower(live), :now))
        WHERE booking_id = ANY(:ids) AND (upper_inf(live) OR upper(live) > :now)
    ), sounds AS (
        UPDATE sound_claim SET live = tstzrange(lower(live), greatest(lower(live), :now))
        WHERE booking_id = ANY(:ids) AND (upper_inf(live) OR upper(live) > :now)
    )
    UPDATE session_place SET live = tstzrange(lower(live), greatest(lower(live), :now))
    WHERE booking_id = ANY(:ids) AND (upper_inf(live) OR upper(live) > :now)
    """
)
_KEEP = text(
    """
    WITH units AS (
        UPDATE occupancy SET live = tstzrange(CASE WHEN :over THEN :now ELSE coalesce(lower(live), :now) END, :until)
        WHERE booking_id = :id
    ), sounds AS (
        UPDATE sound_claim SET live = tstzrange(CASE WHEN :over THEN :now ELSE coalesce(lower(live), :now) END, :until)
        WHERE booking_id = :id AND NOT isempty(live) AND upper(live) IS NOT DISTINCT FROM :held_until
    )
    UPDATE session_place SET live = tstzrange(CASE WHEN :over THEN :now ELSE coalesce(lower(live), :now) END, :until)
    WHERE booking_id = :id
    """
)
_SOUND = text(
    """
    WITH wanted AS (
        SELECT n.id, span.s, span.e FROM space_neighbour n
        CROSS JOIN unnest(cast(:starts AS timestamptz[]), cast(:ends AS timestamptz[])) AS span(s, e)
        WHERE :space IN (n.space_id, n.other_id)
    ), made AS (
        INSERT INTO sound_claim (neighbour_id, loud, party, during, live, booking_id)
        SELECT id, :loud, :party, tstzrange(s, e), tstzrange(:now, :until), :booking FROM wanted ORDER BY id, s
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT (SELECT count(*) FROM wanted) AS wanted, (SELECT count(*) FROM made) AS made
    """
)
_HUSH = text(
    "UPDATE sound_claim SET live = tstzrange(lower(live), greatest(lower(live), :now))"
    " WHERE booking_id = :booking AND (upper_inf(live) OR upper(live) > :now)"
)


def end(session: Session, booking_ids: Sequence[int], *, now: datetime) -> None:
    """Let go whatever these bookings claim, from now on; the rows stay."""
    session.execute(_END, {"ids": list(booking_ids), "now": now})


def keep(session: Session, booking_id: int, *, held_until: datetime, until: datetime | None, now: datetime) -> None:
    """Keep all claims of a booking until a moment, or without end; those that are over are taken again if they are free.

    Raises:
        sqlalchemy.exc.IntegrityError: one of `CONSTRAINTS`: somebody else has it by now.
    """
    values = {"id": booking_id, "held_until": held_until, "over": held_until <= now, "until": until, "now": now}
    session.execute(_KEEP, values)


def sound(
    session: Session,
    booking_id: int,
    *,
    space_id: int,
    noise: str,
    party: str,
    spans: Sequence[Span],
    until: datetime | None,
    now: datetime,
) -> None:
    """Claim noise or quiet beside the neighbours of a space, instead of what the booking claimed before (CASES B1).

    Args:
        session: the caller's transaction; it has to be rolled back after an error.
        booking_id: whose claim.
        space_id: where.
        noise: of the purpose: "loud", "quiet" or "" (nothing is claimed).
        party: the group or person; their own uses do not disturb each other.
        spans: when.
        until: end of the hold; None: for good.
        now: the database's clock.

    Raises:
        NotBookable: a neighbour needs quiet, or is loud.
    """
    session.execute(_HUSH, {"booking": booking_id, "now": now})
    if not noise:
        return
    took = session.execute(
        _SOUND,
        {
            "space": space_id,
            "loud": 1 if noise == "loud" else 0,
            "party": party,
            "booking": booking_id,
            "starts": [span.start for span in spans],
            "ends": [span.end for span in spans],
            "until": until,
            "now": now,
        },
    ).one()
    if took.made != took.wanted:
        raise NotBookable(Refused.NEIGHBOUR_QUIET if noise == "loud" else Refused.NEIGHBOUR_LOUD)


def party_of(person_id: int, group_id: int | None) -> str:
    """Who uses it, for claims of noise: the group where one books, else the person."""
    return f"g{group_id}" if group_id is not None else f"p{person_id}"
