"""The case page of a section: what is on it, who may see it, and that every look is written down."""

from __future__ import annotations

from typing import Any

from flask import g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from forms import presenting, queries
from forms.attachments import services as attachments
from forms.definition import FieldSpec, Step
from forms.definition.fields import GroupField
from forms.letters import services as letters
from forms.masking import BEFORE, MASK
from forms.models import Application, CorrectionRequest
from forms.services import approval, fee_change, hiding, protection, teamwork
from forms.services.common import PurposeMissing, definition
from forms.states import OPEN, Party, State, possible
from forms.web import files, progress, words
from forms.web.blueprint import bp
from portal.accounts.models import Role
from portal.kernel import audit, clock, references
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.text import without_control
from portal.notices.web import paper
from portal.web import access, error_texts, locale

ROLES = (Role.REVIEWER, Role.APPROVER)
PURPOSE_LENGTH = 100
_PURPOSES = "forms_purposes"


def departments(who: access.Visitor) -> set[str]:
    """The departments whose cases the visitor may see."""
    return {code for role in ROLES for code in who.scopes(role, "department")}


def grants(who: access.Visitor) -> set[tuple[str, str]]:
    """(role, department) pairs that the visitor holds."""
    return {(role.value, code) for role in ROLES for code in who.scopes(role, "department")}


def of_theirs(session: Session, reference: str) -> Application:
    """A case of the visitor's departments, or one that waits for an approval there.

    Raises:
        NotFound: no such case, another department's, not filed yet, or disposed of.
    """
    found = queries.by_reference(session, references.parse(reference))
    mine = departments(access.visitor())
    if found.state in {State.DRAFT.value, State.PREPARED.value} or not found.filings or found.disposed_at is not None:
        raise NotFound
    if found.procedure.department in mine:
        return found
    procedure = definition(found.version)
    if any(step.section in mine for step in procedure.approval) and approval.live(session, found) is not None:
        return found
    raise NotFound


def purpose_of(found: Application) -> str | None:
    """For what purpose the visitor looks at this case; None where they did not say or need not.

    Raises:
        PurposeMissing: the procedure asks for one.
    """
    said = cookie.get(_PURPOSES, {}).get(str(found.reference))
    if not said and definition(found.version).look_purpose:
        raise PurposeMissing
    return str(said) if said else None


@bp.get("/staff/applications/<reference>")
@access.staff(*ROLES)
def case(reference: str) -> ResponseReturnValue:
    """One case with everything a reviewer needs; before that its purpose, where the procedure asks for one."""
    with unit_of_work() as session:
        return page(session, of_theirs(session, reference))


@bp.post("/staff/applications/<reference>/look")
@access.staff(*ROLES)
def look(reference: str) -> ResponseReturnValue:
    """Say for what purpose the case is looked at; each look carries it in the audit log."""
    purpose = without_control(request.form.get("purpose", "")).strip()[:PURPOSE_LENGTH]
    with unit_of_work() as session:
        found = of_theirs(session, reference)
        if not purpose:
            return _ask_purpose(found, wrong=True)
        number = str(found.reference)
    known = {k: v for k, v in cookie.get(_PURPOSES, {}).items() if k != number}
    cookie[_PURPOSES] = dict(list(known.items())[-9:]) | {number: purpose}
    return redirect(url_for("forms.case", reference=number), 303)


def _ask_purpose(found: Application, *, wrong: bool = False) -> ResponseReturnValue:
    if wrong:
        g.page_has_errors = True
    html = render_template("forms/purpose.html", application=found, wrong=wrong, lang=locale.current())
    return html, PurposeMissing.status if wrong else 200


def page(session: Session, found: Application, *, error: str = "", status: int = 200) -> ResponseReturnValue:
    """The page of a case; the look is written down, the applicant's messages count as read."""
    who, lang = access.visitor(), locale.current()
    try:
        purpose = purpose_of(found)
    except PurposeMissing:
        return _ask_purpose(found)
    audit.record(
        session,
        actor=who.actor,
        action="application.read",
        subject_kind="application",
        subject_ref=str(found.reference),
        purpose=purpose,
    )
    teamwork.read_by(session, found, side="staff", now=clock.now())
    protected = protection.look(session, found, actor=who.actor, now=clock.now())
    answers = found.filings[-1].answers
    hidden = hiding.paths(session, found, answers, now=clock.now(), actor=who.actor)
    procedure = definition(found.version)
    state = State(found.state)
    if error:
        g.page_has_errors = True
    html = render_template(
        "forms/case.html",
        application=found,
        procedure=procedure,
        steps=_rows(found, attachments.unscanned(session, found), hidden),
        state=state,
        status=progress.of(found),
        events=progress.EVENTS,
        letters=letters.of_case(session, found),
        by_post=letters.by_post(found),
        letter_words=words.LETTERS,
        letter_stages=paper.STAGES,
        actors=progress.ACTORS,
        outcomes=progress.OUTCOMES,
        can={action.value for action in possible(state, by=Party.STAFF)},
        standing=approval.standing(session, found, actor=who.actor, grants=grants(who)) if procedure.approval else None,
        staff_names=_names(session, found),
        colleagues=teamwork.colleagues(session, found.procedure.department),
        messages=teamwork.messages_of(session, found),
        notes=teamwork.notes_of(session, found),
        meanwhile=found.events[-1] if error in {"changed_meanwhile", "not_now"} and found.events else None,
        charges=fee_change.charges(session, found),
        overdue=found.due_on is not None and found.due_on < clock.today() and state in OPEN,
        protected=protected,
        error=error,
        error_words=error_texts.words(error, status) if error else "",
        typed=request.form,
        lang=lang,
    )
    return html, status


def _names(session: Session, found: Application) -> dict[int, str]:
    """Account id → name of the staff who had a hand in the case. One statement."""
    ids = {e.actor_account_id for e in found.events if e.actor_kind == "staff"} | {found.assigned_to}
    ids |= {each.entered_by for each in found.counter_changes}
    return queries.staff_names(session, {i for i in ids if i is not None})


def _rows(found: Application, waiting: set[str], hidden: frozenset[str]) -> list[tuple[str, list[dict[str, Any]]]]:
    lang = locale.current()
    procedure = definition(found.version)
    filing = found.filings[-1]
    requests: dict[str, Any] = {c.field_id: c for c in found.corrections}
    return [
        (
            step.title.in_(lang),
            [
                {
                    "id": line.path,
                    "label": line.label,
                    "value": line.text,
                    "source": words.source_words(filing.prefill.get(line.path) or {}, lang),
                    "disputed": (filing.prefill.get(line.path) or {}).get("disputed"),
                    "original": ""
                    if line.path in hidden
                    else _original(line.spec, filing.prefill.get(line.path), filing.answers.get(line.path), lang),
                    "check_shape": line.check_shape,
                    "counter": _at_counter(line, found, hidden, lang),
                    "request": requests.get(line.path),
                    "before": _before(line, requests.get(line.path), hidden, lang),
                    "files": files.shown(
                        line.value if line.spec.stored else None,
                        "forms.staff_file",
                        waiting=waiting,
                        reference=found.reference,
                    ),
                    "correctable": not line.spec.computed,
                }
                for line in rows
            ]
            + _changed_groups(step, found, hidden, lang),
        )
        for step, rows in presenting.steps(procedure, filing.answers, lang, hidden)
    ]


def _changed_groups(step: Step, found: Application, hidden: frozenset[str], lang: str) -> list[dict[str, Any]]:
    """Groups whose entries the counter changed: what was prepared at home, once as a whole; entries may have come and gone."""
    changed = {each.field_id: each for each in found.counter_changes}
    return [
        {
            "id": spec.id,
            "label": spec.label.in_(lang),
            "value": gettext("直した内容は上にあります。"),
            "counter": {
                "before": MASK if BEFORE + spec.id in hidden else spec.show(changed[spec.id].before, lang),
                "by": changed[spec.id].entered_by,
                "at": changed[spec.id].at,
            },
        }
        for spec in step.fields
        if isinstance(spec, GroupField) and spec.id in changed
    ]


def _before(line: presenting.Line, asked: CorrectionRequest | None, hidden: frozenset[str], lang: str) -> str:
    """What stood there before it was asked again; nothing that is hidden."""
    if asked is None:
        return ""
    return MASK if BEFORE + line.path in hidden else line.spec.show(asked.old_value, lang)


def _at_counter(line: presenting.Line, found: Application, hidden: frozenset[str], lang: str) -> dict[str, Any] | None:
    """What was prepared at home, where the counter put something else; who typed it, when."""
    changed = next((each for each in found.counter_changes if each.field_id == line.path), None)
    if changed is None:
        return None
    before = MASK if BEFORE + line.path in hidden else line.spec.show(changed.before, lang)
    return {"before": before, "by": changed.entered_by, "at": changed.at}


def _original(spec: FieldSpec, origin: dict[str, Any] | None, answer: Any, lang: str) -> str:
    """What a source had said, where the answer says otherwise; "" where it does not, however the source spells it."""
    if not origin or "value" not in origin:
        return ""
    value = origin["value"]
    if spec.kind == "person" and isinstance(value, dict):
        # A source may have said some parts only; of the others nothing can differ.
        value = {**(answer or dict.fromkeys(spec.parts, "")), **value}
    said = spec.show(value, lang)
    return "" if said == spec.show(answer, lang) else said
