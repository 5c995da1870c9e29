"""People and slots that the tests of reservations share."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Account, Person
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from reservations import services
from reservations.models import Booking, Purpose, Space
from reservations.services import HoldRequest

FRIDAY = date(2026, 12, 4)
SATURDAY = date(2026, 12, 5)


class Resident:
    """Somebody with an account, and what they do."""

    def __init__(self, name: str, email: str, city: str = "古河市") -> None:
        with unit_of_work() as session:
            person = Person(
                name=name, kana="コガ ハナコ", city=city, prefecture="茨城県", phone="0280-00-0000", email=email
            )
            session.add(person)
            session.flush()
            account = Account(
                email=email, fs_uniquifier=email, person_id=person.id, confirmed_at=clock.now(), display_name=name
            )
            session.add(account)
            session.flush()
            self.person_id, self.account_id = person.id, account.id
        self.actor = Actor(self.account_id, "resident")

    def hold(self, space: str, slot: str, day: date = FRIDAY) -> str:
        with unit_of_work() as session:
            space_id = session.scalars(select(Space.id).where(Space.code == space)).one()
            request = HoldRequest(self.person_id, self.account_id, space_id, day, slot)
            return services.hold(session, request, actor=self.actor, now=clock.now())

    def extend(self, reference: str) -> datetime:
        with unit_of_work() as session:
            return services.extend_hold(session, reference, person_id=self.person_id, actor=self.actor, now=clock.now())

    def release(self, reference: str) -> None:
        with unit_of_work() as session:
            services.release(session, reference, person_id=self.person_id, actor=self.actor, now=clock.now())


def booking(reference: str) -> Booking:
    """The booking as it is stored now."""
    with unit_of_work() as session:
        return session.scalars(select(Booking).where(Booking.reference == reference)).one()


def purpose_id(session: Session, code: str) -> int:
    return session.scalars(select(Purpose.id).where(Purpose.code == code)).one()


@pytest.fixture
def hanako(koga: str) -> Resident:
    return Resident("古河 はなこ", "hanako@example.com")


@pytest.fixture
def stranger(koga: str) -> Resident:
    return Resident("小山 太郎", "stranger@example.com", city="小山市")
