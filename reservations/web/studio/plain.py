"""The usual cases of rule documents as forms; each writes the document's text."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, city
from reservations.models import Facility
from reservations.rules import DaysToPay
from reservations.studio import drafts, services, writing
from reservations.web.public import bp
from reservations.web.studio import words
from reservations.web.studio.facilities import WHO, allowed, everything, managed
from reservations.web.studio.forms import FeesForm, PolicyForm, TimetableForm, fees_form, read_bands

#: The last part of a new document's code.
SUFFIX = {"timetable": "hours", "fees": "fees", "policy": "rules"}
USUAL = DaysToPay()


def known_kind(kind: str) -> str:
    """A kind of document that is written here.

    Raises:
        NotFound: it is none.
    """
    if kind not in SUFFIX:
        raise NotFound
    return kind


def _code(facility: Facility, kind: str) -> str:
    """The code of the document that the facility's spaces use, if it is the facility's own; a new one of its own else."""
    mine = f"{facility.code.lower()}-{SUFFIX[kind]}"
    return next(
        (
            code
            for space in facility.spaces
            if (code := getattr(space, f"{kind}_code")) and code.startswith(f"{facility.code.lower()}-")
        ),
        mine,
    )


def _tariffs(facility: Facility) -> list[str]:
    return list(dict.fromkeys(space.tariff for space in facility.spaces if space.bookable)) or ["whole"]


def _plain_form(kind: str, facility: Facility) -> TimetableForm | FeesForm | PolicyForm:
    tomorrow = clock.today() + timedelta(days=1)
    if kind == "timetable":
        return TimetableForm(
            data={
                "valid_from": tomorrow,
                "way": "grid",
                "start": time(9),
                "end": time(21),
                "minutes": "120",
                "closed_on": "mon",
                "when_holiday": "next_day",
                "year_end_from": "12-29",
                "year_end_until": "01-03",
            }
        )
    if kind == "fees":
        return fees_form(_tariffs(facility), data={"valid_from": tomorrow, "per": "slot", "rounding": "10"})
    return PolicyForm(
        data={
            "valid_from": tomorrow,
            "months": 3,
            "outsider_months": 2,
            "opens_on": "same_day",
            "opens_at": time(9),
            "closes_days": 0,
            "approval": "automatic",
            "full_days": 7,
            "half_days": 1,
            "telephone_days": USUAL.telephone,
            "overtime_days": USUAL.overtime,
        }
    )


def _plain_text(kind: str, code: str, form: Any, facility: Facility) -> str:
    if kind == "timetable":
        return _timetable_text(code, form)
    if kind == "fees":
        return _fees_text(code, form, facility)
    return _policy_text(code, form)


def _timetable_text(code: str, form: Any) -> str:
    lunch = (form.lunch_start.data, form.lunch_end.data)
    ends = (form.year_end_from.data, form.year_end_until.data)
    return writing.timetable(
        writing.PlainTimetable(
            code=code,
            valid_from=form.valid_from.data,
            source=form.source.data,
            start=form.start.data or time(9),
            end=form.end.data or time(21),
            minutes=int(form.minutes.data or 60),
            lunch=lunch if all(lunch) else None,
            bands=tuple(writing.PlainBand(*band) for band in read_bands(form.bands.data or ""))
            if form.way.data == "bands"
            else (),
            closed_on=form.closed_on.data or "",
            when_holiday=form.when_holiday.data or "next_day",
            year_end=ends if all(ends) else None,
        )
    )


def _fees_text(code: str, form: Any, facility: Facility) -> str:
    prices = tuple(
        writing.PlainPrice(
            tariff,
            words.tariff(tariff),
            form[f"amount_{tariff}"].data.amount,
            weekend.amount if (weekend := form[f"weekend_{tariff}"].data) else None,
            words.TARIFFS_EN.get(tariff, ""),
        )
        for tariff in _tariffs(facility)
    )
    return writing.fees(
        writing.PlainFees(
            code=code,
            valid_from=form.valid_from.data,
            ground=form.ground.data,
            prices=prices,
            per=form.per.data,
            outsider_percent=form.outsider.data or 0,
            lights=form.lights.data.amount if form.lights.data else 0,
            lights_from=form.lights_from.data,
            air=form.air.data.amount if form.air.data else 0,
            rounding=int(form.rounding.data),
        )
    )


def _policy_text(code: str, form: Any) -> str:
    name = city.name()
    steps = [(form.full_days.data, 100)]
    if form.half_days.data is not None and form.half_days.data < form.full_days.data:
        steps.append((form.half_days.data, 50))
    return writing.policy(
        writing.PlainPolicy(
            code=code,
            valid_from=form.valid_from.data,
            source=form.source.data,
            city=name.ja,
            city_en=name.en,
            months=form.months.data,
            outsider_months=form.outsider_months.data,
            opens_on=form.opens_on.data,
            opens_at=form.opens_at.data,
            closes_days=form.closes_days.data,
            approval=form.approval.data,
            steps=tuple(steps),
            days_to_pay=DaysToPay(
                telephone=form.telephone_days.data,
                overtime=form.overtime_days.data,
                source=(form.days_source.data or "").strip(),
            ),
            cancel_ground=form.cancel_ground.data,
            authority=form.authority.data,
            ground=form.ground.data,
            review_by=form.review_by.data,
            defendant=form.defendant.data,
            entrance=form.entrance.data,
            conditions=tuple(filter(None, (line.strip() for line in (form.conditions.data or "").splitlines()))),
        )
    )


def save_text(code: str, kind: str, document: str, text: str, draft_id: int | None) -> int:
    """Keep a draft's text; its number."""
    visitor = access.visitor()

    def work(session: Session) -> int:
        return drafts.save(
            session,
            facility=code,
            kind=kind,
            code=document,
            text=text,
            draft_id=draft_id,
            managed=managed(),
            everything=everything(),
            actor=visitor.actor,
            now=clock.now(),
        ).id

    return transact(work)


@bp.route("/staff/facilities/<code>/documents/<kind>/new", methods=["GET", "POST"])
@access.staff(*WHO)
def setup_plain(code: str, kind: str) -> ResponseReturnValue:
    """The usual case as a form; it writes the document."""
    known_kind(kind)
    with unit_of_work() as session:
        facility = services.facility_of(session, allowed(code))
    form = _plain_form(kind, facility)
    if request.method == "GET" or not form.validate():
        html = render_template(
            "reservations/setup/plain.html",
            form=form,
            kind=kind,
            facility=facility,
            tariffs=_tariffs(facility),
            words=words,
        )
        return html, 200 if request.method == "GET" else 422
    document = _code(facility, kind)
    made = save_text(code, kind, document, _plain_text(kind, document, form, facility), None)
    return redirect(url_for("reservations.setup_draft", code=code, draft=made), 303)
