"""The page on which a clerk changes the entries of a repeated group that came from home."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from forms import rules
from forms.counter import entries as changing
from forms.counter import prepared, services
from forms.counter.web.blueprint import bp
from forms.definition import Problem, Typed
from forms.definition.fields import GroupField
from forms.services.common import definition, facts_of, moment
from forms.web.views import field_views, typed_in_form
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.web import access, locale

ADD, REMOVE = "add:", "remove:"


@bp.get("/<reference>/prepared/<slug>/entries/<field_id>")
@access.staff(Role.COUNTER)
def entries(reference: str, slug: str, field_id: str) -> ResponseReturnValue:
    """The entries as they stand."""
    return _page(reference, slug, field_id)


def _page(
    reference: str, slug: str, field_id: str, *, typed: Typed | None = None, problems: Sequence[Problem] = ()
) -> ResponseReturnValue:
    now = clock.now()
    with unit_of_work() as session:
        visit = services.changeable(session, reference)
        application, spec = prepared.field_of(session, visit, slug, field_id, GroupField)
        procedure, draft = definition(application.version), application.draft
        assert draft is not None
        said = draft.typed.get(field_id) or spec.typed_of(draft.answers.get(field_id))
        shown = said if typed is None else typed
        at, facts = moment(session, now), facts_of(session, application, now=now)
        evaluation = rules.evaluate(procedure, {**draft.answers, field_id: spec.entries(shown, at)}, facts)
        [view] = field_views(
            [spec],
            locale=locale.current(),
            typed={field_id: shown},
            problems={field_id: problems} if problems else {},
            required=evaluation.required,
            rows=evaluation.rows,
            today=clock.today(),
        )
        title = procedure.plain_name.in_(locale.current())
    html = render_template("counter/entries.html", reference=reference, slug=slug, title=title, view=view)
    return html, 422 if problems else 200


@bp.post("/<reference>/prepared/<slug>/entries/<field_id>")
@access.staff(Role.COUNTER)
def change_entries(reference: str, slug: str, field_id: str) -> ResponseReturnValue:
    """Keep them, or add or take away one."""
    action, typed = request.form.get("action", ""), typed_in_form().get(field_id, {})
    adds, removes = action.startswith(ADD), action.startswith(REMOVE)
    problems = transact(
        lambda session: changing.change(
            session,
            reference,
            slug,
            field_id,
            typed=typed,
            clerk=access.visitor().actor,
            now=clock.now(),
            add=adds,
            remove=action.rpartition(":")[2] if removes else None,
        )
    )
    if adds or removes:
        return _page(reference, slug, field_id)
    if problems:
        return _page(reference, slug, field_id, typed=typed, problems=problems)
    flash(gettext("直しました。家で準備した内容も、記録に残っています。"), "success")
    return redirect(url_for("counter.visit", reference=reference), 303)
