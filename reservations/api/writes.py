"""What other systems do: hold, book, let go, cancel, for people whom they name. The same use cases as the pages'."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.kernel import audit, references, text
from portal.kernel.audit import SYSTEM
from portal.kernel.errors import NotFound
from portal.kernel.money import Yen
from reservations import services
from reservations.api import reads, shapes
from reservations.api.errors import OtherPrice
from reservations.api.models import ApiPerson, ApiToken
from reservations.groups.models import GroupMember
from reservations.models import Purpose, Source
from reservations.queries import bookings
from reservations.services import Details, HoldRequest
from reservations.services.quoting import asks_of


def _person(session: Session, token: ApiToken, given: shapes.PersonGiven, *, now: datetime) -> int:
    """The person of a subject; made at the first time, their facts brought up to date later."""
    link = session.scalars(
        select(ApiPerson).where(ApiPerson.token_id == token.id, ApiPerson.subject == given.subject)
    ).one_or_none()
    person = Person(source="counter") if link is None else session.get_one(Person, link.person_id)
    person.name, person.kana, person.phone = given.name, given.kana, given.phone
    person.email, person.prefecture, person.city = given.email, given.prefecture, given.city
    person.search = f"{text.fold(given.name)} {text.fold(given.kana)}".strip()
    person.changed_at = now
    session.add(person)
    session.flush()
    if link is None:
        session.add(ApiPerson(token_id=token.id, subject=given.subject, person_id=person.id))
        session.flush()
    if given.email:
        _entrusted(session, person.id, given.email)
    return person.id


def _entrusted(session: Session, person_id: int, email: str) -> None:
    """Whom a group's representative named by this mail address may book for it; the system vouches for the address."""
    named = GroupMember.may_book & GroupMember.person_id.is_(None) & (func.lower(GroupMember.email) == email.lower())
    session.execute(update(GroupMember).where(named).values(person_id=person_id))


def _note(session: Session, token: ApiToken, what: str, reference: str) -> None:
    detail = {"token": token.id}
    audit.record(
        session, actor=SYSTEM, action=f"api.{what}", subject_kind="booking", subject_ref=reference, detail=detail
    )


def hold(session: Session, token: ApiToken, asked: shapes.HoldAsked, *, now: datetime) -> shapes.Booking:
    """Keep a slot for a person.

    Raises:
        Whatever `reservations.services.hold` raises.
    """
    person_id = _person(session, token, asked.person, now=now)
    request = HoldRequest(
        person_id,
        None,
        asked.space,
        asked.date,
        asked.slot,
        source=Source.API,
        purpose=asked.purpose,
        group=references.parse(asked.group) if asked.group else None,
        also=tuple((one.date, one.slot) for one in asked.more),
    )
    reference = services.hold(session, request, actor=SYSTEM, now=now)
    _note(session, token, "held", reference)
    return reads.booking(session, reference, token_id=token.id, now=now)


def book(session: Session, token: ApiToken, asked: shapes.BookingAsked, *, now: datetime) -> shapes.Booking:
    """Accept the price of a hold: it is confirmed, waits for the manager, or for the payment.

    Raises:
        NotFound: no hold of this system, or no such purpose.
        OtherPrice: the total is another one; nothing was booked.
        Whatever `reservations.services.accept` raises.
    """
    person_id = reads.person_of(session, asked.hold, token_id=token.id)
    purpose = session.scalar(select(Purpose.id).where(Purpose.code == asked.purpose))
    details = Details(
        reads.people_of(asked.people, asked.users),
        purpose or 0,
        options=dict(asked.options),
        minutes=dict(asked.option_minutes),
        admission=asked.admission,
        admission_total=asked.admission_total,
        traits=frozenset(asked.traits),
        users=dict(asked.users),
        length=asked.length,
        reductions=dict(asked.reductions),
        tickets=dict(asked.tickets),
    )
    held = bookings.of_person(session, asked.hold, person_id)
    if held is None:
        raise NotFound
    reads.known_names(asks_of(held.booking), asked, reductions=asked.reductions)
    services.change_details(session, asked.hold, details, person_id=person_id, actor=SYSTEM, now=now)
    view = bookings.of_person(session, asked.hold, person_id)
    if view is None:
        raise NotFound
    if view.quote.total.amount != asked.accepted_total:
        raise OtherPrice(view.quote.total.amount)
    services.accept(
        session, asked.hold, details, accepted=view.quote.digest, person_id=person_id, actor=SYSTEM, now=now
    )
    _note(session, token, "booked", asked.hold)
    return reads.booking(session, asked.hold, token_id=token.id, now=now)


def release(session: Session, token: ApiToken, reference: str, *, now: datetime) -> shapes.Booking:
    """Let a hold go.

    Raises:
        NotFound: no booking of this system.
        WrongState: it is firm: cancel it.
    """
    person_id = reads.person_of(session, reference, token_id=token.id)
    services.release(session, reference, person_id=person_id, actor=SYSTEM, now=now)
    _note(session, token, "released", reference)
    return reads.booking(session, reference, token_id=token.id, now=now)


def cancel(
    session: Session, token: ApiToken, reference: str, asked: shapes.CancelAsked, *, now: datetime
) -> shapes.Cancelled:
    """Cancel, with the refund that was shown.

    Raises:
        NotFound: no booking of this system.
        WrongState, RefundChanged: as for residents.
    """
    person_id = reads.person_of(session, reference, token_id=token.id)
    quote = services.cancel(
        session,
        reference,
        person_id=person_id,
        expected=Yen(asked.expected_refund),
        owed=Yen(asked.expected_fee),
        actor=SYSTEM,
        now=now,
    )
    _note(session, token, "cancelled", reference)
    shown = reads.booking(session, reference, token_id=token.id, now=now)
    return shapes.Cancelled(booking=shown, refund=quote.amount.amount, fee=quote.owed.amount)
