"""The end of a group's term is told in time: when it can be renewed, and again shortly before the end."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from reservations.groups.models import BookingGroup, GroupState
from reservations.groups.queries import rules_on
from reservations.groups.services import tell
from reservations.messages import public_url

ENDING = "reservations/mail/group_ending.txt"
LAST_CALL = 14
"""Days before the end on which it is told for the second time."""


def renewable_from(group: BookingGroup, on: date, session: Session) -> date | None:
    """From which day on the registration can be renewed; None where it has no term or its kind is gone."""
    rules = rules_on(session, on)
    kind = rules.kind(group.kind) if rules is not None else None
    if kind is None or group.valid_until is None:
        return None
    return group.valid_until - timedelta(days=kind.renew_days)


def remind(session: Session, *, today: date) -> int:
    """Tell the representatives whose registration ends soon and who have not asked for another term; each stage once.

    Args:
        session: the caller's transaction.
        today: the date in Japan.

    Returns:
        How many groups were looked at as ending; a stage that was told already sends nothing again.
    """
    rules = rules_on(session, today)
    if rules is None:
        return 0
    longest = max(kind.renew_days for kind in rules.kinds)
    ending = session.scalars(
        select(BookingGroup)
        .where(
            BookingGroup.state == GroupState.VERIFIED.value,
            BookingGroup.renewal.is_(None),
            BookingGroup.valid_until >= today,
            BookingGroup.valid_until <= today + timedelta(days=max(longest, LAST_CALL)),
        )
        .order_by(BookingGroup.id)
    )
    told = 0
    for group in ending:
        opens = renewable_from(group, today, session)
        if opens is None or group.valid_until is None or today < opens:
            continue
        stage = "last" if group.valid_until - timedelta(days=LAST_CALL) <= today else "opens"
        _tell(session, group, group.valid_until, stage)
        told += 1
    return told


def _tell(session: Session, group: BookingGroup, until: date, stage: str) -> None:
    context: dict[str, object] = {
        "group": group.name,
        "until": until.isoformat(),
        "url": f"{public_url()}/my/groups/{group.reference}",
    }
    key = f"reservations.group_ending:{group.reference}:{until.isoformat()}:{stage}"
    tell(session, group.representative_id, ENDING, key, context)
