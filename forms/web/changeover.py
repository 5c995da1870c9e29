"""A draft whose procedure got a new version: what changed, question by question, and the button to go over."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString

from forms.services import changeover
from forms.services.common import ReviewChanged, definition
from forms.states import State
from forms.web.blueprint import bp
from forms.web.step_page import draft_of_visitor
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, locale

CHANGED: dict[str, LazyString] = {
    "question": lazy_gettext("質問の文"),
    "type": lazy_gettext("答え方"),
    "required": lazy_gettext("必ず答えるか"),
    "choices": lazy_gettext("えらべるもの"),
    "other": lazy_gettext("そのほかの決まり"),
}


@bp.get("/apply/<slug>/<key>/version")
@access.public
def new_version(slug: str, key: str) -> ResponseReturnValue:
    """What the new version asks, and what becomes of each answer."""
    return _page(slug, key)


def _page(slug: str, key: str, *, error: str = "", status: int = 200) -> ResponseReturnValue:
    lang = locale.current()
    with unit_of_work() as session:
        draft = draft_of_visitor(session, slug, key)
        application, procedure = draft.application, draft.procedure
        if application.state != State.DRAFT.value:
            return redirect(url_for("forms.application", reference=application.reference), 303)
        try:
            found = changeover.plan(session, application, now=clock.now())
        except NotFound:
            # Gone over already (a second click, Back): the draft is there to go on with.
            first = application.draft.step if application.draft and application.draft.step else procedure.steps[0].id
            return redirect(url_for("forms.step", slug=slug, key=key, step_id=first), 303)
        html = render_template(
            "forms/changeover.html",
            application=application,
            procedure=procedure,
            found=found,
            changed_words=CHANGED,
            error=error,
            lang=lang,
        )
        return html, status


@bp.post("/apply/<slug>/<key>/version")
@access.public
def go_over(slug: str, key: str) -> ResponseReturnValue:
    """Go over to the new version with every answer."""
    try:
        with unit_of_work() as session:
            draft_of_visitor(session, slug, key)
            application = changeover.go_over(
                session,
                key=key,
                sha256=request.form.get("sha256", ""),
                actor=access.visitor().actor,
                now=clock.now(),
            )
            first = definition(application.version).steps[0].id
    except ReviewChanged as changed:
        return _page(slug, key, error=changed.code, status=409)
    except NotFound:
        return _page(slug, key)
    flash(gettext("新しい質問に移りました。答えは残っています。はじめから順に見てください。"), "success")
    return redirect(url_for("forms.step", slug=slug, key=key, step_id=first), 303)
