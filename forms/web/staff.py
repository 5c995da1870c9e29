"""The reviewers' queue and case page. Every look is written down; only cases of the visitor's own departments are there at all."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from forms import fees, presenting, queries
from forms.models import Application
from forms.queries import QueueFilter
from forms.services import casework
from forms.services.common import (
    FeeUnpaid,
    NotCorrectable,
    OwnCase,
    ReasonMissing,
    definition,
)
from forms.services.filing import PAYABLE
from forms.states import OPEN, Outcome, Party, State, possible
from forms.web import views
from forms.web.blueprint import bp
from forms.web.cases import download
from payments import queries as payment_queries
from portal.accounts.models import Role
from portal.kernel import audit, clock, references
from portal.kernel.database import unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.web import access, error_texts, locale

ROLES = (Role.REVIEWER, Role.APPROVER)
REASON = "reason."


def departments(who: access.Visitor) -> set[str]:
    """The departments whose cases the visitor may see."""
    return {code for role in ROLES for code in who.scopes(role, "department")}


def _theirs(session: Session, reference: str) -> Application:
    found = queries.by_reference(session, references.parse(reference))
    if found.procedure.department not in departments(access.visitor()) or found.state == State.PREPARED.value:
        raise NotFound
    return found


@bp.get("/staff/applications")
@access.staff(*ROLES)
def queue() -> ResponseReturnValue:
    """The cases of the visitor's departments, those due first."""
    who = access.visitor()
    wanted = QueueFilter(
        show=request.args.get("show", "open"),
        slug=request.args.get("procedure", "")[:80],
        search=request.args.get("q", "")[:80],
        page=max(1, request.args.get("page", 1, type=int)),
    )
    with unit_of_work() as session:
        mine = departments(who)
        found = queries.queue(session, departments=mine, wanted=wanted, today=clock.today())
        names = queries.department_names(session, mine, locale.current())
        audit.record(
            session,
            actor=who.actor,
            action="application.list",
            subject_kind="department",
            subject_ref=",".join(sorted(mine)),
            detail={"show": wanted.show, "searched": bool(wanted.search), "rows": len(found.rows)},
        )
    return render_template(
        "forms/queue.html", queue=found, wanted=wanted, departments=names, states=views.STATES, lang=locale.current()
    )


@bp.get("/staff/applications/<reference>")
@access.staff(*ROLES)
def case(reference: str) -> ResponseReturnValue:
    """One case with everything a reviewer needs."""
    with unit_of_work() as session:
        return _case_page(session, _theirs(session, reference))


def _case_page(session: Session, found: Application, *, error: str = "", status: int = 200) -> ResponseReturnValue:
    who, lang = access.visitor(), locale.current()
    audit.record(
        session,
        actor=who.actor,
        action="application.read",
        subject_kind="application",
        subject_ref=str(found.reference),
    )
    procedure = definition(found.version)
    state = State(found.state)
    if error:
        g.page_has_errors = True
    html = render_template(
        "forms/case.html",
        application=found,
        procedure=procedure,
        steps=_rows(found),
        state=state,
        states=views.STATES,
        events=views.EVENTS,
        actors=views.ACTORS,
        outcomes=views.OUTCOMES,
        can={action.value for action in possible(state, by=Party.STAFF)},
        charge=payment_queries.charge_of(session, PAYABLE, str(found.reference)),
        overdue=found.due_on is not None and found.due_on < clock.today() and state in OPEN,
        error=error,
        error_words=error_texts.words(error, status) if error else "",
        typed=request.form,
        lang=lang,
    )
    return html, status


def _rows(found: Application) -> list[tuple[str, list[dict[str, Any]]]]:
    lang = locale.current()
    procedure = definition(found.version)
    filing = found.filings[-1]
    priced = fees.depends_on(procedure)
    requests: dict[str, Any] = {c.field_id: c for c in found.corrections}
    return [
        (
            step.title.in_(lang),
            [
                {
                    "id": line.path,
                    "label": line.label,
                    "value": line.text,
                    "source": views.SOURCES.get(str((filing.prefill.get(line.path) or {}).get("source"))),
                    "check_shape": line.check_shape,
                    "request": requests.get(line.path),
                    "before": line.spec.show(requests[line.path].old_value, lang) if line.path in requests else "",
                    "correctable": not line.spec.computed and not priced & set(line.path.split(".")),
                }
                for line in rows
            ],
        )
        for step, rows in presenting.steps(procedure, filing.answers, lang)
    ]


def _revision() -> int:
    try:
        return int(request.form.get("revision", ""))
    except ValueError as error:
        raise Invalid from error


def _done(reference: str, words: str) -> ResponseReturnValue:
    flash(words, "success")
    return redirect(url_for("forms.case", reference=reference), 303)


@bp.post("/staff/applications/<reference>/accept")
@access.staff(*ROLES)
def accept(reference: str) -> ResponseReturnValue:
    """The case is complete in form."""
    with unit_of_work() as session:
        found = _theirs(session, reference)
        casework.accept(
            session, reference=str(found.reference), actor=access.visitor().actor, revision=_revision(), now=clock.now()
        )
    return _done(reference, gettext("受理しました。"))


@bp.post("/staff/applications/<reference>/correction")
@access.staff(*ROLES)
def ask_correction(reference: str) -> ResponseReturnValue:
    """Ask for the correction of every field for which a reason was written."""
    requests = [
        (name.removeprefix(REASON), text)
        for name, text in request.form.items()
        if name.startswith(REASON) and text.strip()
    ]
    try:
        with unit_of_work() as session:
            found = _theirs(session, reference)
            casework.ask_correction(
                session,
                reference=str(found.reference),
                requests=requests,
                actor=access.visitor().actor,
                revision=_revision(),
                now=clock.now(),
            )
    except (ReasonMissing, NotCorrectable) as error:
        return _again(reference, error.code, error.status)
    return _done(reference, gettext("申請した人に、直してほしいところを知らせました。"))


@bp.post("/staff/applications/<reference>/decision")
@access.staff(*ROLES)
def decide(reference: str) -> ResponseReturnValue:
    """Decide; what is granted is issued at once."""
    try:
        outcome = Outcome(request.form.get("outcome", ""))
    except ValueError:
        return _again(reference, "invalid", 422)
    try:
        with unit_of_work() as session:
            found = _theirs(session, reference)
            casework.decide(
                session,
                reference=str(found.reference),
                outcome=outcome,
                reasons=request.form.get("reasons"),
                actor=access.visitor().actor,
                revision=_revision(),
                now=clock.now(),
            )
    except (ReasonMissing, FeeUnpaid, OwnCase) as error:
        return _again(reference, error.code, error.status)
    return _done(reference, gettext("結果を決めて、申請した人に知らせました。"))


@bp.post("/staff/applications/<reference>/close")
@access.staff(*ROLES)
def close(reference: str) -> ResponseReturnValue:
    """Nothing is left to do."""
    with unit_of_work() as session:
        found = _theirs(session, reference)
        casework.close(
            session, reference=str(found.reference), actor=access.visitor().actor, revision=_revision(), now=clock.now()
        )
    return _done(reference, gettext("この申請を終わりにしました。"))


def _again(reference: str, error: str, status: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        return _case_page(session, _theirs(session, reference), error=error, status=status)


@bp.get("/staff/applications/<reference>/documents/<int:document_id>")
@access.staff(*ROLES)
def staff_document(reference: str, document_id: int) -> ResponseReturnValue:
    """A paper of the case, for the reviewer."""
    with unit_of_work() as session:
        return download(session, _theirs(session, reference), document_id, actor=access.visitor().actor)
