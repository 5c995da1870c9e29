"""Somebody comes about a case that is filed: its correction is typed, or it is taken back. For counter clerks and the case's section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from forms import queries
from forms.attachments import services as attachments
from forms.counter import prepared, standing
from forms.counter.errors import IdentityNotProved, NoSuchPreparation
from forms.counter.web import pages
from forms.counter.web.blueprint import bp
from forms.counter.web.error_texts import TEXTS
from forms.counter.web.inputs import CameInputs, WithdrawInputs
from forms.definition import Problem, Typed
from forms.models import Application
from forms.services import casework, fee_change, protection
from forms.services.common import ChangedMeanwhile, Incomplete, definition
from forms.states import Action, NotNow, Party, State, possible
from forms.web import case_page, correction_fields, files, progress, views
from portal.accounts.models import Role
from portal.kernel import audit, clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, error_texts, locale

STAFF = (Role.COUNTER, *case_page.ROLES)
PURPOSE = "窓口に来た人の補正・取下げ"
"""What a look from here is for, where the procedure asks for a purpose (a record of the city office)."""


def _found(session: Session, reference: str) -> Application:
    """A filed case: any for a clerk at the counter, else one of the visitor's section. The look is written down.

    Raises:
        NotFound: no such case, another section's, not filed, or disposed of.
    """
    who = access.visitor()
    if Role.COUNTER not in who.roles:
        found = case_page.of_theirs(session, reference)
    else:
        found = queries.by_reference(session, references.parse(reference))
        if not found.filings or found.disposed_at is not None:
            raise NotFound
    audit.record(
        session,
        actor=who.actor,
        action="application.read",
        subject_kind="application",
        subject_ref=str(found.reference),
        purpose=PURPOSE,
    )
    return found


def _head(session: Session, found: Application) -> dict[str, object]:
    """What stands on top of each of these pages: whose case it is, where it stands; an alarm where the person is protected."""
    lang, state = locale.current(), State(found.state)
    can = possible(state, by=Party.STAFF)
    return {
        "application": found,
        "procedure": definition(found.version),
        "section": queries.section_name(session, found.procedure.department, lang),
        "state": state,
        "status": progress.of(found),
        "protected": protection.look(session, found, actor=access.visitor().actor, now=clock.now()),
        "can_correct": Action.CORRECT in can,
        "can_withdraw": Action.WITHDRAW in can,
        "at_counter": Role.COUNTER in access.visitor().roles,
        "lang": lang,
    }


@bp.post("/cases")
@access.staff(Role.COUNTER)
def find_case() -> ResponseReturnValue:
    """Open a filed case by its number, typed or read from a code."""
    shown = pages.lists(clock.now(), sent="case")
    form = shown.case
    if not form.validate():
        return render_template("counter/home.html", **shown.context()), 422
    try:
        number = prepared.number_of(form.number.data)
        with unit_of_work() as session:
            _found(session, number)
    except (NoSuchPreparation, NotFound):
        form.number.errors = [gettext("この番号の申請は、まだ出ていません。1字ずつ確かめてください。")]
        return render_template("counter/home.html", **shown.context()), 422
    return redirect(url_for("counter.case", reference=number), 303)


@bp.get("/cases/<reference>")
@access.staff(*STAFF)
def case(reference: str) -> ResponseReturnValue:
    """Where the case stands, what the section asks, and what can be done for the person who came."""
    with unit_of_work() as session:
        found = _found(session, reference)
        head = _head(session, found)
        asked: Sequence[views.FieldView] = ()
        answer_by = None
        if head["can_correct"]:
            asked, answer_by = correction_fields.fields(
                session, found, typed={}, problems={}, actor=access.visitor().actor, file_endpoint="counter.case_file"
            )
        return render_template(
            "counter/case.html",
            asked=asked,
            answer_by=answer_by,
            charges=fee_change.charges(session, found),
            **head,
        )


@bp.get("/cases/<reference>/correction")
@access.staff(*STAFF)
def case_correction(reference: str) -> ResponseReturnValue:
    """The asked questions, old value beside the new one."""
    with unit_of_work() as session:
        found = _found(session, reference)
        if found.state != State.CORRECTION_ASKED.value:
            return _gone_on(str(found.reference))
        return _correction(session, found, CameInputs(formdata=None, revision=found.revision), typed={}, problems={})


def _gone_on(number: str) -> ResponseReturnValue:
    flash(gettext("補正は、もう出ています。この申請のいまの状態を見てください。"))
    return redirect(url_for("counter.case", reference=number), 303)


def _correction(
    session: Session,
    found: Application,
    form: CameInputs,
    *,
    typed: Mapping[str, Typed],
    problems: Mapping[str, Sequence[Problem]],
    status: int = 200,
) -> ResponseReturnValue:
    fields, answer_by = correction_fields.fields(
        session,
        found,
        typed=typed,
        problems=problems,
        actor=access.visitor().actor,
        file_endpoint="counter.case_file",
    )
    html = render_template(
        "counter/case_correction.html", form=form, fields=fields, answer_by=answer_by, **_head(session, found)
    )
    return html, status


@bp.post("/cases/<reference>/correction")
@access.staff(*STAFF)
def correct_case(reference: str) -> ResponseReturnValue:
    """Send what the person said."""
    return _correct(reference, {})


@bp.post("/cases/<reference>/correction/files")
@access.staff(*STAFF)
def correct_case_with_files(reference: str) -> ResponseReturnValue:
    """The same where the person brought a new paper: it is kept first, whatever else is wrong on the page."""
    actor, action = access.visitor().actor, request.form.get("action", "send")
    with unit_of_work() as session:
        found = _found(session, reference)
        number = str(found.reference)
        if found.state != State.CORRECTION_ASKED.value:
            return _gone_on(number)
        asked = correction_fields.asked(found)
    return _correct(number, files.handed_in(asked, action, actor=actor, reference=number))


def _correct(reference: str, wrong_files: Mapping[str, tuple[Problem, ...]]) -> ResponseReturnValue:
    typed: Mapping[str, Typed] = views.typed_in_form()
    action, form = request.form.get("action", ""), CameInputs()
    with unit_of_work() as session:
        found = _found(session, reference)
        number = str(found.reference)
        if found.state != State.CORRECTION_ASKED.value:
            return _gone_on(number)
        again = correction_fields.not_sent_yet(session, found, action, typed, wrong_files)
        if again is not None:
            form.revision.data = found.revision
            status = 422 if again.problems else 200
            return _correction(session, found, form, typed=again.typed, problems=again.problems, status=status)
        if not form.validate():
            return _correction(session, found, form, typed=typed, problems={}, status=422)
    now, clerk = clock.now(), access.visitor().actor

    def work(own: Session) -> None:
        standing.correct(
            own,
            reference=number,
            typed=typed,
            on_page=views.asked_in_form(),
            came=form.came(),
            clerk=clerk,
            revision=form.seen_revision(),
            now=now,
        )

    try:
        transact(work)
    except (Incomplete, IdentityNotProved, standing.OnlyThemselves) as refused:
        problems = dict(refused.problems) if isinstance(refused, Incomplete) else {}
        with unit_of_work() as session:
            if not problems:
                _refuse(form, refused)
            return _correction(
                session, _found(session, number), form, typed=typed, problems=problems, status=refused.status
            )
    except (NotNow, ChangedMeanwhile) as lost:
        return _lost(number, lost)
    flash(gettext("直した内容で出しました。担当の課が続きを見ます。"), "success")
    return redirect(url_for("counter.case", reference=number), 303)


def _refuse(form: CameInputs, refused: IdentityNotProved | standing.OnlyThemselves | Incomplete) -> None:
    at = form.authority if isinstance(refused, standing.OnlyThemselves) else form.seen
    at.errors = [TEXTS[refused.code]]


def _lost(number: str, lost: NotNow | ChangedMeanwhile) -> ResponseReturnValue:
    flash(error_texts.words(lost.code, lost.status), "error")
    return redirect(url_for("counter.case", reference=number), 303)


@bp.get("/cases/<reference>/files/<attachment_id>")
@access.staff(*STAFF)
def case_file(reference: str, attachment_id: str) -> ResponseReturnValue:
    """A file that was handed in for this correction and is not filed yet; what was filed is the section's."""
    with unit_of_work() as session:
        found = _found(session, reference)
        new = {
            str(one.id)
            for c in casework.open_requests(found)
            for one in attachments.pending(session, found, c.field_id)
        }
        if str(files.identifier(attachment_id)) not in new:
            raise NotFound
    return files.give(found, attachment_id, actor=access.visitor().actor, purpose=PURPOSE)


@bp.get("/cases/<reference>/withdraw")
@access.staff(*STAFF)
def ask_withdraw_case(reference: str) -> ResponseReturnValue:
    """Ask for the reason, and once more, before a case is taken back."""
    with unit_of_work() as session:
        found = _found(session, reference)
        return _withdrawal(session, found, WithdrawInputs(formdata=None, revision=found.revision))


def _withdrawal(session: Session, found: Application, form: WithdrawInputs, status: int = 200) -> ResponseReturnValue:
    head = _head(session, found)
    if not head["can_withdraw"]:
        return redirect(url_for("counter.case", reference=found.reference), 303)
    paid = any(charge.paid_at for charge in fee_change.charges(session, found))
    return render_template("counter/case_withdraw.html", form=form, paid=paid, **head), status


@bp.post("/cases/<reference>/withdraw")
@access.staff(*STAFF)
def withdraw_case(reference: str) -> ResponseReturnValue:
    """Take the case back at the wish of the person who came."""
    form = WithdrawInputs()
    if not form.validate():
        with unit_of_work() as session:
            return _withdrawal(session, _found(session, reference), form, 422)
    number, now, clerk = references.parse(reference), clock.now(), access.visitor().actor

    def work(own: Session) -> None:
        _found(own, number)
        standing.withdraw(
            own,
            reference=number,
            reason=form.reason.data,
            came=form.came(),
            clerk=clerk,
            revision=form.seen_revision(),
            now=now,
        )

    try:
        transact(work)
    except (IdentityNotProved, standing.OnlyThemselves) as refused:
        _refuse(form, refused)
        with unit_of_work() as session:
            return _withdrawal(session, _found(session, number), form, refused.status)
    except (NotNow, ChangedMeanwhile) as lost:
        return _lost(number, lost)
    flash(gettext("申請を取り下げました。"), "success")
    return redirect(url_for("counter.case", reference=number), 303)
