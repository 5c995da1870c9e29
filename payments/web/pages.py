"""Paying: what it is for and to whom the money goes, then the provider's page, then back to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask import session as session_of_browser
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session

from payments import checkout, demands, joining, pay_links, queries, receipts, transfers, waiting
from payments.contract import JOINT, payable
from payments.errors import (
    ChargeSettled,
    NoSuchCharge,
    NotJoinable,
    NotPayableOnline,
    PayTermOver,
    ProviderDown,
)
from payments.queries import ChargeView
from payments.states import ChargeState
from payments.transfers import standing
from payments.transfers.standing import Standing, Taking
from payments.web import words
from portal.accounts.models import Role
from portal.kernel import audit, clock, references, text, texts
from portal.kernel.database import transact, unit_of_work
from portal.kernel.references import BadReference
from portal.settings import Settings
from portal.web import access, city, locale, my
from portal.web.forms import PortalForm

bp = Blueprint("payments", __name__, template_folder="templates")

STAFF_ROLES = (Role.COUNTER.value, Role.FINANCE.value)
SHOWN = "charges"
"""Key of the browser's session: charges that a guest may pay, because they entered what stands on the slip."""


class PayForm(PortalForm):
    """Nothing but the token: the sum is the charge's, never the browser's."""


def charge_for_visitor(charge_ref: str) -> ChargeView:
    """The charge, if it is the visitor's own, was opened in this browser (a bill), or the visitor takes money for the city.

    Raises:
        NotSignedIn: a guest, and the charge was not opened in this browser.
        NoSuchCharge: no such charge, or somebody else's.
    """
    try:
        reference = references.parse(charge_ref)
    except BadReference as error:
        raise NoSuchCharge(charge_ref) from error
    visitor = access.visitor()
    if not visitor.signed_in and reference not in session_of_browser.get(SHOWN, []):
        raise access.NotSignedIn
    with unit_of_work() as session:
        view = queries.charge(session, reference)
        opened = reference in session_of_browser.get(SHOWN, [])
        own = (
            opened
            or (visitor.account_id is not None and visitor.account_id == view.payer_account_id)
            or (visitor.person_id is not None and visitor.person_id == view.payer_person_id)
        )
        if not own and not any(visitor.may(role) for role in STAFF_ROLES):
            raise NoSuchCharge(charge_ref)
        if not own:
            audit.record(
                session, actor=visitor.actor, action="charge.read", subject_kind="charge", subject_ref=reference
            )
    return view


def demand_of(charge_ref: str) -> demands.Demand | None:
    """The 督促 of a charge that the visitor may see; who opened it in this browser may pay its costs there too."""
    with unit_of_work() as session:
        found = demands.of_charge(session, charge_ref)
    if found is not None and found.cost_ref is not None and not access.visitor().signed_in:
        known = [each for each in session_of_browser.get(SHOWN, []) if each != found.cost_ref]
        session_of_browser[SHOWN] = [*known[-9:], found.cost_ref]
    return found


def _show(view: ChargeView, *, status: int = 200, problem: str = "") -> ResponseReturnValue:
    with unit_of_work() as session:
        by_bank = standing.of_charge(session, view.reference, now=clock.now()) if view.waits else None
    return (
        render_template(
            "payments/checkout.html",
            charge=view,
            by_bank=by_bank,
            by_bank_why=words.transfer_result(by_bank.result) if by_bank else "",
            form=PayForm(),
            payable_now=view.payable_now(clock.now()),
            today=clock.today(),
            demand=demand_of(view.reference) if view.waits else None,
            back=_back(view),
            problem=problem,
            **_words(view) | _waits_for_the_bank(by_bank),
        ),
        status,
    )


def _waits_for_the_bank(by_bank: Standing | None) -> dict[str, Any]:
    """The chip of what nobody has to pay any more: the bank takes it."""
    if by_bank is None or by_bank.taking is not Taking.ORDERED:
        return {}
    return {"state": ("wait", gettext("口座からの引き落としを待っています"))}


def _words(view: ChargeView) -> dict[str, Any]:
    return {
        "state": words.charge_chip(view.state, view.back),
        "state_words": words.charge_chip,
        "page_of": lambda part: payable(part.payable_kind).page(part.payable_ref),
        "refund_state": words.refund_state,
        "paid_by": words.method(view.paid_by),
        "not_online": words.not_online(view.not_online_because),
        "provider": queries.provider_name(),
        "online_methods": [words.online_method(method) for method in view.methods],
    }


def _back(view: ChargeView) -> str:
    return payable(view.payable_kind).page(view.payable_ref)


@bp.get("/pay")
@access.resident
def mine() -> ResponseReturnValue:
    """Everything that I can pay now, payee by payee; each is paid by itself."""
    who = access.visitor()
    assert who.person_id is not None
    with unit_of_work() as session:
        found = waiting.open_of(session, person_id=who.person_id, now=clock.now())
    return _mine(found)


def my_items(who: access.Visitor) -> Sequence[my.Item]:
    """What I can pay now, on my own page."""
    if who.person_id is None:
        return []
    with unit_of_work() as session:
        found = waiting.open_of(session, person_id=who.person_id, now=clock.now())
        demanded = demands.terms_of(session, [each.reference for each in found])
        by_bank = standing.of_charges(session, [each.reference for each in found], now=clock.now())
    english = locale.current() == "en"
    return [
        my.Item(
            title=f"{each.called(locale.current())} {each.total}",
            url=url_for("payments.checkout", charge_ref=each.reference),
            detail=each.payee_en if english else each.payee,
            due=_due(each, demanded.get(each.reference), by_bank.get(each.reference)),
        )
        for each in found
    ]


def _due(each: waiting.OpenCharge, demanded_until: date | None, by_bank: Standing | None) -> str:
    if by_bank is not None and by_bank.by_account:
        return str(gettext("%(day)s に口座から引き落とし", day=texts.show_date(by_bank.debit_on, locale.current())))
    if by_bank is not None and by_bank.pay_by is not None:
        return texts.show_date(by_bank.pay_by, locale.current())
    if demanded_until is not None:
        return str(gettext("督促状の期限 %(day)s", day=texts.show_date(demanded_until, locale.current())))
    if each.due_on is not None:
        return texts.show_date(each.due_on, locale.current())
    return "" if each.pay_until is None else texts.show_until(each.pay_until, locale.current())


SECTION = my.Section(
    key="payments",
    title=lazy_gettext("これから払うもの"),
    items=my_items,
    order=70,
    empty=lazy_gettext("いま払うものはありません。"),
    more="payments.mine",
)


def _mine(found: Sequence[waiting.OpenCharge], *, problem: str = "", status: int = 200) -> ResponseReturnValue:
    english = locale.current() == "en"
    with unit_of_work() as session:
        demanded = demands.terms_of(session, [each.reference for each in found])
        by_bank = standing.of_charges(session, [each.reference for each in found], now=clock.now())
    groups: dict[str, list[waiting.OpenCharge]] = {}
    for each in found:
        groups.setdefault(each.payee_en if english else each.payee, []).append(each)
    page = render_template(
        "payments/mine.html",
        groups=groups,
        demanded=demanded,
        by_bank=by_bank,
        why_not_taken=words.transfer_result,
        can_register=transfers.gateway() is not None
        and any(each.from_account and each.reference not in by_bank for each in found),
        joint=JOINT,
        form=PayForm(),
        problem=problem,
    )
    return page, status


@bp.post("/pay")
@access.resident
def together() -> ResponseReturnValue:
    """Pay what was chosen in one sum."""
    who = access.visitor()
    assert who.person_id is not None
    person_id = who.person_id
    wanted = set(request.form.getlist("charge"))
    with unit_of_work() as session:
        found = waiting.open_of(session, person_id=person_id, now=clock.now())
        ordered = _ordered(session, found)
    own = [
        each.reference for each in found if each.reference in wanted and each.joins and each.reference not in ordered
    ]
    if len(own) == 1:
        return redirect(url_for("payments.checkout", charge_ref=own[0]), 303)
    try:
        whole = transact(lambda session: joining.join(session, own, actor=who.actor, now=clock.now()).reference)
    except NotJoinable as error:
        return _mine(found, problem=error.reason, status=422 if error.reason == "too_few" else error.status)
    return redirect(url_for("payments.checkout", charge_ref=whole), 303)


def _ordered(session: Session, found: Sequence[waiting.OpenCharge]) -> set[str]:
    """Which of these the bank is about to take from an account."""
    standings = standing.of_charges(session, [each.reference for each in found], now=clock.now())
    return {reference for reference, each in standings.items() if each.taking is Taking.ORDERED}


@bp.post("/pay/<charge_ref>/separate")
@access.public
def separate(charge_ref: str) -> ResponseReturnValue:
    """Pay one by one after all."""
    view = charge_for_visitor(charge_ref)
    actor = access.visitor().actor
    transact(lambda session: joining.separate(session, view.reference, actor=actor, now=clock.now()))
    return redirect(url_for("payments.mine"), 303)


@bp.get("/pay/links/<charge_ref>/<secret>")
@access.public
def by_link(charge_ref: str, secret: str) -> ResponseReturnValue:
    """The address that another system handed to the person: it opens this one charge in this browser."""
    reference = references.parse(charge_ref)
    if not pay_links.fits(reference, secret):
        raise NoSuchCharge(charge_ref)
    with unit_of_work() as session:
        view = queries.charge(session, reference)
    session_of_browser[SHOWN] = [*session_of_browser.get(SHOWN, [])[-9:], view.pay_ref]
    return redirect(url_for("payments.checkout", charge_ref=view.pay_ref), 303)


@bp.get("/pay/<charge_ref>", endpoint="checkout")
@access.public
def checkout_page(charge_ref: str) -> ResponseReturnValue:
    """What is to be paid, to whom, until when, how."""
    return _show(charge_for_visitor(charge_ref))


@bp.post("/pay/<charge_ref>")
@access.public
def start(charge_ref: str) -> ResponseReturnValue:
    """Open the provider's page; a double click opens the same one."""
    view = charge_for_visitor(charge_ref)
    settings: Settings = current_app.extensions["portal"]
    try:
        address = checkout.open_page(
            view.reference,
            return_url=settings.public_url + url_for("payments.returned", charge_ref=view.reference),
            cancel_url=settings.public_url + url_for("payments.checkout", charge_ref=view.reference),
            locale=locale.current(),
            now=clock.now(),
        )
    except (ChargeSettled, PayTermOver, NotPayableOnline):
        # The page itself says which of them it is.
        return redirect(url_for("payments.checkout", charge_ref=view.reference), 303)
    except ProviderDown as error:
        return _show(view, status=error.status, problem=error.code)
    return redirect(address, 303)


@bp.get("/pay/<charge_ref>/return")
@access.public
def returned(charge_ref: str) -> ResponseReturnValue:
    """Back from the provider: look, never settle. The signed notice is what counts (invariant 12)."""
    view = charge_for_visitor(charge_ref)
    if view.state in {ChargeState.JOINED, ChargeState.WRITTEN_OFF}:
        # Nothing was paid here: the page to pay says what became of it.
        return redirect(url_for("payments.checkout", charge_ref=view.reference), 303)
    settled = view.state not in {ChargeState.OPEN, ChargeState.VOID}
    return render_template("payments/returned.html", charge=view, settled=settled, back=_back(view), **_words(view))


@bp.get("/pay/receipts/<receipt_ref>")
@access.public
def receipt(receipt_ref: str) -> ResponseReturnValue:
    """What the receipt says, and whether the original was handed out already."""
    found = _receipt_for_visitor(receipt_ref)
    return render_template(
        "payments/receipt.html",
        receipt=found,
        charge=found.charge,
        number=receipts.printed_number(found),
        form=PayForm(),
        back=_back(found.charge),
        **_words(found.charge),
    )


@bp.post("/pay/receipts/<receipt_ref>")
@access.public
def hand_out_receipt(receipt_ref: str) -> ResponseReturnValue:
    """The receipt as PDF: the first is the original, every later one says copy."""
    found = _receipt_for_visitor(receipt_ref)
    content, name = receipts.issue(
        found.reference,
        actor=access.visitor().actor,
        locale=locale.current(),
        city_name=city.name().in_locale(locale.current()),
        now=clock.now(),
        name=_wished_name(),
    )
    return Response(
        content, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _wished_name() -> str | None:
    """The name that the receipt is to be made out to; None where it was not asked (the name on the charge)."""
    typed = request.form.get("name")
    return None if typed is None else text.without_control(typed)[:100].strip()


def _receipt_for_visitor(receipt_ref: str) -> queries.ReceiptView:
    try:
        reference = references.parse(receipt_ref)
    except BadReference as error:
        raise NoSuchCharge(receipt_ref) from error
    with unit_of_work() as session:
        found = receipts.view(session, reference)
    charge_for_visitor(found.charge.reference)
    return found
