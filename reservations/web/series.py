"""A series without script: which days of the week, until when, which times; then what was kept and what could not be had."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.kernel import clock, dates, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, locale
from reservations import combining
from reservations.errors import BadPeriod, SeriesOpen
from reservations.operations import series
from reservations.operations.series import SeriesRequest
from reservations.policy.refusals import Refused
from reservations.queries import calendar, catalog
from reservations.web import words
from reservations.web.changes import own_person
from reservations.web.public import bp, city_of_visitor, read_day
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
    """What was kept, what could not be had and why, and other times for the first of those."""
    with unit_of_work() as session:
        made = series.own(session, references.parse(reference), own_person())
        if made is None:
            raise NotFound
        bookings = series.bookings_of(session, made.id)
        now = clock.now_in(session)
        space = series.space_code(session, made)
        city = city_of_visitor(session)
        missed = []
        for number, one in enumerate(made.missed):
            day, offers = date.fromisoformat(one["day"]), []
            if number < ALTERNATIVES_FOR:
                offers = calendar.alternatives(session, space, day, one["slots"][0], city=city, now=now)
            missed.append((day, _why(one), offers))
    return render_template(
        "reservations/series.html",
        made=made,
        bookings=[(one, combining.restored(one.slots)) for one in bookings],
        missed=missed,
        words=words,
    )


def _why(one: dict[str, Any]) -> str:
    match one["code"]:
        case "slot_taken":
            return gettext("この時間は、ほかの人が先に予約しました。")
        case "not_bookable":
            at = datetime.fromisoformat(one["at"]) if one.get("at") else None
            return words.refused_words(Refused(one["reason"]), at, one.get("limit"))
        case _ if one.get("closed"):
            return str(one["closed_en"] if locale.current() == "en" and one.get("closed_en") else one["closed"])
        case _:
            return gettext("その日に、その時間はありません。")
