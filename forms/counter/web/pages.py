"""The counter's home: open visits, a new one."""

from __future__ import annotations

from datetime import datetime, time

from flask import redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from forms.counter import queries, services
from forms.counter.models import Authority
from forms.counter.web.blueprint import bp
from forms.counter.web.inputs import OpenInputs
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.web import access, locale


def _form(now: datetime) -> tuple[OpenInputs, list[queries.VisitRow], dict[str, str]]:
    lang = locale.current()
    midnight = datetime.combine(clock.local(now).date(), time(), clock.TOKYO)
    with unit_of_work() as db:
        visits = list(queries.open_visits(db, since=midnight))
        titles = {one.slug: one.plain_name.in_(lang) for one in queries.offered(db, now=now)}
        offices = [
            SelectChoice(code, name_en if lang == "en" else name) for code, name, name_en in queries.offices_of(db)
        ]
    form = OpenInputs(office=session.get("counter_office"))
    form.slugs.choices = [SelectChoice(slug, title) for slug, title in titles.items()]
    form.office.choices = offices
    return form, visits, titles


@bp.get("")
@access.staff(Role.COUNTER)
def home() -> ResponseReturnValue:
    """Visits that are open today, and the form for a new one."""
    form, visits, titles = _form(clock.now())
    return render_template("counter/home.html", form=form, visits=visits, titles=titles)


@bp.post("")
@access.staff(Role.COUNTER)
def start() -> ResponseReturnValue:
    """Open a visit."""
    now = clock.now()
    form, visits, titles = _form(now)
    if not form.validate():
        return render_template("counter/home.html", form=form, visits=visits, titles=titles), 422
    with unit_of_work() as db:
        visit = services.open_visit(
            db,
            slugs=form.slugs.data,
            office=form.office.data,
            clerk=access.visitor().actor,
            now=now,
            authority=Authority(form.authority.data),
        )
        reference = visit.reference
    # The same clerk sits in the same office for the next visitor.
    session["counter_office"] = form.office.data
    return redirect(url_for("counter.visit", reference=reference), 303)
