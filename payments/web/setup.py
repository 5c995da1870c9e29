"""Puts the pages of payments into the application."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext

from payments import mails
from payments.web import (
    bill_office,
    bills,
    books,
    checking,
    error_texts,
    finance_pages,
    giving_back,
    hooks,
    odd,
    pages,
    refunds,
    sandbox,
    selling,
    staff,
    till,
    transfer_orders,
    transfers,
    unpaid,
)
from portal.accounts.models import Role
from portal.notices.post import Desk
from portal.notices.web import letters
from portal.web import error_texts as portal_texts
from portal.web import my
from portal.web import staff as staff_home


def init_app(app: Flask) -> None:
    """Register pages, words of errors, and the tile of staff."""
    portal_texts.add(error_texts.TEXTS)
    for blueprint in (
        pages.bp,
        hooks.bp,
        sandbox.bp,
        staff.bp,
        refunds.bp,
        finance_pages.bp,
        odd.bp,
        books.bp,
        bills.bp,
        bill_office.bp,
        till.bp,
        giving_back.bp,
        selling.bp,
        checking.bp,
        unpaid.bp,
        transfers.bp,
        transfer_orders.bp,
    ):
        app.register_blueprint(blueprint)
    my.register(pages.SECTION)
    my.register(transfers.SECTION)
    letters.register(mails.ROOM, lambda who: Desk(mails.ROOM) if who.may(Role.FINANCE.value) else None)
    staff_home.register(
        staff_home.Tile(
            key="payments",
            title=lazy_gettext("お金の受け取り"),
            endpoint="payments_staff.today",
            roles=(Role.FINANCE.value, Role.COUNTER.value),
            text=lazy_gettext("今日の入金、現金の受け取り、返金、合わないお金"),
            order=60,
            count=staff.waiting,
        )
    )
    staff_home.register(
        staff_home.Tile(
            key="till",
            title=lazy_gettext("窓口のレジ"),
            endpoint="till.home",
            roles=(Role.FACILITY_MANAGER.value,),
            text=lazy_gettext("施設で受け取るお金: 開く、数えて締める、日計表、払込書"),
            order=33,
        )
    )
    staff_home.register(
        staff_home.Tile(
            key="books",
            title=lazy_gettext("収納の仕事"),
            endpoint="payments_books.home",
            roles=(Role.FINANCE.value, Role.COUNTER.value),
            text=lazy_gettext("納付書、窓口の現金、未納、口座振替、引き継ぎ"),
            order=61,
        )
    )
