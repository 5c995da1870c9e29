"""Disposal of cases whose retention has ended: list, take off, confirm, report."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from forms import queries
from forms.case_models import Disposal
from forms.services import disposal
from forms.web import views, words
from forms.web.blueprint import bp
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, locale


def _departments() -> set[str]:
    return access.visitor().scopes(Role.APPROVER, "department")


@bp.get("/staff/retention")
@access.staff(Role.APPROVER)
def retention() -> ResponseReturnValue:
    """The lists of disposal of the visitor's departments."""
    with unit_of_work() as session:
        mine = []
        for found in session.scalars(select(Disposal).order_by(Disposal.id.desc()).limit(100)):
            try:
                mine.append(disposal.of_departments(session, found.id, _departments()))
            except NotFound:
                continue
        return render_template("forms/retention.html", lists=mine, lang=locale.current())


@bp.post("/staff/retention")
@access.staff(Role.APPROVER)
def list_due() -> ResponseReturnValue:
    """List what is due today."""
    try:
        with unit_of_work() as session:
            made = disposal.make_list(
                session, departments=_departments(), actor=access.visitor().actor, now=clock.now()
            )
            number = made.id
    except NotFound:
        flash(gettext("保存の期間が終わった申請はありません。"), "success")
        return redirect(url_for("forms.retention"), 303)
    return redirect(url_for("forms.disposal_list", disposal_id=number), 303)


@bp.get("/staff/retention/<int:disposal_id>")
@access.staff(Role.APPROVER)
def disposal_list(disposal_id: int) -> ResponseReturnValue:
    """One list: numbers and dates, no names."""
    with unit_of_work() as session:
        found = disposal.of_departments(session, disposal_id, _departments())
        return render_template(
            "forms/disposal.html",
            disposal=found,
            cases=disposal.cases_of(session, found),
            names=views.name_of,
            kinds=words.DISPOSED,
            people=queries.staff_names(session, {each for each in (found.listed_by, found.confirmed_by) if each}),
            lang=locale.current(),
        )


@bp.post("/staff/retention/<int:disposal_id>")
@access.staff(Role.APPROVER)
def confirm_disposal(disposal_id: int) -> ResponseReturnValue:
    """Confirm the disposal, or keep one case."""
    kept = request.form.get("keep", "")
    with unit_of_work() as session:
        found = disposal.of_departments(session, disposal_id, _departments(), lock=True)
        if kept:
            disposal.keep(session, found, reference=kept, actor=access.visitor().actor)
        else:
            disposal.confirm(session, found, actor=access.visitor().actor, now=clock.now())
    flash(
        gettext("残すことにしました。") if kept else gettext("廃棄を始めました。終わると、ここに報告が出ます。"),
        "success",
    )
    return redirect(url_for("forms.disposal_list", disposal_id=disposal_id), 303)
