"""The manager opens slots for individual use (個人利用): a court or a pool lane in which people take numbered places (CASES B5)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.accounts.models import Role
from portal.kernel import clock, dates
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access
from reservations.errors import NoSuchSlot, NotBookable
from reservations.operations import sessions
from reservations.operations.sessions import Opened, OpenRequest
from reservations.queries import catalog
from reservations.queries.catalog import SpaceView
from reservations.timetable import TOKYO, Slot
from reservations.web import words
from reservations.web.manage import facilities_of
from reservations.web.public import bp, read_day
from reservations.web.refusals import refused_text
from reservations.web.studio import words as studio_words
from reservations.web.words import gettext

_MANAGER = access.staff(Role.FACILITY_MANAGER)
MOST_WEEKS = 53
MOST_PLACES = 500


def _slots(session: Session, view: SpaceView, day: date) -> tuple[Slot, ...]:
    table = catalog.rules_for(session, [view]).timetable(view.timetable_code, day)
    return table.slots_on(day, dates.is_holiday) if table is not None else ()


def _tariffs(session: Session, view: SpaceView, day: date) -> list[tuple[str, str]]:
    """The kinds of price that its fee table has, in words; the space's own last, since a place is rarely priced as the whole."""
    table = catalog.rules_for(session, [view]).fees(view.fees_code, day)
    named = {code for row in table.rows for code in row.match.tariffs or ()} if table is not None else set()
    return [(code, studio_words.tariff_of(table, code)) for code in [*sorted(named - {view.tariff}), view.tariff]]


def _page(*, message: str = "", opened: Opened | None = None, status: int = 200) -> ResponseReturnValue:
    own = facilities_of(access.visitor())
    typed = request.values.get("day", "")
    day = read_day(typed) if typed else clock.today()
    chosen = request.values.get("space", "")
    with unit_of_work() as session:
        views = [view for code in sorted(own) for view in catalog.spaces(session, on=day, facility=code)]
        view = next((one for one in views if one.code == chosen), None)
        if chosen and view is None:
            raise NotFound
        slots = _slots(session, view, day) if view is not None else ()
        tariffs = _tariffs(session, view, day) if view is not None else []
        now = clock.now_in(session)
        start = datetime.combine(day, time(), TOKYO)
        open_now = (
            sessions.listed(session, view.facility.code, start=start, end=start + timedelta(days=1), now=now)
            if view is not None
            else []
        )
    html = render_template(
        "reservations/desk/individual.html",
        views=views,
        view=view,
        day=day,
        today=clock.today(),
        slots=slots,
        tariffs=tariffs,
        open_now=[one for one in open_now if view is not None and one.space_code == view.code],
        opened=opened,
        slot_names={slot.code: words.slot_words(slot) for slot in slots},
        message=message,
        most=MOST_PLACES,
        words=words,
    )
    return html, status


@bp.get("/staff/individual-use")
@_MANAGER
def individual_use() -> ResponseReturnValue:
    """Choose a place and a day, then its slots and how many people."""
    return _page()


def _mistake(codes: list[str], first: date, last: date) -> str | None:
    """What is wrong with what was typed, in words; None: nothing."""
    places = request.form.get("places", "")
    if not codes:
        return gettext("時間を1つ以上えらんでください。")
    if not (places.isascii() and places.isdigit() and 1 <= int(places) <= MOST_PLACES):
        return gettext("人数は1人から%(most)s人までです。", most=MOST_PLACES)
    if not request.form.get("tariff"):
        return gettext("1人分の料金の区分をえらんでください。")
    if not first <= last <= first + timedelta(weeks=MOST_WEEKS):
        return gettext("「いつまで」は、始まる日から1年より先にはできません。")
    return None


@bp.post("/staff/individual-use")
@_MANAGER
def open_individual_use() -> ResponseReturnValue:
    """Open the slots, on one day or every week until a day; those that somebody has stay theirs and are named."""
    first = read_day(request.form.get("day", ""))
    until = request.form.get("until", "")
    last = read_day(until) if until else first
    codes = request.form.getlist("slot")
    mistake = _mistake(codes, first, last)
    if mistake is not None:
        return _page(message=mistake, status=422)
    days = [first + timedelta(weeks=week) for week in range((last - first).days // 7 + 1)]
    wanted = OpenRequest(
        request.form.get("space", ""),
        tuple((day, code) for day in days for code in codes),
        int(request.form["places"]),
        request.form["tariff"],
    )
    visitor = access.visitor()

    def work(session: Session) -> Opened:
        return sessions.open_sessions(
            session, wanted, facilities=facilities_of(visitor), actor=visitor.actor, now=clock.now_in(session)
        )

    try:
        opened = transact(work)
    except (NoSuchSlot, NotBookable) as error:
        return _page(message=refused_text(error), status=error.status)
    if opened.taken:
        return _page(opened=opened)
    return redirect(
        url_for("reservations.individual_use", space=wanted.space, day=first.isoformat(), done=len(opened.sessions)),
        303,
    )
