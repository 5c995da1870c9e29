"""A group telephones for every week: the clerk keeps what is free, and sees what could not be had and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Account
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from reservations.models import Facility, Space
from reservations.operations import series
from reservations.operations.models import BookingSeries
from reservations.operations.series import SeriesRequest


def weekly_for(
    session: Session,
    *,
    person_id: int,
    group: str | None,
    space: str,
    first: date,
    last: date,
    slots: Sequence[str],
    facilities: Collection[str],
    actor: Actor,
    now: datetime,
) -> BookingSeries:
    """Keep the same slots every week from `first` to `last`, for a person or in a group's name; each is accepted by itself.

    Raises:
        NotFound: a space of another facility.
        Whatever `reservations.operations.series.ask` raises.
    """
    own = select(Space.id).join(Facility, Facility.id == Space.facility_id)
    if session.scalar(own.where(Space.code == space, Facility.code.in_(facilities))) is None:
        raise NotFound
    account = session.execute(select(Account.id, Account.locale).where(Account.person_id == person_id)).one_or_none()
    wanted = SeriesRequest(
        person_id,
        account.id if account else None,
        space,
        first,
        last,
        (first.weekday(),),
        tuple(slots),
        locale=account.locale if account else "ja",
        group=group,
    )
    return series.ask(session, wanted, actor=actor, now=now)


def within(session: Session, reference: str, facilities: Collection[str]) -> BookingSeries | None:
    """A series in a space of these facilities; None where there is none."""
    statement = (
        select(BookingSeries)
        .join(Space, Space.id == BookingSeries.space_id)
        .join(Facility, Facility.id == Space.facility_id)
        .where(BookingSeries.reference == reference, Facility.code.in_(facilities))
    )
    return session.scalars(statement).one_or_none()
