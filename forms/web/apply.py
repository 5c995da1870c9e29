"""Fill in, step by step; review; file. Works without script: every button is a submit button."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from forms import presenting, queries
from forms.definition import Problem
from forms.models import Application
from forms.services import changeover, disputing, drafts, filing, protection, proving
from forms.services.common import IdentityTooLow, Incomplete, MustGoOver, ReviewChanged
from forms.states import State
from forms.web import files, proof, views
from forms.web.blueprint import bp
from forms.web.step_page import StepPage, draft_of_visitor, principal_of, show_step, step_page
from portal.accounts.web import identity
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import Invalid
from portal.web import access, locale

LOOK_UP = "look_up"


def _to_case(application: Application) -> ResponseReturnValue:
    return redirect(url_for("forms.application", reference=application.reference), 303)


def _to_new_version(slug: str, key: str) -> ResponseReturnValue:
    """The draft's own version is not taken any more: show what changed, nothing is lost."""
    return redirect(url_for("forms.new_version", slug=slug, key=key), 303)


@bp.get("/apply/<slug>/<key>/steps/<step_id>")
@access.public
def step(slug: str, key: str, step_id: str) -> ResponseReturnValue:
    """One step with what was typed before."""
    with unit_of_work() as session:
        page = step_page(session, slug, key, step_id)
        if page.application.state != State.DRAFT.value:
            return _to_case(page.application)
        if page.newer is not None and page.newer.must:
            return _to_new_version(slug, key)
        if page.evaluation.steps and step_id not in page.evaluation.steps:
            return redirect(url_for("forms.step", slug=slug, key=key, step_id=page.evaluation.steps[0]), 303)
        return show_step(page, typed={}, problems={}, fresh="more" in request.args)


@bp.post("/apply/<slug>/<key>/steps/<step_id>")
@access.public
def save(slug: str, key: str, step_id: str) -> ResponseReturnValue:
    """Keep the step, then go where the button says: next, back, look up a postal code, or save for later."""
    return _save(slug, key, step_id, {})


@bp.post("/apply/<slug>/<key>/steps/<step_id>/files")
@access.public
def save_with_files(slug: str, key: str, step_id: str) -> ResponseReturnValue:
    """The same for a step that takes files: they are kept first, whatever else is wrong on the page."""
    with unit_of_work() as session:
        page = step_page(session, slug, key, step_id)
        if page.application.state != State.DRAFT.value:
            return _to_case(page.application)
        specs = [f for f in page.step.fields if f.id in page.evaluation.shown]
    actor, action = access.visitor().actor, request.form.get("action", "next")
    return _save(slug, key, step_id, files.handed_in(specs, action, actor=actor, key=key))


@bp.get("/apply/<slug>/<key>/files/<attachment_id>")
@access.public
def draft_file(slug: str, key: str, attachment_id: str) -> ResponseReturnValue:
    """A file of one's own draft."""
    with unit_of_work() as session:
        application = draft_of_visitor(session, slug, key).application
    return files.give(application, attachment_id, actor=access.visitor().actor)


def _save(slug: str, key: str, step_id: str, wrong_files: Mapping[str, tuple[Problem, ...]]) -> ResponseReturnValue:
    action = request.form.get("action", "next")
    typed, asked, now = views.typed_in_form(), views.asked_in_form(), clock.now()
    with unit_of_work() as session:
        page = step_page(session, slug, key, step_id, lock=True)
        if action.startswith(("add:", "remove:")):
            return _change_entries(session, page, action, typed=typed, asked=asked)
        if action.startswith(f"{LOOK_UP}:"):
            return _look_up(session, page, action.partition(":")[2], typed=typed, asked=asked)
        saved = drafts.save_step(
            session,
            key=key,
            step_id=step_id,
            typed=typed,
            asked=asked,
            now=now,
            leave_unchecked=action != "next",
            turn=views.turn_in_form(background=action in {"autosave", "refresh"}),
        )
        if saved.filed:
            return _to_case(page.application)
        if saved.late or action.startswith(("autosave", "wrong:")):
            return _without_going_on(session, page, action.removeprefix("wrong:"), typed=typed)
        if action == "refresh" or (action == "next" and saved.problems) or wrong_files:
            again = step_page(session, slug, key, step_id)
            wrong = {**(saved.problems if action == "next" else {}), **wrong_files}
            return show_step(again, typed=typed, problems=wrong, status=422 if wrong else 200)
    return redirect(_target(slug, key, step_id, action, saved), 303)


def _without_going_on(session: Session, page: StepPage, field_id: str, *, typed: dict[str, Any]) -> ResponseReturnValue:
    """Kept while typing, or too late to count; or the button "this is wrong": its field opens, the reason is kept for the reviewer."""
    if field_id in {"autosave", "refresh"}:
        return "", 204
    problems: dict[str, tuple[Problem, ...]] = {}
    # The field that opens begins with what was locked there, which the page did not send.
    typed = {each: texts for each, texts in typed.items() if each != field_id}
    try:
        disputing.dispute(
            session, key=page.application.key, field_id=field_id, reason=request.form.get(f"why.{field_id}", "")
        )
    except Invalid:
        problems = {field_id: (Problem("required"),)}
    again = step_page(session, page.procedure.slug, page.application.key, page.step.id)
    return show_step(again, typed=typed, problems=problems, status=422 if problems else 200)


def _change_entries(
    session: Session, page: StepPage, action: str, *, typed: dict[str, Any], asked: list[str]
) -> ResponseReturnValue:
    """The buttons of a repeated group: everything typed is kept, then the page is shown with one entry more or less."""
    verb, _colon, rest = action.partition(":")
    field_id, _colon, row = rest.partition(":")
    live = drafts.change_entries(
        session,
        key=page.application.key,
        step_id=page.step.id,
        field_id=field_id,
        typed=typed,
        asked=asked,
        now=clock.now(),
        remove=row if verb == "remove" else None,
    )
    if not live:
        return _to_case(page.application)
    again = step_page(session, page.procedure.slug, page.application.key, page.step.id)
    return show_step(again, typed={}, problems={})


def _target(slug: str, key: str, step_id: str, action: str, saved: drafts.Saved) -> str:
    """Where a button leads after the step was kept."""
    if action.startswith((files.SEND, files.REMOVE)):
        return _step_url(slug, key, step_id) + "#files"
    if action == "back":
        return _step_url(slug, key, saved.previous_step) if saved.previous_step else url_for("forms.begin", slug=slug)
    if action == "later":
        flash(gettext("ここまで書いたことを保存しました。"), "success")
        return url_for("forms.procedure", slug=slug)
    if saved.fresh:
        # The answers opened more questions on this very step: show them before going on.
        return _step_url(slug, key, step_id, more=1) + f"#f-{saved.fresh[0]}"
    if saved.next_step:
        return _step_url(slug, key, saved.next_step)
    return url_for("forms.review", slug=slug, key=key)


def _step_url(slug: str, key: str, step_id: str, *, more: int | None = None) -> str:
    return url_for("forms.step", slug=slug, key=key, step_id=step_id, more=more)


def _look_up(
    session: Session, page: StepPage, field_id: str, *, typed: dict[str, Any], asked: list[str]
) -> ResponseReturnValue:
    problems = drafts.fill_address(
        session,
        key=page.application.key,
        step_id=page.step.id,
        field_id=field_id,
        typed=typed,
        asked=asked,
        now=clock.now(),
    )
    if page.application.state != State.DRAFT.value:
        return _to_case(page.application)
    again = step_page(session, page.procedure.slug, page.application.key, page.step.id)
    return show_step(
        again, typed={}, problems={field_id: problems} if problems else {}, status=422 if problems else 200
    )


@bp.get("/apply/<slug>/<key>/review")
@access.public
def review(slug: str, key: str) -> ResponseReturnValue:
    """Everything that will be filed, exactly, and what it costs."""
    with unit_of_work() as session:
        found = draft_of_visitor(session, slug, key)
        if found.application.state != State.DRAFT.value:
            return _to_case(found.application)
        if found.newer is not None and found.newer.must:
            return _to_new_version(slug, key)
        return _review_page(session, found.application, newer=found.newer)


def _review_page(
    session: Session,
    application: Application,
    *,
    error: str = "",
    status: int = 200,
    newer: changeover.Newer | None = None,
) -> ResponseReturnValue:
    lang = locale.current()
    proof.take_identity(session, application)
    made = filing.review_of(session, application, now=clock.now())
    missing = [made.procedure.step_of(f) for f in made.problems]
    html = render_template(
        "forms/review.html",
        application=application,
        procedure=made.procedure,
        made=made,
        steps=presenting.steps(made.procedure, made.answers, lang),
        section=queries.section_name(session, application.procedure.department, lang),
        missing=next((s for s in missing if s is not None), None),
        labels=[*(s.title.in_(lang) for s, _rows in made.steps()), gettext("確認")],
        error=error,
        principal=principal_of(session, application),
        newer=newer,
        ways=proving.ways(
            made.procedure, proving.level_of(identity.confirmed(session), signed_in=access.visitor().signed_in)
        ),
        identity=identity.offer(),
        agreed=request.form.get("electronic_consent") == "yes",
        files=files.by_field(
            made.procedure.fields(),
            made.answers,
            "forms.draft_file",
            slug=application.procedure.slug,
            key=application.key,
        ),
        lang=lang,
    )
    return html, status


@bp.post("/apply/<slug>/<key>/review")
@access.public
def file(slug: str, key: str) -> ResponseReturnValue:
    """File it (or finish the preparation for the counter). Whatever else is sent, a fee among it, is ignored."""
    now, who = clock.now(), access.visitor()
    confirmed = identity.confirmed()
    sha256, agreed = request.form.get("sha256", ""), request.form.get("electronic_consent") == "yes"

    def work(session: Session) -> Application | None:
        found = draft_of_visitor(session, slug, key, lock=True)
        if found.application.state != State.DRAFT.value:
            return found.application
        if proof.stopped(session, found, confirmed, now=now):
            return None  # the alarm is kept
        if request.form.get("action") == "prepare" or proving.channel_kind(found.procedure) == "prepared":
            return filing.prepare(session, key=key, reviewed_sha256=sha256, actor=who.actor, now=now)
        case, _secret = filing.file(
            session,
            key=key,
            reviewed_sha256=sha256,
            actor=who.actor,
            now=now,
            electronic_consent=agreed,
            confirmed=confirmed,
        )
        return case

    try:
        filed = transact(work)
    except MustGoOver:
        return _to_new_version(slug, key)
    except ReviewChanged as changed:
        return _again(slug, key, changed.code, 409)
    except Incomplete as incomplete:
        return _again(slug, key, incomplete.code, 422)
    except IdentityTooLow as low:
        return _again(slug, key, low.code, low.status)
    return _filed(filed)


def _filed(filed: Application | None) -> ResponseReturnValue:
    """On to the case; None: it cannot be asked for online by this person."""
    if filed is None:
        raise protection.NotOnline
    if not access.visitor().signed_in:
        views.remember("cases", str(filed.reference))
    return _to_case(filed)


def _again(slug: str, key: str, error: str, status: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        application = draft_of_visitor(session, slug, key).application
        return _review_page(session, application, error=error, status=status)


@bp.post("/apply/<slug>/<key>/discard")
@access.public
def discard(slug: str, key: str) -> ResponseReturnValue:
    """Throw the draft away."""
    with unit_of_work() as session:
        application = draft_of_visitor(session, slug, key).application
        if application.state != State.DRAFT.value:
            return _to_case(application)
        drafts.discard(session, key=key)
    flash(gettext("書きかけの申請を消しました。"), "success")
    return redirect(url_for("forms.procedure", slug=slug), 303)
