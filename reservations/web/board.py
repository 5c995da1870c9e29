"""The week board: all spaces of a facility, moving by mouse (drag) and by keyboard (choose, then choose where)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.accounts.models import Person, Role
from portal.kernel import audit, clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound, PortalError
from portal.web import access, locale
from reservations.desk import board as boards
from reservations.desk.behalf import AT_THE_DESK
from reservations.errors import NoSuchSlot, NotBookable, NotOffered, PriceChanged, SlotsUnfit, SlotTaken, WrongState
from reservations.models import Booking
from reservations.operations import moving
from reservations.operations.moving import MoveTo
from reservations.queries import bookings, catalog
from reservations.services.common import KIND, slots_of
from reservations.services.deciding import in_scope
from reservations.web import words
from reservations.web.forms import EmptyForm
from reservations.web.manage import facilities_of
from reservations.web.public import bp, read_day
from reservations.web.telling import Hears, hears
from reservations.web.words import gettext

_MANAGER = access.staff(Role.FACILITY_MANAGER)
_REFUSALS = (SlotTaken, NoSuchSlot, SlotsUnfit, NotBookable, NotOffered, WrongState, PriceChanged)


@bp.get("/staff/board")
@_MANAGER
def board_today() -> ResponseReturnValue:
    """The week from today, or from the day that was chosen, of the first facility or the one that is looked at."""
    own = sorted(facilities_of(access.visitor()))
    if not own:
        raise NotFound
    wanted, chosen, moved = (request.args.get(name) for name in ("facility", "day", "move"))
    day = read_day(chosen) if chosen else clock.today()
    facility = wanted if wanted in own else own[0]
    return redirect(url_for("reservations.board", facility=facility, day=day.isoformat(), move=moved or None), 303)


def _names(page: boards.Board, ids: Collection[int]) -> str:
    """Names of spaces of the board."""
    joint = ", " if locale.current() == "en" else "、"
    return joint.join(row.space.called(locale.current()) for row in page.rows if row.space.id in ids)


@bp.get("/staff/board/<facility>/<day>")
@_MANAGER
def board(facility: str, day: str) -> ResponseReturnValue:
    """A facility's week; with `move`, every free slot is a place to put that booking."""
    first = read_day(day)
    own = facilities_of(access.visitor())
    moved = references.parse(request.args["move"]) if request.args.get("move") else None
    with unit_of_work() as session:
        page = boards.board(session, facility, first, facilities=own, now=clock.now_in(session))
        managed = bookings.managed(session, own, on=first)
        moving_line = bookings.line_of(session, own, moved) if moved else None
        for row in page.rows:
            for cell in row.cells:
                for line in cell.bookings:
                    _looked(session, line.reference)
    return render_template(
        "reservations/desk/board.html",
        page=page,
        managed=managed,
        moved=moving_line,
        done=request.args.get("done"),
        told=request.args.get("told"),
        first=first,
        today=clock.today(),
        because=partial(_names, page),
        at_the_desk=AT_THE_DESK,
        before=first - timedelta(days=boards.DAYS),
        after=first + timedelta(days=boards.DAYS),
        words=words,
    )


def _looked(session: Session, reference: str) -> None:
    audit.record(
        session, actor=access.visitor().actor, action="booking.listed", subject_kind=KIND, subject_ref=reference
    )


def _target(session: Session, number: str, values: Any) -> tuple[Any, MoveTo]:
    """The booking, locked, and where it is to go.

    Raises:
        NotFound: not of the visitor's facilities.
    """
    booking = in_scope(session, number, facilities_of(access.visitor()))
    day: date = read_day(values.get("day", ""))
    space = values.get("space") or booking.space.code
    codes = boards.following(session, space, day, values.get("slot", ""), count=len(slots_of(booking)))
    return booking, MoveTo(day, codes, space)


@bp.get("/staff/board/move/<reference>")
@_MANAGER
def board_ask_move(reference: str) -> ResponseReturnValue:
    """What the move would mean for the time and the price; nothing is done."""
    return _move_page(references.parse(reference), request.args)


def _move_page(number: str, values: Any, *, message: str = "", status: int = 200) -> ResponseReturnValue:
    target = price = None
    with unit_of_work() as session:
        booking, to = _target(session, number, values)
        try:
            target, price = moving.look(session, booking, to, by_staff=True, now=clock.now_in(session))
        except _REFUSALS as error:
            message, status = message or _words(error), status if status != 200 else error.status
        line = bookings.line_of(session, facilities_of(access.visitor()), number)
        place = next(iter(catalog.spaces(session, on=to.day, space_code=to.space)), None)
        way, phone = _reached(session, booking)
        _looked(session, number)
    html = render_template(
        "reservations/desk/move.html",
        booking=booking,
        line=line,
        target=target,
        price=price,
        to=to,
        place=place.name if place else to.space,
        way=way,
        phone=phone,
        message=message,
        empty=EmptyForm(formdata=None),
        words=words,
    )
    return html, status


def _reached(session: Session, booking: Booking) -> tuple[Hears, str]:
    """How the booking's person hears of the move, and their telephone."""
    person = session.get_one(Person, booking.person_id)
    return hears(session, booking, now=clock.now_in(session)), person.phone or ""


def _words(error: PortalError) -> str:
    match error:
        case SlotTaken():
            return gettext("そこには、もう予約があります。動かしていません。")
        case NotBookable():
            return words.refused_words(error.reason, error.at, error.limit)
        case PriceChanged():
            return gettext("金額が変わりました。もう一度見てください。")
        case WrongState():
            return gettext("この予約は、もう動かせません。")
        case _:
            return gettext("そこには、その時間がありません。")


@bp.post("/staff/board/move/<reference>")
@_MANAGER
def board_move(reference: str) -> ResponseReturnValue:
    """Move it, at the price that was shown."""
    number = references.parse(reference)
    actor = access.visitor().actor
    waive = request.form.get("waive") == "y"

    def work(session: Session) -> tuple[str, str, str, Hears]:
        booking, to = _target(session, number, request.form)
        made = moving.move(
            session,
            booking,
            to,
            accepted=request.form.get("accepted") or None,
            by_staff=True,
            waive=waive,
            actor=actor,
            now=clock.now_in(session),
        )
        return booking.space.facility.code, to.day.isoformat(), made.state, _reached(session, booking)[0]

    try:
        facility, day, state, way = transact(work)
    except _REFUSALS as error:
        return _move_page(number, request.form, message=_words(error), status=error.status)
    return redirect(
        url_for("reservations.board", facility=facility, day=day, done=state, told=way.value) + f"#{number}", 303
    )
