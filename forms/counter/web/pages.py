"""The counter's home: open visits, a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Literal

from flask import redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from forms.counter import queries, services
from forms.counter.models import Authority
from forms.counter.web.blueprint import bp
from forms.counter.web.inputs import CaseNumberInputs, OpenInputs, PreparedVisitInputs
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.web import access, locale

PREPARED = "p-"
CASE = "c-"


@dataclass(frozen=True, slots=True)
class Lists:
    """What the counter's home shows."""

    form: OpenInputs
    prepared: PreparedVisitInputs
    case: CaseNumberInputs
    visits: Sequence[queries.VisitRow]
    titles: dict[str, str]

    def context(self) -> dict[str, Any]:
        """For the template."""
        return {
            "form": self.form,
            "prepared": self.prepared,
            "case": self.case,
            "visits": self.visits,
            "titles": self.titles,
        }


def lists(now: datetime, *, sent: Literal["open", "prepared", "case"] | None = None) -> Lists:
    """Open visits, the two forms for a new one and the one for a case that is filed; only the one that was sent holds what was typed."""
    lang = locale.current()
    midnight = datetime.combine(clock.local(now).date(), time(), clock.TOKYO)
    with unit_of_work() as db:
        visits = list(queries.open_visits(db, since=midnight))
        titles = {one.slug: one.plain_name.in_(lang) for one in queries.offered(db, now=now)}
        offices = [
            SelectChoice(code, name_en if lang == "en" else name) for code, name, name_en in queries.offices_of(db)
        ]
    office = session.get("counter_office")
    form = OpenInputs() if sent == "open" else OpenInputs(formdata=None, office=office)
    prepared = (
        PreparedVisitInputs(prefix=PREPARED)
        if sent == "prepared"
        else PreparedVisitInputs(formdata=None, prefix=PREPARED, office=office)
    )
    form.slugs.choices = [SelectChoice(slug, title) for slug, title in titles.items()]
    form.office.choices = prepared.office.choices = offices
    case = CaseNumberInputs(prefix=CASE) if sent == "case" else CaseNumberInputs(formdata=None, prefix=CASE)
    return Lists(form, prepared, case, visits, titles)


@bp.get("")
@access.staff(Role.COUNTER)
def home() -> ResponseReturnValue:
    """Visits that are open today, and the forms for a new one."""
    return render_template("counter/home.html", **lists(clock.now()).context())


@bp.post("")
@access.staff(Role.COUNTER)
def start() -> ResponseReturnValue:
    """Open a visit."""
    now = clock.now()
    shown = lists(now, sent="open")
    form = shown.form
    if not form.validate():
        return render_template("counter/home.html", **shown.context()), 422
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
