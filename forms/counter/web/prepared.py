"""What a resident prepared at home is pulled in by its number; what is wrong is said beside the number."""

from __future__ import annotations

from flask import flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from forms.counter import prepared
from forms.counter.errors import (
    AlreadyPulled,
    AnotherPerson,
    NoSuchPreparation,
    NotPrepared,
    PreparationExpired,
    SameProcedure,
)
from forms.counter.models import Authority
from forms.counter.web import pages, visit
from forms.counter.web.blueprint import bp
from forms.counter.web.error_texts import TEXTS
from forms.counter.web.inputs import PreparedInputs, PreparedVisitInputs
from forms.counter.web.words import other_words
from forms.services.common import ProcedureClosed
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import PortalError
from portal.kernel.texts import show_date, show_moment
from portal.web import access, error_texts, locale

REFUSED = (
    NoSuchPreparation, NotPrepared, PreparationExpired, AlreadyPulled, SameProcedure, AnotherPerson, ProcedureClosed,
)  # fmt: skip


def words(refused: PortalError) -> str:
    """Why nothing was pulled in, with the facts that help: whose visit has it, when it was filed, until when it could be."""
    lang = locale.current()
    if isinstance(refused, AlreadyPulled):
        return str(gettext("この準備は、来庁 %(visit)s で、もう開いています。", visit=refused.visit))
    if isinstance(refused, NotPrepared) and refused.filed_at is not None:
        return str(
            gettext("この番号の申請は、%(at)s に、もう受け付けています。", at=show_moment(refused.filed_at, lang))
        )
    if isinstance(refused, NotPrepared):
        return str(gettext("この準備は、本人が取りやめました。新しい来庁として、はじめから聞いてください。"))
    if isinstance(refused, PreparationExpired):
        until = show_date(refused.until, lang)
        return str(
            gettext(
                "窓口に来る期限(%(until)s)がすぎています。新しい来庁として、はじめから聞いてください。", until=until
            )
        )
    if isinstance(refused, AnotherPerson):
        return other_words(refused)
    return str(TEXTS.get(refused.code) or error_texts.words(refused.code, refused.status))


@bp.post("/prepared")
@access.staff(Role.COUNTER)
def start_prepared() -> ResponseReturnValue:
    """Open a visit with what was prepared at home."""
    now, clerk = clock.now(), access.visitor().actor
    shown = pages.lists(now, sent="prepared")
    form: PreparedVisitInputs = shown.prepared
    if not form.validate():
        return render_template("counter/home.html", **shown.context()), 422

    def work(db: Session) -> str:
        authority = Authority(form.authority.data)
        office = form.office.data
        return prepared.pull(db, form.number.data, clerk=clerk, now=now, office=office, authority=authority).reference

    try:
        reference = transact(work)
    except REFUSED as refused:
        form.number.errors = [words(refused)]
        return render_template("counter/home.html", **shown.context()), refused.status
    session["counter_office"] = form.office.data
    return redirect(url_for("counter.visit", reference=reference), 303)


@bp.post("/<reference>/prepared")
@access.staff(Role.COUNTER)
def add_prepared(reference: str) -> ResponseReturnValue:
    """Take it into a visit that is open."""
    now, clerk, form = clock.now(), access.visitor().actor, PreparedInputs()
    if not form.validate():
        return visit.show(reference, prepared=form), 422
    number, same = form.number.data, bool(form.same_person.data)
    try:
        transact(lambda db: prepared.pull(db, number, clerk=clerk, now=now, into=reference, same_person=same))
    except REFUSED as refused:
        form.number.errors = [words(refused)]
        page = visit.show(reference, prepared=form, another=isinstance(refused, AnotherPerson))
        return page, refused.status
    return redirect(url_for("counter.visit", reference=reference), 303)


@bp.post("/<reference>/prepared/<slug>/release")
@access.staff(Role.COUNTER)
def release(reference: str, slug: str) -> ResponseReturnValue:
    """Let go of what was pulled in by mistake."""
    with unit_of_work() as db:
        prepared.release(db, reference, slug, clerk=access.visitor().actor, now=clock.now())
    flash(gettext("準備の申請を、来庁から外しました。家で準備したままにもどっています。"), "success")
    return redirect(url_for("counter.visit", reference=reference), 303)
