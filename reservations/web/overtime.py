"""Overtime at the desk: ask for it while the people are still there, and take a wrong charge back."""

from __future__ import annotations

from functools import partial

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.models import Role
from portal.kernel import clock, references
from portal.kernel.database import transact
from portal.web import access
from reservations.desk import overtime
from reservations.web import desk
from reservations.web.desk_forms import LendForm, TakeBackForm, UseForm
from reservations.web.manage import facilities_of
from reservations.web.public import bp

_DESK = access.staff(Role.FACILITY_MANAGER)


def _back(number: str) -> ResponseReturnValue:
    return redirect(url_for("reservations.use", reference=number) + "#overtime", 303)


@bp.post("/staff/desk/bookings/<reference>/overtime")
@_DESK
def charge_overtime(reference: str) -> ResponseReturnValue:
    """Ask for the overtime that was entered."""
    number, visitor = references.parse(reference), access.visitor()
    own, now = facilities_of(visitor), clock.now()
    transact(partial(overtime.charge, reference=number, facilities=own, actor=visitor.actor, now=now))
    return _back(number)


@bp.post("/staff/desk/bookings/<reference>/overtime/back")
@_DESK
def take_overtime_back(reference: str) -> ResponseReturnValue:
    """Take a wrong charge for overtime back, with the reason."""
    number, visitor = references.parse(reference), access.visitor()
    line = desk.line_of(number)
    form = TakeBackForm()
    if not form.validate():
        return desk.use_page(
            line, UseForm(formdata=None, data=desk.kept(line)), LendForm(formdata=None), form, status=422
        )
    transact(
        partial(
            overtime.take_back,
            reference=number,
            reason=form.reason.data or "",
            facilities=facilities_of(visitor),
            actor=visitor.actor,
            now=clock.now(),
        )
    )
    return _back(number)
