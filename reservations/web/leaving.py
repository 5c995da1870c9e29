"""Somebody says at the counter or by telephone that they do not come: the clerk reads out the sum and cancels for them."""

from __future__ import annotations

from functools import partial

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session
from wtforms.fields.choices import SelectChoice

from portal.accounts.models import Person, Role
from portal.kernel import audit, clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.money import Yen
from portal.web import access
from portal.web.forms import ChoiceField, Required
from reservations import services
from reservations.desk import leaving
from reservations.errors import RefundChanged
from reservations.models import Source
from reservations.queries import bookings
from reservations.services.common import KIND
from reservations.web import words
from reservations.web.forms import CancelForm
from reservations.web.manage import facilities_of
from reservations.web.public import bp
from reservations.web.telling import Hears, hears
from reservations.web.words import gettext

_MANAGER = access.staff(Role.FACILITY_MANAGER)


class LeaveForm(CancelForm):
    """How the person said it, and the sum that they were told."""

    told = ChoiceField(
        lazy_gettext("本人は、どのように申し出ましたか"),
        validators=[Required()],
        choices=[
            SelectChoice(Source.TELEPHONE.value, lazy_gettext("電話で")),
            SelectChoice(Source.COUNTER.value, lazy_gettext("窓口で")),
        ],
    )


@bp.get("/staff/bookings/<reference>/cancel")
@_MANAGER
def ask_cancel_for(reference: str) -> ResponseReturnValue:
    """What would go back, to be read out before anything is done."""
    return _page(references.parse(reference), None)


def _page(number: str, typed: LeaveForm | None, *, status: int = 200, message: str = "") -> ResponseReturnValue:
    """The page; `typed`: what was chosen so far."""
    with unit_of_work() as session:
        view = bookings.of_facilities(session, number, facilities_of(access.visitor()))
        if view is None:
            raise NotFound
        audit.record(
            session, actor=access.visitor().actor, action="booking.read", subject_kind=KIND, subject_ref=number
        )
        now = clock.now_in(session)
        if not leaving.may_leave(view.booking, now=now):
            return redirect(url_for("reservations.decide", reference=number), 303)
        quote = services.refund_quote(view.booking, now=now)
        person = session.get_one(Person, view.booking.person_id)
        way = hears(session, view.booking, now=now)
    form = typed or LeaveForm(formdata=None)
    form.expected.data, form.owed.data = str(quote.amount.amount), str(quote.owed.amount)
    tells = {
        Hears.MAIL: gettext("取り消すと、本人にメールで知らせます。"),
        Hears.LETTER: gettext("取り消すと、本人への手紙ができます。「送る手紙」で印刷して送ってください。"),
        Hears.CLERK: gettext("メールも住所も登録されていません。取り消したことと金額は、いま本人に伝えてください。"),
    }[way]
    html = render_template(
        "reservations/desk/cancel.html",
        view=view,
        booking=view.booking,
        person=person,
        quote=quote,
        waits=leaving.waits(view.booking, now=now),
        tells=tells,
        form=form,
        message=message,
        words=words,
    )
    return html, status


@bp.post("/staff/bookings/<reference>/cancel")
@_MANAGER
def cancel_for(reference: str) -> ResponseReturnValue:
    """Cancel, with the refund that was read out."""
    number = references.parse(reference)
    form = LeaveForm()
    expected, owed = form.expected.data or "", form.owed.data or "0"
    if not form.validate() or not all(
        sum_.isascii() and sum_.isdigit() and len(sum_) <= 9 for sum_ in (expected, owed)
    ):
        return _page(number, form, status=422)
    try:
        transact(
            partial(
                _cancel, number=number, told=Source(form.told.data), expected=Yen(int(expected)), owed=Yen(int(owed))
            )
        )
    except RefundChanged:
        message = gettext("金額が変わりました。予約はそのままです。もう一度見てください。")
        return _page(number, form, status=409, message=message)
    return redirect(url_for("reservations.decide", reference=number), 303)


def _cancel(session: Session, *, number: str, told: Source, expected: Yen, owed: Yen) -> None:
    visitor = access.visitor()
    own, now = facilities_of(visitor), clock.now_in(session)
    view = bookings.of_facilities(session, number, own)
    if view is not None and leaving.waits(view.booking, now=now):
        leaving.release_for(session, number, told=told, facilities=own, actor=visitor.actor, now=now)
    else:
        leaving.cancel_for(
            session,
            number,
            told=told,
            expected=expected,
            owed=owed,
            facilities=own,
            actor=visitor.actor,
            now=now,
        )
