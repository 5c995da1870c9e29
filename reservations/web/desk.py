"""The desk: who comes today, who came, what was lent; sheets, the month's report, statistics. Only the clerk's own facilities."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup
from sqlalchemy.orm import Session

from portal.accounts.models import Role
from portal.documents import codes
from portal.kernel import audit, clock, files, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access
from reservations.desk import ages, charts, closures, overtime, queries, services, sheets, statistics
from reservations.desk.errors import NotExpected, UntrueTime
from reservations.desk.models import CheckInBy
from reservations.desk.queries import DeskLine
from reservations.desk.statistics import Statistics
from reservations.queries import bookings
from reservations.services.common import KIND
from reservations.web import desk_files, words
from reservations.web.desk_forms import AGE_LABELS, CameForm, FindForm, LendForm, PeriodForm, TakeBackForm, UseForm
from reservations.web.forms import EmptyForm
from reservations.web.manage import facilities_of
from reservations.web.public import bp, read_day

SHEETS_SHOWN = 10
_DESK = access.staff(Role.FACILITY_MANAGER)


def _looked(session: Session, reference: str, action: str) -> None:
    audit.record(session, actor=access.visitor().actor, action=action, subject_kind=KIND, subject_ref=reference)


@bp.get("/staff/desk")
@_DESK
def desk_today() -> ResponseReturnValue:
    """Today at the desk, or the day that was chosen."""
    chosen = request.args.get("day")
    day = read_day(chosen) if chosen else clock.today()
    return redirect(url_for("reservations.desk", day=day.isoformat()), 303)


@bp.get("/staff/desk/<day>")
@_DESK
def desk(day: str) -> ResponseReturnValue:
    """A day: everybody who is expected, one tap when they come."""
    return _day_page(read_day(day))


def _day_page(day: date, *, message: str = "", status: int = 200) -> ResponseReturnValue:
    own = facilities_of(access.visitor())
    with unit_of_work() as session:
        lines = queries.day(session, own, day)
        unpaid = bookings.unpaid(session, [line.booking for line in lines])
        managed = bookings.managed(session, own, on=day)
        shut = closures.on_day(session, own, day)
        ready = {code: queries.sheet_of(session, code, day) for code, _name in managed[:SHEETS_SHOWN]}
        for line in lines:
            _looked(session, line.booking.reference, "booking.listed")
    html = render_template(
        "reservations/desk/day.html",
        day=day,
        today=clock.today(),
        before=day - timedelta(days=1),
        after=day + timedelta(days=1),
        lines=lines,
        unpaid=unpaid,
        shut=shut,
        managed=dict(managed),
        came=CameForm(formdata=None),
        find=FindForm(formdata=None),
        empty=EmptyForm(formdata=None),
        sheets=[(code, name, ready.get(code)) for code, name in managed[:SHEETS_SHOWN]],
        message=message,
        words=words,
    )
    return html, status


@bp.post("/staff/desk/bookings/<reference>/came")
@_DESK
def came(reference: str) -> ResponseReturnValue:
    """They are here; or they were, at the time that the paper says."""
    number = references.parse(reference)
    form = CameForm()
    line = line_of(number)
    day = clock.local(line.booking.starts_at).date()
    if not form.validate():
        return _day_page(day, message=str(next(iter(form.at.errors), "")), status=422)
    typed = form.at.data
    now = clock.now()
    at = now if typed is None else datetime.combine(day, typed, clock.TOKYO)
    found = CheckInBy(_by(request.form.get("by")) or CheckInBy.LIST)
    by = found if typed is None else CheckInBy.PAPER
    visitor = access.visitor()
    try:
        transact(
            partial(
                services.check_in,
                reference=number,
                facilities=facilities_of(visitor),
                by=by,
                came_at=at,
                actor=visitor.actor,
                now=now,
            )
        )
    except NotExpected:
        return _day_page(day, message=gettext("この予約は、許可されていないか、取り消されています。"), status=409)
    except UntrueTime:
        return _day_page(
            day,
            message=gettext("来た時刻が正しくありません。使う日の、はじまる3時間前から今までの時刻にしてください。"),
            status=422,
        )
    return redirect(url_for("reservations.desk", day=day.isoformat()) + f"#{number}", 303)


def _by(text: str | None) -> str:
    """How the booking was found, as an address or a form says it; "" for the list."""
    return text if text in {CheckInBy.QR.value, CheckInBy.CODE.value} else ""


def line_of(number: str) -> DeskLine:
    """The booking with its use, of the clerk's own facilities; the look is recorded.

    Raises:
        NotFound: of others, or none.
    """
    with unit_of_work() as session:
        found = queries.one(session, facilities_of(access.visitor()), number)
        if found is None:
            raise NotFound
        _looked(session, number, "booking.read")
        return found


def use_page(
    line: DeskLine, form: UseForm, lend: LendForm, back: TakeBackForm | None = None, *, status: int = 200
) -> ResponseReturnValue:
    """The page of one booking at the desk; `back`: why a charge is taken back, as typed."""
    over = line.use.overtime if line.use else 0
    offer = taken = None
    if line.use and over and line.use.overtime_charge is None:
        with unit_of_work() as session:
            offer = overtime.offer(session, line.booking.reference, over)
    if line.use:
        with unit_of_work() as session:
            taken = overtime.taken_back(session, line.use.booking_id)
    html = render_template(
        "reservations/desk/use.html",
        line=line,
        booking=line.booking,
        form=form,
        lend=lend,
        offer=offer,
        taken=taken,
        back=back or TakeBackForm(formdata=None),
        by=_by(request.values.get("by")) if line.use is None else "",
        empty=EmptyForm(formdata=None),
        early=line.booking.starts_at - services.EARLY > clock.now(),
        late=line.booking.ends_at < clock.now(),
        ages=[form[age] for age in ages.AGES],
        words=words,
    )
    return html, status


@bp.get("/staff/desk/bookings/<reference>")
@_DESK
def use(reference: str) -> ResponseReturnValue:
    """One booking at the desk: how many came, until when, what is lent."""
    line = line_of(references.parse(reference))
    return use_page(line, UseForm(formdata=None, data=kept(line)), LendForm(formdata=None))


def kept(line: DeskLine) -> dict[str, Any]:
    """What was entered about the use, as its form takes it."""
    if line.use is None:
        return {}
    left = line.use.left_at
    return line.use.users | {"remark": line.use.note, "left": clock.local(left).time() if left else None}


@bp.post("/staff/desk/bookings/<reference>")
@_DESK
def record_use(reference: str) -> ResponseReturnValue:
    """Keep how it was."""
    number = references.parse(reference)
    line = line_of(number)
    form = UseForm()
    if not form.validate():
        return use_page(line, form, LendForm(formdata=None), status=422)
    visitor = access.visitor()
    try:
        transact(
            partial(
                services.record_use,
                reference=number,
                facilities=facilities_of(visitor),
                left_at=form.left_at(line.booking.ends_at),
                users=form.users(),
                remark=form.remark.data or "",
                actor=visitor.actor,
                now=clock.now(),
            )
        )
    except UntrueTime:
        form.left.errors = [gettext("「帰った時刻」は、来た時刻のあとで、今までの時刻にしてください。")]
        return use_page(line, form, LendForm(formdata=None), status=422)
    over = services.minutes_over(line.booking.ends_at, form.left_at(line.booking.ends_at))
    if over:
        # Whether to ask for money is decided now, while the people are still at the desk.
        return redirect(url_for("reservations.use", reference=number) + "#overtime", 303)
    return redirect(url_for("reservations.desk", day=clock.local(line.booking.starts_at).date().isoformat()), 303)


@bp.post("/staff/desk/bookings/<reference>/lend")
@_DESK
def lend(reference: str) -> ResponseReturnValue:
    """Hand something out."""
    number = references.parse(reference)
    form = LendForm()
    if not form.validate():
        return use_page(line_of(number), UseForm(formdata=None), form, status=422)
    visitor = access.visitor()
    transact(
        partial(
            services.lend,
            reference=number,
            facilities=facilities_of(visitor),
            what=form.what.data or "",
            actor=visitor.actor,
            now=clock.now(),
        )
    )
    return redirect(url_for("reservations.use", reference=number), 303)


@bp.post("/staff/desk/things/<int:thing_id>/back")
@_DESK
def take_back(thing_id: int) -> ResponseReturnValue:
    """It came back."""
    visitor = access.visitor()
    thing = transact(
        lambda session: services.take_back(
            session, thing_id, facilities=facilities_of(visitor), actor=visitor.actor, now=clock.now()
        )
    )
    with unit_of_work() as session:
        number = queries.reference_of(session, thing.booking_id)
    return redirect(url_for("reservations.use", reference=number), 303)


@bp.post("/staff/desk/find")
@_DESK
def find() -> ResponseReturnValue:
    """A booking by what is typed, or by the picture of the permit's QR code."""
    form = FindForm()
    typed = (form.words.data or "").strip()
    by = ""
    picture = request.files.get("picture")
    if picture and picture.filename:
        try:
            found = codes.codes(picture.stream.read(codes.LARGEST + 1))
        except codes.UnreadablePictureError:
            found = ()
        typed = next((code_of(text) for text in found), "")
        by = CheckInBy.QR.value
        if not typed:
            form.picture.errors = [gettext("写真からQRコードを読めませんでした。番号を入れてください。")]
    own = facilities_of(access.visitor())
    with unit_of_work() as session:
        lines = queries.find(session, own, typed, around=clock.today())
        by = by or (CheckInBy.CODE.value if queries.by_permit(session, own, typed) else "")
        for line in lines:
            _looked(session, line.reference, "booking.listed")
    if len(lines) == 1:
        return redirect(url_for("reservations.use", reference=lines[0].reference, by=by or None), 303)
    return render_template(
        "reservations/desk/found.html", form=form, lines=lines, typed=typed, words=words
    ), 200 if lines else 404


@bp.get("/staff/desk/permits/<code>")
@_DESK
def desk_by_permit(code: str) -> ResponseReturnValue:
    """Where the QR code of a permit leads its facility's staff: to the check-in."""
    with unit_of_work() as session:
        number = queries.by_permit(session, facilities_of(access.visitor()), references.parse(code))
    if number is None:
        raise NotFound
    return redirect(url_for("reservations.use", reference=number, by=CheckInBy.QR.value), 303)


def code_of(text: str) -> str:
    """The permit's code in the address that its QR code holds; a bare number stays one."""
    path = urlsplit(text).path if "/" in text else text
    return path.rstrip("/").rpartition("/")[2][:40]


@bp.get("/staff/desk/sheets/<facility>/<day>.pdf")
@_DESK
def evening_sheet(facility: str, day: str) -> ResponseReturnValue:
    """The sheet that was made the evening before."""
    if facility not in facilities_of(access.visitor()):
        raise NotFound
    with unit_of_work() as session:
        found = queries.sheet_of(session, facility, read_day(day))
        if found is None:
            raise NotFound
        stored = files.get(session, found.file_id)
        audit.record(
            session,
            actor=access.visitor().actor,
            action="booking.sheet_read",
            subject_kind="facility",
            subject_ref=facility,
            detail={"day": day},
        )
        headers = {"Content-Disposition": f'inline; filename="{stored.name}"', "Cache-Control": "private, no-store"}
        return Response(stored.content, mimetype=stored.media_type, headers=headers)


@bp.post("/staff/desk/sheets/<facility>/<day>")
@_DESK
def make_sheet(facility: str, day: str) -> ResponseReturnValue:
    """Make a sheet now; the worker does it, the page says when it is there."""
    if facility not in facilities_of(access.visitor()):
        raise NotFound
    wanted = read_day(day)
    transact(lambda session: sheets.ask(session, facility, wanted))
    return redirect(url_for("reservations.desk", day=wanted.isoformat()) + "#sheets", 303)


def _for_machine() -> bool:
    """Whether a program reads the CSV: heads and kinds are identifiers that stay; else words, for Excel."""
    return request.args.get("for") == "machine"


def _month(text: str | None) -> date:
    """The first day of a month in an address; this month without one."""
    return read_day(f"{text}-01") if text else clock.today().replace(day=1)


@bp.get("/staff/desk/report")
@_DESK
def users_report() -> ResponseReturnValue:
    """Who used what in a month, by age (CASES B15)."""
    first = _month(request.args.get("month"))
    with unit_of_work() as session:
        lines = queries.users_of_month(session, facilities_of(access.visitor()), first)
    if request.args.get("format") == "csv":
        return desk_files.users(lines, f"users-{first:%Y-%m}.csv", ids=_for_machine())
    return render_template(
        "reservations/desk/report.html",
        first=first,
        before=(first - timedelta(days=1)).replace(day=1),
        after=(first + timedelta(days=32)).replace(day=1),
        lines=lines,
        ages=[(age, AGE_LABELS[age]) for age in ages.AGES],
        words=words,
    )


@bp.get("/staff/desk/statistics")
@_DESK
def desk_statistics() -> ResponseReturnValue:
    """Use rates and income of a period, as drawings, tables and CSV."""
    today = clock.today()
    form = PeriodForm(request.args if request.args.get("first") else None)
    if form.first.data is None and not request.args.get("first"):
        form.first.data, form.last.data = today.replace(day=1), today
        valid = True
    else:
        valid = form.validate()
    found: Statistics | None = None
    if valid and form.first.data and form.last.data:
        try:
            with unit_of_work() as session:
                found = statistics.statistics(
                    session, facilities_of(access.visitor()), form.first.data, form.last.data, english=words.english()
                )
        except ValueError:
            form.last.errors = [gettext("「おわりの日」は、「はじめの日」から1年のうちの日にしてください。")]
    if found is not None and request.args.get("format") == "csv":
        return desk_files.use_rates(found, ids=_for_machine())
    part_names = dict(words.parts())
    html = render_template(
        "reservations/desk/statistics.html",
        form=form,
        found=found,
        part_names=part_names,
        drawn=_drawn(found, part_names) if found else None,
        words=words,
    )
    return html, 200 if found else 422


def _drawn(found: Statistics, part_names: dict[str, str]) -> dict[str, Markup]:
    parts = charts.rates(found.by_part, name="parts", title=gettext("時間ごとの使われた割合"), labels=part_names)
    return {
        "spaces": charts.rates(found.by_space, name="spaces", title=gettext("場所ごとの使われた割合")),
        "parts": parts,
        "bands": charts.rates(found.by_band, name="bands", title=gettext("時間の区切りごとの使われた割合")),
        "income_by_space": charts.incomes(found.income_by_space, name="yen-spaces", title=gettext("場所ごとの収入")),
        "income_by_part": charts.incomes(
            found.income_by_part, name="yen-parts", title=gettext("時間ごとの収入"), labels=part_names
        ),
        "income_by_category": charts.incomes(
            found.income_by_category, name="yen-categories", title=gettext("利用者区分ごとの収入")
        ),
    }
