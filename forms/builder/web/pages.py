"""Send a file, see its mistakes or what it changes, propose it; a second person agrees; withdraw; take it out as a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from forms import queries as case_queries
from forms.builder import queries, reading
from forms.commands import as_yaml
from forms.definition import from_document
from forms.definition.comparison import compare
from forms.services import publishing, withdrawing
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import Invalid, NotFound, PortalError
from portal.web import access, error_texts

bp = Blueprint("builder", __name__, template_folder="templates")


def sections() -> set[str]:
    """Departments whose procedures the visitor edits."""
    return access.visitor().scopes(Role.EDITOR, "department")


def _home(status: int = 200, *, found: list[reading.Mistake] | None = None, error: str = "") -> ResponseReturnValue:
    with unit_of_work() as session:
        entries = queries.entries(session, sections())
    words = error_texts.words(error, status) if error else ""
    return render_template(
        "builder/home.html", entries=entries, mistakes=found or [], error=words, sections=sorted(sections())
    ), status


@bp.get("/staff/procedures")
@access.staff(Role.EDITOR)
def home() -> ResponseReturnValue:
    """The procedures of the editor's sections, and the place to send a file."""
    return _home()


@bp.post("/staff/procedures")
@access.staff(Role.EDITOR)
def propose() -> ResponseReturnValue:
    """Check a file; without mistakes it waits for a second person."""
    upload = request.files.get("file")
    content = upload.stream.read(reading.LARGEST + 1) if upload else b""
    if upload:
        upload.close()
    if not content or len(content) > reading.LARGEST:
        return _home(422, found=[reading.Mistake(1, gettext("手続きのファイル(YAML)をえらんでください。"), "")])
    procedure, found = reading.read(content)
    if procedure is None:
        return _home(422, found=found)
    if procedure.section not in sections():
        wrong = gettext("section の「%(section)s」は、自分の課ではありません。", section=procedure.section)
        own = gettext("自分の課: %(sections)s", sections=", ".join(sorted(sections())))
        return _home(422, found=[reading.Mistake(reading.line_of(content, "section"), wrong, own)])
    try:
        with unit_of_work() as session:
            publishing.propose(
                session,
                procedure=procedure,
                actor=access.visitor().actor,
                now=clock.now(),
                sections=sections(),
            )
    except NotFound:
        return _home(
            422,
            found=[
                reading.Mistake(
                    reading.line_of(content, "slug"),
                    gettext("この手続きは、ほかの課のものです。slug をかえてください。"),
                    procedure.slug,
                )
            ],
        )
    except publishing.NothingNew as refused:
        return _home(refused.status, error=refused.code)
    flash(gettext("まちがいはありません。ほかの人が見て公開するのを待ちます。"), "success")
    return redirect(url_for("builder.procedure", slug=procedure.slug), 303)


@bp.get("/staff/procedures/<slug>")
@access.staff(Role.EDITOR)
def procedure(slug: str) -> ResponseReturnValue:
    """What is published, what waits, and every difference between the two."""
    return _procedure(slug)


def _procedure(slug: str, *, error: PortalError | None = None) -> ResponseReturnValue:
    """The page, with the words of a refusal where there was one."""
    with unit_of_work() as session:
        row = queries.of_sections(session, slug, sections())
        published, proposal = publishing.newest_published(row), publishing.waiting(session, slug)
        ending, ended = withdrawing.waiting(session, slug), withdrawing.done(session, slug)
        changes = (
            [
                (d.kind, d.where, json.dumps(d.old, ensure_ascii=False), json.dumps(d.new, ensure_ascii=False))
                for d in compare(published.document if published else {}, proposal.document)
            ]
            if proposal
            else []
        )
        stages = queries.stages(row, now=clock.now())
        html = render_template(
            "builder/procedure.html",
            slug=slug,
            name=(proposal or published or row.versions[-1]).document["plain_name"]["ja"],
            published=published,
            proposal=proposal,
            changes=changes,
            versions=stages,
            own=proposal is not None and proposal.proposed_by == access.visitor().account_id,
            ending=ending,
            ended=ended,
            names=case_queries.staff_names(
                session,
                {each for w in (*ended, *([ending] if ending else [])) for each in (w.asked_by, w.agreed_by) if each},
            ),
            own_account=access.visitor().account_id,
            on_offer=any(stage in {"now", "later"} for _version, stage in stages),
            typed=request.form if error else {},
            error=error_texts.words(error.code, error.status) if error else "",
        )
    return html, error.status if error else 200


def _from() -> datetime | None:
    text = request.form.get("from", "").strip()
    try:
        return datetime.fromisoformat(text).replace(tzinfo=clock.TOKYO) if text else None
    except ValueError as error:
        raise Invalid from error


def _do(slug: str, done: str, act: Callable[[Session], object], *, after: str = "") -> ResponseReturnValue:
    """Do it to a procedure of the editor's sections and go on (`after`); or show the page with what stands against it.

    A procedure of another section stays "not found".
    """
    try:
        with unit_of_work() as session:
            queries.of_sections(session, slug, sections())
            act(session)
    except PortalError as refused:
        return _procedure(slug, error=refused)
    flash(done, "success")
    return redirect(after or url_for("builder.procedure", slug=slug), 303)


@bp.post("/staff/procedures/<slug>/agree")
@access.staff(Role.EDITOR)
def agree(slug: str) -> ResponseReturnValue:
    """Publish exactly what was looked at."""
    return _do(
        slug,
        gettext("公開を決めました。使う期間を下で確かめてください。"),
        lambda session: publishing.agree(
            session,
            slug=slug,
            sha256=request.form.get("sha256", ""),
            actor=access.visitor().actor,
            now=clock.now(),
            from_at=_from(),
        ),
    )


@bp.post("/staff/procedures/<slug>/drop")
@access.staff(Role.EDITOR)
def drop(slug: str) -> ResponseReturnValue:
    """Take the proposal back that was looked at; what is published stays as it is."""
    return _do(
        slug,
        gettext("案を取り下げました。公開しているものは変わりません。"),
        lambda session: publishing.drop(
            session, slug=slug, sha256=request.form.get("sha256", ""), actor=access.visitor().actor
        ),
        after=url_for("builder.home"),  # a new procedure has no page of its own any more
    )


@bp.post("/staff/procedures/<slug>/withdraw")
@access.staff(Role.EDITOR)
def withdraw(slug: str) -> ResponseReturnValue:
    """Ask for it to be taken off the catalogue; in an emergency one person does it at once."""
    who, reason = access.visitor().actor, request.form.get("reason", "")
    if request.form.get("alone"):
        return _do(
            slug,
            gettext("公開をやめました。出ている申請は、そのまま続きます。ほかの人に、あとで確かめてもらってください。"),
            lambda session: withdrawing.at_once(session, slug=slug, reason=reason, actor=who, now=clock.now()),
        )
    return _do(
        slug,
        gettext("公開をやめる案を出しました。ほかの人が決めるまで、何も変わりません。"),
        lambda session: withdrawing.ask(session, slug=slug, reason=reason, actor=who, now=clock.now(), from_at=_from()),
    )


@bp.post("/staff/procedures/<slug>/withdrawals/<int:number>/agree")
@access.staff(Role.EDITOR)
def agree_withdrawal(slug: str, number: int) -> ResponseReturnValue:
    """Agree to what was asked; or say that one has looked at what was done in an emergency."""
    return _do(
        slug,
        gettext("決めました。使う期間を下で確かめてください。出ている申請は、そのまま続きます。"),
        lambda session: withdrawing.agree(
            session, slug=slug, number=number, actor=access.visitor().actor, now=clock.now()
        ),
    )


@bp.post("/staff/procedures/<slug>/withdrawals/<int:number>/drop")
@access.staff(Role.EDITOR)
def drop_withdrawal(slug: str, number: int) -> ResponseReturnValue:
    """It is not to be taken off after all."""
    return _do(
        slug,
        gettext("公開をやめる案を取り下げました。公開しているものは変わりません。"),
        lambda session: withdrawing.drop(
            session, slug=slug, number=number, actor=access.visitor().actor, now=clock.now()
        ),
    )


@bp.get("/staff/procedures/<slug>/file")
@access.staff(Role.EDITOR)
def export(slug: str) -> ResponseReturnValue:
    """The newest published version as a file."""
    with unit_of_work() as session:
        published = publishing.newest_published(queries.of_sections(session, slug, sections()))
        if published is None:
            raise NotFound
        text = as_yaml(from_document(published.document))
    headers = {"Content-Disposition": f'attachment; filename="{slug}.yaml"'}
    return Response(text, mimetype="application/yaml", headers=headers)
