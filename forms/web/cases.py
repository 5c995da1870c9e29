"""The applicant's own cases: follow, pay, correct, take back, download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup
from sqlalchemy.orm import Session

from forms import presenting, queries, rules, slip
from forms.attachments import services as attachments
from forms.definition import Problem, Typed
from forms.letters import services as letters
from forms.models import Application
from forms.services import casework, delegation, fee_change, hiding, teamwork
from forms.services.common import Incomplete, definition
from forms.services.filing import PAYABLE
from forms.states import Action, Party, State, possible
from forms.web import correction_fields, files, progress, views, words
from forms.web.blueprint import bp
from payments import queries as payment_queries
from portal.documents import qr
from portal.kernel import audit, clock, references
from portal.kernel import files as stored_files
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.notices.web import paper
from portal.web import access, locale


def _mine(session: Session, reference: str) -> Application:
    """The visitor's own case.

    Raises:
        NotSignedIn: nobody is signed in and this browser has not opened the case: the same for every number.
        NotFound: no such case, or somebody else's.
    """
    who = access.visitor()
    number = references.parse(reference)
    if not who.signed_in and not views.remembers("cases", number):
        raise access.NotSignedIn
    found = queries.by_reference(session, number)
    own = found.owner_account_id is not None and found.owner_account_id == who.account_id
    own = own or delegation.may_act(session, found, who.account_id, now=clock.now())
    guest = found.owner_account_id is None and found.delegation_id is None and views.remembers("cases", number)
    if not (own or guest):
        raise NotFound
    return found


@bp.get("/applications")
@access.resident
def applications() -> ResponseReturnValue:
    """All of the visitor's drafts and cases."""
    who = access.visitor()
    with unit_of_work() as session:
        found = queries.of_account(session, who.account_id or 0)
        rows = [(a, definition(a.version), State(a.state), progress.of(a)) for a in found]
        principals = delegation.principals(session, found)
    return render_template("forms/applications.html", rows=rows, principals=principals, lang=locale.current())


@bp.get("/applications/<reference>")
@access.public
def application(reference: str) -> ResponseReturnValue:
    """One case: number, where it stands, what comes next, papers, what was filed, what happened."""
    now, who = clock.now(), access.visitor()
    with unit_of_work() as session:
        found = _mine(session, reference)
        if found.reference != reference:
            return redirect(url_for("forms.application", reference=found.reference), 303)
        if found.decision is not None and found.decision.known_at is None and not who.is_staff:
            casework.known(session, reference=reference, now=now)
        charges = fee_change.charges(session, found)
        messages = teamwork.messages_of(session, found)
        if not who.is_staff and any(each.side == "staff" and each.read_at is None for each in messages):
            teamwork.read_by(session, found, side="applicant", now=now)
        state = State(found.state)
        unpaid = state is not State.WITHDRAWN and any(c.state == "open" and c.total for c in charges)
        posted = letters.of_case(session, found)
        no_mail = bool(found.filed_at and found.secret_sha256 and not found.contact.get("email") and not posted)
        return render_template(
            "forms/application.html",
            application=found,
            procedure=definition(found.version),
            filed=_filed(session, found),
            section=queries.section_name(session, found.procedure.department, locale.current()),
            state=state,
            status=progress.of(found),
            events=progress.EVENTS,
            letters=posted,
            letter_words=words.LETTERS,
            letter_stages=paper.STAGES,
            actors=progress.ACTORS,
            outcomes=progress.OUTCOMES,
            next_step=progress.next_step(state, unpaid=unpaid, no_mail=no_mail),
            no_mail=no_mail,
            making=any(paper.ready_at is None for paper in found.documents),
            charges=charges,
            unpaid=unpaid,
            today=clock.today(),
            papers=presenting.on_paper(definition(found.version), found.filings[-1].answers) if found.filings else (),
            open_requests=casework.open_requests(found),
            messages=messages,
            may_withdraw=Action.WITHDRAW in possible(state, by=Party.APPLICANT),
            files=_files(session, found),
            code=Markup(qr.svg(slip.address(reference), title=reference)) if state is State.PREPARED else "",  # noqa: S704 - made here
            lang=locale.current(),
        )


@bp.get("/applications/<reference>/counter.pdf")
@access.public
def counter_slip(reference: str) -> ResponseReturnValue:
    """The slip for the counter, of what was prepared at home."""
    with unit_of_work() as session:
        found = _mine(session, reference)
        if found.state != State.PREPARED.value:
            return redirect(url_for("forms.application", reference=found.reference), 303)
        said = slip.context(session, found, locale.current())
    headers = {
        "Content-Disposition": f'attachment; filename="{said["reference"]}.pdf"',
        "Cache-Control": "private, no-store",
    }
    return Response(slip.render(said), mimetype="application/pdf", headers=headers)


def _filed(session: Session, found: Application) -> list[tuple[str, list[tuple[str, str]]]]:
    """What stands in the case now, step by step, as texts."""
    lang = locale.current()
    procedure = definition(found.version)
    draft = {} if found.draft is None else rules.to_file(procedure, found.draft.answers)
    answers = found.filings[-1].answers if found.filings else draft
    hidden = hiding.paths(session, found, answers, now=clock.now(), actor=access.visitor().actor)
    steps = presenting.steps(procedure, answers, lang, hidden)
    return [(step.title.in_(lang), [(line.label, line.text) for line in rows]) for step, rows in steps]


def _files(session: Session, found: Application) -> list[tuple[str, list[files.Shown]]]:
    """The files as filed, by question."""
    procedure, lang = definition(found.version), locale.current()
    answers = found.filings[-1].answers if found.filings else (found.draft.answers if found.draft else {})
    shown = files.by_field(
        procedure.fields(),
        answers,
        "forms.case_file",
        waiting=attachments.unscanned(session, found) if any(attachments.ids_in(answers)) else (),
        reference=found.reference,
    )
    return [(f.label.in_(lang), shown[f.id]) for f in procedure.fields() if shown.get(f.id)]


@bp.get("/applications/<reference>/files/<attachment_id>")
@access.public
def case_file(reference: str, attachment_id: str) -> ResponseReturnValue:
    """A file of one's own case."""
    with unit_of_work() as session:
        found = _mine(session, reference)
    return files.give(found, attachment_id, actor=access.visitor().actor)


@bp.get("/applications/<reference>/correction")
@access.public
def correction(reference: str) -> ResponseReturnValue:
    """The fields that a reviewer asks to be corrected, each with its reason."""
    with unit_of_work() as session:
        found = _mine(session, reference)
        if found.state != State.CORRECTION_ASKED.value:
            return redirect(url_for("forms.application", reference=found.reference), 303)
        return _correction_page(session, found, typed={}, problems={})


def _correction_page(
    session: Session,
    found: Application,
    *,
    typed: Mapping[str, Typed],
    problems: Mapping[str, Sequence[Problem]],
    status: int = 200,
) -> ResponseReturnValue:
    procedure, lang = definition(found.version), locale.current()
    fields, answer_by = correction_fields.fields(
        session, found, typed=typed, problems=problems, actor=access.visitor().actor, file_endpoint="forms.case_file"
    )
    html = render_template(
        "forms/correction.html", application=found, procedure=procedure, fields=fields, answer_by=answer_by, lang=lang
    )
    return html, status


@bp.post("/applications/<reference>/correction")
@access.public
def correct(reference: str) -> ResponseReturnValue:
    """Answer the request, under the same number. A second click finds it answered."""
    return _correct(reference, {})


@bp.post("/applications/<reference>/correction/files")
@access.public
def correct_with_files(reference: str) -> ResponseReturnValue:
    """The same where a new file is asked for: files are kept first, whatever else is wrong on the page."""
    actor, action = access.visitor().actor, request.form.get("action", "send")
    with unit_of_work() as session:
        found = _mine(session, reference)
        number = str(found.reference)
        if found.state != State.CORRECTION_ASKED.value:
            return redirect(url_for("forms.application", reference=number), 303)
        asked = correction_fields.asked(found)
    return _correct(reference, files.handed_in(asked, action, actor=actor, reference=number))


def _correct(reference: str, wrong_files: Mapping[str, tuple[Problem, ...]]) -> ResponseReturnValue:
    now, who = clock.now(), access.visitor()
    typed = views.typed_in_form()
    with unit_of_work() as session:
        found = _mine(session, reference)
        if found.state != State.CORRECTION_ASKED.value:
            return redirect(url_for("forms.application", reference=found.reference), 303)
        number = str(found.reference)
        again = correction_fields.not_sent_yet(session, found, request.form.get("action", ""), typed, wrong_files)
        if again is not None:
            return _correction_page(
                session, found, typed=again.typed, problems=again.problems, status=422 if again.problems else 200
            )
    try:
        transact(
            lambda session: casework.submit_correction(
                session, reference=number, typed=typed, seen=views.asked_in_form(), actor=who.actor, now=now
            )
        )
    except Incomplete as incomplete:
        with unit_of_work() as session:
            return _correction_page(
                session, _mine(session, number), typed=typed, problems=dict(incomplete.problems), status=422
            )
    return redirect(url_for("forms.application", reference=number), 303)


@bp.post("/applications/<reference>/messages")
@access.public
def write(reference: str) -> ResponseReturnValue:
    """Write to the section inside the case."""
    who = access.visitor()
    body = request.form.get("message", "")
    try:
        with unit_of_work() as session:
            found = _mine(session, reference)
            number = str(found.reference)
            acts = found.delegation_id is not None and found.owner_account_id != who.account_id
            teamwork.write(
                session,
                found,
                body=body,
                actor=who.actor,
                now=clock.now(),
                author_name=found.acting_name if acts else None,
            )
    except Invalid:
        flash(gettext("メッセージを、2,000文字以内で書いてください。"), "error")
    else:
        flash(gettext("メッセージを送りました。"), "success")
    return redirect(url_for("forms.application", reference=number) + "#messages", 303)


@bp.get("/applications/<reference>/withdraw")
@access.public
def ask_withdraw(reference: str) -> ResponseReturnValue:
    """Ask once more before a case is taken back."""
    with unit_of_work() as session:
        found = _mine(session, reference)
        charge = payment_queries.charge_of(session, PAYABLE, str(found.reference))
        return render_template(
            "forms/withdraw.html",
            application=found,
            procedure=definition(found.version),
            charge=charge,
            lang=locale.current(),
        )


@bp.post("/applications/<reference>/withdraw")
@access.public
def withdraw(reference: str) -> ResponseReturnValue:
    """Take the case back."""
    now, who = clock.now(), access.visitor()
    with unit_of_work() as session:
        found = _mine(session, reference)
        number = str(found.reference)
        if found.state != State.WITHDRAWN.value:
            casework.withdraw(session, reference=number, actor=who.actor, now=now)
    return redirect(url_for("forms.application", reference=number), 303)


@bp.get("/applications/<reference>/documents/<int:document_id>")
@access.public
def document(reference: str, document_id: int) -> ResponseReturnValue:
    """Download one of the case's papers."""
    who = access.visitor()
    with unit_of_work() as session:
        found = _mine(session, reference)
        return download(session, found, document_id, actor=who.actor)


def download(
    session: Session, found: Application, document_id: int, *, actor: audit.Actor, purpose: str | None = None
) -> ResponseReturnValue:
    """A paper as a download; the look is written down. One that says what is not told any more leads back to the case (CASES A10).

    Raises:
        NotFound: another case's paper, or not made yet.
    """
    paper = queries.document(found, document_id)
    if hiding.outdated(session, found, paper, now=clock.now()):
        flash(
            gettext("この書類は、いま開けません。作りなおしています。開けないままのときは、担当の課に聞いてください。")
        )
        case_page = "forms.case" if actor.kind == "staff" else "forms.application"
        return redirect(url_for(case_page, reference=found.reference), 303)
    assert paper.file_id is not None
    stored = stored_files.get(session, paper.file_id)
    audit.record(
        session,
        actor=actor,
        action="application.download",
        subject_kind="application",
        subject_ref=str(found.reference),
        purpose=purpose,
        detail={"document": paper.kind},
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{stored.name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(stored.content, mimetype=stored.media_type, headers=headers)
