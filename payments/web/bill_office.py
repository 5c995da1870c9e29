"""The tax section's pages: files in, files out, one bill at the counter, money that came twice."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_wtf.file import FileField
from sqlalchemy import select

from payments.bills import excess, exporting, files, importing, paying
from payments.bills.errors import (
    BillFileKnown,
    BillFileRefused,
    BillNotPayable,
    ExcessSettled,
    NoSuchBill,
    NotApplicable,
    NothingToExport,
)
from payments.contract import Payer
from payments.models import BillImport, ImportKind
from payments.web.books import csv_answer
from portal.accounts.models import Role
from portal.kernel import audit, clock
from portal.kernel.database import transact, unit_of_work
from portal.web import access
from portal.web.forms import MaxLength, PortalForm, Required, TextField

bp = Blueprint("bill_office", __name__, template_folder="templates", url_prefix="/staff/bills")

BOTH = (Role.FINANCE.value, Role.COUNTER.value)
SHOWN = 30


class NumberForm(PortalForm):
    """A bill number (of a slip that lies on the counter)."""

    number = TextField(
        lazy_gettext("納付書番号"),
        validators=[Required(), MaxLength(40)],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )


class FileForm(PortalForm):
    """A file of the tax system."""

    file = FileField(lazy_gettext("CSVファイル"))


@bp.get("")
@access.staff(*BOTH)
def home() -> ResponseReturnValue:
    """A bill by number; for finance also the files and the overpayments."""
    form = NumberForm()
    form.number.data = request.args.get("number", "")[:40]
    return _home(form)


@bp.post("/find")
@access.staff(*BOTH)
def find() -> ResponseReturnValue:
    """A bill at the counter: ask for its money, then to the till."""
    form = NumberForm()
    if not form.validate():
        return _home(form, status=422)
    actor, now = access.visitor().actor, clock.now()
    try:
        with unit_of_work() as session:
            reference = paying.by_number(session, form.number.data)
            audit.record(session, actor=actor, action="bill.read", subject_kind="bill", subject_ref=reference)
            found = paying.view(session, reference, today=clock.local(now).date())
    except NoSuchBill:
        form.refuse(form.number, gettext("この番号の納付書は、取り込まれていません。"))
        return _home(form, status=422)
    if found.charge_ref and not found.payable:
        return redirect(url_for("payments_staff.charge", charge_ref=found.charge_ref), 303)
    try:
        charge = transact(
            lambda session: paying.ask_for(session, reference, payer=Payer(None, None, ""), now=now).reference
        )
    except BillNotPayable as error:
        form.refuse(form.number, _why(str(error.state)))
        return _home(form, status=422)
    return redirect(url_for("payments_staff.charge", charge_ref=charge), 303)


@bp.post("/import/<kind>")
@access.staff(Role.FINANCE.value)
def take_file(kind: str) -> ResponseReturnValue:
    """Take a file in: all of it or nothing; mistakes by line."""
    if kind not in {ImportKind.BILLS.value, ImportKind.ELSEWHERE.value}:
        raise NoSuchBill
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return _home(NumberForm(), status=422, file_problem=gettext("CSVファイルをえらんでください。"))
    stream = cast("BinaryIO", upload.stream)
    actor, now, name = access.visitor().actor, clock.now(), upload.filename
    take = importing.take_bills if kind == ImportKind.BILLS.value else importing.take_elsewhere
    try:
        with unit_of_work() as session:
            taken = take(session, stream, file_name=name, actor=actor, now=now)
    except BillFileRefused as error:
        return _home(NumberForm(), status=422, problems=error.problems, problem_count=error.count)
    except BillFileKnown as error:
        words = gettext("このファイルは、もう取り込まれています(%(reference)s)。", reference=error.reference)
        return _home(NumberForm(), status=409, file_problem=words)
    flash(
        gettext(
            "取り込みました。%(rows)s件、合計%(total)s。取消%(withdrawn)s件、二重の納付%(excess)s件。",
            rows=f"{taken.rows:,}",
            total=str(taken.total),
            withdrawn=taken.withdrawn,
            excess=taken.excess,
        ),
        "success",
    )
    return redirect(url_for("bill_office.home"), 303)


@bp.post("/export")
@access.staff(Role.FINANCE.value)
def make_export() -> ResponseReturnValue:
    """Make the next payment file."""
    actor, now = access.visitor().actor, clock.now()
    try:
        reference = transact(lambda session: exporting.make(session, actor=actor, now=now).reference)
    except NothingToExport:
        flash(gettext("新しい納付はありません。"), "info")
        return redirect(url_for("bill_office.home"), 303)
    flash(gettext("消込ファイル %(reference)s を作りました。", reference=reference), "success")
    return redirect(url_for("bill_office.home"), 303)


@bp.get("/exports/<reference>.csv")
@access.staff(Role.FINANCE.value)
def export_csv(reference: str) -> ResponseReturnValue:
    """A payment file; the same each time."""
    with unit_of_work() as session:
        text = exporting.as_csv(session, reference)
        audit.record(
            session,
            actor=access.visitor().actor,
            action="bills.export.read",
            subject_kind="bill_export",
            subject_ref=reference,
        )
    return csv_answer(text, f"keshikomi-{reference}.csv")


@bp.get("/format.csv")
@access.staff(Role.FINANCE.value)
def example() -> ResponseReturnValue:
    """The header of a file of bills, to start from."""
    return csv_answer(",".join((*files.BILL_COLUMNS, *files.BILL_MORE)) + "\r\n", "bills-format.csv")


@bp.post("/excess/<reference>/return")
@access.staff(Role.FINANCE.value)
def give_back(reference: str) -> ResponseReturnValue:
    """還付."""
    actor, now = access.visitor().actor, clock.now()
    try:
        transact(lambda session: excess.give_back(session, reference, actor=actor, now=now).reference)
        flash(gettext("還付の手続きに入りました。払った方法でお返しします。"), "success")
    except ExcessSettled:
        flash(gettext("この二重の納付は、もう処理されています。"), "warning")
    return redirect(url_for("bill_office.home"), 303)


@bp.post("/excess/<reference>/apply")
@access.staff(Role.FINANCE.value)
def apply_to(reference: str) -> ResponseReturnValue:
    """充当 to another bill of the same person."""
    form = NumberForm()
    actor, now = access.visitor().actor, clock.now()
    if not form.validate():
        flash(gettext("充当する納付書の番号を入力してください。"), "warning")
        return redirect(url_for("bill_office.home"), 303)
    try:
        transact(
            lambda session: excess.apply_to(session, reference, number=form.number.data, actor=actor, now=now).reference
        )
        flash(gettext("充当しました。"), "success")
    except NoSuchBill:
        flash(gettext("この番号の納付書は、取り込まれていません。"), "warning")
    except ExcessSettled:
        flash(gettext("この二重の納付は、もう処理されています。"), "warning")
    except NotApplicable as error:
        flash(_why_not_applied(error.reason), "warning")
    return redirect(url_for("bill_office.home"), 303)


def _home(form: NumberForm, *, status: int = 200, **more: Any) -> ResponseReturnValue:
    finance = access.visitor().may(Role.FINANCE.value)
    with unit_of_work() as session:
        count, total = exporting.waiting(session) if finance else (0, None)
        page = render_template(
            "bills/office.html",
            form=form,
            file_form=FileForm(formdata=None),
            finance=finance,
            imports=_imports(session) if finance else [],
            waiting=count,
            waiting_total=total,
            exports=exporting.made_before(session) if finance else [],
            excess=excess.waiting(session) if finance else [],
            **{"problems": (), "problem_count": 0, "file_problem": "", **more},
        )
    return page, status


def _imports(session: Any) -> list[BillImport]:
    return list(session.scalars(select(BillImport).order_by(BillImport.id.desc()).limit(SHOWN)))


def _why(state: str) -> str:
    known: dict[str, str] = {
        "term_over": gettext("この納付書は使用期限を過ぎています。新しい納付書を出してください。"),
        "paid_elsewhere": gettext("この納付書は、ほかの場所で支払い済みです。受け取らないでください。"),
        "withdrawn": gettext("この納付書は取り消されています。受け取らないでください。"),
        "eltax": gettext("この納付書は、地方税お支払サイトか金融機関で払うものです。"),
    }
    other: str = gettext("この納付書の支払いは終わっています。受け取らないでください。")
    return known.get(state, other)


def _why_not_applied(reason: str) -> str:
    known: dict[str, str] = {
        "other_person": gettext("同じ人(整理番号)の納付書ではないため、充当できません。"),
        "too_large": gettext("納付書の金額が、払いすぎた金額より大きいため、充当できません。"),
        "not_open": gettext("その納付書は、いま払える状態ではありません。"),
    }
    return known[reason]
