"""What reviewers and approvers do with a case. Whoever loses to a colleague is told what happened, with their words kept."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from forms.models import Application
from forms.services import approval, casework, protection, teamwork
from forms.services.common import NotYourStep, OwnCase
from forms.states import Outcome
from forms.web import files
from forms.web.blueprint import bp
from forms.web.case_page import ROLES, departments, grants, of_theirs, page, purpose_of
from forms.web.cases import download
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import Conflict, Invalid, PortalError
from portal.web import access

__all__ = ["ROLES", "departments"]
REASON = "reason."


def _revision() -> int:
    try:
        return int(request.form.get("revision", ""))
    except ValueError as error:
        raise Invalid from error


def _act(reference: str, work: Callable[[Session, Application], object], words: str) -> ResponseReturnValue:
    """Do one thing to a case and come back to it; what cannot be done is told on its page, with what was typed."""
    try:
        with unit_of_work() as session:
            found = of_theirs(session, reference)
            purpose_of(found)
            number = str(found.reference)
            work(session, found)
    except (Invalid, Conflict, OwnCase, NotYourStep) as error:
        return _again(reference, error)
    flash(words, "success")
    return redirect(url_for("forms.case", reference=number), 303)


def _again(reference: str, error: PortalError) -> ResponseReturnValue:
    with unit_of_work() as session:
        return page(session, of_theirs(session, reference), error=error.code, status=error.status)


@bp.post("/staff/applications/<reference>/accept")
@access.staff(*ROLES)
def accept(reference: str) -> ResponseReturnValue:
    """The case is complete in form."""

    def work(session: Session, found: Application) -> None:
        casework.accept(
            session, reference=str(found.reference), actor=access.visitor().actor, revision=_revision(), now=clock.now()
        )

    return _act(reference, work, gettext("受理しました。"))


@bp.post("/staff/applications/<reference>/correction")
@access.staff(*ROLES)
def ask_correction(reference: str) -> ResponseReturnValue:
    """Ask for the correction of every field for which a reason was written."""
    requests = [
        (name.removeprefix(REASON), text)
        for name, text in request.form.items()
        if name.startswith(REASON) and text.strip()
    ]

    def work(session: Session, found: Application) -> None:
        casework.ask_correction(
            session,
            reference=str(found.reference),
            requests=requests,
            actor=access.visitor().actor,
            revision=_revision(),
            now=clock.now(),
        )

    return _act(reference, work, gettext("申請した人に、直してほしいところを知らせました。"))


def _outcome() -> Outcome:
    try:
        return Outcome(request.form.get("outcome", ""))
    except ValueError as error:
        raise Invalid from error


@bp.post("/staff/applications/<reference>/decision")
@access.staff(*ROLES)
def decide(reference: str) -> ResponseReturnValue:
    """Decide; what is granted is issued at once."""

    def work(session: Session, found: Application) -> None:
        casework.decide(
            session,
            reference=str(found.reference),
            outcome=_outcome(),
            reasons=request.form.get("reasons"),
            actor=access.visitor().actor,
            revision=_revision(),
            now=clock.now(),
        )

    return _act(reference, work, gettext("結果を決めて、申請した人に知らせました。"))


@bp.post("/staff/applications/<reference>/proposal")
@access.staff(*ROLES)
def propose(reference: str) -> ResponseReturnValue:
    """Draft the decision for the next person (起案)."""

    def work(session: Session, found: Application) -> None:
        who = access.visitor()
        approval.propose(
            session,
            reference=str(found.reference),
            outcome=_outcome(),
            reasons=request.form.get("reasons"),
            actor=who.actor,
            grants=grants(who),
            revision=_revision(),
            now=clock.now(),
        )

    return _act(reference, work, gettext("起案しました。次の人の決裁を待ちます。"))


@bp.post("/staff/applications/<reference>/approval")
@access.staff(*ROLES)
def approve(reference: str) -> ResponseReturnValue:
    """Take the next step of the approval; the last one decides (決裁)."""

    def work(session: Session, found: Application) -> None:
        who = access.visitor()
        approval.approve(
            session,
            reference=str(found.reference),
            actor=who.actor,
            grants=grants(who),
            deputy_reason=request.form.get("deputy_reason"),
            revision=_revision(),
            now=clock.now(),
        )

    return _act(reference, work, gettext("決裁しました。"))


@bp.post("/staff/applications/<reference>/send-back")
@access.staff(*ROLES)
def send_back(reference: str) -> ResponseReturnValue:
    """Return the draft of the decision, or take one's own back."""

    def work(session: Session, found: Application) -> None:
        who = access.visitor()
        approval.send_back(
            session,
            reference=str(found.reference),
            reason=request.form.get("back_reason", ""),
            actor=who.actor,
            grants=grants(who),
            revision=_revision(),
            now=clock.now(),
        )

    return _act(reference, work, gettext("起案を戻しました。"))


@bp.post("/staff/applications/<reference>/close")
@access.staff(*ROLES)
def close(reference: str) -> ResponseReturnValue:
    """Nothing is left to do."""

    def work(session: Session, found: Application) -> None:
        casework.close(
            session, reference=str(found.reference), actor=access.visitor().actor, revision=_revision(), now=clock.now()
        )

    return _act(reference, work, gettext("この申請を終わりにしました。"))


@bp.post("/staff/applications/<reference>/assign")
@access.staff(*ROLES)
def assign(reference: str) -> ResponseReturnValue:
    """Give the case to a colleague, or to nobody."""
    wanted = request.form.get("to", "")

    def work(session: Session, found: Application) -> None:
        to = int(wanted) if wanted.isdigit() else None
        teamwork.assign(session, found, to=to, actor=access.visitor().actor)

    return _act(reference, work, gettext("担当を決めました。"))


@bp.post("/staff/applications/<reference>/notes")
@access.staff(*ROLES)
def add_note(reference: str) -> ResponseReturnValue:
    """Write an internal note."""

    def work(session: Session, found: Application) -> None:
        teamwork.add_note(
            session, found, body=request.form.get("note", ""), actor=access.visitor().actor, now=clock.now()
        )

    return _act(reference, work, gettext("メモを書きました。"))


@bp.post("/staff/applications/<reference>/messages")
@access.staff(*ROLES)
def write_message(reference: str) -> ResponseReturnValue:
    """Write to the applicant inside the case."""

    def work(session: Session, found: Application) -> None:
        teamwork.write(
            session, found, body=request.form.get("message", ""), actor=access.visitor().actor, now=clock.now()
        )

    return _act(reference, work, gettext("申請した人にメッセージを送りました。"))


@bp.get("/staff/applications/<reference>/documents/<int:document_id>")
@access.staff(*ROLES)
def staff_document(reference: str, document_id: int) -> ResponseReturnValue:
    """A paper of the case, for the reviewer."""
    with unit_of_work() as session:
        found = of_theirs(session, reference)
        protection.look(session, found, actor=access.visitor().actor, now=clock.now(), what="download")
        return download(session, found, document_id, actor=access.visitor().actor, purpose=purpose_of(found))


@bp.get("/staff/applications/<reference>/files/<attachment_id>")
@access.staff(*ROLES)
def staff_file(reference: str, attachment_id: str) -> ResponseReturnValue:
    """A file of the case, for the reviewer."""
    with unit_of_work() as session:
        found = of_theirs(session, reference)
        purpose = purpose_of(found)
    return files.give(found, attachment_id, actor=access.visitor().actor, purpose=purpose)
