"""Work behind the pages: permits, mails, tidying. Each takes ids, reads fresh state and is safe to run twice."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.documents import pdf
from portal.kernel import clock, files
from portal.kernel.audit import SYSTEM, Actor
from portal.kernel.database import transact, unit_of_work
from portal.kernel.jobs import PATIENT, task
from portal.notices import post
from reservations import messages
from reservations.api import tokens
from reservations.groups import terms
from reservations.models import Booking, BookingState
from reservations.operations import closing, moving
from reservations.services import adjusting, correcting
from reservations.services.common import locked
from reservations.services.holding import lapse
from reservations.services.paying import FIRM, ISSUE_PERMIT, SQUARE, TELL

TIDY_AT_ONCE = 500
_TEMPLATES = {
    "requested": "reservations/mail/requested.txt",
    "confirmed": "reservations/mail/confirmed.txt",
    "moved": "reservations/mail/moved.txt",
    "refused": "reservations/mail/refused.txt",
    "cancelled": "reservations/mail/cancelled.txt",
    "released": "reservations/mail/released.txt",
    "paid_too_late": "reservations/mail/paid_too_late.txt",
    "allocated": "reservations/mail/allocated.txt",
    "move_too_late": "reservations/mail/move_too_late.txt",
    "unpaid": "reservations/mail/unpaid.txt",
    "reduced": "reservations/mail/reduced.txt",
    "reduction_refused": "reservations/mail/reduction_refused.txt",
    "reduction_revoked": "reservations/mail/adjusted.txt",
    "adjusted": "reservations/mail/adjusted.txt",
    "overtime": "reservations/mail/overtime.txt",
    "overtime_back": "reservations/mail/overtime_back.txt",
    "entered": "reservations/mail/entered.txt",
    "struck": "reservations/mail/struck.txt",
}


@task(name=ISSUE_PERMIT, queue="documents", retry=PATIENT)
def issue_permit(booking_id: int) -> None:
    """Make the permit as PDF, keep it, and mail that it is there. The PDF is made outside of any transaction."""
    with unit_of_work() as session:
        booking = messages.load(session, booking_id)
        if booking.permit_file_id is not None or booking.state != BookingState.CONFIRMED:
            return
        context = messages.permit_context(session, booking)
        locale = booking.locale
    content = pdf.render("reservations/pdf/permit.html", locale, **context)
    transact(partial(_keep, booking_id=booking_id, content=content))


def _keep(session: Session, *, booking_id: int, content: bytes) -> None:
    booking = session.scalars(select(Booking).where(Booking.id == booking_id).with_for_update()).one()
    if booking.permit_file_id is not None or booking.state != BookingState.CONFIRMED:
        return
    stored = files.put(
        session, name=f"permit-{booking.reference}.pdf", media_type="application/pdf", content=content, kind="permit"
    )
    booking.permit_file_id = stored.id
    session.flush()
    moves = messages.moves_of(session, booking_id)
    _tell(session, booking_id=booking_id, event="moved" if moves else "confirmed", number=moves)


@task(name=TELL, queue="mail", retry=PATIENT)
def tell(booking_id: int, event: str, number: int = 0) -> None:
    """Put the message about an event into the mail; one for each event of a booking, or for each `number` of one that happens again."""
    transact(partial(_tell, booking_id=booking_id, event=event, number=number))


def _tell(session: Session, *, booking_id: int, event: str, number: int = 0) -> None:
    booking = messages.load(session, booking_id)
    # A booking that was moved is told again, whoever moved it: its permit is another one. Its own changes count for the limit only.
    again = number or booking.changes
    post.send_or_post(
        session,
        recipient=messages.recipient(session, booking),
        person_id=booking.person_id,
        room=messages.ROOM,
        scope=booking.space.facility.code,
        about=booking.reference,
        template=_TEMPLATES[event],
        context=messages.mail_context(session, booking),
        key=f"reservations.{event}:{booking.reference}" + (f":{again}" if again else ""),
    )


@task(name=SQUARE, retry=PATIENT)
def square(booking_id: int) -> None:
    """More was paid than a booking costs by now (an old payment page, a reduction in between): the rest goes back."""
    transact(partial(_square, booking_id=booking_id))


def _square(session: Session, *, booking_id: int) -> None:
    reference = session.scalars(select(Booking.reference).where(Booking.id == booking_id)).one()
    booking = locked(session, reference)
    if booking.state in FIRM:
        adjusting.square(session, booking, now=clock.now_in(session))


@task(name="reservations.correct", retry=PATIENT)
def correct(table: str, run: str, ground: str, account_id: int | None) -> None:
    """Charge and refund what a corrected fee table makes of each booking, each in a transaction of its own; safe to run twice."""
    with unit_of_work() as session:
        wanted = [one.reference for one in correcting.plan(session, table)]
    actor = Actor(account_id, "staff")
    for reference in wanted:
        use_case = partial(
            correcting.correct_one, reference=reference, run=run, ground=ground, actor=actor, now=clock.now()
        )
        transact(use_case)


@task(name="reservations.tidy", periodic="*/5 * * * *")
def tidy(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Every five minutes: holds whose time is over become lapsed and their open charges void. The slot was free already."""
    with unit_of_work() as session:
        now = clock.now_in(session)
        statement = (
            select(Booking.reference)
            .where(Booking.state == BookingState.HELD, Booking.held_until <= now)
            .order_by(Booking.held_until)
            .limit(TIDY_AT_ONCE)
        )
        ended = list(session.scalars(statement))
    for reference in ended:
        transact(partial(lapse, reference=reference, actor=SYSTEM, now=now))
    with unit_of_work() as session:
        unpaid = moving.overdue(session, now=now, limit=TIDY_AT_ONCE)
    for reference in unpaid:
        transact(partial(moving.lapse, reference=reference, now=now))


@task(name=closing.SETTLE, queue="money", retry=PATIENT)
def settle_closure(closure_id: int) -> None:
    """Send back what was paid for the bookings that a closure ended, each in its own transaction; goes on where it was stopped."""
    while True:
        with unit_of_work() as session:
            waiting = closing.open_hits(session, closure_id, limit=TIDY_AT_ONCE)
        if not waiting:
            return
        for booking_id in waiting:
            transact(partial(closing.settle_hit, closure_id=closure_id, booking_id=booking_id, now=clock.now()))


@task(name="reservations.remind_groups", periodic="10 23 * * *")
def remind_groups(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """At 8:10 in Japan: groups whose registration ends soon are told that it can be renewed, and once more 14 days before."""
    with unit_of_work() as session:
        terms.remind(session, today=clock.local(clock.now_in(session)).date())


@task(name="reservations.sweep_api", periodic="29 18 * * *")
def sweep_api(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each night: kept answers of the API older than a week and counts of past hours leave."""
    with unit_of_work() as session:
        tokens.sweep(session, now=clock.now())
