"""Paying a tax bill: the number and check digits of the slip, or its code by camera or picture; no account needed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask import session as browser
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_wtf.file import FileField

from payments.bills import paying, rules
from payments.bills.errors import BillNotPayable, NoSuchBill
from payments.bills.paying import BillView
from payments.contract import Payer
from payments.queries import receipt_of
from payments.web.pages import SHOWN, demand_of
from portal.accounts import throttle
from portal.accounts.throttle import TooManyGuesses
from portal.documents import codes, qr
from portal.documents.codes import UnreadablePictureError
from portal.kernel import audit, clock
from portal.kernel.database import transact, unit_of_work
from portal.settings import Settings
from portal.web import access, locale
from portal.web.forms import EmailAddressField, MaxLength, PortalForm, Required, TextField

LARGEST_FRAME = 1024 * 1024
"""Bytes of one picture of the camera: 1280 pixels wide, as JPEG."""

bp = Blueprint("bills", __name__, template_folder="templates", url_prefix="/bills")

OPENED = "bills"
"""Key of the browser's session: bills whose number and check digits were entered here."""
KEPT = 10
PER_BILL = 30
"""Wrong check digits for one bill within a quarter of an hour, from wherever."""


class BillForm(PortalForm):
    """What stands on the slip."""

    number = TextField(
        lazy_gettext("納付書番号"),
        validators=[Required(), MaxLength(40)],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    check = TextField(
        lazy_gettext("確認番号"),
        validators=[Required(), MaxLength(20)],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )


class PictureForm(PortalForm):
    """A picture of the slip, or the text that the browser read with the camera."""

    picture = FileField(lazy_gettext("納付書の写真"))


class PayBillForm(PortalForm):
    """Where to write to when the money is there."""

    email = EmailAddressField(
        lazy_gettext("メールアドレス"),
        validators=[MaxLength(200)],
        render_kw={"type": "email", "autocomplete": "email"},
    )


@bp.get("")
@access.public
def enter() -> ResponseReturnValue:
    """Type the number, or read the code. A code of ours brings number and check digits with it."""
    form = BillForm()
    form.number.data = request.args.get("n", "")[:40]
    form.check.data = request.args.get("c", "")[:20]
    return _enter(form)


@bp.post("")
@access.public
def find() -> ResponseReturnValue:
    """Look the slip up; guesses are counted before they are tried."""
    form = BillForm()
    if not form.validate():
        return _enter(form, status=422)
    number, check = rules.plain(form.number.data), rules.plain(form.check.data)
    if not rules.NUMBER.fullmatch(number):
        form.refuse(form.number, gettext("「納付書番号」は、6けたから20けたの数字です。"))
    if not rules.CHECK.fullmatch(check):
        form.refuse(form.check, gettext("「確認番号」は、6けたの数字です。"))
    if form.errors:
        return _enter(form, status=422)
    try:
        reference = _guess(number, check, now=clock.now())
    except TooManyGuesses as error:
        minutes = max(1, round(error.retry_after.total_seconds() / 60))
        form.refuse(
            form.number,
            gettext(
                "何度もちがう番号が入力されたため、いまは調べられません。%(minutes)s分ほど待ってください。",
                minutes=minutes,
            ),
        )
        return _enter(form, status=429)
    except NoSuchBill:
        form.refuse(
            form.number,
            gettext("この番号の納付書は見つかりません。納付書番号と確認番号を、もう一度たしかめてください。"),
        )
        return _enter(form, status=422, missing=True)
    _remember(OPENED, reference)
    return redirect(url_for("bills.show", reference=reference), 303)


@bp.post("/read")
@access.public
def read() -> ResponseReturnValue:
    """Read the code: of a picture, or what the camera saw. The page comes back with the number filled in."""
    texts: list[str] = [request.form.get("code", "")[:500]] if request.form.get("code") else []
    upload = request.files.get("picture")
    form = BillForm(formdata=None)
    if not texts and (upload is None or not upload.filename):
        return _enter(form, status=422, picture=gettext("先に、納付書の写真をえらんでください。"))
    if not texts and upload is not None:
        try:
            texts = list(codes.codes(upload.stream.read(codes.LARGEST + 1)))
        except UnreadablePictureError:
            return _enter(form, status=422, picture=gettext("この写真は読めませんでした。番号を入力してください。"))
    read = [code for code in map(rules.read_code, texts) if code is not None]
    with unit_of_work() as session:
        found = [(code, *paying.number_of_code(session, code)) for code in read]
    known = next(((code, number) for code, number, _eltax in found if number), None)
    if known is not None:
        code, number = known
        form.number.data, form.check.data = number, code.check
        return _enter(form, picture_ok=True)
    if any(eltax for _code, _number, eltax in found):
        return render_template("bills/eltax.html", address=rules.ELTAX, guess=True)
    return _enter(
        form,
        status=422,
        picture=gettext(
            "写真から納付書のコードを見つけられませんでした。明るい所で、コード全体が写るようにとるか、番号を入力してください。"
        ),
    )


@bp.post("/frame")
@access.public
def frame() -> ResponseReturnValue:
    """The first code in one picture of the camera, for browsers that cannot read codes; nothing is looked up or kept."""
    upload = request.files.get("picture")
    try:
        found = codes.codes(upload.stream.read(LARGEST_FRAME + 1)[:LARGEST_FRAME]) if upload is not None else ()
    except UnreadablePictureError:
        found = ()
    return {"code": next((text for text in found if rules.read_code(text) is not None), "")}


@bp.get("/samples")
@access.public
def samples() -> ResponseReturnValue:
    """Sample slips (見本) with their codes, to try the camera with; never in production."""
    return render_template("bills/samples.html", samples=_samples())


@bp.get("/samples/<number>.svg")
@access.public
def sample_code(number: str) -> ResponseReturnValue:
    """The QR code of a sample slip."""
    settings: Settings = current_app.extensions["portal"]
    known = {each[0]: each[1] for each in _samples()}
    if number not in known:
        raise NoSuchBill
    address = settings.public_url + url_for("bills.enter", n=number, c=known[number])
    return Response(qr.svg(address, title=gettext("見本の納付書のコード")), mimetype="image/svg+xml")


@bp.get("/<reference>")
@access.public
def show(reference: str) -> ResponseReturnValue:
    """Kind, term, amount, due date, and what can be done."""
    return _show(_bill(reference), _pay_form())


@bp.post("/<reference>")
@access.public
def pay(reference: str) -> ResponseReturnValue:
    """Ask for the money and go on to the payment page."""
    found = _bill(reference)
    form = _pay_form()
    if not form.validate():
        return _show(found, form), 422
    visitor = access.visitor()
    payer = Payer(
        visitor.person_id,
        None if visitor.is_staff else visitor.account_id,
        "" if visitor.is_staff else visitor.display_name,
        None if visitor.is_staff else (visitor.email or form.email.data or None),
        locale.current(),
    )
    try:
        charge = transact(lambda session: paying.ask_for(session, reference, payer=payer, now=clock.now()).reference)
    except BillNotPayable:
        # The page itself says why.
        return redirect(url_for("bills.show", reference=reference), 303)
    _remember(SHOWN, charge)
    return redirect(url_for("payments.checkout", charge_ref=charge), 303)


def _enter(form: BillForm, *, status: int = 200, **more: Any) -> ResponseReturnValue:
    page = render_template(
        "bills/enter.html",
        form=form,
        picture_form=PictureForm(),
        samples=_samples(),
        eltax=rules.ELTAX,
        **{"picture": "", "picture_ok": False, "missing": False, **more},
    )
    return page, status


def _show(found: BillView, form: PayBillForm) -> str:
    receipt = demand = None
    if found.charge_ref:
        _remember(SHOWN, found.charge_ref)
        with unit_of_work() as session:
            receipt = receipt_of(session, found.charge_ref)
        demand = demand_of(found.charge_ref)
    return render_template(
        "bills/bill.html",
        bill=found,
        form=form,
        receipt=receipt,
        demand=demand,
        eltax=rules.ELTAX,
        name=found.name_en if locale.current() == "en" else found.name,
    )


def _pay_form() -> PayBillForm:
    return PayBillForm()


def _bill(reference: str) -> BillView:
    """The bill, if its number and check digits were entered in this browser.

    Raises:
        NoSuchBill: they were not, or there is none.
    """
    if reference not in browser.get(OPENED, []):
        raise NoSuchBill
    with unit_of_work() as session:
        return paying.view(session, reference, today=clock.today())


def _remember(key: str, reference: str) -> None:
    known = [each for each in browser.get(key, []) if each != reference]
    browser[key] = [*known, reference][-KEPT:]


def _samples() -> list[tuple[str, str, str]]:
    settings: Settings = current_app.extensions["portal"]
    if settings.production:
        return []
    with unit_of_work() as session:
        return list(paying.samples(session))


def _guess(number: str, check: str, *, now: datetime) -> str:
    settings: Settings = current_app.extensions["portal"]
    subject = throttle.subject_of(settings.secret_key, "bill", number)
    network = throttle.network_of(request.remote_addr)
    address = throttle.address_of(request.remote_addr)
    for of, origin, most in (
        (subject, network, throttle.PER_NETWORK),
        (subject, throttle.EVERYBODY, PER_BILL),
        (throttle.EVERYBODY, f"bills:{address}", throttle.PER_ADDRESS),
    ):
        with unit_of_work() as session:
            throttle.take(session, subject=of, origin=origin, most=most, now=now)
    with unit_of_work() as session:
        reference = paying.find(session, number=number, check_digits=check)
        throttle.forgive(session, subject=subject, origin=network)
        throttle.give_back(session, subject=subject, origin=throttle.EVERYBODY)
        throttle.give_back(session, subject=throttle.EVERYBODY, origin=f"bills:{address}")
        audit.record(
            session, actor=access.visitor().actor, action="bill.open", subject_kind="bill", subject_ref=reference
        )
    return reference
