"""Reads of accounts for pages."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Account, Person
from portal.accounts.services import Facts
from portal.kernel.errors import NotFound


def person_of(session: Session, account_id: int) -> Person:
    """The person of an account. One statement.

    Raises:
        NotFound: the account has none.
    """
    person = session.scalars(
        select(Person).join(Account, Account.person_id == Person.id).where(Account.id == account_id),
    ).one_or_none()
    if person is None:
        raise NotFound
    return person


def facts_of(person: Person) -> Facts:
    """What the person says about themselves."""
    return Facts(
        name=person.name,
        kana=person.kana,
        birth_date=person.birth_date,
        sex=person.sex,
        phone=person.phone,
        postal_code=person.postal_code,
        prefecture=person.prefecture,
        city=person.city,
        town=person.town,
        block=person.block,
        building=person.building,
    )
