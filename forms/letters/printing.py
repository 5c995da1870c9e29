"""What stands on a letter, and one PDF for many of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from forms import links
from forms.case_models import CaseMessage
from forms.definition.paths import label_at
from forms.letters import services
from forms.letters.models import Letter
from forms.services import hiding, protection
from forms.services.common import definition
from portal.directory.models import Department
from portal.documents import pdf
from portal.kernel import audit, files
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from portal.kernel.texts import show_date
from portal.notices import paper
from portal.notices.paper import NoAddress

_SAID: dict[str, Any] = dict.fromkeys(("total", "sample", "answer_by", "more", "less", "pay_by"))


@dataclass(frozen=True, slots=True)
class Sheet:
    """One letter: the context of its template, and the papers that go into the same envelope, as PDF."""

    locale: str
    context: dict[str, Any]
    enclosed: tuple[bytes, ...]


def gather(
    session: Session, ids: Collection[int], *, departments: Collection[str], actor: Actor, now: datetime
) -> list[Sheet]:
    """Everything that is printed. Each look at a case is written down; of a protected person's it raises an alarm (CASES A10).

    Raises:
        Invalid, NotFound: see `forms.letters.services.chosen`.
        NoAddress: of some it is not known where they should go.
    """
    letters = services.chosen(session, ids, departments=departments, most=paper.MOST)
    where = {one.id: services.address_of(session, one.application, now=now) for one in letters}
    unknown = tuple(dict.fromkeys(str(one.application.reference) for one in letters if where[one.id] is None))
    if unknown:
        raise NoAddress(unknown)
    sender = paper.sender(session)
    sheets = []
    for letter in letters:
        protection.look(session, letter.application, actor=actor, now=now, what="download")
        _looked(session, letter, actor)
        section = session.get_one(Department, letter.application.procedure.department)
        locale = letter.application.contact.get("locale", "ja")
        department = section.name_en if locale == "en" else section.name
        common = {"to": where[letter.id], "department": department, **sender.said(locale)}
        sheets.append(_sheet(session, letter, common, now=now))
    return sheets


def _looked(session: Session, letter: Letter, actor: Actor) -> None:
    audit.record(
        session,
        actor=actor,
        action="application.read",
        subject_kind="application",
        subject_ref=str(letter.application.reference),
        purpose="手紙の印刷",
        detail={"letter": letter.event},
    )


def _sheet(session: Session, letter: Letter, common: dict[str, Any], *, now: datetime) -> Sheet:
    application = letter.application
    procedure = definition(application.version)
    locale = application.contact.get("locale", "ja")
    decision = application.decision if letter.what in {"decided", "issued"} else None
    papers = (
        [
            p
            for p in application.documents
            if p.kind != "application" and p.file_id and not hiding.outdated(session, application, p, now=now)
        ]
        if letter.what == "issued"
        else []
    )
    context = common | {
        "what": letter.what,
        "facts": _SAID | letter.facts,
        "title": procedure.plain_name.in_(locale),
        "number": application.reference,
        "reference": application.reference,
        "name": application.applicant_name or "",
        "acting": application.acting_name,
        # Who has an account of their own can do from home what others come to the counter for, also without mail.
        "site": links.case(str(application.reference), guest=False)
        if application.owner_account_id is not None and application.delegation_id is None
        else "",
        "issued_on": "",
        "sample": False,
        "today": show_date(now, locale),
        "due": show_date(application.due_on, locale)
        if letter.what == "filed" and application.due_on and procedure.standard_days
        else "",
        "asked": _asked(letter, locale),
        "message": _message(session, letter),
        "decision": decision,
        "decided_on": show_date(decision.decided_at, locale) if decision else "",
        "papers": [(p.title, p.number) for p in papers],
    }
    enclosed = tuple(files.get(session, p.file_id).content for p in papers if p.file_id is not None)
    return Sheet(locale, context, enclosed)


def _asked(letter: Letter, locale: str) -> list[tuple[str, str]]:
    """What is to be corrected, with the reasons: without the page there is no other place to read them."""
    wanted = set(letter.facts.get("requests") or ())
    application = letter.application
    procedure, answers = definition(application.version), application.filings[-1].answers
    return [
        (label_at(procedure, answers, c.field_id, locale), c.reason) for c in application.corrections if c.id in wanted
    ]


def _message(session: Session, letter: Letter) -> str:
    if letter.what != "message":
        return ""
    found = session.get(CaseMessage, letter.facts.get("number"))
    if found is None or found.application_id != letter.application_id:
        raise NotFound
    return found.body


def render(sheets: Sequence[Sheet]) -> bytes:
    """One PDF, letter after letter, each followed by what goes into its envelope. Call it outside a transaction."""
    return paper.bound(
        content
        for sheet in sheets
        for content in (pdf.render("forms/pdf/letter.html", sheet.locale, **sheet.context), *sheet.enclosed)
    )
