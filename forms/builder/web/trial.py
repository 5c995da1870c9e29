"""See a procedure as on a phone, and try it with sample answers. Nothing is stored: what was typed goes along in the form."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from forms import presenting
from forms.builder import queries, trying
from forms.builder.web.pages import bp, sections
from forms.definition import FieldSpec, Moment, Procedure
from forms.definition.fields import GroupField
from forms.definition.fields.files import Files
from forms.rules import Facts
from forms.services.common import definition, moment
from forms.web import views
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.web import access, locale

OLDEST = 130


@bp.get("/staff/procedures/<slug>/preview")
@access.staff(Role.EDITOR)
def preview(slug: str) -> ResponseReturnValue:
    """Every step with all its questions, as wide as a phone; nothing can be sent."""
    with unit_of_work() as session:
        version = queries.looked_at(queries.of_sections(session, slug, sections()))
        procedure, waits = definition(version), version.published_at is None
    lang = locale.current()
    steps = [(step, _all_questions(step.fields, lang)) for step in procedure.steps]
    return render_template("builder/preview.html", slug=slug, procedure=procedure, waits=waits, steps=steps, lang=lang)


def _all_questions(fields: tuple[FieldSpec, ...], lang: str) -> list[views.FieldView]:
    groups = [f for f in fields if isinstance(f, GroupField)]
    return views.field_views(
        fields,
        locale=lang,
        typed={group.id: {"row": ["1"]} for group in groups},
        problems={},
        required=[f.id for f in fields if f.has_value and f.required],
        rows={group.id: (trying.every_row(group),) for group in groups},
        today=clock.today(),
    )


@bp.route("/staff/procedures/<slug>/try", methods=["GET", "POST"])
@access.staff(Role.EDITOR)
def trial(slug: str) -> ResponseReturnValue:
    """One step after the other with sample answers; at the end what would be filed and what it would cost."""
    with unit_of_work() as session:
        procedure = definition(queries.looked_at(queries.of_sections(session, slug, sections())))
        made = _made(procedure, moment(session, clock.now()))
    lang = locale.current()
    step = made.step
    fields = views.field_views(
        [f for f in step.fields if f.id in made.evaluation.shown] if step else [],
        locale=lang,
        typed=made.typed,
        problems=made.problems if step else {},
        required=made.evaluation.required,
        values=made.evaluation.values,
        offered=made.evaluation.offered,
        rows=made.rows,
        today=clock.today(),
    )
    titles = {s.id: s.title.in_(lang) for s in procedure.steps}
    html = render_template(
        "builder/trial.html",
        slug=slug,
        procedure=procedure,
        made=made,
        fields=fields,
        files=_named_files(procedure),
        titles=titles,
        labels=[*(titles[s] for s in made.evaluation.steps), gettext("確認")],
        order=made.evaluation.steps,
        wrong=[s for s in made.evaluation.steps if any(_step_of(procedure, f) == s for f in made.problems)],
        summary=[] if step else presenting.steps(procedure, made.filed, lang),
        applicant=_applicant(),
        oldest=OLDEST,
        lang=lang,
    )
    return html, 422 if step and made.problems else 200


def _made(procedure: Procedure, at: Moment) -> trying.Trial:
    opened = clock.local(procedure.open_from).date() if procedure.open_from else None
    age, residence, kind = _applicant()
    return trying.go_on(
        procedure,
        typed=views.typed_in_form(),
        asked=views.asked_in_form(),
        files=_named_files(procedure),
        step_id=request.form.get("step", ""),
        action=request.form.get("action", "next"),
        facts=Facts(
            today=at.today,
            opened=opened,
            age=int(age) if age else None,
            residence="city" if residence == "city" else "outside" if residence == "outside" else None,
            kind="guest" if kind == "guest" else "person",
        ),
        at=at,
    )


def _applicant() -> tuple[str, str, str]:
    """As whom it is tried: age, residence, kind; "" where nothing (sensible) is said."""
    age = request.form.get("as.age", "").strip()
    return (
        age if age.isascii() and age.isdigit() and int(age[:4]) <= OLDEST else "",
        request.form.get("as.residence", ""),
        request.form.get("as.kind", ""),
    )


def _named_files(procedure: Procedure) -> dict[str, list[str]]:
    """Names that stand for files: field id → names. The form is sent without the files themselves."""
    typed, found = views.typed_in_form(), dict[str, list[str]]()
    for spec in procedure.fields():
        if isinstance(spec, Files):
            names = [*request.form.getlist(f"named.{spec.id}"), *typed.get(spec.id, {}).get("", ())]
            found[spec.id] = [n for n in names if n.strip()][-spec.most :]
    return found


def _step_of(procedure: Procedure, field_id: str) -> str:
    step = procedure.step_of(field_id)
    return step.id if step else ""
