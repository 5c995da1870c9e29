"""Hold, say what for, accept the price, pay, keep the permit, cancel: a resident's own bookings."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.transfers import standing
from portal.accounts.models import Person
from portal.kernel import clock, files, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import Invalid, NotFound, PortalError
from portal.kernel.money import Yen
from portal.web import access, locale
from reservations import combining, messages, services
from reservations.desk import closures
from reservations.errors import (
    HoldEnded,
    NoSuchDay,
    NoSuchSlot,
    NotBookable,
    NotOffered,
    PriceChanged,
    RefundChanged,
    SlotsUnfit,
    SlotTaken,
    TooManyHolds,
)
from reservations.models import FIRM, Booking, BookingState
from reservations.operations import moving, sessions
from reservations.personal import again, kept
from reservations.queries import bookings, calendar, catalog, instead
from reservations.queries.bookings import BookingView
from reservations.rules import PayWhen, Refused
from reservations.services import Details, HoldRequest, adjusting
from reservations.services.holding import look
from reservations.web import reductions, rush, words
from reservations.web.details_form import DetailsForm, details_form, refused_field
from reservations.web.forms import CancelForm, EmptyForm
from reservations.web.paying_words import payment_step
from reservations.web.public import booking_party, bp, city_of_visitor, read_day, successor_of
from reservations.web.refusals import about_the_person, refused_text, way_on
from reservations.web.words import gettext

MOST_NIGHTS = 14


def _person() -> int:
    person_id = access.visitor().person_id
    if person_id is None:
        raise NotFound
    return person_id


@bp.get("/spaces/<space>/hold/<day>")
@bp.get("/spaces/<space>/hold/<day>/<slot>")
@access.resident
def confirm_hold(space: str, day: str, slot: str = "") -> ResponseReturnValue:
    """For somebody who tapped a slot, or chose several, before signing in: the slots once more, with the button."""
    codes = [slot] if slot else request.args.getlist("slot")
    first = read_day(day)
    wanted = _wanted(first, codes, request.args.get("nights", "")) or [(first, "")]
    with unit_of_work() as session:
        now = clock.now_in(session)
        city = city_of_visitor(session)
        found = [calendar.one_slot(session, space, on, code, city=city, now=now) for on, code in wanted]
        offers = [offer for offer in found if offer is not None]
        asked = _request(space, request.args.get("purpose") or None, wanted)
        refusal: PortalError | None = None if len(offers) == len(found) else NotOffered()
        try:
            own = look(session, asked, now=now)
        except (SlotTaken, NotBookable, NoSuchSlot, NotOffered, SlotsUnfit, TooManyHolds) as error:
            refusal, own = error, None
    if refusal is not None:
        return _refused(refusal, space, first, wanted[0][1])
    if own is not None:
        return redirect(url_for("reservations.booking", reference=own), 303)
    return render_template(
        "reservations/confirm_hold.html",
        offer=offers[0],
        offers=offers,
        nights=request.args.get("nights", ""),
        purpose=request.args.get("purpose", ""),
        words=words,
    )


def _wanted(day: date, codes: list[str], nights: str) -> list[tuple[date, str]]:
    """The slots that a form names: several on one day, or one on several days that follow each other (a stay)."""
    stay = int(nights) if nights.isascii() and nights.isdigit() and 1 <= int(nights) <= MOST_NIGHTS else 1
    return [(day + timedelta(days=night), code) for code in codes[: combining.MOST + 1] for night in range(stay)]


@bp.post("/spaces/<space>/hold")
@access.resident
def hold(space: str) -> ResponseReturnValue:
    """The first tap: the slot is kept; or a place in the queue where too many tap at once."""
    queued = rush.wait_first(space)
    if queued is not None:
        return queued
    with rush.turn():
        return _taken(space)


def _taken(space: str) -> ResponseReturnValue:
    try:
        day = read_day(request.form.get("date", ""))
    except NoSuchDay as error:
        return _refused(error, space, None, "")
    wanted = _wanted(day, request.form.getlist("slot") or [""], request.form.get("nights", ""))
    purpose = request.form.get("purpose") or None
    like = request.form.get("like", "")
    try:
        reference = services.hold_alone(_request(space, purpose, wanted), actor=access.visitor().actor)
    except (SlotTaken, NotBookable, NoSuchSlot, NotOffered, SlotsUnfit, TooManyHolds) as error:
        return _refused(error, space, day, wanted[0][1])
    if like:
        _say_as_before(reference, like)
    return redirect(url_for("reservations.booking", reference=reference), 303)


def _say_as_before(reference: str, like: str) -> None:
    """Fill in what was said last time; where there is no such booking or the rules do not take it, the page asks anew."""
    with suppress(NotBookable, NotFound):
        with unit_of_work() as session:
            details = again.said_before(session, references.parse(like), _person())
        if details is not None:
            transact(partial(_change, reference=reference, details=details))


def _request(space: str, purpose: str | None, wanted: list[tuple[date, str]]) -> HoldRequest:
    visitor = access.visitor()
    return HoldRequest(
        person_id=_person(),
        account_id=visitor.account_id,
        space=space,
        day=wanted[0][0],
        slot=wanted[0][1],
        also=tuple(wanted[1:]),
        locale=locale.current(),
        purpose=purpose,
        group=booking_party(),
    )


def _refused(error: PortalError, space: str, day: date | None, slot: str) -> ResponseReturnValue:
    """Which rule stands against it, and three real offers or another way on; nothing was held."""
    offers, found, successor, frees_at = [], [], None, None
    if day is not None:
        with unit_of_work() as session:
            now = clock.now_in(session)
            if not about_the_person(error):
                offers = calendar.alternatives(session, space, day, slot, city=city_of_visitor(session), now=now)
            if isinstance(error, SlotTaken):
                there = instead.in_the_way(session, error.space_id, error.starts_at, error.ends_at, now=now)
                error.kept_until = there.kept_until
            if isinstance(error, TooManyHolds) and not error.lapsed:
                frees_at = kept.frees_at(session, _person(), together=error.together, now=now)
            found = catalog.spaces(session, on=day, space_code=space)
            merged = isinstance(error, NotOffered) and error.into is not None
            successor = successor_of(session, found[0].facility) if found and merged else None
    html = render_template(
        "reservations/refused.html",
        message=refused_text(error),
        frees_at=frees_at,
        offers=offers,
        way_on=way_on(error),
        space=found[0] if found else None,
        successor=successor,
        day=day,
        words=words,
    )
    return html, Invalid.status if isinstance(error, NoSuchDay) else error.status


def _own(session: Session, reference: str) -> BookingView:
    view = bookings.of_person(session, references.parse(reference), _person())
    if view is None:
        raise NotFound
    return view


def _form(view: BookingView) -> DetailsForm:
    english = locale.current() == "en"
    purposes = [(p.id, p.name_en if english else p.name) for p in view.purposes]
    form = details_form(view.booking, view.asks, purposes, fill=request.method == "GET")
    form.accepted.data = view.quote.digest if request.method == "GET" else form.accepted.data
    return form


def _show(view: BookingView, form: DetailsForm, *, status: int = 200, message: str = "") -> ResponseReturnValue:
    now = clock.now()
    with unit_of_work() as session:
        named = bool(session.scalar(select(Person.name).where(Person.id == view.booking.person_id)))
        asked = reductions.lines(session, view)
        adjusted = adjusting.adjustments(session, view.booking.id)
        move = moving.pending_of(session, view.booking, now=now)
        called_off = closures.that_ended(session, view.booking.id) if view.state == BookingState.CANCELLED else None
        place = sessions.place_of(session, view.booking.id) if view.booking.session_id is not None else None
        held = view.state == BookingState.HELD
        step = payment_step(session, view.booking, by_manager=view.by_manager) if held else None
        owed = view.charge if view.charge is not None and view.charge.waits and view.charge.from_account else None
        by_bank = standing.of_charge(session, owed.pay_ref, now=now) if owed is not None else None
    form.accepted.data = view.quote.digest
    return (
        render_template(
            "reservations/booking.html",
            place=place,
            view=view,
            booking=view.booking,
            form=form,
            empty=EmptyForm(formdata=None),
            ended=view.ended(now),
            named=named,
            step=step,
            by_bank=by_bank,
            called_off=called_off,
            reductions=asked,
            adjusted=adjusted,
            adjustment_words=reductions.adjustment_words,
            can_cancel=view.state in FIRM and view.booking.starts_at > now,
            undo_until=_undo_until(view, now),
            getting_in=words.access_words(messages.access_of(view.booking, view.policy.permit)),
            conditions=[*view.policy.permit.conditions, *view.booking.conditions],
            moved="moved" in request.args and view.booking.changes > 0 and view.state in FIRM,
            may_move=moving.may_change(view.booking, now=now),
            moving_to=combining.restored(move.slots) if move is not None else (),
            moving_until=move.held_until if move is not None else None,
            message=message,
            now=now,
            words=words,
        ),
        status,
    )


def _undo_until(view: BookingView, now: datetime) -> datetime | None:
    """Until when cancelling gives everything back because the booking was just made; None: not any more, or nothing was paid."""
    if view.booking.firm_at is None or not view.paid.amount:
        return None
    until = min(view.booking.firm_at + timedelta(minutes=view.policy.cancellation.undo_minutes), view.booking.starts_at)
    return until if now < until else None


@bp.get("/bookings/<reference>")
@access.resident
def booking(reference: str) -> ResponseReturnValue:
    """The booking: what to do next, until when, and what it costs."""
    with unit_of_work() as session:
        view = _own(session, reference)
        return _show(view, _form(view))


@bp.post("/bookings/<reference>")
@access.resident
def save(reference: str) -> ResponseReturnValue:
    """Compute the price anew, or accept it and go on to pay."""
    number = references.parse(reference)
    with unit_of_work() as session:
        view = _own(session, number)
        form = _form(view)
        if not form.validate():
            return _show(view, form, status=422)
    details = form.details()
    accept = request.form.get("action") == "accept"
    try:
        if accept:
            made = transact(partial(_accept, reference=number, details=details, accepted=form.accepted.data or ""))
            return redirect(_after(made), 303)
        transact(partial(_change, reference=number, details=details))
    except NotBookable as error:
        form.refuse(refused_field(form, error), words.refused_words(error.reason, error.at, error.limit))
        return _show(view, form, status=422)
    except PriceChanged:
        transact(partial(_change, reference=number, details=details))
        with unit_of_work() as session:
            fresh = _own(session, number)
            return _show(
                fresh, form, status=409, message=gettext("金額が変わりました。もう一度見てから、進んでください。")
            )
    except (HoldEnded, SlotTaken):
        return redirect(url_for("reservations.booking", reference=number), 303)
    return redirect(url_for("reservations.booking", reference=number) + "#price", 303)


def _change(session: Session, *, reference: str, details: Details) -> None:
    actor = access.visitor().actor
    services.change_details(session, reference, details, person_id=_person(), actor=actor, now=clock.now_in(session))


def _accept(session: Session, *, reference: str, details: Details, accepted: str) -> Booking:
    return services.accept(
        session,
        reference,
        details,
        accepted=accepted,
        person_id=_person(),
        actor=access.visitor().actor,
        now=clock.now_in(session),
    )


def _after(made: Booking) -> str:
    """Where a resident goes after accepting: to the payment; back to the booking that needs none now (free, at the counter, undecided)."""
    if made.state == BookingState.HELD and made.pay_when != PayWhen.COUNTER and not made.facts.get("asked"):
        with unit_of_work() as session:
            view = _own(session, made.reference)
            if view.charge is not None:
                return url_for("payments.checkout", charge_ref=view.charge.pay_ref)
    return url_for("reservations.booking", reference=made.reference)


@bp.post("/bookings/<reference>/extend")
@access.resident
def extend(reference: str) -> ResponseReturnValue:
    """More time; three real offers where the hold was over and somebody else has the slot."""
    number = references.parse(reference)
    actor = access.visitor().actor
    try:
        transact(lambda s: services.extend_hold(s, number, person_id=_person(), actor=actor, now=clock.now_in(s)))
    except HoldEnded:
        with unit_of_work() as session:
            made = _own(session, number).booking
        lost: PortalError = SlotTaken(made.space_id, made.starts_at, made.ends_at)
        if made.starts_at <= clock.now():
            lost = NotBookable(Refused.PAST, made.starts_at)
        return _refused(lost, made.space.code, read_day(made.slot["day"]), made.slot["code"])
    return redirect(url_for("reservations.booking", reference=number), 303)


@bp.post("/bookings/<reference>/release")
@access.resident
def release(reference: str) -> ResponseReturnValue:
    """Let the slot go."""
    number = references.parse(reference)
    actor = access.visitor().actor
    transact(lambda s: services.release(s, number, person_id=_person(), actor=actor, now=clock.now_in(s)))
    return redirect(url_for("reservations.booking", reference=number), 303)


@bp.get("/bookings/<reference>/cancel")
@access.resident
def ask_cancel(reference: str) -> ResponseReturnValue:
    """What would go back, before anything is done."""
    return _cancel_page(references.parse(reference))


def _cancel_page(number: str, *, status: int = 200, message: str = "") -> ResponseReturnValue:
    with unit_of_work() as session:
        view = _own(session, number)
        now = clock.now_in(session)
        quote = services.refund_quote(view.booking, now=now)
    if view.state not in FIRM or view.booking.starts_at <= now:
        return redirect(url_for("reservations.booking", reference=number), 303)
    form = CancelForm(formdata=None, expected=str(quote.amount.amount), owed=str(quote.owed.amount))
    html = render_template(
        "reservations/cancel.html",
        view=view,
        booking=view.booking,
        quote=quote,
        form=form,
        message=message,
        words=words,
    )
    return html, status


@bp.post("/bookings/<reference>/cancel")
@access.resident
def cancel(reference: str) -> ResponseReturnValue:
    """Cancel, with the refund that was shown."""
    number = references.parse(reference)
    form = CancelForm()
    typed, owed = form.expected.data or "", form.owed.data or "0"
    if not form.validate() or not all(sum_.isascii() and sum_.isdigit() and len(sum_) <= 9 for sum_ in (typed, owed)):
        return _cancel_page(number, status=422)
    try:
        transact(partial(_cancel, reference=number, expected=Yen(int(typed)), owed=Yen(int(owed))))
    except RefundChanged:
        return _cancel_page(
            number, status=409, message=gettext("金額が変わりました。予約はそのままです。もう一度見てください。")
        )
    return redirect(url_for("reservations.booking", reference=number), 303)


def _cancel(session: Session, *, reference: str, expected: Yen, owed: Yen) -> None:
    actor, now = access.visitor().actor, clock.now_in(session)
    services.cancel(session, reference, person_id=_person(), expected=expected, owed=owed, actor=actor, now=now)


@bp.get("/bookings/<reference>/permit.pdf")
@access.resident
def permit(reference: str) -> ResponseReturnValue:
    """The permit as PDF."""
    with unit_of_work() as session:
        view = _own(session, reference)
        if view.booking.permit_file_id is None or view.state != BookingState.CONFIRMED:
            raise NotFound
        stored = files.get(session, view.booking.permit_file_id)
        return Response(
            stored.content,
            mimetype=stored.media_type,
            headers={
                "Content-Disposition": f'inline; filename="{stored.name}"',
                "Cache-Control": "private, no-store",
            },
        )


@bp.get("/my/bookings")
@access.resident
def mine() -> ResponseReturnValue:
    """All bookings of the visitor."""
    with unit_of_work() as session:
        now = clock.now_in(session)
        lines = bookings.mine(session, _person(), now=now)
        unpaid = bookings.unpaid(session, lines)
    return render_template("reservations/mine.html", lines=lines, unpaid=unpaid, words=words, now=now)
