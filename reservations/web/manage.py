"""The facility manager: what waits, today's sheet, yes or no. Only their own facilities exist for them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.accounts.models import Person, Role
from portal.kernel import audit, clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access
from portal.web.access import Visitor
from reservations import services
from reservations.desk import closures, leaving
from reservations.errors import WrongState
from reservations.models import FIRM, BookingState
from reservations.queries import bookings, later_changes
from reservations.services import adjusting, after_use, reducing
from reservations.services.common import KIND
from reservations.web import reductions, words
from reservations.web.forms import AfterUseForm, DecisionForm, ReductionForm
from reservations.web.public import bp, read_day


def facilities_of(visitor: Visitor) -> set[str]:
    """Codes of the facilities that the visitor manages."""
    return visitor.scopes(Role.FACILITY_MANAGER, "facility")


@bp.get("/staff/bookings")
@access.staff(Role.FACILITY_MANAGER)
def queue() -> ResponseReturnValue:
    """What waits for a decision, and what happens today."""
    own = facilities_of(access.visitor())
    today = clock.today()
    with unit_of_work() as session:
        waiting = bookings.waiting(session, own)
        asked = [booking.reference for _request, booking in reducing.undecided(session, own)]
        sheet = bookings.sheet(session, own, today)
        managed = bookings.managed(session, own, on=today)
        for line in waiting:
            _looked(session, line.reference, "booking.listed")
    return render_template(
        "reservations/staff/queue.html",
        waiting=waiting,
        asked=asked,
        sheet=sheet,
        managed=managed,
        today=today,
        tomorrow=today + timedelta(days=1),
        words=words,
    )


@bp.get("/staff/bookings/sheet/<day>")
@access.staff(Role.FACILITY_MANAGER)
def sheet(day: str) -> ResponseReturnValue:
    """A day's sheet, made for printing."""
    wanted = read_day(day)
    own = facilities_of(access.visitor())
    with unit_of_work() as session:
        lines = bookings.sheet(session, own, wanted)
        unpaid = bookings.unpaid(session, lines)
        shut = closures.on_day(session, own, wanted)
        managed = dict(bookings.managed(session, own, on=wanted))
        for line in lines:
            _looked(session, line.reference, "booking.listed")
    return render_template(
        "reservations/staff/sheet.html",
        lines=lines,
        unpaid=unpaid,
        shut=shut,
        managed=managed,
        day=wanted,
        before=wanted - timedelta(days=1),
        after=wanted + timedelta(days=1),
        words=words,
    )


@bp.get("/staff/bookings/later-changes")
@access.staff(Role.FACILITY_MANAGER)
def changed_later() -> ResponseReturnValue:
    """Bookings that a new holiday or closed day touches after their permit: the price stays, the manager knows (CASES B3)."""
    with unit_of_work() as session:
        lines = later_changes.touched(session, facilities_of(access.visitor()), now=clock.now_in(session))
        for line in lines:
            _looked(session, line.reference, "booking.listed")
    return render_template("reservations/staff/later_changes.html", lines=lines, words=words)


def _looked(session: Session, reference: str, action: str) -> None:
    audit.record(session, actor=access.visitor().actor, action=action, subject_kind=KIND, subject_ref=reference)


def _page(
    session: Session,
    number: str,
    form: DecisionForm,
    *,
    status: int = 200,
    reduction_form: ReductionForm | None = None,
    after_form: AfterUseForm | None = None,
) -> ResponseReturnValue:
    view = bookings.of_facilities(session, number, facilities_of(access.visitor()))
    if view is None:
        raise NotFound
    _looked(session, number, "booking.read")
    person = session.get_one(Person, view.booking.person_id)
    html = render_template(
        "reservations/staff/decide.html",
        view=view,
        booking=view.booking,
        person=person,
        events=bookings.events(session, view.booking.id),
        form=form,
        waiting=view.state == BookingState.REQUESTED,
        reductions=reductions.lines(session, view),
        adjusted=adjusting.adjustments(session, view.booking.id),
        adjustment_words=reductions.adjustment_words,
        reduction_form=reduction_form or ReductionForm(formdata=None),
        after_form=after_form or AfterUseForm(formdata=None),
        firm=view.state in FIRM,
        leaves=leaving.may_leave(view.booking, now=clock.now_in(session)),
        words=words,
    )
    return html, status


@bp.get("/staff/bookings/<reference>")
@access.staff(Role.FACILITY_MANAGER)
def decide(reference: str) -> ResponseReturnValue:
    """One booking, with everything that the decision needs."""
    with unit_of_work() as session:
        return _page(session, references.parse(reference), DecisionForm(formdata=None))


@bp.post("/staff/bookings/<reference>")
@access.staff(Role.FACILITY_MANAGER)
def decided(reference: str) -> ResponseReturnValue:
    """Permit or refuse."""
    number = references.parse(reference)
    form = DecisionForm(request.form)
    if not form.validate():
        with unit_of_work() as session:
            return _page(session, number, form, status=422)
    visitor = access.visitor()
    own = facilities_of(visitor)
    if form.decision.data == "approve":
        transact(
            partial(
                services.approve,
                reference=number,
                conditions=(form.conditions.data or "").splitlines(),
                facilities=own,
                actor=visitor.actor,
                now=clock.now(),
            ),
        )
    else:
        transact(
            partial(
                services.refuse,
                reference=number,
                reason=form.reason.data,
                facilities=own,
                actor=visitor.actor,
                now=clock.now(),
            ),
        )
    return redirect(url_for("reservations.queue"), 303)


@bp.post("/staff/bookings/<reference>/reductions")
@access.staff(Role.FACILITY_MANAGER)
def decide_reduction(reference: str) -> ResponseReturnValue:
    """Grant, refuse or revoke a reduction."""
    number = references.parse(reference)
    form = ReductionForm(request.form)
    if not form.validate():
        with unit_of_work() as session:
            return _page(session, number, DecisionForm(formdata=None), status=422, reduction_form=form)
    visitor = access.visitor()
    facts = {
        "reduction": form.reduction.data,
        "reason": form.reason.data or "",
        "facilities": facilities_of(visitor),
        "actor": visitor.actor,
        "now": clock.now(),
    }
    if form.decision.data == "revoke":
        transact(partial(reducing.revoke, reference=number, **facts))
    else:
        transact(partial(reducing.decide, reference=number, grant=form.decision.data == "grant", **facts))
    return redirect(url_for("reservations.decide", reference=number), 303)


@bp.post("/staff/bookings/<reference>/after-use")
@access.staff(Role.FACILITY_MANAGER)
def after_the_use(reference: str) -> ResponseReturnValue:
    """Called off, partly lost, not come: the money follows the rules of use."""
    number = references.parse(reference)
    form = AfterUseForm(request.form)
    if form.validate():
        try:
            transact(partial(_after_use, number=number, what=form.what.data, minutes=form.minutes.data or 0))
            return redirect(url_for("reservations.decide", reference=number), 303)
        except WrongState:
            form.refuse(
                form.what,
                words.gettext("この予約では、いまはできません。使う時間が始まってから、1度だけできるものもあります。"),
            )
    with unit_of_work() as session:
        return _page(session, number, DecisionForm(formdata=None), status=422, after_form=form)


def _after_use(session: Session, *, number: str, what: str, minutes: int) -> None:
    visitor = access.visitor()
    own, actor, now = facilities_of(visitor), visitor.actor, clock.now()
    match what:
        case "weather" | "facility" | "city":
            after_use.call_off(session, number, by=what, facilities=own, actor=actor, now=now)
        case "lost":
            after_use.lost_time(session, number, minutes=minutes, facilities=own, actor=actor, now=now)
        case _:
            after_use.no_show(session, number, came=what == "came", facilities=own, actor=actor, now=now)
