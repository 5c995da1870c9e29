"""Bookings for somebody who stands at the desk or telephones, with or without an account."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from portal.accounts.models import Account, Person
from portal.kernel import audit, text
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from reservations.models import Facility, Source, Space
from reservations.services import HoldRequest, hold

PEOPLE_SHOWN = 10


@dataclass(frozen=True)
class Known:
    """A person whom the typed facts may mean."""

    person_id: int
    name: str
    phone: str
    city: str
    account: bool


@dataclass(frozen=True)
class Who:
    """The facts of the person as the clerk types them."""

    name: str
    kana: str
    phone: str
    prefecture: str
    city: str
    email: str | None


def candidates(session: Session, who: Who, *, actor: Actor) -> list[Known]:
    """People with the same telephone number, or the same name; each look is recorded. One statement."""
    digits = re.sub(r"\D", "", who.phone)
    same_phone = func.regexp_replace(Person.phone, r"\D", "", "g") == digits
    same_name = Person.search.startswith(f"{text.fold(who.name)} ", autoescape=True)
    statement = (
        select(Person, Account.id)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(or_(same_phone, same_name) if digits else same_name)
        .order_by(Account.id.is_(None), Person.id)
        .limit(PEOPLE_SHOWN)
    )
    found = []
    for person, account in session.execute(statement):
        audit.record(session, actor=actor, action="person.found", subject_kind="person", subject_ref=str(person.id))
        found.append(Known(person.id, person.name, person.phone, person.city, account is not None))
    session.flush()
    return found


def hold_for(
    session: Session,
    who: Who,
    *,
    person_id: int | None,
    space: str,
    day: date,
    slot: str,
    source: Source,
    facilities: Collection[str],
    actor: Actor,
    now: datetime,
) -> str:
    """Keep a slot for the person: one who is known, or a new one without an account. The same rules hold as on their own phone.

    Raises:
        NotFound: a space of another facility, or no such person.
        Whatever `reservations.services.hold` raises.
    """
    own = session.scalar(
        select(Space.id)
        .join(Facility, Facility.id == Space.facility_id)
        .where(Space.code == space, Facility.code.in_(facilities))
    )
    if own is None:
        raise NotFound
    if person_id is None:
        person = Person(
            name=who.name,
            kana=who.kana,
            phone=who.phone,
            prefecture=who.prefecture,
            city=who.city,
            email=who.email,
            source="counter",
            search=f"{text.fold(who.name)} {text.fold(who.kana)}".strip(),
        )
        session.add(person)
        session.flush()
        person_id = person.id
    account = session.execute(select(Account.id, Account.locale).where(Account.person_id == person_id)).one_or_none()
    request = HoldRequest(
        person_id,
        account.id if account else None,
        space,
        day,
        slot,
        locale=account.locale if account else "ja",
        source=source,
    )
    return hold(session, request, actor=actor, now=now)
