"""The page on which a clerk exchanges or adds a file of what was prepared at home."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from forms.attachments import services as attachments
from forms.counter import files as changing
from forms.counter import prepared, services
from forms.counter.web.blueprint import bp
from forms.definition import Problem
from forms.definition.fields.files import Files
from forms.services.common import definition
from forms.web import files
from forms.web.views import FieldView
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, locale

PURPOSE = "窓口での仕上げ"
"""What a look at a file from here is for (a record of the city office)."""


@bp.get("/<reference>/prepared/<slug>/files/<field_id>")
@access.staff(Role.COUNTER)
def prepared_files(reference: str, slug: str, field_id: str) -> ResponseReturnValue:
    """The files as they would be filed, and the place to put in another one."""
    return _page(reference, slug, field_id)


def _page(reference: str, slug: str, field_id: str, problems: tuple[Problem, ...] = ()) -> ResponseReturnValue:
    lang = locale.current()
    with unit_of_work() as session:
        visit = services.changeable(session, reference)
        application, spec = prepared.field_of(session, visit, slug, field_id, Files)
        there = changing.now_there(application, spec)
        view = FieldView(spec, lang, typed={}, problems=problems, required=spec.required)
        view.files = files.shown(
            there,
            "counter.prepared_file",
            waiting=attachments.unscanned(session, application),
            reference=reference,
            slug=slug,
            field_id=field_id,
        )
        title = definition(application.version).plain_name.in_(lang)
    html = render_template("counter/files.html", reference=reference, slug=slug, title=title, view=view)
    return html, 422 if problems else 200


@bp.post("/<reference>/prepared/<slug>/files/<field_id>")
@access.staff(Role.COUNTER)
def change_files(reference: str, slug: str, field_id: str) -> ResponseReturnValue:
    """Put files in, or take one out."""
    action, clerk, now = request.form.get("action", ""), access.visitor().actor, clock.now()
    with unit_of_work() as session:
        _application, spec = prepared.field_of(session, services.changeable(session, reference), slug, field_id, Files)
    wrong: list[Problem] = []
    if action.startswith(files.REMOVE):
        which = files.identifier(action.removeprefix(files.REMOVE))
        left = transact(lambda db: changing.take_out(db, reference, slug, field_id, which, clerk=clerk, now=now))
        wrong += [left] if left is not None else []
    else:
        looked_at = files.sent([spec])
        wrong += [] if looked_at else [Problem("no_file_chosen")]
        for _spec, ready in looked_at:
            problem = ready if isinstance(ready, Problem) else _put_in(reference, slug, field_id, ready)
            wrong += [problem] if problem is not None else []
    if wrong:
        return _page(reference, slug, field_id, tuple(wrong))
    flash(gettext("ファイルを直しました。家で準備したファイルも、記録に残っています。"), "success")
    return redirect(url_for("counter.prepared_files", reference=reference, slug=slug, field_id=field_id), 303)


def _put_in(reference: str, slug: str, field_id: str, ready: attachments.Ready) -> Problem | None:
    clerk, now = access.visitor().actor, clock.now()
    return transact(lambda db: changing.put_in(db, reference, slug, field_id, ready, clerk=clerk, now=now))


@bp.get("/<reference>/prepared/<slug>/files/<field_id>/<attachment_id>")
@access.staff(Role.COUNTER)
def prepared_file(reference: str, slug: str, field_id: str, attachment_id: str) -> ResponseReturnValue:
    """One of these files."""
    with unit_of_work() as session:
        application, spec = prepared.field_of(session, services.load(session, reference), slug, field_id, Files)
        if attachment_id not in {each["id"] for each in changing.now_there(application, spec)}:
            raise NotFound
    return files.give(application, attachment_id, actor=access.visitor().actor, purpose=PURPOSE)
