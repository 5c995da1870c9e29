"""The desk of a section: the queue with its filters and saved views, many cases at once, what waits for an approval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from forms import queries
from forms.queue import MOST, SORTS, QueueFilter
from forms.queue import queue as queue_page
from forms.queue import unread as count_unread
from forms.services import approval, casework, hiding, teamwork
from forms.states import Outcome
from forms.web import progress, views
from forms.web.blueprint import bp
from forms.web.case_page import ROLES, departments, grants, of_theirs
from portal.kernel import audit, clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.web import access, error_texts, locale

FILTERS = ("show", "procedure", "q", "whose", "late", "sort")


def _wanted() -> QueueFilter:
    """What is asked for in the address; after work on many cases at once, what the page that sent them showed."""
    asked = request.values
    sort = asked.get("sort", "due")
    return QueueFilter(
        show=asked.get("show", "open"),
        slug=asked.get("procedure", "")[:80],
        search=asked.get("q", "")[:80],
        whose=asked.get("whose", ""),
        late=asked.get("late", "") == "yes",
        sort=sort if sort in SORTS else "due",
        after=asked.get("after", "")[:60],
        before=asked.get("before", "")[:60],
    )


@bp.get("/staff/applications")
@access.staff(*ROLES)
def queue() -> ResponseReturnValue:
    """The cases of the visitor's departments, those due first."""
    return _queue_page()


def _queue_page(*, results: list[teamwork.Result] | None = None) -> ResponseReturnValue:
    who, wanted = access.visitor(), _wanted()
    with unit_of_work() as session:
        mine = departments(who)
        found = queue_page(session, departments=mine, wanted=wanted, today=clock.today(), account_id=who.account_id)
        if wanted.search.strip():
            hiding.searched(session, [row.reference for row in found.rows], actor=who.actor, now=clock.now())
        unread = count_unread(session, mine)
        names = queries.department_names(session, mine, locale.current())
        saved = teamwork.views_of(session, who.account_id or 0)
        audit.record(
            session,
            actor=who.actor,
            action="application.list",
            subject_kind="department",
            subject_ref=",".join(sorted(mine)),
            detail={"show": wanted.show, "searched": bool(wanted.search), "rows": len(found.rows)},
        )
    return render_template(
        "forms/queue.html",
        queue=found,
        unread=unread,
        most=MOST,
        wanted=wanted,
        filters={name: request.values[name][:80] for name in FILTERS if request.values.get(name)},
        saved=saved,
        departments=names,
        states=progress.STATES,
        making=progress.MAKING,
        # What could not be done is read first: among fifty rows it would be overlooked.
        results=[
            (r.reference, error_texts.words(r.code, 409) if r.code else "")
            for r in sorted(results or [], key=lambda each: not each.code)
        ],
        lang=locale.current(),
    )


@bp.post("/staff/applications/bulk")
@access.staff(*ROLES)
def bulk() -> ResponseReturnValue:
    """Accept many cases, or grant and issue them; what became of each is told row by row."""
    who, now = access.visitor(), clock.now()
    chosen = []
    for text in request.form.getlist("case"):
        reference, _colon, revision = text.partition(":")
        if not revision.isdigit():
            raise Invalid
        chosen.append((reference, int(revision)))
    action = request.form.get("action", "")
    if action not in {"accept", "issue"}:
        raise Invalid
    if not chosen:
        flash(gettext("申請を選んでください。"), "error")
        return _to_queue(_filters_in_form())

    def work(session: Session, reference: str, revision: int) -> None:
        found = of_theirs(session, reference)
        number = str(found.reference)
        if action == "accept":
            casework.accept(session, reference=number, actor=who.actor, revision=revision, now=now)
        else:
            casework.decide(
                session,
                reference=number,
                outcome=Outcome.GRANTED,
                reasons=None,
                actor=who.actor,
                revision=revision,
                now=now,
            )

    results = teamwork.for_each(chosen, work)
    return _queue_page(results=results)


def _to_queue(query: Mapping[str, Any]) -> ResponseReturnValue:
    return redirect(url_for("forms.queue", **query), 303)


def _filters_in_form() -> dict[str, str]:
    return {name: request.form[name][:80] for name in FILTERS if request.form.get(name)}


@bp.post("/staff/applications/views")
@access.staff(*ROLES)
def save_view() -> ResponseReturnValue:
    """Keep the filter under a name."""
    who, query = access.visitor(), _filters_in_form()
    try:
        with unit_of_work() as session:
            teamwork.save_view(session, account_id=who.account_id or 0, name=request.form.get("name", ""), query=query)
    except Invalid:
        flash(gettext("見方の名前を、40文字以内で書いてください。"), "error")
        return _to_queue(query)
    flash(gettext("この見方を保存しました。"), "success")
    return _to_queue(query)


@bp.post("/staff/applications/views/<int:view_id>/delete")
@access.staff(*ROLES)
def drop_view(view_id: int) -> ResponseReturnValue:
    """Forget a saved view."""
    with unit_of_work() as session:
        teamwork.drop_view(session, account_id=access.visitor().account_id or 0, view_id=view_id)
    flash(gettext("保存した見方を消しました。"), "success")
    return redirect(url_for("forms.queue"), 303)


@bp.get("/staff/approvals")
@access.staff(*ROLES)
def approvals() -> ResponseReturnValue:
    """Drafts of decisions that wait for the visitor's departments, and what deputies decided."""
    who = access.visitor()
    with unit_of_work() as session:
        mine = departments(who)
        waiting = approval.to_approve(session, mine)
        deputies = approval.to_inspect(session, mine)
        audit.record(
            session,
            actor=who.actor,
            action="application.list",
            subject_kind="department",
            subject_ref=",".join(sorted(mine)),
            detail={"show": "approvals", "rows": len(waiting) + len(deputies)},
        )
        who_did = {proposal.made_by for proposal, _case, _step in waiting} | {step.taken_by for step, _case in deputies}
        return render_template(
            "forms/approvals.html",
            waiting=waiting,
            deputies=deputies,
            names=views.name_of,
            people=queries.staff_names(session, who_did),
            lang=locale.current(),
        )


@bp.post("/staff/approvals/<int:step_id>/inspect")
@access.staff(*ROLES)
def inspect(step_id: int) -> ResponseReturnValue:
    """Later inspection of what a deputy decided."""
    who = access.visitor()
    with unit_of_work() as session:
        found = approval.inspect(session, step_id=step_id, actor=who.actor, grants=grants(who), now=clock.now())
        if found.procedure.department not in departments(who):
            raise NotFound
    flash(gettext("後閲を記録しました。"), "success")
    return redirect(url_for("forms.approvals"), 303)
