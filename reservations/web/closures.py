"""Close places, call off all fields at once from a phone (CASES B12), take a place for the city: shown first, then done."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional, ValidationError

from portal.accounts.models import Role
from portal.kernel import audit, clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.money import Yen
from portal.web import access, locale
from portal.web.forms import (
    CheckboxesField,
    ClockField,
    LongTextField,
    MaxLength,
    PortalForm,
    Required,
    SelectionField,
    TextField,
)
from reservations.desk import closures as queries
from reservations.errors import BadPeriod, GroundMissing, InUse, ListChanged, ReasonMissing
from reservations.operations import chosen, closing
from reservations.operations.closing import ClosureRequest
from reservations.operations.models import ClosureKind
from reservations.queries import catalog
from reservations.queries.catalog import SpaceView
from reservations.rules import RefundQuote
from reservations.services.common import KIND
from reservations.timetable import TOKYO
from reservations.web import words
from reservations.web.forms import DayField, EmptyForm
from reservations.web.manage import facilities_of
from reservations.web.public import bp
from reservations.web.words import gettext

_MANAGER = access.staff(Role.FACILITY_MANAGER)


class ClosureForm(PortalForm):
    """What is closed, from when until when, why."""

    kind = SelectionField(lazy_gettext("理由の種類"), validators=[Required()])
    spaces = CheckboxesField(lazy_gettext("どこを"), validators=[Required()])
    first = DayField(lazy_gettext("始まる日"), validators=[Required()], render_kw={"type": "date"})
    starts = ClockField(lazy_gettext("始まる時刻(空なら朝から)"), validators=[Optional()])
    last = DayField(lazy_gettext("終わる日(空なら始まる日と同じ)"), validators=[Optional()], render_kw={"type": "date"})
    ends = ClockField(lazy_gettext("終わる時刻(空なら夜まで)"), validators=[Optional()])
    reason = LongTextField(
        lazy_gettext("理由"),
        validators=[Required(), MaxLength(500)],
        description=lazy_gettext("予約していた人に、そのまま届きます。"),
        render_kw={"rows": 3},
    )
    reason_en = TextField(lazy_gettext("理由(英語。なくてもよい)"), validators=[MaxLength(500)])
    ground = SelectionField(
        lazy_gettext("条例の根拠(許可の取消しのときだけ)"),
        validators=[Optional()],
        description=lazy_gettext("利用のきまりにある根拠から選びます。"),
        default="",
    )
    expected = HiddenField()
    #: Cells of the week board that come after this closure, as `chosen.write` writes them, with blanks between.
    rest = HiddenField()

    def __init__(self, *args: Any, views: list[SpaceView], grounds: list[str], **kwargs: Any) -> None:
        """Args: views: the spaces that the visitor may close; grounds: on which their rules of use let a permit be revoked."""
        super().__init__(*args, **kwargs)
        self.kind.choices = [SelectChoice(code, label) for code, label in words.closure_words().items()]
        self.ground.choices = [
            SelectChoice("", gettext("選んでください")),
            *(SelectChoice(one, one) for one in grounds),
        ]
        english = locale.current() == "en"
        self.spaces.choices = [
            SelectChoice(one.code, f"{one.facility.name} {one.called('en' if english else 'ja')}") for one in views
        ]

    def validate_last(self, field: Any) -> None:
        """Not before the first day."""
        if field.data and self.first.data and field.data < self.first.data:
            raise ValidationError(gettext("「終わる日」は「始まる日」より前にはできません。"))

    def to_request(self) -> ClosureRequest:
        """The closure that is meant. A last day left empty is the first one; a shelter has no end yet."""
        last = self.last.data or (None if self.kind.data == ClosureKind.SHELTER else self.first.data)
        return ClosureRequest(
            ClosureKind(self.kind.data),
            tuple(self.spaces.data),
            _moment(self.first.data, self.starts.data, last=False),
            _moment(last, self.ends.data, last=True) if last else None,
            self.reason.data,
            self.reason_en.data,
            self.ground.data,
        )


def _moment(day: Any, at: time | None, *, last: bool) -> datetime:
    if at is None:
        return datetime.combine(day + timedelta(days=1 if last else 0), time(), TOKYO)
    return datetime.combine(day, at, TOKYO)


def _views(session: Session) -> list[SpaceView]:
    own = facilities_of(access.visitor())
    return [view for code in sorted(own) for view in catalog.spaces(session, on=clock.today(), facility=code)]


def _grounds(session: Session, views: list[SpaceView]) -> list[str]:
    """Every ground for a revocation that the rules of use of these spaces name, each once, in their order."""
    rules, today = catalog.rules_for(session, views), clock.today()
    named = (rules.policy(view.policy_code, today) for view in views)
    return list(dict.fromkeys(ground for policy in named if policy is not None for ground in policy.revocation_grounds))


@bp.get("/staff/closures")
@_MANAGER
def closures() -> ResponseReturnValue:
    """What is closed now and later."""
    with unit_of_work() as session:
        lines = queries.listed(session, facilities_of(access.visitor()), now=clock.now_in(session))
        outdoors = bool(closing.outdoor_spaces(session, facilities_of(access.visitor())))
    return render_template(
        "reservations/closures/list.html",
        lines=lines,
        outdoors=outdoors,
        closed=next((line for line in lines if line.closure.reference == request.args.get("closed")), None),
        empty=EmptyForm(formdata=None),
        words=words,
    )


@bp.get("/staff/closures/new")
@_MANAGER
def new_closure() -> ResponseReturnValue:
    """Choose what is closed; spaces may come from the week board."""
    with unit_of_work() as session:
        views = _views(session)
        grounds = _grounds(session, views)
    today = clock.today()
    day = request.args.get("day", today.isoformat())
    data: dict[str, Any] = {"kind": "closed", "first": _day(day), "last": None, "spaces": request.args.getlist("space")}
    blocks = chosen.blocks(chosen.read(request.args.getlist("cell")))
    if blocks:
        rest = [chosen.write(cell) for block in blocks[1:] for cell in block.cells]
        data |= {"first": blocks[0].first, "last": blocks[0].last, "spaces": blocks[0].spaces, "rest": " ".join(rest)}
    kinds = words.closure_words()
    said = request.args.get("kind", "")
    data |= {"kind": said if said in kinds else "closed", "reason": request.args.get("reason", "")[:500]}
    ground = request.args.get("ground", "")
    data |= {"reason_en": request.args.get("reason_en", "")[:500], "ground": ground if ground in grounds else ""}
    return _form_page(ClosureForm(formdata=None, views=views, grounds=grounds, data=data))


@bp.get("/staff/closures/call-off")
@_MANAGER
def call_off() -> ResponseReturnValue:
    """All fields under the open sky, today, in one go: made for a phone at seven in the morning."""
    with unit_of_work() as session:
        views = _views(session)
        grounds = _grounds(session, views)
        outdoor = closing.outdoor_spaces(session, facilities_of(access.visitor()))
    today = clock.today()
    data = {
        "kind": "weather",
        "first": today,
        "last": today,
        "spaces": outdoor,
        "reason": gettext("雨のため、今日は使えません。"),
        "reason_en": "Called off because of rain.",
    }
    under_the_sky = [view for view in views if view.code in outdoor]
    form = ClosureForm(formdata=None, views=under_the_sky, grounds=grounds, data=data)
    return _form_page(form, call_off=True)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return clock.today()


def _form_page(
    form: ClosureForm,
    *,
    call_off: bool = False,
    hits: Any = None,
    back: dict[int, RefundQuote] | None = None,
    message: str = "",
    status: int = 200,
) -> ResponseReturnValue:
    html = render_template(
        "reservations/closures/form.html",
        form=form,
        hits=hits,
        back=back or {},
        owed=sum((one.amount for one in (back or {}).values()), start=Yen(0)),
        done="done" in request.args,
        rest=chosen.blocks(chosen.read((form.rest.data or "").split())),
        whole=all(one.percent == closing.WHOLE for one in (back or {}).values()),
        message=message,
        call_off=call_off,
        words=words,
        kinds=words.closure_words(),
        **(_shown(form) if hits is not None else {}),
    )
    return html, status


def _shown(form: ClosureForm) -> dict[str, Any]:
    """What is about to be closed, in words."""
    wanted = form.to_request()
    places = [str(one.label) for one in form.spaces.choices if one.value in wanted.spaces]
    return {"places": places, "starts": wanted.start, "ends": wanted.end}


@bp.post("/staff/closures")
@_MANAGER
def close() -> ResponseReturnValue:
    """First who would be hit, then, with the number that was shown, the closure itself."""
    visitor = access.visitor()
    own = facilities_of(visitor)
    with unit_of_work() as session:
        views = _views(session)
        form = ClosureForm(views=views, grounds=_grounds(session, views))
    if not form.validate():
        return _form_page(form, status=422)
    wanted = form.to_request()
    expected = form.expected.data or ""
    message, status = "", 200
    try:
        if expected.isdigit():
            closed = transact(
                lambda session: (
                    closing.close(
                        session,
                        wanted,
                        facilities=own,
                        expected=int(expected),
                        actor=visitor.actor,
                        now=clock.now_in(session),
                    ).reference
                )
            )
            return redirect(_after(form, closed), 303)
    except ListChanged:
        message, status = gettext("予約が変わりました。もう一度見てから、決めてください。"), 409
    except (BadPeriod, ReasonMissing, GroundMissing, InUse) as error:
        return _form_page(form, message=_refused(error), status=error.status)
    try:
        with unit_of_work() as session:
            now = clock.now_in(session)
            hits = closing.preview(session, wanted, facilities=own, now=now)
            back = closing.refunds(session, wanted.kind, hits)
            for hit in hits:
                audit.record(
                    session,
                    actor=visitor.actor,
                    action="booking.listed",
                    subject_kind=KIND,
                    subject_ref=hit.reference,
                )
    except (BadPeriod, ReasonMissing, GroundMissing) as error:
        return _form_page(form, message=_refused(error), status=error.status)
    form.expected.data = str(len(hits))
    return _form_page(form, hits=hits, back=back, message=message, status=status)


def _after(form: ClosureForm, closed: str) -> str:
    """On to what else was chosen on the board, with the same reason; else to the list, which says what was closed."""
    rest = [chosen.write(cell) for cell in chosen.read((form.rest.data or "").split())]
    if not rest:
        return url_for("reservations.closures", closed=closed)
    said = {name: form[name].data for name in ("kind", "reason", "reason_en", "ground") if form[name].data}
    return url_for("reservations.new_closure", cell=rest, done="y", **said)


def _refused(error: Exception) -> str:
    match error:
        case GroundMissing():
            return gettext("許可の取消しには、利用のきまりにある条例の根拠が必要です。")
        case InUse():
            return gettext("この時間には予約があります。市が使うには、予約のない時間を選ぶか、許可の取消しにします。")
        case ReasonMissing():
            return gettext("理由を書いてください。")
        case _:
            return gettext("終わりを、始まりより後の、これからの日時にしてください。")


@bp.post("/staff/closures/<reference>/reopen")
@_MANAGER
def reopen(reference: str) -> ResponseReturnValue:
    """Open again; what was ended stays ended."""
    visitor = access.visitor()
    own = facilities_of(visitor)
    transact(
        partial(closing.reopen, reference=reference, facilities=own, actor=visitor.actor, now=clock.now()),
    )
    return redirect(url_for("reservations.closures"), 303)
