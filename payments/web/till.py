"""The till in the browser: open, look, count and close, the day's report, the slips for the bank."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import SelectField

from payments import drawer_reports, drawers, finance, refunds, services
from payments.errors import (
    ChargeOrdered,
    ChargeSettled,
    DifferenceUnexplained,
    DrawerClosed,
    DrawerOpen,
    NothingToPayIn,
    RefundNotReady,
    SlipKnown,
    SlipMissing,
)
from payments.finance import OpenRefund
from payments.models import Drawer, DrawerState
from payments.states import RefundState
from payments.web import error_texts, places
from payments.web.books import csv_answer
from payments.web.pages import charge_for_visitor
from portal.accounts.models import Role
from portal.documents import pdf
from portal.kernel import audit, clock, dates
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.money import Yen
from portal.web import access, city
from portal.web.forms import LongTextField, MaxLength, MoneyField, NumberField, PortalForm, Required, TextField

bp = Blueprint("till", __name__, template_folder="templates", url_prefix="/staff/till")

DESKS = (Role.FINANCE.value, Role.COUNTER.value, Role.FACILITY_MANAGER.value)


class OpenForm(PortalForm):
    """Where, and with how much change."""

    place = SelectField(lazy_gettext("場所"), validators=[Required()])
    fund = MoneyField(lazy_gettext("つり銭準備金"), validators=[Required()], least=0, most=9_999_999)


class FundForm(PortalForm):
    """A change fund that was typed wrongly."""

    fund = MoneyField(lazy_gettext("正しいつり銭準備金"), validators=[Required()], least=0, most=9_999_999)
    reason = TextField(lazy_gettext("直す理由"), validators=[Required(), MaxLength(200)])


class CountForm(PortalForm):
    """How many of each note and coin; the fields are added below."""

    explanation = LongTextField(lazy_gettext("金額が合わない理由"), validators=[MaxLength(400)], render_kw={"rows": 3})


for _value in drawers.DENOMINATIONS:
    setattr(
        CountForm,
        f"pieces_{_value}",
        NumberField(f"{_value:,}円", least=0, most=9_999, render_kw={"inputmode": "numeric", "data-unit": "枚"}),
    )


@bp.get("")
@access.staff(*DESKS)
def home() -> ResponseReturnValue:
    """My open drawers; open one; the day's report."""
    return _home(_open_form())


@bp.post("")
@access.staff(*DESKS)
def open_drawer() -> ResponseReturnValue:
    """Open a drawer."""
    form = _open_form()
    if not form.validate():
        return _home(form, status=422)
    clerk, now = access.visitor().actor, clock.now()
    fund = form.fund.data
    assert isinstance(fund, Yen)
    try:
        reference = transact(
            lambda session: drawers.open_(session, clerk=clerk, place=form.place.data, fund=fund, now=now).reference
        )
    except DrawerOpen as error:
        flash(gettext("この場所のレジは、もう開いています。"), "info")
        return redirect(url_for("till.drawer", reference=error.reference), 303)
    flash(gettext("レジを開きました。"), "success")
    return redirect(url_for("till.drawer", reference=reference), 303)


@bp.get("/<reference>")
@access.staff(*DESKS)
def drawer(reference: str) -> ResponseReturnValue:
    """One drawer: its entries, and the count that closes it."""
    return _drawer(reference, CountForm(), FundForm(formdata=None))


@bp.post("/terminal/<charge_ref>")
@access.staff(*DESKS)
def terminal(charge_ref: str) -> ResponseReturnValue:
    """Record a payment at the card terminal by its slip number."""
    view = charge_for_visitor(charge_ref)
    clerk, now = access.visitor().actor, clock.now()
    slip_number, place = request.form.get("slip", "")[:40], request.form.get("place", "")
    with unit_of_work() as session:
        known = place in places.own(session, access.visitor())
    if not known:
        flash(gettext("場所をえらんでください。"), "error")
        return redirect(url_for("payments_staff.charge", charge_ref=view.reference), 303)
    try:
        transact(
            lambda session: (
                services.take_terminal(
                    session, view.reference, slip_number=slip_number, clerk=clerk, place=place, now=now
                ).reference
            )
        )
        flash(gettext("カード端末での支払いを記録しました。"), "success")
    except (SlipMissing, SlipKnown) as error:
        flash(str(error_texts.TEXTS[error.code]), "error")
    except ChargeOrdered:
        flash(gettext("銀行が口座から引き落とす手続きをしています。カード端末で取り消してください。"), "error")
    except ChargeSettled:
        flash(gettext("このお支払いは終わっています。カード端末で取り消してください。"), "error")
    return redirect(url_for("payments_staff.charge", charge_ref=view.reference), 303)


@bp.post("/<reference>/fund")
@access.staff(*DESKS)
def correct_fund(reference: str) -> ResponseReturnValue:
    """Counter a change fund that was typed wrongly, and write it anew."""
    form = FundForm()
    if not form.validate():
        return _drawer(reference, CountForm(formdata=None), form, status=422)
    clerk, now, fund = access.visitor().actor, clock.now(), form.fund.data
    assert isinstance(fund, Yen)
    try:
        transact(
            lambda session: drawers.correct_fund(
                session, reference, fund=fund, reason=form.reason.data, clerk=clerk, now=now
            )
        )
        flash(gettext("つり銭準備金を直しました。前の記録も残っています。"), "success")
    except DrawerClosed:
        flash(gettext("このレジは、もう締めています。"), "warning")
    return redirect(url_for("till.drawer", reference=reference), 303)


@bp.post("/<reference>/close")
@access.staff(*DESKS)
def close(reference: str) -> ResponseReturnValue:
    """Count and close; a difference asks for its explanation."""
    form = CountForm()
    if not form.validate():
        return _drawer(reference, form, FundForm(formdata=None), status=422)
    clerk, now = access.visitor().actor, clock.now()
    count = {value: form[f"pieces_{value}"].data or 0 for value in drawers.DENOMINATIONS}
    try:
        transact(
            lambda session: (
                drawers.close(
                    session, reference, count=count, explanation=form.explanation.data or "", clerk=clerk, now=now
                ).reference
            )
        )
    except DifferenceUnexplained as error:
        form.refuse(
            form.explanation,
            _differs(error.difference),
        )
        return _drawer(reference, form, FundForm(formdata=None), status=422)
    except DrawerClosed:
        flash(gettext("このレジは、もう締めています。"), "warning")
        return redirect(url_for("till.home"), 303)
    flash(gettext("レジを締めました。"), "success")
    return redirect(url_for("till.drawer", reference=reference), 303)


@bp.post("/refunds/<refund_ref>")
@access.staff(*DESKS)
def pay_out(refund_ref: str) -> ResponseReturnValue:
    """Hand a refund out where it was paid: in cash, or cancelled at the card terminal."""
    clerk, now = access.visitor().actor, clock.now()
    with unit_of_work() as session:
        known = refund_ref in {each.reference for each in _to_hand_out(session)}
    if not known:
        raise NotFound
    try:
        transact(
            lambda session: refunds.pay_out_cash(
                session, refund_ref, clerk=clerk, now=now, slip_number=request.form.get("slip", "")[:40]
            )
        )
        flash(gettext("返したことを記録しました。"), "success")
    except RefundNotReady:
        flash(gettext("この返金は、もう進んでいます。"), "warning")
    return redirect(url_for("till.home"), 303)


@bp.get("/report")
@access.staff(*DESKS)
def report() -> ResponseReturnValue:
    """日計表 of a day, by place and clerk: of all places for finance, else of the visitor's own."""
    day, place = _day(), request.args.get("place", "")
    with unit_of_work() as session:
        named, found = _reported(session, day, place)
        slips = drawer_reports.slips(session, day, within=named)
        _audit_report(session, day)
    return render_template(
        "payments/till/report.html", day=day, drawers=found, slips=slips, places=named, place=place, **_words()
    )


@bp.get("/report.csv")
@access.staff(*DESKS)
def report_csv() -> ResponseReturnValue:
    """The same as CSV."""
    day = _day()
    with unit_of_work() as session:
        named, found = _reported(session, day, request.args.get("place", ""))
        text = drawer_reports.as_csv(found, named)
        _audit_report(session, day)
    return csv_answer(text, f"nikkei-{day:%Y%m%d}.csv")


@bp.get("/report.pdf")
@access.staff(*DESKS)
def report_pdf() -> ResponseReturnValue:
    """The same as PDF, to be signed and filed."""
    day = _day()
    with unit_of_work() as session:
        named, found = _reported(session, day, request.args.get("place", ""))
        _audit_report(session, day)
    content = pdf.render(
        "payments/pdf/daily.html",
        "ja",
        title="日計表",
        number="",
        city_name=city.name().in_locale("ja"),
        issued_on=dates.both(day),
        drawers=found,
        places=named,
        kinds=drawer_reports.KINDS,
        methods=drawer_reports.METHODS,
        printed_at=clock.now(),
    )
    return _pdf(content, f"nikkei-{day:%Y%m%d}.pdf")


@bp.post("/pay-in")
@access.staff(*DESKS)
def pay_in() -> ResponseReturnValue:
    """Make the slips for the bank of everything that lies in closed drawers of a place."""
    place, clerk, now = request.form.get("place", ""), access.visitor().actor, clock.now()
    with unit_of_work() as session:
        known = place in places.reported(session, access.visitor())
    if not known:
        raise NotFound
    try:
        made = transact(
            lambda session: [s.reference for s in drawers.pay_in(session, place=place, clerk=clerk, now=now)]
        )
        flash(gettext("払込書を%(count)s枚作りました。", count=len(made)), "success")
    except NothingToPayIn:
        flash(gettext("締めたレジに、銀行に渡すお金はありません。"), "info")
    return redirect(url_for("till.report", place=place), 303)


@bp.get("/slips/<reference>.pdf")
@access.staff(*DESKS)
def slip(reference: str) -> ResponseReturnValue:
    """A paying-in slip."""
    with unit_of_work() as session:
        found = drawer_reports.slip(session, reference)
        named = places.reported(session, access.visitor())
    if found.place not in named:
        raise NotFound
    content = pdf.render(
        "payments/pdf/slip.html",
        "ja",
        title="払込書",
        number=found.reference,
        city_name=city.name().in_locale("ja"),
        issued_on=dates.both(found.business_day),
        slip=found,
        place=named[found.place],
    )
    return _pdf(content, f"haraikomi-{found.reference}.pdf")


def _reported(session: Session, day: date, place: str) -> tuple[dict[str, str], Sequence[drawer_reports.DrawerDay]]:
    """The places that the visitor may look at, and their drawers of a day (of one place where it is named)."""
    visitor = access.visitor()
    named = places.reported(session, visitor)
    return named, drawer_reports.daily(session, day, place=place, within=named, viewer=visitor.actor)


def _to_hand_out(session: Session) -> list[OpenRefund]:
    """Refunds that wait to be handed out at the visitor's places."""
    own = places.own(session, access.visitor())
    waiting = finance.open_refunds(session)
    return [
        each
        for each in waiting
        if (each.in_cash or each.at_terminal) and each.state is RefundState.REQUESTED and each.place in own
    ]


def _open_form() -> OpenForm:
    form = OpenForm()
    with unit_of_work() as session:
        form.place.choices = list(places.own(session, access.visitor()).items())
    return form


def _home(form: OpenForm, *, status: int = 200) -> ResponseReturnValue:
    actor = access.visitor().actor
    with unit_of_work() as session:
        mine = session.scalars(
            select(Drawer)
            .where(Drawer.clerk_account_id == actor.account_id)
            .where(Drawer.state == DrawerState.OPEN.value)
            .order_by(Drawer.opened_at)
        ).all()
        named = places.names(session)
        to_hand_out = _to_hand_out(session)
    today = clock.today()
    page = render_template(
        "payments/till/home.html",
        form=form,
        to_hand_out=to_hand_out,
        mine=mine,
        left_open={each.reference for each in mine if clock.local(each.opened_at).date() < today},
        places=named,
        today=today,
    )
    return page, status


def _drawer(reference: str, count: CountForm, fund: FundForm, *, status: int = 200) -> ResponseReturnValue:
    visitor = access.visitor()
    clerk = visitor.actor
    with unit_of_work() as session:
        found, moves = drawer_reports.journal(session, reference, clerk=clerk, anybodys=visitor.may(Role.FINANCE.value))
        page = render_template(
            "payments/till/drawer.html",
            drawer=found,
            open=found.is_open,
            own=found.clerk_account_id == clerk.account_id,
            charge_pages=any(visitor.may(role) for role in (Role.FINANCE.value, Role.COUNTER.value)),
            moves=moves,
            expected=drawers.cash_in(session, found.id),
            fund_now=drawers.fund_of(session, found.id),
            count=count,
            fund=fund,
            pieces=[count[f"pieces_{value}"] for value in drawers.DENOMINATIONS],
            places=places.names(session),
            **_words(),
        )
    return page, status


def _words() -> dict[str, Any]:
    return {
        "kinds": {
            "city_tax": gettext("市税"),
            "office_fee": gettext("手数料"),
            "facility_fee": gettext("施設使用料"),
        },
        "moves_in_words": {
            "fund": gettext("つり銭準備金"),
            "cash": gettext("現金"),
            "card": gettext("カード端末"),
            "refund": gettext("現金の払戻し"),
            "difference": gettext("現金過不足"),
            "to_bank": gettext("銀行へ"),
            "fund_back": gettext("つり銭準備金をもどす"),
            "correction": gettext("訂正"),
            "cash_correction": gettext("現金の訂正"),
            "card_correction": gettext("カード端末の訂正"),
        },
    }


def _day() -> date:
    asked = request.args.get("day", "")
    try:
        return dates.parse_date(asked) if asked else clock.today()
    except dates.DateError:
        return clock.today()


def _audit_report(session: Session, day: date) -> None:
    audit.record(
        session, actor=access.visitor().actor, action="till.report", subject_kind="day", subject_ref=day.isoformat()
    )


def _pdf(content: bytes, name: str) -> Response:
    return Response(
        content, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _differs(difference: Yen) -> str:
    """How much is missing or too much, and what to do."""
    amount = str(Yen(abs(difference.amount)))
    less = gettext("数えた金額が、記録より%(amount)s少ないです。数え直すか、理由を書いてください。", amount=amount)
    more = gettext("数えた金額が、記録より%(amount)s多いです。数え直すか、理由を書いてください。", amount=amount)
    return str(less if difference < Yen(0) else more)
