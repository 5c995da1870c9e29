"""Walk-in and telephone bookings, cash at the desk, overtime: the clerk types, the booking is the person's own (CASES A11)."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms.fields.choices import SelectChoice

from payments import joining, till
from payments.errors import CashTooLittle, SlipKnown
from payments.queries import ChargeView
from portal.accounts.models import Person, Role
from portal.kernel import audit, clock, references
from portal.kernel.audit import Actor
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound, PortalError
from portal.kernel.money import Yen
from portal.web import access, city, locale
from reservations import services
from reservations.desk import behalf, closures
from reservations.desk.behalf import Begun, Known, Paper
from reservations.desk.closures import DayClosure
from reservations.desk.errors import UntrueTime
from reservations.errors import (
    HoldEnded,
    NoSuchSlot,
    NotBookable,
    NotOffered,
    PriceChanged,
    SlotsUnfit,
    SlotTaken,
    TooManyHolds,
)
from reservations.groups.models import BookingGroup
from reservations.models import FIRM, Booking, BookingState, Source
from reservations.queries import bookings, calendar, catalog
from reservations.queries.bookings import BookingView
from reservations.services.common import KIND
from reservations.web import words
from reservations.web.behalf_forms import BehalfForm, CashForm, PaperForm, PlaceForm, SlipForm
from reservations.web.details_form import DetailsForm, details_form
from reservations.web.forms import EmptyForm
from reservations.web.manage import facilities_of
from reservations.web.public import bp
from reservations.web.refusals import refused_text
from reservations.web.words import gettext

_MANAGER = access.staff(Role.FACILITY_MANAGER)
NEW = "new"
HOLD_REFUSALS = (SlotTaken, NotBookable, NoSuchSlot, NotOffered, SlotsUnfit, TooManyHolds)


def place_of(session: Session) -> tuple[PlaceForm, Any, Begun | None]:
    """The choice of room and day, that room's day where one is chosen, and what has begun of it."""
    own = facilities_of(access.visitor())
    views = [view for code in sorted(own) for view in catalog.spaces(session, on=clock.today(), facility=code)]
    values = request.args if request.method == "GET" else request.form
    form = PlaceForm(values)
    form.space.choices = [
        SelectChoice(one.code, f"{one.facility.name} {one.called(locale.current())}") for one in views
    ]
    if form.day.data is None:
        form.day.data = clock.today()
    view = next((one for one in views if one.code == (values.get("space") or "")), None)
    if view is None:
        return form, None, None
    day: date = form.day.data
    now = clock.now_in(session)
    found = calendar.space_days(session, view, [day], city=None, now=now)[0]
    return form, found, behalf.begun(session, view, day, now=now)


def slot_choices(found: Any, since: Begun | None) -> list[SelectChoice]:
    """What may be taken: what runs and what is over stand with words of their own."""
    now = clock.now()
    choices = []
    for slot in since.slots if since else ():
        shown = words.slot_words(slot)
        over = slot.end <= now
        label = gettext("%(slot)s 終わった時間(紙から入れる)", slot=shown) if over else ""
        choices.append(SelectChoice(slot.code, label or gettext("%(slot)s いまの時間", slot=shown)))
    free = [state for state in found.slots if state.state == "free"]
    return choices + [SelectChoice(state.slot.code, words.slot_words(state.slot)) for state in free]


def _form(place: PlaceForm, found: Any, since: Begun | None, known: list[Known]) -> BehalfForm:
    form = BehalfForm() if request.method == "POST" else BehalfForm(formdata=None)
    form.source.choices = [
        SelectChoice(Source.COUNTER.value, gettext("窓口")),
        SelectChoice(Source.TELEPHONE.value, gettext("電話")),
    ]
    if _over(place):
        form.source.choices = [SelectChoice(Source.PAPER.value, gettext("紙に書いたもの"))]
        form.source.data = form.source.data or Source.PAPER.value
    form.slot.choices = slot_choices(found, since)
    form.person.choices = _people(known)
    form.space.data, form.day.data = found.space.code, (place.day.data or clock.today()).isoformat()
    if request.method == "GET":
        form.city.data, form.prefecture.data = city.name().ja, "茨城県"
    return form


def _people(known: list[Known]) -> list[SelectChoice]:
    own = [
        SelectChoice(
            str(one.person_id),
            gettext(
                "%(name)s %(phone)s %(city)s%(account)s",
                name=one.name,
                phone=one.phone,
                city=one.city,
                account=gettext("(アカウントあり)") if one.account else "",
            ),
        )
        for one in known
    ]
    return [SelectChoice("", gettext("選んでください")), *own, SelectChoice(NEW, gettext("ちがう人(新しく登録する)"))]


def _over(place: PlaceForm) -> bool:
    """Whether the day is over: only paper is left."""
    return (place.day.data or clock.today()) < clock.today()


def _shut(place: PlaceForm, found: Any) -> list[DayClosure]:
    """What is closed on the day so that the space cannot be used."""
    with unit_of_work() as session:
        shut = closures.on_day(session, [found.space.facility.code], place.day.data or clock.today())
    return [one for one in shut if found.space.id in one.taken]


def _page(
    place: PlaceForm,
    found: Any,
    form: BehalfForm | None,
    since: Begun | None,
    *,
    message: str = "",
    status: int = 200,
) -> Any:
    html = render_template(
        "reservations/desk/book.html",
        place=place,
        found=found,
        form=form,
        since=since,
        over=_over(place),
        shut=_shut(place, found) if found is not None else [],
        ask=form is not None and len(form.person.choices or []) > 2,
        message=message,
        words=words,
    )
    return html, status


@bp.get("/staff/desk/book")
@_MANAGER
def behalf_form() -> ResponseReturnValue:
    """Room, day, free times, and for whom."""
    with unit_of_work() as session:
        place, found, since = place_of(session)
    form = _form(place, found, since, []) if found is not None else None
    answer: ResponseReturnValue = _page(place, found, form, since)
    return answer


@bp.post("/staff/desk/book")
@_MANAGER
def behalf_hold() -> ResponseReturnValue:
    """Ask whether it is somebody known; then keep the slot for them."""
    visitor = access.visitor()
    own = facilities_of(visitor)
    with unit_of_work() as session:
        place, found, since = place_of(session)
        if found is None:
            raise NotFound
        form = _form(place, found, since, [])
        typed = form.name.data or form.phone.data
        known = behalf.candidates(session, form.who(), actor=visitor.actor) if typed else []
    form.person.choices = _people(known)
    form.person.data = form.person.data or ""
    if not form.validate():
        return _answer(_page(place, found, form, since, status=422))
    chosen = form.person.data
    form.person.flags.required = bool(known)
    if known and not chosen:
        message = gettext("登録のある人かもしれません。選んでください。")
        return _answer(_page(place, found, form, since, message=message))

    def work(session: Session) -> str:
        return behalf.hold_for(
            session,
            form.who(),
            person_id=int(chosen) if chosen and chosen != NEW else None,
            space=found.space.code,
            day=place.day.data or clock.today(),
            slots=tuple(form.slot.data),
            source=Source(form.source.data),
            facilities=own,
            actor=visitor.actor,
            now=clock.now_in(session),
        )

    try:
        reference = transact(work)
    except HOLD_REFUSALS as error:
        return _answer(_page(place, found, form, since, message=refused_text(error), status=error.status))
    return redirect(url_for("reservations.behalf_booking", reference=reference), 303)


def _answer(page: Any) -> ResponseReturnValue:
    answer: ResponseReturnValue = page
    return answer


def _own(session: Session, number: str) -> BookingView:
    view = bookings.of_facilities(session, number, facilities_of(access.visitor()))
    if view is None:
        raise NotFound
    audit.record(session, actor=access.visitor().actor, action="booking.read", subject_kind=KIND, subject_ref=number)
    return view


def _show(
    view: BookingView, form: DetailsForm, *, paper: PaperForm | None = None, message: str = "", status: int = 200
) -> ResponseReturnValue:
    form.accepted.data = view.quote.digest
    with unit_of_work() as session:
        person = session.get_one(Person, view.booking.person_id)
        group = session.get(BookingGroup, view.booking.group_id) if view.booking.group_id is not None else None
    charge = view.charge if view.charge is not None and view.charge.waits else None
    html = render_template(
        "reservations/desk/behalf.html",
        group=group,
        view=view,
        booking=view.booking,
        person=person,
        form=form,
        paper=paper or _paper(view.booking),
        over=view.booking.source == Source.PAPER,
        strikes=view.booking.after_begin and view.state in FIRM,
        charge=charge,
        cash=CashForm(formdata=None, received=charge.total if charge else None),
        slip=SlipForm(formdata=None),
        open=view.state == BookingState.HELD and view.booking.accepted_at is None and not view.ended(clock.now()),
        ended=view.ended(clock.now()),
        message=message,
        empty=EmptyForm(formdata=None),
        words=words,
    )
    return html, status


def _paper(booking: Booking) -> PaperForm:
    """The paper's form with what was typed so far."""
    kept = Paper.of(booking)
    if kept is None:
        return PaperForm(formdata=None)
    left = clock.local(kept.left_at).time() if kept.left_at else None
    return PaperForm(formdata=None, data={"came": clock.local(kept.came_at).time(), "left": left, "why": kept.why})


def _details(view: BookingView) -> DetailsForm:
    purposes = [(one.id, one.name) for one in view.purposes]
    return details_form(view.booking, view.asks, purposes, fill=request.method == "GET")


@bp.get("/staff/desk/holds/<reference>")
@_MANAGER
def behalf_booking(reference: str) -> ResponseReturnValue:
    """What for, how many, what it costs; then the cash."""
    with unit_of_work() as session:
        view = _own(session, references.parse(reference))
        return _show(view, _details(view))


@bp.post("/staff/desk/holds/<reference>")
@_MANAGER
def behalf_save(reference: str) -> ResponseReturnValue:
    """Compute the price anew, or accept it in the person's name, as they said."""
    number = references.parse(reference)
    with unit_of_work() as session:
        view = _own(session, number)
        form, paper = _details(view), PaperForm()
        over = view.booking.source == Source.PAPER
        valid = [form.validate(), not over or paper.validate()]
        if not all(valid):
            return _show(view, form, paper=paper, status=422)
    said = paper.paper(view.booking) if over else None
    try:
        transact(partial(_save, view=view, form=form, said=said, accepts=request.form.get("action") == "accept"))
    except UntrueTime:
        message = gettext("来た時刻と帰った時刻は、使った時間に合う、本当の時刻にしてください。")
        paper.refuse(paper.came, message)
        with unit_of_work() as session:
            return _show(_own(session, number), form, paper=paper, status=422)
    except (NotBookable, PriceChanged, HoldEnded, SlotTaken) as error:
        with unit_of_work() as session:
            return _show(_own(session, number), form, paper=paper, message=_words(error), status=error.status)
    return redirect(url_for("reservations.behalf_booking", reference=number), 303)


def _save(session: Session, *, view: BookingView, form: DetailsForm, said: Paper | None, accepts: bool) -> None:
    """Keep what was said, or accept it."""
    booking, visitor, now = view.booking, access.visitor(), clock.now_in(session)
    number, details, own = booking.reference, form.details(), facilities_of(visitor)
    accepted, person = form.accepted.data or "", booking.person_id
    if accepts and booking.after_begin:
        behalf.accept_begun(
            session,
            number,
            details,
            accepted=accepted,
            paper=said,
            facilities=own,
            actor=visitor.actor,
            now=now,
        )
    elif accepts:
        services.accept(session, number, details, accepted=accepted, person_id=person, actor=visitor.actor, now=now)
    else:
        if said is not None:
            behalf.keep_paper(session, number, said, facilities=own)
        services.change_details(session, number, details, person_id=person, actor=visitor.actor, now=now)


@bp.post("/staff/desk/holds/<reference>/release")
@_MANAGER
def behalf_give_up(reference: str) -> ResponseReturnValue:
    """They do not want it after all: the time is free again at once."""
    number = references.parse(reference)
    visitor = access.visitor()
    own = facilities_of(visitor)
    transact(lambda s: behalf.give_up(s, number, facilities=own, actor=visitor.actor, now=clock.now_in(s)))
    return redirect(url_for("reservations.behalf_booking", reference=number), 303)


@bp.post("/staff/desk/holds/<reference>/strike")
@_MANAGER
def behalf_strike(reference: str) -> ResponseReturnValue:
    """Take out what was entered by mistake."""
    number = references.parse(reference)
    visitor = access.visitor()
    own = facilities_of(visitor)
    transact(lambda s: behalf.strike(s, number, facilities=own, actor=visitor.actor, now=clock.now_in(s)))
    return redirect(url_for("reservations.behalf_booking", reference=number), 303)


def _words(error: PortalError) -> str:
    if isinstance(error, PriceChanged):
        return gettext("金額が変わりました。もう一度見てください。")
    return refused_text(error)


@bp.post("/staff/desk/bookings/<reference>/cash")
@_MANAGER
def behalf_cash(reference: str) -> ResponseReturnValue:
    """Take cash for what is owed; the receipt is made at once."""
    number = references.parse(reference)
    visitor = access.visitor()
    with unit_of_work() as session:
        view = _own(session, number)
    charge = view.charge
    form = CashForm()
    if charge is None or not charge.waits:
        raise NotFound
    if not form.validate():
        return _show(view, _filled(view), message=gettext("預かった金額を入力してください。"), status=422)
    received = form.received.data or Yen(0)
    try:
        transact(
            partial(
                _take_cash,
                charge=charge,
                received=received,
                clerk=visitor.actor,
                place=view.booking.space.facility.code,
                now=clock.now(),
            )
        )
    except CashTooLittle:
        message = gettext("預かった金額がたりません。%(yen)s 必要です。", yen=charge.total)
        return _show(view, _filled(view), message=message, status=422)
    return redirect(url_for("reservations.behalf_booking", reference=number), 303)


@bp.post("/staff/desk/bookings/<reference>/terminal")
@_MANAGER
def behalf_terminal(reference: str) -> ResponseReturnValue:
    """Record that the facility's card terminal took what is owed, by its slip number."""
    number = references.parse(reference)
    visitor = access.visitor()
    with unit_of_work() as session:
        view = _own(session, number)
    charge, form = view.charge, SlipForm()
    if charge is None or not charge.waits:
        raise NotFound
    if not form.validate():
        return _show(view, _filled(view), message=gettext("カード端末の伝票番号を入力してください。"), status=422)
    try:
        transact(
            partial(
                _take_terminal,
                charge=charge,
                slip=str(form.slip.data or ""),
                clerk=visitor.actor,
                place=view.booking.space.facility.code,
                now=clock.now(),
            )
        )
    except SlipKnown:
        message = gettext("この伝票番号は、別のお支払いに使われています。")
        return _show(view, _filled(view), message=message, status=409)
    return redirect(url_for("reservations.behalf_booking", reference=number), 303)


def _take_terminal(session: Session, *, charge: ChargeView, slip: str, clerk: Actor, place: str, now: datetime) -> None:
    """Record the fee of this one booking, also where it was to be paid in one sum with others."""
    if charge.joined_to is not None:
        joining.separate(session, charge.joined_to, actor=clerk, now=now)
    till.take_terminal(session, charge.reference, slip_number=slip, clerk=clerk, place=place, now=now)


def _take_cash(session: Session, *, charge: ChargeView, received: Yen, clerk: Actor, place: str, now: datetime) -> None:
    """Take the fee of this one booking, also where it was to be paid in one sum with others."""
    if charge.joined_to is not None:
        joining.separate(session, charge.joined_to, actor=clerk, now=now)
    till.take_cash(session, charge.reference, received=received, clerk=clerk, place=place, now=now)


def _filled(view: BookingView) -> DetailsForm:
    purposes = [(one.id, one.name) for one in view.purposes]
    return details_form(view.booking, view.asks, purposes, fill=True)
