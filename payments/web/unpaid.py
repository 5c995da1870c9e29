"""Unpaid charges: the list by age, 督促, 不納欠損 with a second person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from wtforms import SelectField

from payments import dunning, unpaid
from payments.contract import Ground
from payments.errors import (
    ChargeSettled,
    DemandedAlready,
    NoSuchCharge,
    NotDueYet,
    SameSecondPerson,
    WriteOffDecided,
)
from payments.models import WriteOffGround
from payments.web import error_texts
from payments.web.pages import charge_for_visitor
from portal.accounts.models import Role
from portal.kernel import audit, clock, files
from portal.kernel.database import new_session, transact, unit_of_work
from portal.kernel.money import Yen
from portal.web import access
from portal.web.forms import LongTextField, MaxLength, MoneyField, PortalForm, Required, TextField, WarekiDateField

bp = Blueprint("unpaid", __name__, template_folder="templates", url_prefix="/staff/unpaid")

USUAL_TERM = timedelta(days=10)
"""What the form suggests; the term itself is the person's."""


class DemandForm(PortalForm):
    """督促."""

    pay_by = WarekiDateField(lazy_gettext("指定期限"), validators=[Required()])
    costs = MoneyField(lazy_gettext("督促手数料"), validators=[Required()], least=0, most=100_000)
    ground = TextField(lazy_gettext("根拠(法律や条例)"), validators=[Required(), MaxLength(60)])
    article = TextField(lazy_gettext("条"), validators=[MaxLength(60)])


class WriteOffForm(PortalForm):
    """不納欠損."""

    ground = SelectField(lazy_gettext("根拠"), validators=[Required()])
    reason = LongTextField(lazy_gettext("理由"), validators=[Required(), MaxLength(400)], render_kw={"rows": 3})
    evidence = TextField(lazy_gettext("もとになる書類の番号"), validators=[MaxLength(200)])


@bp.get("")
@access.staff(Role.FINANCE.value)
def home() -> ResponseReturnValue:
    """Overdue charges by age, and write-offs that wait."""
    today, page = clock.today(), max(request.args.get("page", 1, type=int), 1)
    with unit_of_work() as session:
        ages = unpaid.by_age(session, today=today)
        count = sum(each.count for each in ages)
        pages = max(-(-count // unpaid.PAGE), 1)
        page = min(page, pages)
        found = unpaid.overdue(session, today=today, page=page)
        proposed = unpaid.proposals(session)
        _audit(session, "unpaid.read", "list", f"{page}/{pages}")
    return render_template(
        "payments/unpaid/home.html",
        charges=found,
        ages=ages,
        count=count,
        total=sum((each.total for each in ages), start=Yen(0)),
        page=page,
        pages=pages,
        url=lambda number: url_for("unpaid.home", page=number),
        proposed=proposed,
        me=access.visitor().account_id,
        form=PortalForm(),
        **_words(),
    )


@bp.get("/list.csv")
@access.staff(Role.FINANCE.value)
def as_csv() -> ResponseReturnValue:
    """The whole list as CSV, sent while it is read."""
    today = clock.today()
    with unit_of_work() as session:
        _audit(session, "unpaid.read", "list", "csv")

    def stream() -> Iterator[str]:
        yield "\ufeff"
        with new_session() as reading:
            yield from unpaid.as_csv(reading, today=today)

    headers = {"Content-Disposition": f'attachment; filename="unpaid-{today:%Y%m%d}.csv"'}
    return Response(stream(), mimetype="text/csv", headers={**headers, "Cache-Control": "private, no-store"})


@bp.get("/<charge_ref>")
@access.staff(Role.FINANCE.value)
def charge(charge_ref: str) -> ResponseReturnValue:
    """One overdue charge: what was done, what can be done."""
    return _show(charge_ref)


@bp.post("/<charge_ref>/demand")
@access.staff(Role.FINANCE.value)
def demand(charge_ref: str) -> ResponseReturnValue:
    """督促: a legal act, once."""
    form = DemandForm()
    if not form.validate():
        return _show(charge_ref, demanding=form, status=422)
    actor, now = access.visitor().actor, clock.now()
    pay_by, costs = form.pay_by.data, form.costs.data
    assert isinstance(pay_by, date)
    assert isinstance(costs, Yen)
    try:
        number = transact(
            lambda session: (
                dunning.demand(
                    session,
                    charge_ref,
                    pay_by=pay_by,
                    costs=costs,
                    ground=Ground(form.ground.data, form.article.data or ""),
                    actor=actor,
                    now=now,
                ).number
            )
        )
        flash(gettext("督促状 %(number)s を出しました。PDFは、すぐにできます。", number=number), "success")
    except (ChargeSettled, NotDueYet, DemandedAlready) as error:
        flash(str(error_texts.TEXTS[error.code]), "warning")
    return redirect(url_for("unpaid.charge", charge_ref=charge_ref), 303)


@bp.post("/<charge_ref>/write-off")
@access.staff(Role.FINANCE.value)
def propose(charge_ref: str) -> ResponseReturnValue:
    """Propose a write-off."""
    form = _write_off_form()
    if not form.validate():
        return _show(charge_ref, writing_off=form, status=422)
    actor, now = access.visitor().actor, clock.now()
    try:
        transact(
            lambda session: (
                dunning.propose_write_off(
                    session,
                    charge_ref,
                    ground=WriteOffGround(form.ground.data),
                    reason=form.reason.data,
                    evidence=form.evidence.data or "",
                    actor=actor,
                    now=now,
                ).reference
            )
        )
        flash(gettext("不納欠損を提案しました。別の人が決めるまで、何も変わりません。"), "success")
    except (ChargeSettled, WriteOffDecided) as error:
        flash(str(error_texts.TEXTS[error.code]), "warning")
    return redirect(url_for("unpaid.home"), 303)


@bp.post("/write-offs/<reference>")
@access.staff(Role.FINANCE.value)
def decide(reference: str) -> ResponseReturnValue:
    """A second person agrees or refuses."""
    agree = request.form.get("decision") == "agree"
    actor, now = access.visitor().actor, clock.now()
    try:
        transact(
            lambda session: dunning.decide_write_off(session, reference, agree=agree, actor=actor, now=now).reference
        )
        words = gettext("不納欠損を決めました。") if agree else gettext("不納欠損をしないことにしました。")
        flash(words, "success")
    except (WriteOffDecided, SameSecondPerson) as error:
        flash(str(error_texts.TEXTS[error.code]), "warning")
    return redirect(url_for("unpaid.home"), 303)


@bp.get("/letters/<number>.pdf")
@access.staff(Role.FINANCE.value)
def letter(number: str) -> ResponseReturnValue:
    """The 督促状 as it was made."""
    with unit_of_work() as session:
        found = unpaid.letter_file(session, number)
        if found is None:
            raise NoSuchCharge(number)
        stored = files.get(session, found.file_id)
        content, name = stored.content, stored.name
        _audit(session, "letter.read", "demand_letter", number)
    return Response(
        content, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _show(
    charge_ref: str,
    *,
    demanding: DemandForm | None = None,
    writing_off: WriteOffForm | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    view = charge_for_visitor(charge_ref)
    with unit_of_work() as session:
        found = unpaid.overdue(session, today=clock.today(), charge_ref=view.reference)
        made = found and found[0].letter and unpaid.letter_file(session, found[0].letter)
    usual = dunning.USUAL[view.money_kind]
    page = render_template(
        "payments/unpaid/charge.html",
        charge=view,
        found=found[0] if found else None,
        letter_ready=bool(made),
        demand=demanding
        or DemandForm(
            formdata=None,
            pay_by=clock.today() + USUAL_TERM,
            costs=dunning.usual_costs(),
            ground=usual.title,
            article=usual.article,
        ),
        write_off=writing_off or _write_off_form(empty=True),
        **_words(),
    )
    return page, status


def _write_off_form(*, empty: bool = False) -> WriteOffForm:
    form = WriteOffForm(formdata=None) if empty else WriteOffForm()
    form.ground.choices = list(_words()["grounds"].items())
    return form


def _words() -> dict[str, Any]:
    return {
        "grounds": {
            "limitation": gettext("消滅時効(地方自治法 第236条、地方税法 第18条)"),
            "stopped_three_years": gettext("滞納処分の停止が3年続いた(地方税法 第15条の7第4項)"),
            "stopped_at_once": gettext("徴収できないことが明らか(地方税法 第15条の7第5項)"),
            "waived": gettext("権利の放棄(地方自治法 第96条第1項第10号)"),
        },
        "age_words": {
            "to_30": gettext("30日まで"),
            "to_90": gettext("31日から90日"),
            "to_365": gettext("91日から1年"),
            "over_365": gettext("1年より長い"),
        },
    }


def _audit(session: Any, action: str, kind: str, reference: str) -> None:
    audit.record(session, actor=access.visitor().actor, action=action, subject_kind=kind, subject_ref=reference)
