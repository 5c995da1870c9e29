"""Letters of a section: what is to be printed, one PDF for many, which were posted and when."""

from __future__ import annotations

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from forms.letters import printing, services
from forms.services.common import definition
from forms.web import words
from forms.web.blueprint import bp
from forms.web.case_page import ROLES, departments, of_theirs
from portal.kernel import audit, clock
from portal.kernel.database import unit_of_work
from portal.kernel.dates import DateError, parse_date
from portal.kernel.errors import Invalid
from portal.web import access, locale


def _ids() -> list[int]:
    return [int(text) for text in request.form.getlist("letter") if text.isdigit()]


@bp.get("/staff/letters")
@access.staff(*ROLES)
def letters() -> ResponseReturnValue:
    """The letters of the visitor's departments: to send, or sent."""
    return _page()


def _page(*, error: str = "", status: int = 200) -> ResponseReturnValue:
    who, sent = access.visitor(), request.args.get("show") == "sent"
    if error:
        g.page_has_errors = True
    with unit_of_work() as session:
        rows = [
            (letter, definition(letter.application.version).plain_name.in_(locale.current()))
            for letter in services.of_section(session, departments(who), sent=sent)
        ]
        audit.record(session, actor=who.actor, action="letter.list", subject_kind="letter", subject_ref="section")
        html = render_template(
            "forms/letters.html",
            rows=rows,
            sent=sent,
            what=words.LETTERS,
            stages=words.LETTER_STAGES,
            most=printing.MOST,
            today=clock.today(),
            chosen=set(_ids()) if request.method == "POST" else set(),
            typed=request.form,
            error=error,
            lang=locale.current(),
        )
    return html, status


@bp.post("/staff/letters/print")
@access.staff(*ROLES)
def print_letters() -> ResponseReturnValue:
    """One PDF of the chosen letters, with the papers that go into the same envelope."""
    who, ids, now = access.visitor(), _ids(), clock.now()
    try:
        with unit_of_work() as session:
            sheets = printing.gather(session, ids, departments=departments(who), actor=who.actor, now=now)
    except services.NoAddress as error:
        words = gettext(
            "住所が分からないので、何も印刷していません: %(cases)s。申請を見て確かめるか、えらばずに印刷してください。",
            cases="、".join(error.cases),
        )
        return _page(error=words, status=error.status)
    except Invalid as error:
        words = gettext("印刷する手紙を、1通から%(most)s通までえらんでください。", most=printing.MOST)
        return _page(error=words, status=error.status)
    content = printing.render(sheets)
    with unit_of_work() as session:
        services.mark_printed(session, ids, departments=departments(who), actor=who.actor, now=now)
    headers = {
        "Content-Disposition": f'attachment; filename="letters-{clock.today():%Y%m%d}.pdf"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, mimetype="application/pdf", headers=headers)


@bp.post("/staff/letters/sent")
@access.staff(*ROLES)
def letters_sent() -> ResponseReturnValue:
    """Write down that the chosen letters were posted, and on which day."""
    who = access.visitor()
    try:
        sent_on = parse_date(request.form.get("sent_on", ""))
        with unit_of_work() as session:
            services.mark_sent(
                session, _ids(), departments=departments(who), sent_on=sent_on, actor=who.actor, now=clock.now()
            )
    except services.NotPrinted as error:
        return _page(error=gettext("まだ印刷していない手紙があります。先に印刷してください。"), status=error.status)
    except (DateError, Invalid):
        words = gettext("送った手紙と、送った日(手紙ができた日から今日まで)を確かめてください。")
        return _page(error=words, status=Invalid.status)
    flash(gettext("送ったことを記録しました。"), "success")
    return redirect(url_for("forms.letters"), 303)


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
