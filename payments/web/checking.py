"""Is this receipt real? A public page that says date and amount, and nothing of the payer."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from payments import receipts
from payments.errors import NoSuchCharge
from portal.accounts import throttle
from portal.kernel import clock, references
from portal.kernel.database import unit_of_work
from portal.kernel.references import BadReference
from portal.web import access
from portal.web.forms import MaxLength, PortalForm, Required, TextField

bp = Blueprint("receipt_check", __name__, template_folder="templates", url_prefix="/receipts")

PER_ADDRESS = 30
"""Tries within a quarter of an hour from one address."""


class CheckForm(PortalForm):
    """What is printed on the receipt."""

    number = TextField(
        lazy_gettext("照会番号"), validators=[Required(), MaxLength(30)], render_kw={"autocomplete": "off"}
    )
    word = TextField(
        lazy_gettext("たしかめる文字"), validators=[Required(), MaxLength(20)], render_kw={"autocomplete": "off"}
    )


@bp.get("")
@access.public
def enter() -> ResponseReturnValue:
    """Type what is printed."""
    return render_template("payments/check.html", form=CheckForm(), receipt=None, wrong=False)


@bp.post("")
@access.public
def look() -> ResponseReturnValue:
    """On to the page that the code leads to."""
    form = CheckForm()
    if not form.validate():
        return render_template("payments/check.html", form=form, receipt=None, wrong=False), 422
    try:
        reference = references.parse(form.number.data)
    except BadReference:
        form.refuse(form.number, gettext("番号の形がちがいます。R- で始まる番号です。"))
        return render_template("payments/check.html", form=form, receipt=None, wrong=False), 422
    return redirect(url_for("receipt_check.check", reference=reference, word=form.word.data), 303)


@bp.get("/<reference>/<word>")
@access.public
def check(reference: str, word: str) -> ResponseReturnValue:
    """Real or not; tries are counted."""
    address = f"receipts:{throttle.address_of(request.remote_addr)}"
    with unit_of_work() as session:
        throttle.take(session, subject=throttle.EVERYBODY, origin=address, most=PER_ADDRESS, now=clock.now())
    try:
        with unit_of_work() as session:
            found = receipts.is_real(session, references.parse(reference), word)
            throttle.give_back(session, subject=throttle.EVERYBODY, origin=address)
    except (NoSuchCharge, BadReference):
        page = render_template("payments/check.html", form=CheckForm(formdata=None), receipt=None, wrong=True)
        return page, 404
    return render_template(
        "payments/check.html", form=None, receipt=found, wrong=False, number=receipts.printed_number(found)
    )
