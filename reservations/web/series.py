"""A series without script: which days of the week, until when, which times; then what was kept and what could not be had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.kernel import clock, dates, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.money import Yen
from portal.web import access, locale
from reservations import combining
from reservations.errors import (
    BadPeriod,
    HoldEnded,
    NotBookable,
    NotOffered,
    PriceChanged,
    SeriesOpen,
    SlotTaken,
    WrongState,
)
from reservations.models import Booking
from reservations.operations import series
from reservations.operations.models import BookingSeries
from reservations.operations.series import SeriesRequest
from reservations.policy.refusals import Refused
from reservations.pricing import Asks
from reservations.queries import bookings, calendar, catalog
from reservations.services import Details, together
from reservations.services.common import policy_of
from reservations.services.quoting import asks_of
from reservations.services.together import Together
from reservations.web import words
from reservations.web.changes import own_person
from reservations.web.details_form import DetailsForm, details_form, refused_field
from reservations.web.paying_words import PaymentStep, payment_step
from reservations.web.public import booking_party, bp, city_of_visitor, read_day
from reservations.web.refusals import refused_text
from reservations.web.words import gettext

ALTERNATIVES_FOR = 3
"""For how many of the days that could not be had other times are looked up."""


@bp.get("/spaces/<space>/series/<day>")
@access.resident
def ask_series(space: str, day: str) -> ResponseReturnValue:
    """Every week from this day on."""
    return _form(space, read_day(day))


def _form(space: str, first: date, *, message: str = "", status: int = 200) -> ResponseReturnValue:
    with unit_of_work() as session:
        views = catalog.spaces(session, on=first, space_code=space)
        if not views:
            raise NotFound
        table = catalog.rules_for(session, views).timetable(views[0].timetable_code, first)
        slots = table.slots_on(first, dates.is_holiday) if table else ()
    page = render_template(
        "reservations/series_ask.html", view=views[0], first=first, slots=slots, message=message, words=words
    )
    return page, status


@bp.post("/spaces/<space>/series/<day>")
@access.resident
def make_series(space: str, day: str) -> ResponseReturnValue:
    """Keep what is free."""
    first = read_day(day)
    typed = request.form.get("until", "")
    visitor = access.visitor()
    wanted = SeriesRequest(
        own_person(),
        visitor.account_id,
        space,
        first,
        read_day(typed) if typed else first,
        (first.weekday(),),
        tuple(request.form.getlist("slot")[: combining.MOST]),
        2 if request.form.get("every") == "2" else 1,
        locale.current(),
        group=booking_party(),
    )
    try:
        reference = transact(partial(_ask, wanted=wanted))
    except BadPeriod:
        return _form(
            space, first, message=gettext("使う時間と、いつまでかをえらんでください。60回までです。"), status=422
        )
    except SeriesOpen as error:
        return redirect(url_for("reservations.series_shown", reference=error.reference), 303)
    return redirect(url_for("reservations.series_shown", reference=reference), 303)


def _ask(session: Session, *, wanted: SeriesRequest) -> str:
    return series.ask(session, wanted, actor=access.visitor().actor, now=clock.now_in(session)).reference


@bp.get("/series/<reference>")
@access.resident
def series_shown(reference: str) -> ResponseReturnValue:
    """What was kept, with one form for all of it; what could not be had and why, and other times for the first of those."""
    with unit_of_work() as session:
        return _show(session, _own(session, reference))


@bp.post("/series/<reference>")
@access.resident
def series_save(reference: str) -> ResponseReturnValue:
    """Say what for, of all of them; or accept the sum and go on to pay it once."""
    with unit_of_work() as session:
        page = _own(session, reference)
    form = page.form
    if form is None:
        return redirect(url_for("reservations.series_shown", reference=page.made.reference), 303)
    if not form.validate():
        with unit_of_work() as session:
            return _show(session, page, status=422)
    accept = request.form.get("action") == "accept"
    use_case = partial(
        _accept if accept else _say, page=page, details=form.details(), accepted=form.accepted.data or ""
    )
    try:
        paid_by = transact(use_case)
    except NotBookable as error:
        form.refuse(refused_field(form, error), words.refused_words(error.reason, error.at, error.limit))
        with unit_of_work() as session:
            return _show(session, page, status=422)
    except (PriceChanged, HoldEnded, SlotTaken, WrongState):
        transact(partial(_say_again, reference=reference, details=form.details()))
        with unit_of_work() as session:
            message = gettext("取ってある日か、金額が変わりました。もう一度見てから、進んでください。")
            return _show(session, _own(session, reference), message=message, status=409)
    if paid_by is not None and page.step is not None and page.step.at_once:
        return redirect(url_for("payments.checkout", charge_ref=paid_by), 303)
    return redirect(url_for("reservations.series_shown", reference=page.made.reference) + "#price", 303)


@bp.post("/series/<reference>/pay")
@access.resident
def series_pay(reference: str) -> ResponseReturnValue:
    """Pay what is owed for the bookings of a series in one sum."""
    paid_by = transact(partial(_pay, reference=reference))
    if paid_by is not None:
        return redirect(url_for("payments.checkout", charge_ref=paid_by), 303)
    return redirect(url_for("reservations.series_shown", reference=references.parse(reference)), 303)


@dataclass(frozen=True)
class _Page:
    """A series with its bookings; `form` asks for what is still open, for all of them at once; `step`: what its button leads to."""

    made: BookingSeries
    bookings: list[Booking]
    waiting: Together
    form: DetailsForm | None
    step: PaymentStep | None


def _own(session: Session, reference: str) -> _Page:
    made = series.own(session, references.parse(reference), own_person())
    if made is None:
        raise NotFound
    found = series.bookings_of(session, made.id)
    waiting = together.open_holds(found, now=clock.now_in(session))
    form = step = None
    if waiting.each:
        # Some days ask for more than others (heating in its months): the form has every question of one of them.
        first = max((one.booking for one in waiting.each), key=lambda one: _questions(asks_of(one)))
        english = locale.current() == "en"
        offered = [(p.id, p.name_en if english else p.name) for p in bookings.purposes_of(session, first.space_id)]
        form = details_form(first, asks_of(first), offered, fill=request.method == "GET")
        by_manager = policy_of(first).approval.by_people
        step = payment_step(session, waiting.each[0].booking, by_manager=by_manager, several=True)
    return _Page(made, found, waiting, form, step)


def _questions(asked: Asks) -> int:
    return sum(
        len(part) for part in (asked.users, asked.lengths, asked.traits, asked.options, asked.tickets, asked.reductions)
    )


def _say(session: Session, *, page: _Page, details: Details, accepted: str) -> None:
    del accepted
    held = [one.booking.reference for one in page.waiting.each]
    actor, now = access.visitor().actor, clock.now_in(session)
    together.say(session, held, details, person_id=own_person(), actor=actor, now=now)


def _say_again(session: Session, *, reference: str, details: Details) -> None:
    """Keep what was typed for what is still held."""
    _say(session, page=_own(session, reference), details=details, accepted="")


def _accept(session: Session, *, page: _Page, details: Details, accepted: str) -> str | None:
    found = series.bookings_of(session, page.made.id)
    actor, now = access.visitor().actor, clock.now_in(session)
    return together.accept_all(session, found, details, accepted=accepted, person_id=own_person(), actor=actor, now=now)


def _pay(session: Session, *, reference: str) -> str | None:
    page = _own(session, reference)
    return together.pay_together(session, page.bookings, actor=access.visitor().actor, now=clock.now_in(session))


def _facility(page: _Page) -> str:
    if not page.bookings:
        return ""
    first = page.bookings[0]
    return bookings.facility_name(first.space.facility, page.made.first_day, locale.current())


def _show(session: Session, page: _Page, *, message: str = "", status: int = 200) -> ResponseReturnValue:
    now = clock.now_in(session)
    made = page.made
    space = series.space_code(session, made)
    city = city_of_visitor(session)
    missed = []
    for number, one in enumerate(made.missed):
        day, offers = date.fromisoformat(one["day"]), []
        if number < ALTERNATIVES_FOR:
            offers = calendar.alternatives(session, space, day, one["slots"][0], city=city, now=now)
        missed.append((day, why_missed(one), offers))
    owed = together.owed(session, page.bookings)
    if page.form is not None:
        page.form.accepted.data = page.waiting.digest
    html = render_template(
        "reservations/series.html",
        made=made,
        bookings=[(one, combining.restored(one.slots)) for one in page.bookings],
        prices={one.booking.reference: one.quote.total for one in page.waiting.each if one.quote.lines},
        waiting=page.waiting,
        form=page.form,
        step=page.step,
        named=bool(session.scalar(select(Person.name).where(Person.id == made.person_id))),
        owed=owed,
        owed_total=sum((one.total for one in owed), start=Yen(0)),
        facility_name=_facility(page),
        message=message,
        missed=missed,
        now=now,
        words=words,
    )
    return html, status


def why_missed(one: dict[str, Any]) -> str:
    """Why a day of a series could not be had, as it was kept."""
    match one["code"]:
        case "slot_taken":
            return gettext("この時間は、ほかの人が先に予約しました。")
        case "not_bookable":
            at = datetime.fromisoformat(one["at"]) if one.get("at") else None
            return words.refused_words(Refused(one["reason"]), at, one.get("limit"))
        case "not_offered":
            opens, closes = (date.fromisoformat(one[key]) if one.get(key) else None for key in ("opens", "closes"))
            return refused_text(NotOffered(opens, closes, one.get("into")))
        case _ if one.get("closed"):
            return str(one["closed_en"] if locale.current() == "en" and one.get("closed_en") else one["closed"])
        case _:
            return gettext("その日に、その時間はありません。")
