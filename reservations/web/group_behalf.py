"""A group telephones: the clerk books in its name, for a person whom the group entrusts."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from portal.accounts.models import Role
from portal.kernel import audit, clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access
from portal.web.forms import CheckboxesField, ChoiceField, MaxLength, PortalForm, Required, SelectionField, TextField
from reservations import combining
from reservations.desk import behalf, repeating
from reservations.desk.behalf import Begun, Who
from reservations.errors import BadPeriod, SeriesOpen
from reservations.groups import queries
from reservations.groups.models import GroupState
from reservations.models import Source
from reservations.operations import series
from reservations.services.common import KIND
from reservations.web import words
from reservations.web.behalf import HOLD_REFUSALS, place_of, slot_choices
from reservations.web.behalf_forms import PlaceForm
from reservations.web.forms import DayField
from reservations.web.manage import facilities_of
from reservations.web.public import bp
from reservations.web.refusals import refused_text
from reservations.web.series import why_missed
from reservations.web.words import gettext

_MANAGER = access.staff(Role.FACILITY_MANAGER)
_NOBODY = Who("", "", "", "", "", None)


class GroupWordsForm(PortalForm):
    """Which group. Sent by GET."""

    class Meta:
        """No token."""

        csrf = False

    words = TextField(lazy_gettext("団体(名前・読み・番号・代表者)"), validators=[Optional(), MaxLength(80)])


class GroupBehalfForm(PortalForm):
    """For which group and person, when. `party`: the group's number and the person, as `G-…:12`."""

    party = ChoiceField(lazy_gettext("どの団体の、だれからですか"), validators=[Required()])
    slot = CheckboxesField(
        lazy_gettext("時間"), description=lazy_gettext("続けて使うときは、いくつも選びます。"), validators=[Required()]
    )
    source = SelectionField(lazy_gettext("どこから"), validators=[Required()])
    until = DayField(
        lazy_gettext("毎週使うときは、いつまで"),
        description=lazy_gettext("同じ曜日・同じ時間を、この日まで取ります。1回だけのときは、空のままにします。"),
        validators=[Optional()],
        render_kw={"type": "date"},
    )
    space = HiddenField()
    day = HiddenField()
    words = HiddenField()


def _parties(session: Session, typed: str) -> list[SelectChoice]:
    """Verified groups that fit the words and still hold, with each person who may book for them; each look is recorded."""
    if not typed.strip():
        return []
    today, made = clock.today(), []
    for group in queries.searched(session, typed, limit=behalf.PEOPLE_SHOWN):
        ends = group.valid_until
        if group.state != GroupState.VERIFIED or ends is None or ends < today:
            continue
        actor = access.visitor().actor
        audit.record(session, actor=actor, action="group.read", subject_kind="group", subject_ref=group.reference)
        for person in queries.who_book(session, group):
            who = gettext("%(group)s: %(name)s %(phone)s", group=group.name, name=person.name, phone=person.phone)
            made.append(SelectChoice(f"{group.reference}:{person.id}", who))
    return made


def _form(session: Session, place: PlaceForm, found: Any, since: Begun | None) -> GroupBehalfForm:
    form = GroupBehalfForm() if request.method == "POST" else GroupBehalfForm(formdata=None)
    form.source.choices = [
        SelectChoice(Source.TELEPHONE.value, gettext("電話")),
        SelectChoice(Source.COUNTER.value, gettext("窓口")),
    ]
    typed = request.values.get("words", "")[:80]
    form.slot.choices = slot_choices(found, since)
    form.party.choices = _parties(session, typed)
    form.space.data, form.day.data = found.space.code, (place.day.data or clock.today()).isoformat()
    form.words.data = typed
    return form


def _page(
    place: PlaceForm, found: Any, form: GroupBehalfForm | None, *, message: str = "", status: int = 200
) -> ResponseReturnValue:
    html = render_template(
        "reservations/desk/book_group.html",
        place=place,
        found=found,
        form=form,
        search=GroupWordsForm(request.values),
        message=message,
        words=words,
    )
    return html, status


@bp.get("/staff/desk/book/group")
@_MANAGER
def group_behalf_form() -> ResponseReturnValue:
    """Which group, room and day; then who calls and the free times."""
    with unit_of_work() as session:
        place, found, since = place_of(session)
        form = _form(session, place, found, since) if found is not None else None
    return _page(place, found, form)


@bp.post("/staff/desk/book/group")
@_MANAGER
def group_behalf_hold() -> ResponseReturnValue:
    """Keep the times for the group."""
    visitor = access.visitor()
    own = facilities_of(visitor)
    with unit_of_work() as session:
        place, found, since = place_of(session)
        if found is None:
            raise NotFound
        form = _form(session, place, found, since)
    if not form.validate():
        return _page(place, found, form, status=422)
    group, _colon, person = form.party.data.rpartition(":")
    if form.until.data is not None:
        return _weekly(place, found, form, form.until.data)

    def work(session: Session) -> str:
        return behalf.hold_for(
            session,
            _NOBODY,
            person_id=int(person),
            space=found.space.code,
            day=place.day.data or clock.today(),
            slots=tuple(form.slot.data),
            group=group,
            source=Source(form.source.data),
            facilities=own,
            actor=visitor.actor,
            now=clock.now_in(session),
        )

    try:
        reference = transact(work)
    except HOLD_REFUSALS as error:
        return _page(place, found, form, message=refused_text(error), status=error.status)
    return redirect(url_for("reservations.behalf_booking", reference=reference), 303)


def _weekly(place: PlaceForm, found: Any, form: GroupBehalfForm, last: date) -> ResponseReturnValue:
    """Keep the times of every week that can be had, and show what could not."""
    visitor = access.visitor()
    own = facilities_of(visitor)
    group, _colon, person = form.party.data.rpartition(":")

    def work(session: Session) -> str:
        return repeating.weekly_for(
            session,
            person_id=int(person),
            group=group,
            space=found.space.code,
            first=place.day.data or clock.today(),
            last=last,
            slots=tuple(form.slot.data),
            facilities=own,
            actor=visitor.actor,
            now=clock.now_in(session),
        ).reference

    try:
        reference = transact(work)
    except BadPeriod as error:
        message = gettext("「いつまで」は、使う日からあとにしてください。60回までです。")
        return _page(place, found, form, message=message, status=error.status)
    except SeriesOpen as error:
        # Somebody else's facility may have it: there the page is not to be seen.
        reference = error.reference
    except HOLD_REFUSALS as error:
        return _page(place, found, form, message=refused_text(error), status=error.status)
    return redirect(url_for("reservations.desk_series", reference=reference), 303)


@bp.get("/staff/desk/series/<reference>")
@_MANAGER
def desk_series(reference: str) -> ResponseReturnValue:
    """The days that were kept, each to be accepted, and those that could not be had."""
    visitor, number = access.visitor(), references.parse(reference)
    with unit_of_work() as session:
        now = clock.now_in(session)
        made = repeating.within(session, number, facilities_of(visitor))
        if made is None:
            raise NotFound
        lines = [(one, combining.restored(one.slots)) for one in series.bookings_of(session, made.id)]
        missed = [(date.fromisoformat(one["day"]), why_missed(one)) for one in made.missed]
        for one, _slots in lines:
            audit.record(
                session,
                actor=visitor.actor,
                action="booking.listed",
                subject_kind=KIND,
                subject_ref=one.reference,
            )
    return render_template(
        "reservations/desk/series.html", made=made, bookings=lines, missed=missed, now=now, words=words
    )
