"""Favourites: facilities that somebody wants to find again."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.kernel.errors import Conflict, NotFound
from reservations.models import Facility
from reservations.personal.models import Favourite
from reservations.services.common import lock_person

MOST = 30


class TooManyFavourites(Conflict):
    """There are `MOST` already."""

    code: ClassVar[str] = "too_many_favourites"


def keep(session: Session, *, person_id: int, facility: str, now: datetime) -> None:
    """Make a facility a favourite; twice is once.

    Raises:
        NotFound: there is no such facility.
        TooManyFavourites: the person has `MOST`.
    """
    facility_id = session.scalar(select(Facility.id).where(Facility.code == facility))
    if facility_id is None:
        raise NotFound
    lock_person(session, person_id)
    mine = select(Favourite.facility_id).where(Favourite.person_id == person_id)
    kept = set(session.scalars(mine))
    if facility_id in kept:
        return
    if len(kept) >= MOST:
        raise TooManyFavourites
    session.execute(
        insert(Favourite).values(person_id=person_id, facility_id=facility_id, made_at=now).on_conflict_do_nothing()
    )


def drop(session: Session, *, person_id: int, facility: str) -> None:
    """It is no favourite any more; twice is once."""
    wanted = select(Facility.id).where(Facility.code == facility).scalar_subquery()
    session.execute(delete(Favourite).where(Favourite.person_id == person_id, Favourite.facility_id == wanted))


def is_favourite(session: Session, *, person_id: int, facility: str) -> bool:
    """Whether the facility is one of the person's favourites; one statement."""
    return bool(
        session.scalar(
            select(func.count())
            .select_from(Favourite)
            .join(Facility, Facility.id == Favourite.facility_id)
            .where(Favourite.person_id == person_id, Facility.code == facility)
        )
    )


def favourites(session: Session, person_id: int) -> frozenset[str]:
    """Codes of the person's favourites; one statement."""
    return frozenset(
        session.scalars(
            select(Facility.code)
            .join(Favourite, Favourite.facility_id == Facility.id)
            .where(Favourite.person_id == person_id)
        )
    )
