"""The counter's price list in the browser: how many of what, then the money, then the receipt."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from wtforms import HiddenField, SelectField
from wtforms.validators import Optional

from payments import counter_items
from payments.counter_items import Basket
from payments.errors import CashTooLittle, NotSold, SlipKnown, SlipMissing
from payments.models import CounterItem
from payments.web import error_texts, places
from portal.accounts.models import Role
from portal.kernel import clock, references, text
from portal.kernel.database import transact, unit_of_work
from portal.kernel.money import Yen
from portal.web import access
from portal.web.forms import MaxLength, MoneyField, PortalForm, Required, TextField

bp = Blueprint("selling", __name__, template_folder="templates", url_prefix="/staff/counter-items")

DESKS = (Role.FINANCE.value, Role.COUNTER.value)


class SaleForm(PortalForm):
    """The money for what was chosen. How many of what are fields of the request, by the items' codes."""

    sale = HiddenField()
    seen = HiddenField()
    place = SelectField(lazy_gettext("場所"), validators=[Required()])
    received = MoneyField(lazy_gettext("受け取った現金"), validators=[Optional()], least=0, most=99_999_999)
    slip = TextField(
        lazy_gettext("伝票番号"), validators=[Optional(), MaxLength(40)], render_kw={"autocomplete": "off"}
    )


@bp.get("")
@access.staff(*DESKS)
def home() -> ResponseReturnValue:
    """The price list; with numbers in the address, what they come to."""
    counts, problem = _counts()
    form = SaleForm(formdata=None)
    if not counts:
        return _page(form, counts, None, problem=problem)
    with unit_of_work() as session:
        try:
            chosen = counter_items.basket(session, counts)
        except NotSold as error:
            return _page(form, counts, None, problem=problem or _why(error), status=422)
    form.sale.data, form.seen.data = references.new("K"), str(chosen.total.amount)
    return _page(form, counts, chosen, problem=problem)


@bp.post("")
@access.staff(*DESKS)
def sell() -> ResponseReturnValue:
    """Take the money and hand over the receipt."""
    form = SaleForm()
    counts, problem = _counts()
    _places(form)
    by_card = request.form.get("way") == "terminal"
    valid = form.validate()
    if not by_card and form.received.data is None:
        form.refuse(form.received, gettext("受け取った現金を入力してください。"))
        valid = False
    if not valid or problem:
        return _again(form, counts, problem)
    actor, now = access.visitor().actor, clock.now()
    seen = form.seen.data or ""
    received = None if by_card else form.received.data
    assert received is None or isinstance(received, Yen)
    try:
        receipt, change = transact(
            lambda session: (
                (
                    taken := counter_items.sell(
                        session,
                        references.parse(form.sale.data or ""),
                        counts,
                        seen=Yen(int(seen)) if seen.isdigit() else Yen(0),
                        received=received,
                        slip_number=form.slip.data or "",
                        clerk=actor,
                        place=form.place.data,
                        now=now,
                    )
                ).reference,
                taken.change,
            )
        )
    except CashTooLittle as error:
        form.refuse(form.received, gettext("料金は%(total)sです。受け取った金額が足りません。", total=str(error.total)))
        return _again(form, counts, "")
    except (SlipMissing, SlipKnown) as error:
        form.refuse(form.slip, str(error_texts.TEXTS[error.code]))
        return _again(form, counts, "")
    except NotSold as error:
        return _again(form, counts, _why(error))
    flash(gettext("受け取りました。おつりは%(change)sです。", change=str(change)), "success")
    return redirect(url_for("payments.receipt", receipt_ref=receipt), 303)


def _again(form: SaleForm, counts: dict[str, int], problem: str) -> ResponseReturnValue:
    with unit_of_work() as session:
        try:
            chosen: Basket | None = counter_items.basket(session, counts)
        except NotSold as error:
            chosen, problem = None, problem or _why(error)
    if chosen is not None:
        form.seen.data = str(chosen.total.amount)
    return _page(form, counts, chosen, problem=problem, status=422)


def _page(
    form: SaleForm, counts: dict[str, int], chosen: Basket | None, *, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    _places(form)
    with unit_of_work() as session:
        listed = [(item, f"n-{item.code}", counts.get(item.code, 0)) for item in counter_items.items(session)]
    page = render_template(
        "payments/selling.html", form=form, listed=listed, chosen=chosen, counts=counts, problem=problem
    )
    return page, status


def _places(form: SaleForm) -> None:
    with unit_of_work() as session:
        form.place.choices = list(places.own(session, access.visitor()).items())


def _counts() -> tuple[dict[str, int], str]:
    """How many of each item, and what is wrong with the numbers ("": nothing)."""
    with unit_of_work() as session:
        known: list[CounterItem] = list(counter_items.items(session))
    counts: dict[str, int] = {}
    for item in known:
        typed = request.values.get(f"n-{item.code}", "").strip()
        if not typed:
            continue
        number = text.digits(typed)
        if not (number.isascii() and number.isdigit() and int(number) <= counter_items.MOST):
            return {}, gettext("数は、0から%(most)sまでの数字で入力してください。", most=counter_items.MOST)
        if int(number):
            counts[item.code] = int(number)
    return counts, ""


def _why(error: NotSold) -> str:
    known: dict[str, str] = {
        "nothing": gettext("売るものの数を入力してください。"),
        "mixed": gettext("お金の受取先や種類がちがうものは、分けて売ってください。"),
        "price": gettext("値段が変わりました。金額をもう一度確かめてください。"),
        "too_many": gettext("金額が大きすぎます。分けて売ってください。"),
    }
    other: str = gettext("売ることができません。数をもう一度確かめてください。")
    return known.get(error.reason, other)
