"""Joins the pages of reservations to the web application."""

from __future__ import annotations

from flask import Flask, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session

from payments.web import places
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.notices.post import Desk
from portal.notices.web import letters
from portal.web import access, error_texts, locale, my, staff
from portal.web.access import Visitor
from reservations import messages
from reservations.models import BookingState
from reservations.queries import bookings, catalog
from reservations.queries.bookings import BookingLine
from reservations.web import allocation as _allocation_views  # noqa: F401
from reservations.web import behalf as _behalf_views  # noqa: F401
from reservations.web import board as _board_views  # noqa: F401
from reservations.web import booking as _booking_views  # noqa: F401 - imported for its views
from reservations.web import changes as _change_views  # noqa: F401 - imported for its views
from reservations.web import closures as _closure_views  # noqa: F401
from reservations.web import corrections as _correction_views  # noqa: F401 - imported for its views
from reservations.web import desk as _desk_views  # noqa: F401 - imported for its views
from reservations.web import feeds as _feed_views  # noqa: F401 - imported for its views
from reservations.web import group_behalf as _group_behalf_views  # noqa: F401
from reservations.web import group_care as _group_care_views  # noqa: F401
from reservations.web import groups as _group_views  # noqa: F401 - imported for its views
from reservations.web import individual as _individual_views  # noqa: F401
from reservations.web import leaving as _leaving_views  # noqa: F401
from reservations.web import manage, refusals, rush, words
from reservations.web import overtime as _overtime_views  # noqa: F401 - imported for its views
from reservations.web import papers as _paper_views  # noqa: F401 - imported for its views
from reservations.web import personal as _personal_views  # noqa: F401 - imported for its views
from reservations.web import series as _series_views  # noqa: F401 - imported for its views
from reservations.web.api import operations
from reservations.web.api import pages as _token_views  # noqa: F401
from reservations.web.api import routes as _api_routes  # noqa: F401
from reservations.web.error_texts import TEXTS
from reservations.web.public import bp
from reservations.web.studio import documents as _document_views  # noqa: F401
from reservations.web.studio import facilities as _facility_views  # noqa: F401
from reservations.web.studio import plain as _plain_views  # noqa: F401

ON_MY_PAGE = 5


def _item(line: BookingLine) -> my.Item:
    kind, status = words.booking_words(line.state, accepted=line.accepted)
    next_step = due = ""
    if line.state == BookingState.HELD:
        next_step = gettext("支払ってください") if line.accepted else gettext("内容を決めて、支払ってください")
        due = gettext("%(at)s まで", at=words.short_until(line.held_until))
    elif line.state == BookingState.CONFIRMED and line.ends_at > clock.now():
        next_step = gettext("使う日に、使用許可書を見せてください")
    space = line.space_en if locale.current() == "en" and line.space_en else line.space
    return my.Item(
        title=f"{line.facility} {space}",
        url=url_for("reservations.booking", reference=line.reference),
        status=status,
        status_kind=kind,
        next_step=next_step,
        due=due,
        detail=words.whens(line.slots),
    )


def _my_items(who: Visitor) -> list[my.Item]:
    if who.person_id is None:
        return []
    with unit_of_work() as session:
        lines = bookings.mine(session, who.person_id, now=clock.now(), limit=ON_MY_PAGE)
    return [_item(line) for line in lines]


def _waiting(who: Visitor) -> int:
    with unit_of_work() as session:
        return len(bookings.waiting(session, manage.facilities_of(who)))


def _facilities(session: Session) -> dict[str, str]:
    """Name of each facility by its code: the places where managers take money."""
    return {one.code: one.called(locale.current()) for one in catalog.names(session, on=clock.today())}


def _letters(who: Visitor) -> Desk | None:
    """Whose letters a visitor prints: all facilities', or those of the facilities that they manage."""
    if who.may(Role.FACILITY_ADMIN):
        return Desk(messages.ROOM)
    codes = who.scopes(Role.FACILITY_MANAGER, "facility")
    return Desk(messages.ROOM, frozenset(codes)) if codes else None


def init_app(app: Flask) -> None:
    """Add the pages, the section of マイページ, the staff tile and the words for errors."""
    app.extensions["reservations.turns"] = rush.init(app.extensions["portal"])
    app.register_blueprint(bp)
    app.register_blueprint(operations.bp)
    access.set_integration_guard(app, operations.enter)
    places.register(_facilities)
    error_texts.add(TEXTS, refusals.sentence)
    letters.register(messages.ROOM, _letters)
    my.register(
        my.Section(
            key="bookings",
            title=lazy_gettext("施設の予約"),
            items=_my_items,
            order=20,
            empty=lazy_gettext("予約はありません。"),
            more="reservations.mine",
        ),
    )
    my.register_setting(my.Setting(lazy_gettext("わたしの団体・在勤在学"), "reservations.my_groups"))
    staff.register(
        staff.Tile(
            key="desk",
            title=lazy_gettext("受付"),
            endpoint="reservations.desk_today",
            roles=(Role.FACILITY_MANAGER,),
            text=lazy_gettext("来た人を確かめます。人数、貸したもの、月の報告、使われた割合もここです。"),
            order=31,
        ),
    )
    staff.register(
        staff.Tile(
            key="fee-corrections",
            title=lazy_gettext("料金表の訂正"),
            endpoint="reservations.corrections",
            roles=(Role.FINANCE,),
            text=lazy_gettext("間違った料金表で決まった予約の差額を調べて、請求・返還します。"),
            order=45,
        ),
    )
    staff.register(
        staff.Tile(
            key="bookings",
            title=lazy_gettext("施設の予約"),
            endpoint="reservations.queue",
            roles=(Role.FACILITY_MANAGER,),
            text=lazy_gettext("申込みを確認して、許可します。今日の利用表も見られます。"),
            order=30,
            count=_waiting,
        ),
    )
    staff.register(
        staff.Tile(
            key="facilities",
            title=lazy_gettext("施設の設定"),
            endpoint="reservations.setup_list",
            roles=(Role.FACILITY_MANAGER, Role.FACILITY_ADMIN),
            text=lazy_gettext("施設、部屋・コート、開館表、料金表、利用のきまりを作って、変えます。"),
            order=32,
        ),
    )
    staff.register(
        staff.Tile(
            key="api-tokens",
            title=lazy_gettext("ほかのシステムの入口(API)"),
            endpoint="reservations.api_tokens",
            roles=(Role.IT_STRATEGY,),
            text=lazy_gettext("予約を使うほかのシステムのトークンを作って、止めます。"),
            order=60,
            in_menu=False,
        ),
    )
    staff.register(
        staff.Tile(
            key="closures",
            title=lazy_gettext("休み・中止"),
            endpoint="reservations.closures",
            roles=(Role.FACILITY_MANAGER,),
            text=lazy_gettext("休みや雨の中止を入れます。予約していた人に知らせて、お金を返します。"),
            order=31,
        ),
    )
    staff.register(
        staff.Tile(
            key="board",
            title=lazy_gettext("1週間の表"),
            endpoint="reservations.board_today",
            roles=(Role.FACILITY_MANAGER,),
            text=lazy_gettext("全部の部屋・コートの1週間を見て、予約を動かします。"),
            order=31,
        ),
    )
    staff.register(
        staff.Tile(
            key="behalf",
            title=lazy_gettext("窓口・電話の予約"),
            endpoint="reservations.behalf_form",
            roles=(Role.FACILITY_MANAGER,),
            text=lazy_gettext("窓口や電話の人の予約を取って、現金を受け取ります。"),
            order=31,
            in_menu=False,
        ),
    )
