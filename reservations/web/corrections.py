"""A fee table was wrong: which bookings cost something else, by fiscal year, before anything is done (CASES M7)."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from portal.accounts.models import Role
from portal.kernel import audit, jobs
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access
from portal.web.forms import MaxLength, PortalForm, Required, TextField
from reservations.services import correcting
from reservations.web.public import bp

SHOWN = 200


class CorrectionForm(PortalForm):
    """The name of a correction and its ground."""

    run = TextField(
        lazy_gettext("訂正の名前"),
        validators=[Required(), MaxLength(40)],
        description=lazy_gettext("同じ名前でもう一度実行しても、同じ予約を2度は直しません。例: R8-別表の訂正"),
    )
    ground = TextField(
        lazy_gettext("根拠(決裁の日と、間違っていた条文)"),
        validators=[Required(), MaxLength(200)],
        description=lazy_gettext("追加の請求と返還のすべてに書かれます。"),
    )


def _page(table: str | None, form: CorrectionForm, *, status: int = 200) -> ResponseReturnValue:
    with unit_of_work() as session:
        tables = correcting.tables_in_question(session)
        if table is not None and table not in tables:
            raise NotFound
        found = correcting.plan(session, table) if table is not None else []
        for one in found[:SHOWN]:
            audit.record(
                session,
                actor=access.visitor().actor,
                action="booking.listed",
                subject_kind="booking",
                subject_ref=one.reference,
            )
    html = render_template(
        "reservations/staff/corrections.html",
        tables=tables,
        table=table,
        found=found[:SHOWN],
        more=max(len(found) - SHOWN, 0),
        years=correcting.by_year(found),
        form=form,
        started="started" in request.args,
    )
    return html, status


@bp.get("/staff/fees/corrections")
@access.staff(Role.FINANCE)
def corrections() -> ResponseReturnValue:
    """Tables that were corrected after bookings were made under them."""
    return _page(None, CorrectionForm(formdata=None))


@bp.get("/staff/fees/corrections/<table>")
@access.staff(Role.FINANCE)
def correction(table: str) -> ResponseReturnValue:
    """Every booking that costs something else, and the sums by fiscal year; nothing is changed."""
    return _page(table, CorrectionForm(formdata=None))


@bp.post("/staff/fees/corrections/<table>")
@access.staff(Role.FINANCE)
def correct(table: str) -> ResponseReturnValue:
    """Order it: a job charges and refunds, one booking after the other."""
    form = CorrectionForm(request.form)
    if not form.validate():
        return _page(table, form, status=422)
    account_id = access.visitor().actor.account_id
    run, ground = form.run.data, form.ground.data
    with unit_of_work() as session:
        if table not in correcting.tables_in_question(session):
            raise NotFound
        jobs.defer(session, "reservations.correct", table=table, run=run, ground=ground, account_id=account_id)
    return redirect(url_for("reservations.correction", table=table, started="1"), 303)
