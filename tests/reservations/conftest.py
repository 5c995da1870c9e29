"""People and slots that the tests of reservations share."""

from __future__ import annotations

import zlib
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import queries as payment_queries
from payments import services as payments
from portal.accounts.models import Account, Person
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from reservations import documents, services
from reservations.models import Booking, Purpose, RuleDocument
from reservations.pricing import Quote
from reservations.queries import bookings
from reservations.rules import RefundQuote
from reservations.services import Details, HoldRequest

FRIDAY = date(2026, 12, 4)
SATURDAY = date(2026, 12, 5)
CLERK = Actor(None, "staff")
MANAGER = Actor(None, "staff")


class Resident:
    """Somebody with an account, and what they do."""

    def __init__(self, name: str, email: str, city: str = "古河市") -> None:
        with unit_of_work() as session:
            number = f"0280-{zlib.crc32(email.encode()) % 10**8:08}"
            person = Person(name=name, kana="コガ ハナコ", city=city, prefecture="茨城県", phone=number, email=email)
            session.add(person)
            session.flush()
            account = Account(
                email=email, fs_uniquifier=email, person_id=person.id, confirmed_at=clock.now(), display_name=name
            )
            session.add(account)
            session.flush()
            self.person_id, self.account_id = person.id, account.id
        self.actor = Actor(self.account_id, "resident")

    def hold(
        self, space: str, slot: str, day: date = FRIDAY, *more: tuple[date, str] | str, purpose: str | None = None
    ) -> str:
        """`more`: further slots of the same booking, of the same day where only a code is given."""
        also = tuple((day, one) if isinstance(one, str) else one for one in more)
        request = HoldRequest(self.person_id, self.account_id, space, day, slot, also=also, purpose=purpose)
        return services.hold_alone(request, actor=self.actor)

    def extend(self, reference: str) -> datetime:
        with unit_of_work() as session:
            return services.extend_hold(session, reference, person_id=self.person_id, actor=self.actor, now=clock.now())

    def details(self, reference: str, *, people: int = 2, purpose: str | None = None, **said: Any) -> Details:
        with unit_of_work() as session:
            view = bookings.of_person(session, reference, self.person_id)
            assert view is not None
            chosen = next((p for p in view.purposes if p.code == purpose), view.purposes[0])
            return Details(people, chosen.id, **said)

    def say(self, reference: str, details: Details) -> Quote:
        with unit_of_work() as session:
            services.change_details(
                session, reference, details, person_id=self.person_id, actor=self.actor, now=clock.now()
            )
        with unit_of_work() as session:
            view = bookings.of_person(session, reference, self.person_id)
            assert view is not None
            return view.quote

    def accept(self, reference: str, details: Details, accepted: str) -> Booking:
        with unit_of_work() as session:
            return services.accept(
                session,
                reference,
                details,
                accepted=accepted,
                person_id=self.person_id,
                actor=self.actor,
                now=clock.now(),
            )

    def book(self, space: str, slot: str, day: date = FRIDAY, *, paid: bool = True, **said: Any) -> str:
        """Hold, say what for, accept the price, and pay."""
        reference = self.hold(space, slot, day)
        details = self.details(reference, **said)
        quote = self.say(reference, details)
        self.accept(reference, details, quote.digest)
        if paid and quote.total.amount:
            pay(reference)
        return reference

    def refund(self, reference: str) -> Yen:
        """What cancelling now would give back."""
        with unit_of_work() as session:
            view = bookings.of_person(session, reference, self.person_id)
            assert view is not None
            return services.refund_quote(view.booking, now=clock.now()).amount

    def cancel(self, reference: str, expected: Yen) -> RefundQuote:
        with unit_of_work() as session:
            return services.cancel(
                session, reference, person_id=self.person_id, expected=expected, actor=self.actor, now=clock.now()
            )

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


def pay(reference: str) -> None:
    """The charge of a booking is paid at the counter, through the real ledger."""
    with unit_of_work() as session:
        charge = payment_queries.charge_of(session, "booking", reference)
        assert charge is not None
        payments.take_cash(
            session, charge.reference, received=charge.total, clerk=CLERK, place="総和庁舎", now=clock.now()
        )


def charge_of(reference: str) -> payment_queries.ChargeView | None:
    with unit_of_work() as session:
        return payment_queries.charge_of(session, "booking", reference)


def change_rules(code: str, kind: str = "policy", **changes: Any) -> int:
    """A later revision of a rule document that says something else: the id of its row."""
    with unit_of_work() as session:
        row = session.scalars(
            select(RuleDocument)
            .where(RuleDocument.kind == kind, RuleDocument.code == code)
            .order_by(RuleDocument.valid_from.desc(), RuleDocument.revision.desc())
        ).first()
        assert row is not None
        document = documents.read(kind, {**row.content, **changes})
        content = documents.canonical(document)
        made = RuleDocument(
            kind=kind,
            code=code,
            valid_from=document.valid_from,
            revision=row.revision + 1 if document.valid_from == row.valid_from else 1,
            sample=True,
            content=content,
            digest=documents.digest(content),
            published_at=clock.now(),
        )
        session.add(made)
        session.flush()
        return made.id
