"""A booking that has to become another one: other times that are free, moving it, a series of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from portal.kernel import clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound, PortalError
from portal.web import access, locale
from reservations import combining
from reservations.errors import (
    NoMoreChanges,
    NoSuchSlot,
    NotBookable,
    NotOffered,
    PriceChanged,
    SessionFull,
    SlotsUnfit,
    SlotTaken,
    TooManyHolds,
)
from reservations.models import FIRM
from reservations.operations import moving, sessions
from reservations.operations.models import MoveState
from reservations.operations.moving import MoveTo
from reservations.queries import bookings, calendar, catalog
from reservations.queries.catalog import SpaceView
from reservations.services.common import own, policy_of, slots_of
from reservations.web import words
from reservations.web.public import bp, city_of_visitor, read_day
from reservations.web.refusals import refused_text

JOIN_REFUSALS = (SessionFull, NotBookable, TooManyHolds, NoSuchSlot)
MOVE_REFUSALS = (SlotTaken, NoMoreChanges, NotBookable, NoSuchSlot, NotOffered, SlotsUnfit)


def own_person() -> int:
    """The visitor's person.

    Raises:
        NotFound: staff have no bookings of their own.
    """
    person_id = access.visitor().person_id
    if person_id is None:
        raise NotFound
    return person_id


@bp.get("/bookings/<reference>/other-times")
@access.resident
def other_times(reference: str) -> ResponseReturnValue:
    """What is free instead of a booking: where the message about a closure leads."""
    with unit_of_work() as session:
        view = bookings.of_person(session, references.parse(reference), own_person())
        if view is None:
            raise NotFound
        now = clock.now_in(session)
        first = view.slots[0]
        offers = calendar.alternatives(
            session, view.booking.space.code, first.day, first.code, city=city_of_visitor(session), now=now
        )
    return render_template("reservations/other_times.html", view=view, offers=offers, words=words)


@bp.get("/bookings/<reference>/move")
@access.resident
def ask_move(reference: str) -> ResponseReturnValue:
    """Choose another time: a day, then slots, then the price once more. Each step is an address of its own."""
    number = references.parse(reference)
    with unit_of_work() as session:
        now = clock.now_in(session)
        view = bookings.of_person(session, number, own_person())
        if view is None:
            raise NotFound
        if view.state not in FIRM or view.booking.starts_at <= now:
            return redirect(url_for("reservations.booking", reference=number), 303)
        if request.args.get("slot"):
            return _confirm(session, number, now=now)
        typed = request.args.get("date")
        day = read_day(typed) if typed else view.slots[0].day
        purpose = view.booking.purpose.code if view.booking.purpose else None
        page = calendar.day_page(
            session, view.booking.space.facility.code, day, purpose=purpose, city=city_of_visitor(session), now=now
        )
    own_slots = {slot.code for slot in view.slots if slot.day == day}
    # The same court at another hour is what most people want; the whole hall comes after it.
    here = view.booking.space.code
    spaces = sorted(page.spaces, key=lambda row: row.space.code != here) if page else []
    return render_template("reservations/move.html", view=view, spaces=spaces, day=day, own=own_slots, words=words)


def _to(values: MultiDict[str, str]) -> MoveTo:
    day, codes = read_day(values.get("date", "")), tuple(values.getlist("slot")[: combining.MOST + 1])
    nights = values.get("nights", "")
    stay = int(nights) if nights.isascii() and nights.isdigit() and int(nights) <= combining.MOST else 1
    also = tuple((day + timedelta(days=night), codes[0]) for night in range(1, stay)) if codes else ()
    return MoveTo(day, codes, values.get("space") or None, also)


def _confirm(session: Session, number: str, *, now: datetime, status: int = 200) -> ResponseReturnValue:
    to = _to(request.values)
    booking = own(session, number, own_person())
    try:
        target, price = moving.look(session, booking, to, now=now)
    except MOVE_REFUSALS as error:
        return _not_moved(number, error)
    code = to.space or booking.space.code
    return (
        render_template(
            "reservations/move_confirm.html",
            booking=booking,
            there=booking.space if code == booking.space.code else _named(session, code, to.day),
            before=slots_of(booking),
            target=target,
            price=price,
            to=to,
            nights=request.values.get("nights", ""),
            words=words,
            changed=status == 409,
            limit=policy_of(booking).changes.times,
        ),
        status,
    )


def _named(session: Session, code: str, on: date) -> SpaceView | None:
    """The space of a code as it is called on a day."""
    return next(iter(catalog.spaces(session, on=on, space_code=code)), None)


def _not_moved(number: str, error: PortalError) -> ResponseReturnValue:
    """Which rule stands against it; the booking stands as it was."""
    return render_template("reservations/not_moved.html", number=number, message=refused_text(error)), error.status


@bp.post("/bookings/<reference>/move")
@access.resident
def move(reference: str) -> ResponseReturnValue:
    """Move it, or go on to pay the difference while both times are kept."""
    number = references.parse(reference)
    to = _to(request.form)
    try:
        charge_ref = transact(partial(_move, number=number, to=to, accepted=request.form.get("accepted", "")))
    except PriceChanged:
        with unit_of_work() as session:
            return _confirm(session, number, now=clock.now_in(session), status=409)
    except MOVE_REFUSALS as error:
        return _not_moved(number, error)
    if charge_ref is not None:
        return redirect(url_for("payments.checkout", charge_ref=charge_ref), 303)
    return redirect(url_for("reservations.booking", reference=number, moved="y"), 303)


def _move(session: Session, *, number: str, to: MoveTo, accepted: str) -> str | None:
    booking = own(session, number, own_person())
    made = moving.move(session, booking, to, accepted=accepted, actor=access.visitor().actor, now=clock.now_in(session))
    return made.charge_ref if made.state == MoveState.PENDING else None


@bp.post("/sessions/<reference>/places")
@access.resident
def join_session(reference: str) -> ResponseReturnValue:
    """Take a place in a session of individual use."""
    number = references.parse(reference)
    try:
        made = transact(partial(_join, reference=number))
    except JOIN_REFUSALS as error:
        return render_template("reservations/not_joined.html", message=refused_text(error)), error.status
    return redirect(url_for("reservations.booking", reference=made), 303)


def _join(session: Session, *, reference: str) -> str:
    visitor = access.visitor()
    return sessions.join(
        session,
        reference,
        person_id=own_person(),
        account_id=visitor.account_id,
        locale=locale.current(),
        actor=visitor.actor,
        now=clock.now_in(session),
    )
