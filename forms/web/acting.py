"""Who acts for whom, and who is protected: the resident's own delegations; the staff's list of protections and alarms."""

from __future__ import annotations

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from forms import queries
from forms.services import delegation, protection
from forms.web.blueprint import bp
from portal.accounts.models import Account, Person, Role
from portal.kernel import audit, clock
from portal.kernel.database import unit_of_work
from portal.kernel.dates import DateError, parse_date
from portal.kernel.errors import Invalid, NotFound
from portal.web import access, locale


def _day(name: str) -> date:
    try:
        return parse_date(request.form.get(name, ""))
    except DateError as error:
        raise Invalid from error


@bp.get("/my/delegations")
@access.resident
def delegations() -> ResponseReturnValue:
    """Who acts for me, for whom I act."""
    return _delegations_page()


def _delegations_page(*, error: str = "") -> ResponseReturnValue:
    who, now = access.visitor(), clock.now()
    with unit_of_work() as session:
        account = session.get_one(Account, who.account_id)
        found = [(each, delegation.is_live(each, now=now)) for each in delegation.of_account(session, account)]
        entries = [e for e in queries.catalogue(session, now=now) if e.procedure.channel.kind == "here"]
        html = render_template(
            "forms/delegations.html",
            given=[row for row in found if row[0].principal_person_id == who.person_id],
            held=[row for row in found if row[0].delegate_account_id == who.account_id],
            procedures=[(e.procedure.slug, e.procedure.plain_name.in_(locale.current())) for e in entries],
            error=error,
            typed=request.form,
            chosen=request.form.getlist("procedure"),
            lang=locale.current(),
        )
    return html, 422 if error else 200


@bp.post("/my/delegations")
@access.resident
def delegate() -> ResponseReturnValue:
    """Let somebody act for me."""
    who = access.visitor()
    try:
        with unit_of_work() as session:
            delegation.give(
                session,
                principal=session.get_one(Person, who.person_id),
                delegate_email=request.form.get("email", ""),
                relation=request.form.get("relation", ""),
                slugs=request.form.getlist("procedure"),
                until=_day("until"),
                actor=who.actor,
                now=clock.now(),
            )
    except NotFound:
        return _delegations_page(
            error=gettext("このメールアドレスで登録した人がいません。その人に、先に登録してもらってください。")
        )
    except Invalid:
        return _delegations_page(error=gettext("手続き、間がら、期限(1年以内)を確かめてください。"))
    flash(gettext("代理を認めました。いつでもやめられます。"), "success")
    return redirect(url_for("forms.delegations"), 303)


@bp.post("/my/delegations/<int:delegation_id>/end")
@access.resident
def end_delegation(delegation_id: int) -> ResponseReturnValue:
    """Nobody acts for me by this any more."""
    who = access.visitor()
    with unit_of_work() as session:
        delegation.end(session, delegation_id, person_id=who.person_id or 0, actor=who.actor, now=clock.now())
    flash(gettext("代理をやめました。"), "success")
    return redirect(url_for("forms.delegations"), 303)


@bp.get("/staff/protections")
@access.staff(Role.APPROVER)
def protections() -> ResponseReturnValue:
    """Protected persons by number, and every alarm; no names or addresses."""
    who = access.visitor()
    with unit_of_work() as session:
        audit.record(session, actor=who.actor, action="protection.list", subject_kind="protection", subject_ref="all")
        live = protection.all_live(session, now=clock.now())
        return render_template(
            "forms/protections.html",
            live=live,
            names=queries.staff_names(session, {each.set_by for each in live}),
            alarms=protection.alarms(session),
            lang=locale.current(),
        )


@bp.post("/staff/protections")
@access.staff(Role.APPROVER)
def protect() -> ResponseReturnValue:
    """Enter the city's decision, or end one."""
    who, now, ending = access.visitor(), clock.now(), request.form.get("end", "")
    try:
        with unit_of_work() as session:
            if ending.isdigit():
                protection.end(session, person_id=int(ending), now=now)
                audit.record(
                    session, actor=who.actor, action="protection.end", subject_kind="person", subject_ref=ending
                )
            else:
                person_id = protection.person_by_mail(session, request.form.get("email", ""))
                entered = protection.household(request.form.get("postal_code", ""), request.form.get("block", ""))
                # A second home that must not learn it comes beside the first; losing one unseen would tell the address there.
                before = protection.of_person(session, person_id, now=now)
                protection.protect(
                    session,
                    person_id=person_id,
                    households=[entered, *(before.households if before is not None else ())] if entered else [],
                    until=_day("until"),
                    actor=who.actor,
                    now=now,
                )
    except (Invalid, NotFound):
        flash(gettext("登録した人のメールアドレス、知られてはいけない世帯の住所、期限を確かめてください。"), "error")
        return redirect(url_for("forms.protections"), 303)
    flash(gettext("支援措置の内容を保存しました。"), "success")
    return redirect(url_for("forms.protections"), 303)
