"""Orders to the banks: a month's list, a second look, the file for the bank, the bank's result."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_wtf.file import FileField
from sqlalchemy.orm import Session

from payments import transfers
from payments.errors import SameSecondPerson
from payments.transfers import listing, orders, results
from payments.transfers.errors import (
    NothingToOrder,
    OrderNotLikeThis,
    OrderTooEarly,
    OrderTooLate,
    TransferResultKnown,
    TransferResultRefused,
)
from payments.transfers.files import Result
from payments.transfers.rules import LineState
from payments.web import error_texts, words
from portal.accounts.models import Role
from portal.kernel import audit, clock, dates
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound, PortalError
from portal.web import access
from portal.web.forms import LongTextField, MaxLength, PortalForm, Required

bp = Blueprint("transfer_orders", __name__, template_folder="templates", url_prefix="/staff/transfers/orders")

FINANCE = Role.FINANCE.value
REFUSALS = (OrderNotLikeThis, NothingToOrder, OrderTooEarly, OrderTooLate, SameSecondPerson)
LARGEST = 20 * 1024 * 1024


class ActForm(PortalForm):
    """Nothing but the token."""


class ResultForm(PortalForm):
    """The bank's file."""

    file = FileField(lazy_gettext("結果のファイル"))


class DropForm(PortalForm):
    """Why nothing of a month is taken."""

    why = LongTextField(lazy_gettext("取りやめる理由"), validators=[Required(), MaxLength(400)])


@bp.get("")
@access.staff(FINANCE)
def home() -> ResponseReturnValue:
    """The month that is next for each collector, and the months before."""
    with unit_of_work() as session:
        return render_template(
            "transfers/orders.html",
            nexts=listing.nexts(session, today=clock.today()),
            months=listing.months(session),
            form=ActForm(),
            batch_state=words.batch_state,
        )


@bp.post("")
@access.staff(FINANCE)
def make() -> ResponseReturnValue:
    """Begin the list of a month; a job fills it."""
    month = _month(request.form.get("month", ""))
    item, actor = request.form.get("item", ""), access.visitor().actor
    try:
        reference = transact(
            lambda session: orders.start(session, item, month=month, actor=actor, now=clock.now()).reference
        )
    except OrderTooLate as error:
        flash(str(error_texts.TEXTS[error.code]), "error")
        return redirect(url_for("transfer_orders.home"), 303)
    return redirect(url_for("transfer_orders.month", reference=reference), 303)


@bp.get("/<reference>")
@access.staff(FINANCE)
def month(reference: str) -> ResponseReturnValue:
    """One month: its list and sum, and what is to be done next."""
    return _show(reference)


@bp.post("/<reference>/renew")
@access.staff(FINANCE)
def renew(reference: str) -> ResponseReturnValue:
    """Have the list made anew."""
    actor = access.visitor().actor
    return _act(
        reference, lambda session: orders.renew(session, reference, actor=actor), gettext("一覧を作り直しています。")
    )


@bp.post("/<reference>/lines/<int:line_id>/withdraw")
@access.staff(FINANCE)
def withdraw(reference: str, line_id: int) -> ResponseReturnValue:
    """Take one order out of the list."""
    actor = access.visitor().actor
    return _act(
        reference,
        lambda session: orders.withdraw(session, reference, line_id, actor=actor, now=clock.now()),
        gettext("一覧から外しました。払う人は、ほかの方法で払います。"),
    )


@bp.post("/<reference>/ask")
@access.staff(FINANCE)
def ask(reference: str) -> ResponseReturnValue:
    """The first person has looked through the list."""
    actor = access.visitor().actor
    return _act(
        reference,
        lambda session: orders.ask(session, reference, actor=actor, now=clock.now()),
        gettext("確認しました。別の人が、もう一度確認してファイルを作ります。"),
    )


@bp.post("/<reference>/write")
@access.staff(FINANCE)
def write(reference: str) -> ResponseReturnValue:
    """The second person agrees: the file is written."""
    actor = access.visitor().actor
    return _act(
        reference,
        lambda session: orders.write(session, reference, actor=actor, now=clock.now()),
        gettext("ファイルを作りました。受け取って、銀行に渡してください。"),
    )


@bp.post("/<reference>/file")
@access.staff(FINANCE)
def file(reference: str) -> ResponseReturnValue:
    """The file for the bank; each download is in the audit log."""
    actor = access.visitor().actor
    try:
        content, name = transact(lambda session: orders.fetch(session, reference, actor=actor, now=clock.now()))
    except OrderNotLikeThis as error:
        flash(str(error_texts.TEXTS[error.code]), "error")
        return redirect(url_for("transfer_orders.month", reference=reference), 303)
    return _download(content, name)


@bp.post("/<reference>/result")
@access.staff(FINANCE)
def result(reference: str) -> ResponseReturnValue:
    """Take the bank's result in: all of it or nothing."""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return _show(reference, status=422, file_problem=gettext("結果のファイルをえらんでください。"))
    content, name, actor = upload.stream.read(LARGEST), upload.filename, access.visitor().actor
    try:
        count = transact(
            lambda session: results.take(
                session,
                reference,
                content,
                file_name=name,
                actor=actor,
                now=clock.now(),
                early=transfers.double() is not None,
            )
        )
    except TransferResultRefused as error:
        return _show(reference, status=error.status, problems=error.problems, problem_count=error.count)
    except TransferResultKnown as error:
        known = gettext("この結果のファイルは、もう取り込まれています(%(reference)s)。", reference=error.reference)
        return _show(reference, status=error.status, file_problem=known)
    except OrderNotLikeThis as error:
        return _show(reference, status=error.status, file_problem=str(error_texts.TEXTS[error.code]))
    flash(gettext("結果%(count)s件を取り込みました。1件ずつ記録しています。", count=f"{count:,}"), "success")
    return redirect(url_for("transfer_orders.month", reference=reference), 303)


@bp.post("/<reference>/drop")
@access.staff(FINANCE)
def drop(reference: str) -> ResponseReturnValue:
    """Give a month up."""
    form, actor = DropForm(), access.visitor().actor
    if not form.validate():
        return _show(reference, status=422, drop_form=form)
    return _act(
        reference,
        lambda session: orders.drop(session, reference, why=form.why.data or "", actor=actor, now=clock.now()),
        gettext("取りやめました。払う人は、ほかの方法で払います。"),
    )


@bp.post("/<reference>/double")
@access.staff(FINANCE)
def double(reference: str) -> ResponseReturnValue:
    """The development double of the bank answers the file; never in production."""
    bank = transfers.double()
    if bank is None:
        raise NotFound
    known = {code.value for code in Result}
    said = {
        name.removeprefix("n"): Result(value)
        for name, value in request.form.items()
        if name.startswith("n") and value in known
    }
    actor = access.visitor().actor
    content, name = transact(lambda session: orders.fetch(session, reference, actor=actor, now=clock.now()))
    return _download(bank.result(content, said), name.replace("furikae", "kekka"))


def _download(content: bytes, name: str) -> ResponseReturnValue:
    answer = send_file(io.BytesIO(content), mimetype="text/plain", as_attachment=True, download_name=name, max_age=0)
    answer.headers["Content-Type"] = "application/octet-stream"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _act(reference: str, work: Callable[[Session], Any], done: str) -> ResponseReturnValue:
    try:
        transact(work)
        flash(done, "success")
    except REFUSALS as error:
        refused: PortalError = error
        flash(str(error_texts.TEXTS[refused.code]), "error")
    return redirect(url_for("transfer_orders.month", reference=reference), 303)


def _month(typed: str) -> date:
    try:
        return dates.parse_date(typed)
    except dates.DateError as error:
        raise NotFound from error


def _show(reference: str, *, status: int = 200, **more: Any) -> ResponseReturnValue:
    page = max(request.args.get("page", 1, type=int), 1)
    with unit_of_work() as session:
        found = listing.month(session, reference)
        count = sum(each.count for each in found.sums.values())
        pages = max(-(-count // listing.PAGE), 1)
        page = min(page, pages)
        lines = listing.lines(session, reference, page=page)
        audit.record(
            session,
            actor=access.visitor().actor,
            action="transfer_order.read",
            subject_kind="transfer_order",
            subject_ref=reference,
            detail={"orders": len(lines), "page": page},
        )
    shown = {
        "problems": (),
        "problem_count": 0,
        "file_problem": "",
        "drop_form": DropForm(formdata=None),
        **more,
    }
    return render_template(
        "transfers/month.html",
        month=found,
        lines=lines,
        page=page,
        pages=pages,
        url=lambda number: url_for("transfer_orders.month", reference=reference, page=number),
        me=access.visitor().account_id,
        form=ActForm(),
        result_form=ResultForm(formdata=None),
        late=found.hand_in_by < clock.today(),
        early=clock.today() < found.complete_on,
        practice=transfers.double() is not None,
        states={state.value: words.line_state(state) for state in LineState},
        batch_state=words.batch_state,
        result_words=words.transfer_result,
        why_words=words.why_withdrawn,
        result_codes=_codes(),
        **shown,
    ), status


def _codes() -> list[tuple[str, str]]:
    return [
        (code.value, gettext("引き落とした") if code is Result.TAKEN else words.transfer_result(code))
        for code in Result
    ]
