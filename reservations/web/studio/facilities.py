"""Facilities and their spaces, set up in the browser. The manager of the facility and the facility admin may."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from portal.accounts.models import Role
from portal.kernel import audit, clock, files
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.web import access, locale
from reservations.models import Facility, NameKind, Space
from reservations.queries import catalog
from reservations.studio import queries, services
from reservations.studio.layouts import LAYOUTS
from reservations.studio.services import FacilityFacts, FloorFacts, NameFacts, SpaceFacts
from reservations.web import words as booking_words
from reservations.web.public import bp
from reservations.web.studio import words
from reservations.web.studio.forms import FacilityForm, FloorForm, NameEndForm, NameForm, PictureForm, SpaceForm

WHO = (Role.FACILITY_MANAGER, Role.FACILITY_ADMIN)
LARGEST_SIDE = 1600


def everything() -> bool:
    """Whether the visitor sets up all facilities."""
    return access.visitor().may(Role.FACILITY_ADMIN)


def managed() -> set[str]:
    """Codes of the facilities that the visitor manages."""
    return access.visitor().scopes(Role.FACILITY_MANAGER, "facility")


def allowed(code: str) -> str:
    """The code, if the visitor may set this facility up.

    Raises:
        NotFound: they may not: for them there is no such page.
    """
    if not services.may_manage(code, managed=managed(), everything=everything()):
        raise NotFound
    return code


def _uses(session: Session) -> dict[str, str]:
    english = locale.current() == "en"
    return {one.code: one.name_en if english else one.name for one in catalog.purposes(session)}


@bp.get("/staff/facilities")
@access.staff(*WHO)
def setup_list() -> ResponseReturnValue:
    """The facilities that the visitor sets up."""
    with unit_of_work() as session:
        lines = queries.facilities(session, managed=managed(), everything=everything(), on=clock.today())
        waiting = queries.waiting(
            session, managed=managed(), everything=everything(), account_id=access.visitor().account_id
        )
    names = {line.code: line.name for line in lines}
    return render_template("reservations/setup/list.html", lines=lines, waiting=waiting, names=names, words=words)


def _facility_form(session: Session, facility: Facility | None = None, **values: Any) -> FacilityForm:
    districts = queries.districts(session)
    if facility is not None and facility.district and facility.district not in districts:
        districts.append(facility.district)
    form = FacilityForm(
        districts=districts,
        departments=queries.departments(session),
        payees=queries.payees(session),
        successors=queries.successors(session, facility.code if facility is not None else None, on=clock.today()),
        locale=locale.current(),
        **values,
    )
    if facility is not None and queries.payee_of(session, facility.id) is not None:
        # Whose money it is changes from a date: not with the facts of the place.
        del form.payee
    return form


def _facts(form: FacilityForm) -> FacilityFacts:
    return FacilityFacts(
        name=form.name.data,
        kana=form.kana.data,
        name_en=form.name_en.data,
        category=form.category.data,
        district=form.district.data or None,
        address=form.address.data or None,
        phone=form.phone.data or None,
        longitude=form.longitude.data,
        latitude=form.latitude.data,
        department=form.department.data or None,
        opened_on=form.opened_on.data,
        closed_on=form.closed_on.data,
        replaced_by=form.replaced_by.data or None,
        barrier_free=tuple(form.barrier_free.data or ()),
        wifi={"yes": True, "no": False}.get(form.wifi.data),
        note=form.note.data or None,
        payee=(form.payee.data or None) if "payee" in form else None,
    )


@bp.route("/staff/facilities/new", methods=["GET", "POST"])
@access.staff(*WHO)
def setup_new() -> ResponseReturnValue:
    """A new facility."""
    with unit_of_work() as session:
        form = _facility_form(session)
    if request.method == "GET" or not form.validate():
        html = render_template("reservations/setup/facility_form.html", form=form, facility=None)
        return html, 200 if request.method == "GET" else 422
    visitor = access.visitor()

    def make(session: Session) -> str:
        return services.create_facility(
            session, _facts(form), actor=visitor.actor, manager=not everything(), now=clock.now()
        ).code

    return redirect(url_for("reservations.setup_page", code=transact(make)), 303)


@bp.get("/staff/facilities/<code>")
@access.staff(*WHO)
def setup_page(code: str) -> ResponseReturnValue:
    """A facility: what there is, and what is still missing."""
    with unit_of_work() as session:
        return _page(session, allowed(code))


def _page(
    session: Session,
    code: str,
    *,
    names: NameForm | None = None,
    ends: dict[int, NameEndForm] | None = None,
    picture: PictureForm | None = None,
) -> str:
    page = queries.page(session, code, on=clock.today())
    replaced_by = page.facility.replaced_by
    after = queries.after_the_end(session, page.facility, now=clock.now_in(session))
    for line in after:
        audit.record(
            session,
            actor=access.visitor().actor,
            action="booking.listed",
            subject_kind="booking",
            subject_ref=line.reference,
        )
    return render_template(
        "reservations/setup/facility.html",
        page=page,
        facility=page.facility,
        successor=catalog.facility_head(session, replaced_by, on=clock.today()) if replaced_by else None,
        after=after,
        closable=code in managed(),
        names=names or NameForm(formdata=None),
        ends={
            name.id: (ends or {}).get(name.id) or NameEndForm(formdata=None, prefix=f"name{name.id}")
            for name in page.facility.names
            if name.kind != NameKind.OFFICIAL and (name.valid_until is None or name.valid_until >= clock.today())
        },
        picture=picture or PictureForm(formdata=None),
        words=words,
        booking_words=booking_words,
        today=clock.today(),
    )


def _filled(facility: Facility) -> dict[str, Any]:
    known = {True: "yes", False: "no"}
    official = next((n for n in facility.names if n.kind == NameKind.OFFICIAL and n.valid_until is None), None)
    return {
        "name": official.name if official else "",
        "name_en": official.name_en if official else "",
        "wifi": known.get(facility.wifi) if facility.wifi is not None else "",
        **{
            column: getattr(facility, column)
            for column in (
                "kana",
                "category",
                "district",
                "address",
                "phone",
                "opened_on",
                "closed_on",
                "replaced_by",
                "department",
                "barrier_free",
                "note",
            )
        },
        "latitude": "" if facility.latitude is None else str(facility.latitude),
        "longitude": "" if facility.longitude is None else str(facility.longitude),
    }


@bp.route("/staff/facilities/<code>/edit", methods=["GET", "POST"])
@access.staff(*WHO)
def setup_edit(code: str) -> ResponseReturnValue:
    """Change what a facility says of itself."""
    with unit_of_work() as session:
        facility = services.facility_of(session, allowed(code))
        form = _facility_form(session, facility, **({"data": _filled(facility)} if request.method == "GET" else {}))
    if request.method == "GET" or not form.validate():
        html = render_template("reservations/setup/facility_form.html", form=form, facility=facility)
        return html, 200 if request.method == "GET" else 422
    transact(partial(services.change_facility, code=code, facts=_facts(form), actor=access.visitor().actor))
    return redirect(url_for("reservations.setup_page", code=code), 303)


@bp.post("/staff/facilities/<code>/names")
@access.staff(*WHO)
def setup_name(code: str) -> ResponseReturnValue:
    """Add a name with its dates."""
    form = NameForm()
    if not form.validate():
        return _again(allowed(code), names=form)
    name = NameFacts(
        NameKind(form.kind.data), form.name.data, form.name_en.data, form.valid_from.data, form.valid_until.data
    )
    transact(partial(services.add_name, code=allowed(code), name=name, actor=access.visitor().actor))
    return redirect(url_for("reservations.setup_page", code=code) + "#names", 303)


@bp.post("/staff/facilities/<code>/names/<int:number>/end")
@access.staff(*WHO)
def setup_name_end(code: str, number: int) -> ResponseReturnValue:
    """A further name holds until a day: a naming right that ends."""
    form = NameEndForm(prefix=f"name{number}")
    if not form.validate():
        return _again(allowed(code), ends={number: form})
    if form.last_day.data is None:
        raise RuntimeError("a required day that is valid is there")
    end = partial(services.end_name, name_id=number, last_day=form.last_day.data, actor=access.visitor().actor)
    try:
        transact(partial(end, code=allowed(code)))
    except Invalid:
        form.last_day.errors = [gettext("「最後の日」は「使い始める日」より後にしてください。")]
        return _again(allowed(code), ends={number: form})
    return redirect(url_for("reservations.setup_page", code=code) + "#names", 303)


def _again(
    code: str,
    *,
    names: NameForm | None = None,
    ends: dict[int, NameEndForm] | None = None,
    picture: PictureForm | None = None,
) -> ResponseReturnValue:
    with unit_of_work() as session:
        return _page(session, code, names=names, ends=ends, picture=picture), 422


@bp.post("/staff/facilities/<code>/pictures")
@access.staff(*WHO)
def setup_picture(code: str) -> ResponseReturnValue:
    """Add a picture: re-encoded, so that place and time of the camera do not stay in it."""
    form = PictureForm()
    if not form.validate():
        return _again(allowed(code), picture=form)
    content = _encoded(form.picture.data.read())
    if content is None:
        form.refuse(form.picture, gettext("写真として読めません。JPEG、PNG、HEIC のどれかにしてください。"))
        return _again(allowed(code), picture=form)
    actor = access.visitor().actor
    transact(
        partial(
            services.add_picture,
            code=allowed(code),
            content=content,
            media_type="image/webp",
            alt=form.alt.data,
            actor=actor,
        )
    )
    return redirect(url_for("reservations.setup_page", code=code) + "#pictures", 303)


def _encoded(content: bytes) -> bytes | None:
    import pillow_heif
    from PIL import Image, ImageOps, UnidentifiedImageError

    pillow_heif.register_heif_opener()
    try:
        with Image.open(io.BytesIO(content)) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
            picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
            out = io.BytesIO()
            picture.save(out, "WEBP", quality=80)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return None
    return out.getvalue()


@bp.get("/facilities/<code>/pictures/<int:number>")
@access.public
def picture(code: str, number: int) -> ResponseReturnValue:
    """A picture of a facility."""
    with unit_of_work() as session:
        facility = services.facility_of(session, code)
        found = next((one for one in queries.pictures_of(session, facility.id) if one.position == number), None)
        if found is None:
            raise NotFound
        stored = files.get(session, found.file_id)
        headers = {"Content-Type": stored.media_type, "Cache-Control": "public, max-age=86400"}
        return stored.content, 200, headers


@bp.route("/staff/facilities/<code>/spaces/new", methods=["GET", "POST"])
@access.staff(*WHO)
def setup_floor(code: str) -> ResponseReturnValue:
    """A floor: one choice makes the spaces and the units that they share."""
    with unit_of_work() as session:
        facility = services.facility_of(session, allowed(code))
        form = FloorForm(uses=_uses(session))
    if request.method == "GET" or not form.validate():
        html = render_template(
            "reservations/setup/floor.html", form=form, facility=facility, layouts=LAYOUTS, words=words
        )
        return html, 200 if request.method == "GET" else 422
    floor = FloorFacts(
        form.name.data,
        form.name_en.data,
        LAYOUTS[form.layout.data],
        form.capacity.data,
        tuple(form.purposes.data),
    )
    transact(partial(services.add_floor, code=code, floor=floor, actor=access.visitor().actor))
    return redirect(url_for("reservations.setup_page", code=code) + "#spaces", 303)


@bp.route("/staff/facilities/<code>/spaces/<space>", methods=["GET", "POST"])
@access.staff(*WHO)
def setup_space(code: str, space: str) -> ResponseReturnValue:
    """One space: names, what for, and the documents by which it is booked."""
    with unit_of_work() as session:
        facility = services.facility_of(session, allowed(code))
        found = next((one for one in facility.spaces if one.code == space), None)
        if found is None:
            raise NotFound
        lists: dict[str, Any] = {"uses": _uses(session), "codes": queries.codes(session)}
    form = SpaceForm(**lists, data=_space_filled(found)) if request.method == "GET" else SpaceForm(**lists)
    if request.method == "GET" or not form.validate():
        html = render_template("reservations/setup/space.html", form=form, facility=facility, space=found)
        return html, 200 if request.method == "GET" else 422
    facts = SpaceFacts(
        name=form.name.data,
        name_en=form.name_en.data,
        detail=form.detail.data or None,
        capacity=form.capacity.data,
        tariff=form.tariff.data,
        bookable=form.bookable.data == "yes",
        outdoor=form.outdoor.data == "yes",
        purposes=tuple(form.purposes.data),
        timetable=form.timetable.data or None,
        fees=form.fees.data or None,
        policy=form.policy.data or None,
    )
    transact(partial(services.change_space, code=code, space_code=space, facts=facts, actor=access.visitor().actor))
    return redirect(url_for("reservations.setup_page", code=code) + "#spaces", 303)


def _space_filled(space: Space) -> dict[str, Any]:
    return {
        "name": space.name,
        "name_en": space.name_en,
        "detail": space.detail,
        "capacity": space.capacity,
        "tariff": space.tariff,
        "bookable": "yes" if space.bookable else "no",
        "outdoor": "yes" if space.outdoor else "no",
        "purposes": [purpose.code for purpose in space.purposes],
        "timetable": space.timetable_code or "",
        "fees": space.fees_code or "",
        "policy": space.policy_code or "",
    }
