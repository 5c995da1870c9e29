"""Where a refund is transferred to (asked of the payer), and what finance does with refunds that wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from payments import finance, queries, refunds
from payments.errors import AlreadyDisputed, BadBankAccount, NoSuchCharge, RefundNotReady, SamePersonAgrees
from payments.models import Refund
from payments.sealing import AccountKind, BankAccount
from payments.states import RefundState
from payments.web import words
from payments.web.forms import AccountForm, ActForm, HeirForm
from payments.web.pages import charge_for_visitor
from portal.accounts.models import Role
from portal.directory import banks
from portal.kernel import audit, clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.references import BadReference
from portal.web import access

bp = Blueprint("payments_refunds", __name__, template_folder="templates")

FINANCE = Role.FINANCE.value


def _refund_for_visitor(refund_ref: str) -> queries.RefundView:
    """The refund, if its charge is the visitor's own or the visitor is finance.

    Raises:
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
    view = charge_for_visitor(charge_ref)
    for found in view.refunds:
        if found.reference == reference and (not found.to_heir or access.visitor().may(FINANCE)):
            return found
    raise NoSuchCharge(refund_ref)


@bp.get("/pay/refunds/<refund_ref>/account")
@access.signed_in
def account(refund_ref: str) -> ResponseReturnValue:
    """Bank, then branch, then number: three short pages, without script."""
    found = _refund_for_visitor(refund_ref)
    return _account_page(found, AccountForm(), request.args)


@bp.post("/pay/refunds/<refund_ref>/account")
@access.signed_in
def name_account(refund_ref: str) -> ResponseReturnValue:
    """Keep the account until the money has gone."""
    found = _refund_for_visitor(refund_ref)
    form = AccountForm()
    if not form.validate():
        return _account_page(found, form, request.form), 422
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
                session, found.reference, account, actor=access.visitor().actor, now=clock.now()
            )
        )
    except BadBankAccount:
        flash(gettext("銀行と支店を、もう一度選んでください。"), "error")
        return redirect(url_for("payments_refunds.account", refund_ref=found.reference), 303)
    except RefundNotReady:
        flash(gettext("この返金は、もう進んでいます。"), "warning")
    else:
        flash(gettext("口座を受け取りました。市が振り込みます。振り込みが終わると、口座の番号は消します。"), "success")
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
