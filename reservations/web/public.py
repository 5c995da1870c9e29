"""Find a place: by purpose, by facility, by day. Everybody may look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import cast
from urllib.parse import urlencode

from flask import Blueprint, render_template, request, url_for
from flask import session as browser
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from portal.accounts.models import Role
from portal.directory import postal
from portal.kernel import clock, references
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, locale
from reservations.desk import closures
from reservations.errors import NoSuchDay
from reservations.groups.queries import applicant, party_of
from reservations.models import BookingState
from reservations.operations import sessions
from reservations.personal import services as personal
from reservations.places import Point
from reservations.queries import bookings, calendar, catalog
from reservations.queries.catalog import FacilityHead
from reservations.rules import Looker
from reservations.studio.queries import pictures_of
from reservations.timetable import PartOfDay
from reservations.web import closed_words, words
from reservations.web.comforts import barrier_free_words
from reservations.web.forms import SearchForm, offered
from reservations.web.kept import hurry, kept

bp = Blueprint("reservations", __name__, template_folder="templates")

FACILITIES_SHOWN = 8
MONTHS_AHEAD = 13


PARTY = "booking_party"
"""Key of the browser's session: for which group the visitor books."""


def booking_party() -> str | None:
    """Reference of the group for which the visitor books now."""
    return browser.get(PARTY) if access.visitor().person_id is not None else None


@bp.context_processor
def _party_name() -> dict[str, str]:
    """Name of the group for which the visitor books, for a note on every page of bookings."""
    person_id, wanted = access.visitor().person_id, booking_party()
    if person_id is None or wanted is None:
        return {"party_name": ""}
    with unit_of_work() as session:
        group = party_of(session, person_id, wanted)
        return {"party_name": group.name if group is not None else ""}


def city_of_visitor(session: Session) -> Looker:
    """The visitor as the rules of use see them; None for somebody not signed in."""
    person_id = access.visitor().person_id
    return None if person_id is None else applicant(session, person_id, booking_party())


def read_day(text: str) -> date:
    """A day in an address.

    Raises:
        NoSuchDay: it is none (2027-02-29, 令和元年13月).
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NoSuchDay(_last_of_month(text)) from None


def _last_of_month(text: str) -> date | None:
    """28 February 2027 for 2027-02-29; None where the text names no month."""
    try:
        first = date.fromisoformat(f"{text[:7]}-01")
    except ValueError:
        return None
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


@bp.get("/facilities")
@access.public
def search() -> ResponseReturnValue:
    """Purposes first; with one chosen, the facilities and their free slots of a day."""
    today = clock.today()
    form = SearchForm(request.args, today=today)
    with unit_of_work() as session:
        now = clock.now_in(session)
        choices = catalog.purposes(session)
        districts = catalog.districts(session)
        form.purpose.choices = offered(
            [("", gettext("えらんでください")), *((p.code, _called(p.name, p.name_en)) for p in choices)]
        )
        form.district.choices = offered([("", gettext("どの地区でもよい")), *words.district_choices(districts)])
        form.part.choices = offered(words.part_choices())
        valid = form.validate() and _says_what_for(form)
        near = _near(session, form) if valid and form.near.data else None
        valid = valid and not form.near.errors
        day = form.day.data if valid else None
        purpose = form.purpose.data if valid else ""
        page = None
        if purpose:
            page = calendar.search(
                session,
                purpose=purpose,
                day=day,
                district=form.district.data or None,
                part=cast("PartOfDay | None", form.part.data or None),
                city=city_of_visitor(session),
                now=now,
                near=near,
            )
        facilities = [] if page else catalog.names(session, on=today)
        person_id = access.visitor().person_id
        kept = personal.favourites(session, person_id) if person_id and not page else frozenset()
    if page and form.day.data is None and not form.day.errors:
        form.day.data = page.day
    chosen = next((p for p in choices if p.code == purpose), None)
    parts = [(code, label) for code, label in words.parts() if form.part.data in ("", None, code)]
    return (
        render_template(
            "reservations/search.html",
            form=form,
            page=page,
            chosen=chosen,
            purposes=choices,
            facilities=facilities,
            kept=[facility for facility in facilities if facility.code in kept],
            shown=FACILITIES_SHOWN,
            own=person_id is not None,
            parts=parts,
            narrowed=_narrowed(form, districts) if valid else [],
            table=request.args.get("view") == "table",
            by_position=Point.parse(form.near.data or "") is not None,
            called=_called,
            words=words,
            query=_query,
        ),
        200 if valid else 422,
    )


def _says_what_for(form: SearchForm) -> bool:
    """Whether somebody who chose a day, a place or a part of the day chose what for as well."""
    if form.purpose.data or not (form.day.data or form.district.data or form.part.data or form.near.data):
        return True
    form.purpose.errors = [gettext("「使いみち」をえらんでください。")]
    return False


def _narrowed(form: SearchForm, districts: Sequence[str]) -> list[str]:
    """By what the result is narrowed, in words: 夜(17時から), 総和地区."""
    part = dict(words.parts()).get(form.part.data or "")
    district = dict(words.district_choices(districts)).get(form.district.data or "")
    return [one for one in (part, district and gettext("%(district)s地区", district=district)) if one]


def _near(session: Session, form: SearchForm) -> Point | None:
    """The place that the search starts from: a position, a postal code, or the name of a town."""
    words = form.near.data or ""
    point = Point.parse(words)
    if point is not None:
        return point
    found = postal.lookup(session, words) if postal.normalise(words) else None
    centre = catalog.town_centre(session, found.town if found else words)
    if centre is None:
        form.near.errors = [
            gettext("この町に近い施設が見つかりませんでした。書き方をかえるか、地区をえらんでください。")
        ]
    return centre


def _called(name: str, name_en: str) -> str:
    return name_en if locale.current() == "en" and name_en else name


def _query(**changes: str) -> str:
    """The address of this search with something changed."""
    kept = {key: request.args.get(key, "") for key in ("purpose", "date", "district", "part", "near", "view")}
    wanted = {key: value for key, value in {**kept, **changes}.items() if value}
    address = url_for("reservations.search")
    return f"{address}?{urlencode(wanted)}" if wanted else address


def _month_of(text: str | None, today: date) -> date:
    first = today.replace(day=1)
    if not text:
        return first
    wanted = read_day(f"{text}-01")
    months = (wanted.year - first.year) * 12 + wanted.month - first.month
    if not 0 <= months <= MONTHS_AHEAD:
        raise NotFound
    return wanted


def successor_of(session: Session, facility: FacilityHead) -> FacilityHead | None:
    """The facility that takes the place of one that closes; None where there is none. At most one statement."""
    if facility.replaced_by is None:
        return None
    return catalog.facility_head(session, facility.replaced_by, on=facility.closed_on or clock.today())


@bp.get("/facilities/<code>")
@access.public
@kept
def facility(code: str) -> ResponseReturnValue:
    """A facility and its month."""
    today = clock.today()
    first = _month_of(request.args.get("month"), today)
    purpose = request.args.get("purpose") or None
    with unit_of_work() as session:
        hurry(session)
        now = clock.now_in(session)
        page = calendar.month(session, code, first, purpose=purpose, city=city_of_visitor(session), now=now)
        person_id = access.visitor().person_id
        favourite = personal.is_favourite(session, person_id=person_id, facility=code) if person_id else None
        pictures = pictures_of(session, page.facility.id) if page is not None else []
        successor = successor_of(session, page.facility) if page is not None else None
    if page is None:
        raise NotFound
    before = (first - timedelta(days=1)).replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    limit = today.replace(day=1) + timedelta(days=31 * MONTHS_AHEAD)
    return render_template(
        "reservations/facility.html",
        page=page,
        pictures=pictures,
        barrier_free=barrier_free_words(page.facility.barrier_free),
        favourite=favourite,
        successor=successor,
        purpose=purpose,
        nothing_left=not any(cell.free for week in page.weeks for cell in week if cell is not None),
        today=today,
        before=before if before >= today.replace(day=1) else None,
        after=after if after < limit else None,
        called=_called,
        words=words,
    )


@bp.get("/facilities/<code>/day/<day>")
@access.public
def facility_day(code: str, day: str) -> ResponseReturnValue:
    """All spaces of a facility on a day: what is free, at what price."""
    wanted = read_day(day)
    purpose = request.args.get("purpose") or None
    with unit_of_work() as session:
        now = clock.now_in(session)
        page = calendar.day_page(session, code, wanted, purpose=purpose, city=city_of_visitor(session), now=now)
        start = datetime.combine(wanted, time(), clock.TOKYO)
        shared = sessions.listed(session, code, start=start, end=start + timedelta(days=1), now=now)
        successor = successor_of(session, page.facility) if page is not None else None
        shut = closures.announced(session, code, wanted)
    if page is None:
        raise NotFound
    today = clock.today()
    return render_template(
        "reservations/day.html",
        shut=shut,
        closed=closed_words,
        page=page,
        shared=shared,
        successor=successor,
        purpose=purpose,
        before=wanted - timedelta(days=1) if wanted > today else None,
        after=wanted + timedelta(days=1),
        words=words,
    )


@bp.get("/permits/<code>")
@access.public
def verify(code: str) -> ResponseReturnValue:
    """Whether a permit is good: for the reception that reads its QR code. No name is shown."""
    with unit_of_work() as session:
        view = bookings.by_permit(session, references.parse(code))
    if view is None:
        raise NotFound
    visitor = access.visitor()
    return render_template(
        "reservations/verify.html",
        view=view,
        good=view.state == BookingState.CONFIRMED,
        receives=view.booking.space.facility.code in visitor.scopes(Role.FACILITY_MANAGER, "facility"),
        guest=not visitor.signed_in,
        words=words,
        now=clock.now(),
    )
