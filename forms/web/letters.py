"""Letters of a section: what is to be printed, one PDF for many, which were posted and when."""

from __future__ import annotations

from datetime import date

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from forms.letters import printing, services
from forms.services.common import definition
from forms.web import words
from forms.web.blueprint import bp
from forms.web.case_page import ROLES, departments, of_theirs
from portal.kernel import audit, clock
from portal.kernel.database import unit_of_work
from portal.notices.web import paper
from portal.web import access, locale


@bp.get("/staff/letters")
@access.staff(*ROLES)
def letters() -> ResponseReturnValue:
    """The letters of the visitor's departments: to send, or sent."""
    return _page("", 200)


def _page(error: str, status: int) -> ResponseReturnValue:
    who, lang = access.visitor(), locale.current()
    with unit_of_work() as session:
        found = services.of_section(session, departments(who), sent=paper.shows_sent())
        audit.record(session, actor=who.actor, action="letter.list", subject_kind="letter", subject_ref="section")
        rows = []
        for letter in found:
            case = letter.application
            said = (definition(case.version).plain_name.in_(lang), case.applicant_name, words.LETTERS[letter.what])
            rows.append((letter, case.reference, url_for("forms.case", reference=case.reference), said))
        return paper.show("forms/letters.html", rows, error=error), status


@bp.post("/staff/letters/print")
@access.staff(*ROLES)
def print_letters() -> ResponseReturnValue:
    """One PDF of the chosen letters, with the papers that go into the same envelope."""
    who, ids, now = access.visitor(), paper.wanted(), clock.now()
    theirs = departments(who)
    return paper.print_chosen(
        lambda session: printing.gather(session, ids, departments=theirs, actor=who.actor, now=now),
        printing.render,
        lambda session: services.mark_printed(session, ids, departments=theirs, actor=who.actor, now=now),
        page=_page,
        unknown=lambda error: gettext(
            "住所が分からないので、何も印刷していません: %(cases)s。申請を見て確かめるか、えらばずに印刷してください。",
            cases="、".join(error.about),
        ),
    )


@bp.post("/staff/letters/sent")
@access.staff(*ROLES)
def letters_sent() -> ResponseReturnValue:
    """Write down that the chosen letters were posted, and on which day."""
    who, ids = access.visitor(), paper.wanted()

    def sent(session: Session, day: date) -> int:
        return services.mark_sent(
            session, ids, departments=departments(who), sent_on=day, actor=who.actor, now=clock.now()
        )

    return paper.note_sent(sent, page=_page, back=url_for("forms.letters"))


@bp.post("/staff/applications/<reference>/contact")
@access.staff(*ROLES)
def choose_post(reference: str) -> ResponseReturnValue:
    """The applicant wants the messages of this case by post, or by mail again."""
    with unit_of_work() as session:
        found = of_theirs(session, reference)
        number = str(found.reference)
        services.choose(session, found, post=request.form.get("by") == "post", actor=access.visitor().actor)
    flash(gettext("知らせる方法を決めました。"), "success")
    return redirect(url_for("forms.case", reference=number), 303)
