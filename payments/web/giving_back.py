"""A refund begun at a desk, and the counter entry for a payment that was taken by mistake."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from payments import correcting, giving_back, ledger, refunds
from payments.contract import Ground
from payments.errors import AlreadyDisputed, NotCorrectable, RefundByPart, RefundTooLarge, SamePersonAgrees
from payments.models import RefundKind
from payments.settlement import NOT_OWED, Why
from payments.web import error_texts, places, words
from payments.web.pages import charge_for_visitor
from portal.accounts.models import Role
from portal.kernel import clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.money import Yen
from portal.web import access
from portal.web.access import Visitor
from portal.web.forms import ChoiceField, LongTextField, MaxLength, MoneyField, PortalForm, Required, TextField

bp = Blueprint("giving_back", __name__, template_folder="templates", url_prefix="/staff/payments/charges")

FINANCE = Role.FINANCE.value
DESKS = (FINANCE, Role.COUNTER.value, Role.FACILITY_MANAGER.value)
USUAL, BANK = "usual", "bank"


class RefundForm(PortalForm):
    """What goes back, why, and by which right."""

    seen = HiddenField()
    kind = ChoiceField(lazy_gettext("返金の種類"), validators=[Required()])
    amount = MoneyField(lazy_gettext("返す金額"), validators=[Required()], least=1, most=9_999_999)
    ground = TextField(lazy_gettext("根拠(条例や規則の名前)"), validators=[Optional(), MaxLength(60)])
    article = TextField(lazy_gettext("条"), validators=[Optional(), MaxLength(60)])
    reason = LongTextField(lazy_gettext("返す理由"), validators=[Required(), MaxLength(400)], render_kw={"rows": 3})
    evidence = TextField(lazy_gettext("確かめた書類(名前は書かない)"), validators=[Required(), MaxLength(200)])
    way = ChoiceField(lazy_gettext("返し方"), validators=[Required()], default=USUAL)


class CorrectionForm(PortalForm):
    """What was wrong."""

    owed = ChoiceField(lazy_gettext("この請求は"), validators=[Required()])
    reason = LongTextField(lazy_gettext("訂正する理由"), validators=[Required(), MaxLength(300)], render_kw={"rows": 3})


@bp.get("/<charge_ref>/refund")
@access.staff(FINANCE)
def form(charge_ref: str) -> ResponseReturnValue:
    """What could go back and what the rules make of it."""
    return _form(charge_ref, None)


@bp.post("/<charge_ref>/refund")
@access.staff(FINANCE)
def start(charge_ref: str) -> ResponseReturnValue:
    """Begin the refund; above the limit it waits for a second person."""
    view = charge_for_visitor(charge_ref)
    typed = RefundForm()
    _choices(typed, None)
    valid = typed.validate()
    by_ordinance = typed.kind.data == RefundKind.BY_ORDINANCE.value
    if by_ordinance and not (typed.ground.data or "").strip():
        typed.refuse(typed.ground, gettext("条例による還付には、根拠の条例を書いてください。"))
        valid = False
    if not valid:
        return _form(charge_ref, typed, status=422)
    amount, seen = typed.amount.data, typed.seen.data or ""
    assert isinstance(amount, Yen)
    named = Ground(typed.ground.data.strip(), (typed.article.data or "").strip()) if by_ordinance else None
    actor, now = access.visitor().actor, clock.now()
    try:
        awaits = transact(
            lambda session: (
                giving_back.start(
                    session,
                    view.reference,
                    amount=amount,
                    kind=RefundKind(typed.kind.data),
                    ground=named,
                    why=Why(typed.reason.data.strip(), typed.evidence.data.strip(), typed.way.data == BANK),
                    seen=Yen(int(seen)) if seen.isdigit() else Yen(0),
                    actor=actor,
                    now=now,
                ).needs_agreement
            )
        )
    except RefundTooLarge as error:
        if seen == str(error.refundable.amount):
            typed.refuse(typed.amount, gettext("返せるのは%(left)sまでです。", left=str(error.refundable)))
            return _form(charge_ref, typed, status=422)
        flash(gettext("このお支払いは、ほかの返金で変わりました。いまの内容を確かめてください。"), "warning")
    except (AlreadyDisputed, RefundByPart) as error:
        flash(str(error_texts.TEXTS[error.code]), "error")
    else:
        if awaits:
            flash(gettext("返金を申し出ました。別の人が認めると進みます。"), "success")
        else:
            flash(gettext("返金の手続きに入りました。"), "success")
    return redirect(url_for("payments_staff.charge", charge_ref=view.reference), 303)


@bp.get("/<charge_ref>/correction")
@access.staff(*DESKS)
def correction(charge_ref: str) -> ResponseReturnValue:
    """What would be countered."""
    return _correction(charge_ref, None)


@bp.post("/<charge_ref>/correction")
@access.staff(*DESKS)
def correct(charge_ref: str) -> ResponseReturnValue:
    """Counter it."""
    typed = CorrectionForm()
    _owed_choices(typed)
    if not typed.validate():
        return _correction(charge_ref, typed, status=422)
    visitor, now = access.visitor(), clock.now()
    reference = references.parse(charge_ref)
    try:
        drawer, again = transact(lambda session: _correct(session, reference, typed, visitor=visitor, now=now))
    except (NotCorrectable, SamePersonAgrees) as error:
        flash(_refused(error), "error")
        return redirect(url_for("till.home"), 303)
    if again:
        flash(gettext("訂正しました。この請求は、%(again)s で払ってもらいます。", again=again), "success")
    else:
        flash(gettext("訂正しました。受け取ったお金は、払った人に返してください。"), "success")
    if drawer:
        return redirect(url_for("till.drawer", reference=drawer), 303)
    return redirect(url_for("payments_staff.charge", charge_ref=again or reference), 303)


def _correct(
    session: Session, reference: str, typed: CorrectionForm, *, visitor: Visitor, now: datetime
) -> tuple[str, str]:
    """The drawer, where it is the visitor's own, and the demand that was raised anew ("": none)."""
    finance = visitor.may(FINANCE)
    found = correcting.taken(session, reference, actor=visitor.actor, finance=finance, now=now)
    made = correcting.correct(
        session,
        reference,
        owed=typed.owed.data == "yes",
        reason=typed.reason.data,
        actor=visitor.actor,
        finance=finance,
        now=now,
    )
    return found.drawer_ref if found.own else "", made.again.reference if made.again else ""


def _form(charge_ref: str, typed: RefundForm | None, *, status: int = 200) -> ResponseReturnValue:
    view = charge_for_visitor(charge_ref)
    with unit_of_work() as session:
        prospect = giving_back.prospect(session, view.reference, now=clock.now())
    if prospect is None:
        flash(gettext("このお支払いには、返せるお金がありません。"), "info")
        return redirect(url_for("payments_staff.charge", charge_ref=view.reference), 303)
    shown = typed or RefundForm(formdata=None, amount=prospect.left)
    _choices(shown, prospect)
    shown.seen.data = str(prospect.left.amount)
    page = render_template(
        "payments/giving_back/refund.html",
        charge=view,
        prospect=prospect,
        form=shown,
        booked=words.booked_as()[prospect.booked_as.value],
        way=_way(prospect.way),
        limit=refunds.limit(),
        not_owed=str(NOT_OWED),
    )
    return page, status


def _choices(typed: RefundForm, prospect: giving_back.Prospect | None) -> None:
    typed.kind.choices = [SelectChoice(value, text) for value, text in words.refund_kinds().items()]
    usual = _way(prospect.way) if prospect is not None else USUAL
    typed.way.choices = [
        SelectChoice(USUAL, usual),
        SelectChoice(BANK, gettext("銀行の口座に振り込む(口座をたずねます)")),
    ]


def _way(code: str) -> str:
    known: dict[str, str] = {
        ledger.CASH_PROVIDER: gettext("窓口で、現金で返す"),
        ledger.TERMINAL_PROVIDER: gettext("窓口のカード端末で取り消す"),
        ledger.BANK_PROVIDER: gettext("銀行の口座に振り込む(口座をたずねます)"),
    }
    other: str = gettext("支払いに使った方法で返す(決済サービスが送ります)")
    return known.get(code, other)


def _correction(charge_ref: str, typed: CorrectionForm | None, *, status: int = 200) -> ResponseReturnValue:
    visitor = access.visitor()
    reference = references.parse(charge_ref)
    try:
        with unit_of_work() as session:
            found = correcting.taken(
                session, reference, actor=visitor.actor, finance=visitor.may(FINANCE), now=clock.now()
            )
            named = places.names(session)
    except NotCorrectable as error:
        flash(_refused(error), "error")
        return redirect(url_for("till.home"), 303)
    shown = typed or CorrectionForm(formdata=None)
    _owed_choices(shown)
    page = render_template(
        "payments/giving_back/correction.html",
        taken=found,
        form=shown,
        place=named.get(found.place, found.place),
        card=found.provider == ledger.TERMINAL_PROVIDER,
        limit=refunds.limit(),
    )
    return page, status


def _owed_choices(typed: CorrectionForm) -> None:
    typed.owed.choices = [
        SelectChoice("yes", gettext("まだ払われていない(ほかの請求のお金だった、伝票の番号をまちがえたなど)")),
        SelectChoice("no", gettext("払わなくてよい(請求がまちがっていた。お金は返す)")),
    ]


def _refused(error: NotCorrectable | SamePersonAgrees) -> str:
    if isinstance(error, SamePersonAgrees):
        return str(gettext("この金額は、受け取った人とは別の人(収納の担当)が訂正します。"))
    known: dict[str, str] = {
        "not_at_counter": gettext("窓口で受け取ったお金ではありません。"),
        "several": gettext("まとめて受け取ったお金は、窓口の訂正では取り消せません。収納の担当が、1つずつ返金します。"),
        "another_day": gettext("今日受け取ったお金ではありません。収納の担当が返金します。"),
        "given_back": gettext("このお金は、もう返金しているか、訂正しています。"),
        "counted": gettext("レジはもう締めています。収納の担当が返金します。"),
    }
    return known[error.reason]
