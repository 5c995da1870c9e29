"""Where a refund is transferred to (asked of the payer), and what finance does with refunds that wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask import session as session_of_browser
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from payments import finance, pay_links, queries, refunds
from payments.errors import AlreadyDisputed, BadBankAccount, NoSuchCharge, RefundNotReady, SamePersonAgrees
from payments.models import Refund
from payments.sealing import AccountKind, BankAccount
from payments.states import RefundState
from payments.web import words
from payments.web.forms import AccountForm, ActForm, HeirForm
from payments.web.pages import charge_for_visitor
from portal.accounts.models import Role
from portal.directory import banks
from portal.documents import pdf, qr
from portal.kernel import audit, clock, dates, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.references import BadReference
from portal.web import access, city

bp = Blueprint("payments_refunds", __name__, template_folder="templates")

FINANCE = Role.FINANCE.value
GIVEN = "refunds"
"""Key of the browser's session: refunds whose secret address was opened in it."""


def _refund_for_visitor(refund_ref: str) -> queries.RefundView:
    """The refund, if its charge is the visitor's own, its secret address was opened in this browser, or the visitor is finance.

    To have typed the number of a slip is not enough: somebody else's money would go to their account.

    Raises:
        NotSignedIn: a guest without the secret address.
        NoSuchCharge: no such refund, or somebody else's.
    """
    try:
        reference = references.parse(refund_ref)
    except BadReference as error:
        raise NoSuchCharge(refund_ref) from error
    with unit_of_work() as session:
        charge_ref = finance.charge_of_any(session, reference)
    if charge_ref is None:
        raise NoSuchCharge(refund_ref)
    if reference in session_of_browser.get(GIVEN, []):
        with unit_of_work() as session:
            view = queries.charge(session, charge_ref)
    elif access.visitor().signed_in:
        view = charge_for_visitor(charge_ref)
    else:
        raise access.NotSignedIn
    for found in view.refunds:
        if found.reference == reference and (not found.to_heir or access.visitor().may(FINANCE)):
            return found
    raise NoSuchCharge(refund_ref)


@bp.get("/pay/refunds/links/<refund_ref>/<secret>")
@access.public
def by_link(refund_ref: str, secret: str) -> ResponseReturnValue:
    """The address in the mail or letter to somebody without an account: it opens this one question in this browser."""
    try:
        reference = references.parse(refund_ref)
    except BadReference as error:
        raise NoSuchCharge(refund_ref) from error
    if not pay_links.refund_fits(reference, secret):
        raise NoSuchCharge(refund_ref)
    session_of_browser[GIVEN] = [*session_of_browser.get(GIVEN, [])[-9:], reference]
    return redirect(url_for("payments_refunds.account", refund_ref=reference), 303)


@bp.get("/pay/refunds/<refund_ref>/account")
@access.public
def account(refund_ref: str) -> ResponseReturnValue:
    """Bank, then branch, then number: three short pages, without script."""
    found = _refund_for_visitor(refund_ref)
    return _account_page(found, AccountForm(), request.args)


@bp.post("/pay/refunds/<refund_ref>/account")
@access.public
def name_account(refund_ref: str) -> ResponseReturnValue:
    """Keep the account until the money has gone."""
    found = _refund_for_visitor(refund_ref)
    form = AccountForm()
    valid = form.validate()
    if access.visitor().is_staff and not (form.evidence.data or "").strip():
        form.refuse(form.evidence, gettext("口座が書かれた書類を書いてください。"))
        valid = False
    if not valid:
        return _account_page(found, form, request.form), 422
    evidence = (form.evidence.data or "") if access.visitor().is_staff else ""
    account = BankAccount(
        request.form.get("bank", ""),
        request.form.get("branch", ""),
        AccountKind(form.kind.data),
        form.number.data,
        form.holder.data,
    )
    try:
        transact(
            lambda session: refunds.name_account(
                session,
                found.reference,
                account,
                actor=access.visitor().actor,
                now=clock.now(),
                evidence=evidence,
            )
        )
    except BadBankAccount:
        flash(gettext("銀行と支店を、もう一度選んでください。"), "error")
        return redirect(url_for("payments_refunds.account", refund_ref=found.reference), 303)
    except RefundNotReady:
        flash(gettext("この返金は、もう進んでいます。"), "warning")
    else:
        if access.visitor().signed_in:  # a guest's page says so itself
            flash(
                gettext("口座を受け取りました。市が振り込みます。振り込みが終わると、口座の番号は消します。"), "success"
            )
    if not access.visitor().signed_in:
        return redirect(url_for("payments_refunds.account", refund_ref=found.reference, given="yes"), 303)
    with unit_of_work() as session:
        charge_ref = finance.charge_of_any(session, found.reference)
    page = "payments_staff.charge" if access.visitor().may(FINANCE) else "payments.checkout"
    return redirect(url_for(page, charge_ref=charge_ref), 303)


def _account_page(found: queries.RefundView, form: AccountForm, chosen: Any) -> str:
    bank = banks.bank(chosen.get("bank", ""))
    branch = banks.branch(bank.code, chosen.get("branch", "")) if bank else None
    typed = chosen.get("q", "").strip()[:40]
    hits: list[Any] = []
    if typed:
        hits = [*banks.search_branches(bank.code, typed)] if bank else [*banks.search_banks(typed)]
    return render_template(
        "payments/refund_account.html",
        refund=found,
        form=form,
        bank=bank,
        branch=branch,
        q=typed,
        hits=hits,
        staff=access.visitor().is_staff,
        given=chosen.get("given") == "yes",
        open=found.state in {RefundState.NEEDS_ACCOUNT, RefundState.REQUESTED} and found.to_bank,
    )


# -- finance -------------------------------------------------------------------------------------------------------


@bp.get("/staff/payments/refunds")
@access.staff(FINANCE)
def waiting() -> ResponseReturnValue:
    """Refunds that wait for somebody: to agree, to transfer, to send again; and the accounts to transfer to."""
    visitor = access.visitor()
    with unit_of_work() as session:
        found = finance.open_refunds(session)
        accounts = finance.accounts(session, [each.reference for each in found])
        for reference in accounts:
            audit.record(
                session, actor=visitor.actor, action="refund.read_account", subject_kind="refund", subject_ref=reference
            )
    return render_template(
        "payments/staff_refunds.html",
        refunds=found,
        accounts=accounts,
        bank_names={
            each.bank_code: (named.name if (named := banks.bank(each.bank_code)) else each.bank_code)
            for each in accounts.values()
        },
        limit=refunds.limit(),
        me=visitor.account_id,
        form=ActForm(),
        heir_form=HeirForm(),
        refund_state=words.refund_state,
        refund_failure=words.refund_failure,
        kinds={
            AccountKind.ORDINARY: gettext("普通"),
            AccountKind.CURRENT: gettext("当座"),
            AccountKind.SAVINGS: gettext("貯蓄"),
        },
    )


@bp.get("/staff/payments/refunds/<refund_ref>/question.pdf")
@access.staff(FINANCE)
def question(refund_ref: str) -> ResponseReturnValue:
    """The question for a bank account on paper, with room for the answer: for a payer whom no mail and no letter reaches."""
    found = _refund_for_visitor(refund_ref)
    if found.to_heir or not found.to_bank:
        raise NotFound
    with unit_of_work() as session:
        charge_ref = finance.charge_of_any(session, found.reference)
        view = queries.charge(session, charge_ref or "")
        audit.record(
            session,
            actor=access.visitor().actor,
            action="refund.question",
            subject_kind="refund",
            subject_ref=found.reference,
        )
    address = pay_links.refund_address(found.reference)
    content = pdf.render(
        "payments/pdf/account_question.html",
        "ja",
        title="返金の振込先をおたずねします",
        number=found.reference,
        city_name=city.name().in_locale("ja"),
        issued_on=dates.both(clock.today()),
        refund=found,
        charge=view,
        address=address,
        code=qr.data_uri(address),
    )
    name = f"furikomi-{found.reference}.pdf"
    return Response(
        content, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


Act = Callable[..., Refund]
_ACTS: dict[str, Act] = {
    "agree": refunds.agree,
    "decline": refunds.decline,
    "again": refunds.send_refund_again,
    "bank": refunds.by_bank,
    "transferred": refunds.transferred,
    "returned": refunds.transfer_returned,
}


@bp.post("/staff/payments/refunds/<refund_ref>/<act>")
@access.staff(FINANCE)
def do(refund_ref: str, act: str) -> ResponseReturnValue:
    """One step of a refund."""
    if act not in _ACTS:
        raise NotFound
    actor, now = access.visitor().actor, clock.now()
    return _step(lambda session: _ACTS[act](session, refund_ref, actor=actor, now=now))


@bp.post("/staff/payments/refunds/<refund_ref>/heir")
@access.staff(FINANCE)
def heir(refund_ref: str) -> ResponseReturnValue:
    """The payer died: to the heir, on papers, once a second person agrees."""
    form = HeirForm()
    if not form.validate():
        flash(gettext("確かめた書類を書いてください。"), "error")
        return redirect(url_for("payments_refunds.waiting"), 303)
    actor, now = access.visitor().actor, clock.now()
    return _step(
        lambda session: refunds.to_heir(session, refund_ref, evidence=form.evidence.data, actor=actor, now=now)
    )


def _step(work: Callable[[Session], Refund]) -> ResponseReturnValue:
    try:
        transact(work)
    except RefundNotReady:
        flash(gettext("この返金は、もう進んでいます。"), "warning")
    except SamePersonAgrees:
        flash(gettext("返金を決めた人とは別の人が、確認してください。"), "error")
    except AlreadyDisputed:
        flash(gettext("カード会社がこのお支払いを調べています。返金すると二重に返すことになります。"), "error")
    else:
        flash(gettext("記録しました。"), "success")
    return redirect(url_for("payments_refunds.waiting"), 303)
