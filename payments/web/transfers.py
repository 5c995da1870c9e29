"""口座振替: choose tax, bank and branch, be led to the bank's own authentication, come back with its signed answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from payments import transfers
from payments.errors import NoSuchTransfer, TransferAnswerRefused, TransfersOff, UnknownBank
from payments.models import TransferState
from payments.transfers import services
from payments.transfers.base import NotSignedError
from payments.transfers.services import TransferView
from payments.web import error_texts
from payments.web.books import csv_answer
from portal.accounts.models import Role
from portal.directory import banks
from portal.kernel import audit, clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.settings import Settings
from portal.web import access, locale, my
from portal.web.access import Visitor
from portal.web.forms import PortalForm

bp = Blueprint("transfers", __name__, template_folder="templates")


class ActForm(PortalForm):
    """Nothing but the token."""


@bp.get("/my/transfers")
@access.resident
def home() -> ResponseReturnValue:
    """My registrations, and the way to a new one: tax, then bank, then branch, each a plain search."""
    who = access.visitor()
    tax, bank_code = request.args.get("tax", ""), request.args.get("bank", "")
    asked_bank, asked_branch = request.args.get("bank_name", "")[:40], request.args.get("branch_name", "")[:40]
    with unit_of_work() as session:
        mine = services.listed(session, person_id=who.person_id)
        known = services.kinds(session)
    bank = banks.bank(bank_code)
    return render_template(
        "transfers/home.html",
        mine=mine,
        taxes=known,
        tax=next((item for item in known if item.code == tax), None),
        asked_bank=asked_bank,
        asked_branch=asked_branch,
        bank=bank,
        found_banks=banks.search_banks(asked_bank) if asked_bank else [],
        found_branches=banks.search_branches(bank_code, asked_branch) if bank and asked_branch else [],
        available=transfers.gateway() is not None,
        form=ActForm(),
        **_words(),
    )


@bp.post("/my/transfers")
@access.resident
def start() -> ResponseReturnValue:
    """On to the bank's page. Nothing is valid before its answer."""
    who = access.visitor()
    settings: Settings = current_app.extensions["portal"]
    assert who.person_id is not None
    person_id = who.person_id
    try:
        address = transact(
            lambda session: services.start(
                session,
                person_id=person_id,
                kind_code=request.form.get("tax", ""),
                bank_code=request.form.get("bank", ""),
                branch_code=request.form.get("branch", ""),
                return_url=settings.public_url + url_for("transfers.answer"),
                locale=locale.current(),
                actor=who.actor,
                now=clock.now(),
            )
        )
    except (TransfersOff, UnknownBank, NoSuchTransfer) as error:
        flash(str(error_texts.TEXTS[error.code]), "error")
        return redirect(url_for("transfers.home"), 303)
    return redirect(address, 303)


@bp.post("/my/transfers/<reference>/end")
@access.resident
def end(reference: str) -> ResponseReturnValue:
    """End one of my registrations."""
    who = access.visitor()
    transact(
        lambda session: services.end(session, reference, person_id=who.person_id, actor=who.actor, now=clock.now())
    )
    flash(
        gettext("口座振替をやめる登録をしました。すでに手続き中の引き落としは、止まらないことがあります。"), "success"
    )
    return redirect(url_for("transfers.home"), 303)


@bp.post("/transfers/answer")
@access.provider
def answer() -> ResponseReturnValue:
    """The bank's answer, brought by the person's browser; its signature is what counts."""
    service = transfers.gateway()
    if service is None:
        raise NotFound
    try:
        said = service.read_answer(request.form.get("answer", ""), request.form.get("signature", ""))
        state = transact(lambda session: services.take_answer(session, said, now=clock.now()).state)
    except (NotSignedError, TransferAnswerRefused, NoSuchTransfer):
        flash(str(error_texts.TEXTS["transfer_answer_refused"]), "error")
        return redirect(url_for("transfers.home"), 303)
    if state == TransferState.CONFIRMED.value:
        flash(gettext("銀行の確認が終わり、口座振替を登録しました。"), "success")
    else:
        flash(gettext("銀行で確認できなかったため、登録していません。"), "warning")
    return redirect(url_for("transfers.home"), 303)


@bp.get("/transfers/double")
@access.public
def double() -> ResponseReturnValue:
    """The development double of a bank's page; never in production."""
    bank = transfers.double()
    if bank is None:
        raise NotFound
    try:
        order = bank.order(request.args.get("order", ""), request.args.get("signature", ""))
    except NotSignedError as error:
        raise NotFound from error
    now = clock.now()
    return render_template(
        "transfers/double.html",
        order=order,
        branch=banks.branch(order.bank_code, order.branch_code),
        yes=bank.answer(order, confirmed=True, now=now),
        no=bank.answer(order, confirmed=False, now=now),
    )


@bp.get("/staff/transfers")
@access.staff(Role.FINANCE.value)
def staff_list() -> ResponseReturnValue:
    """Every registration."""
    found = _all()
    return render_template("transfers/staff.html", found=found, form=ActForm(), **_words())


@bp.get("/staff/transfers.csv")
@access.staff(Role.FINANCE.value)
def staff_csv() -> ResponseReturnValue:
    """The list as CSV, for the tax system."""
    return csv_answer(services.as_csv(_all()), f"transfers-{clock.today():%Y%m%d}.csv")


@bp.post("/staff/transfers/<reference>/end")
@access.staff(Role.FINANCE.value)
def staff_end(reference: str) -> ResponseReturnValue:
    """End a registration (the person asked for it at the counter)."""
    actor = access.visitor().actor
    transact(lambda session: services.end(session, reference, person_id=None, actor=actor, now=clock.now()))
    flash(gettext("登録を終わりにしました。"), "success")
    return redirect(url_for("transfers.staff_list"), 303)


def my_items(who: Visitor) -> Sequence[my.Item]:
    """Valid registrations on the visitor's own page."""
    with unit_of_work() as session:
        found = services.listed(session, person_id=who.person_id, valid_only=True)
    return [
        my.Item(
            title=each.tax if who.locale == "ja" else each.tax_en,
            url=url_for("transfers.home"),
            status=gettext("登録済み"),
            status_kind="good",
            detail=f"{each.bank} {each.branch}",
        )
        for each in found
    ]


SECTION = my.Section(
    key="transfers",
    title=lazy_gettext("口座振替"),
    items=my_items,
    order=80,
    empty=lazy_gettext("税金や施設の使用料を、口座から自動で払う登録ができます。"),
    more="transfers.home",
)


def _all() -> Sequence[TransferView]:
    with unit_of_work() as session:
        found = services.listed(session)
        audit.record(
            session,
            actor=access.visitor().actor,
            action="transfer.list",
            subject_kind="transfer",
            subject_ref="all",
            detail={"count": len(found)},
        )
    return found


def _words() -> dict[str, Any]:
    return {
        "states": {
            "started": ("wait", gettext("銀行の確認を待っています")),
            "confirmed": ("good", gettext("登録済み")),
            "refused": ("bad", gettext("登録できませんでした")),
            "ended": ("neutral", gettext("終わりました")),
        },
        "english": locale.current() == "en",
    }
