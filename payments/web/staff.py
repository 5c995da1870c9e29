"""Finance and the till: today, search, cash, refunds that wait, differences."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from payments import correcting, finance, giving_back, handover, queries, services
from payments.errors import CashTooLittle, ChargeOrdered, ChargeSettled, RefundNotReady
from payments.states import ChargeState
from payments.transfers import standing
from payments.web import error_texts, places, words
from payments.web.forms import ActForm, CashForm, SearchForm
from payments.web.pages import charge_for_visitor
from portal.accounts.models import Role
from portal.kernel import clock, dates
from portal.kernel.database import transact, unit_of_work
from portal.kernel.money import Yen
from portal.web import access
from portal.web.access import Visitor

bp = Blueprint("payments_staff", __name__, template_folder="templates", url_prefix="/staff/payments")

BOTH = (Role.FINANCE.value, Role.COUNTER.value)


def waiting(_visitor: Visitor) -> int:
    """How much waits for somebody: the number on the staff tile."""
    with unit_of_work() as session:
        return len(finance.open_refunds(session)) + sum(
            not each.explained for each in finance.differences(session, clock.now())
        )


@bp.get("")
@access.staff(*BOTH)
def today() -> ResponseReturnValue:
    """The day's money; search; what waits for a person; what does not explain itself."""
    day = clock.today()
    asked = request.args.get("day", "")
    if asked:
        try:
            day = dates.parse_date(asked)
        except dates.DateError:
            flash(gettext("日付を読めません。今日のお金を出しています。"), "warning")
    with unit_of_work() as session:
        taken = finance.totals(session, day)
        return render_template(
            "payments/staff_today.html",
            day=day,
            totals=taken,
            sum=sum((each.amount.amount for each in taken), start=0),
            movements=finance.movements(session, day),
            refunds=finance.open_refunds(session),
            differences=(differences := finance.differences(session, clock.now())),
            unexplained=sum(not each.explained for each in differences),
            form=ActForm(),
            search=SearchForm(request.args if request.args.get("q") else None),
            method=words.method,
            places=places.names(session),
            refund_state=words.refund_state,
        )


@bp.get("/charges/<charge_ref>")
@access.staff(*BOTH)
def charge(charge_ref: str) -> ResponseReturnValue:
    """One charge with its lines, payments and refunds; cash is taken here."""
    return _show(charge_ref, _cash_form())


@bp.post("/charges/<charge_ref>/cash")
@access.staff(*BOTH)
def take_cash(charge_ref: str) -> ResponseReturnValue:
    """Take cash; the change is shown on the next page."""
    view = charge_for_visitor(charge_ref)
    form = _cash_form()
    if not form.validate():
        return _show(charge_ref, form), 422
    visitor = access.visitor()
    received = form.received.data
    assert isinstance(received, Yen)
    try:
        taken = transact(
            lambda session: services.take_cash(
                session,
                view.reference,
                received=received,
                clerk=visitor.actor,
                place=form.place.data,
                now=clock.now(),
            )
        )
    except CashTooLittle as error:
        form.received.errors = [gettext("料金は%(total)sです。受け取った金額が足りません。", total=str(error.total))]
        return _show(charge_ref, form), 422
    except ChargeOrdered as error:
        flash(str(error_texts.TEXTS[error.code]), "error")
        return redirect(url_for("payments_staff.charge", charge_ref=view.reference), 303)
    except ChargeSettled:
        flash(gettext("このお支払いは終わっています。現金は受け取らないでください。"), "error")
        return redirect(url_for("payments_staff.charge", charge_ref=view.reference), 303)
    flash(gettext("受け取りました。おつりは%(change)sです。", change=str(taken.change)), "success")
    return redirect(url_for("payments_staff.charge", charge_ref=view.reference), 303)


@bp.post("/refunds/<refund_ref>/cash")
@access.staff(*BOTH)
def pay_out(refund_ref: str) -> ResponseReturnValue:
    """Hand a refund out in cash."""
    actor, now = access.visitor().actor, clock.now()
    try:
        transact(lambda session: services.pay_out_cash(session, refund_ref, clerk=actor, now=now))
        flash(gettext("現金で返したことを記録しました。"), "success")
    except RefundNotReady:
        flash(gettext("この返金は、もう進んでいます。"), "warning")
    return redirect(url_for("payments_staff.today"), 303)


def _cash_form() -> CashForm:
    form = CashForm()
    with unit_of_work() as session:
        form.place.choices = list(places.own(session, access.visitor()).items())
    return form


def _show(charge_ref: str, form: CashForm) -> str:
    view = charge_for_visitor(charge_ref)
    visitor, now = access.visitor(), clock.now()
    finance = visitor.may(Role.FINANCE.value)
    with unit_of_work() as session:
        prospect = giving_back.prospect(session, view.reference, now=now) if finance else None
        why_not = correcting.why_not(session, view.reference, actor=visitor.actor, finance=finance, now=now)
        gives_back = handover.refund_payer(session, view.reference)
        by_bank = standing.of_charge(session, view.reference, now=now) if view.waits else None
    return render_template(
        "payments/staff_charge.html",
        prospect=prospect,
        can_correct=not why_not,
        paid_with_others=why_not == "several",
        refund_kinds=words.refund_kinds(),
        booked_words=words.booked_as(),
        charge=view,
        form=form,
        open=view.state is ChargeState.OPEN and (by_bank is None or by_bank.taking is not standing.Taking.ORDERED),
        by_bank=by_bank if view.waits else None,
        by_bank_why=words.transfer_result(by_bank.result) if by_bank else "",
        today=clock.today(),
        state=words.charge_chip(view.state, view.back),
        paid_by=words.method(view.paid_by),
        refund_state=words.refund_state,
        provider=queries.provider_name(),
        gives_back=gives_back,
    )
