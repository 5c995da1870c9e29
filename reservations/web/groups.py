"""My groups and where I work or study; staff verify both."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask import session as browser
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from wtforms import BooleanField, HiddenField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional, ValidationError

from portal.accounts.models import Role
from portal.kernel import audit, clock, references
from portal.kernel.audit import Actor
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, locale
from portal.web.forms import (
    CheckboxesField,
    ChoiceField,
    KanaField,
    LongTextField,
    MaxLength,
    PortalForm,
    Required,
    SelectionField,
    TextField,
    WarekiDateField,
)
from reservations.groups import keeping, queries, services, terms
from reservations.groups.models import BookingGroup
from reservations.groups.services import GroupRequest, Member, TooEarlyToRenew, TooFewMembers
from reservations.queries import catalog
from reservations.web import words
from reservations.web.forms import EmptyForm
from reservations.web.public import PARTY, bp
from reservations.web.words import gettext

_BASES = {
    "住": "lives",
    "在住": "lives",
    "働": "works",
    "勤": "works",
    "在勤": "works",
    "学": "studies",
    "在学": "studies",
}
_SPLIT = re.compile(r"[,、,\t]")


class GroupForm(PortalForm):
    """A group as its representative registers it."""

    name = TextField(lazy_gettext("団体の名前"), validators=[Required(), MaxLength(80)])
    kana = KanaField(lazy_gettext("団体の名前の読み"), validators=[Required(), MaxLength(120)])
    kind = SelectionField(lazy_gettext("団体の種類"), validators=[Required()])
    purposes = CheckboxesField(lazy_gettext("すること"), validators=[Optional()])
    members = LongTextField(
        lazy_gettext("メンバー"),
        validators=[Required(), MaxLength(20_000)],
        description=lazy_gettext(
            "あなたも入れて、1行に1人ずつ「名前、市町村、在住・在勤・在学」を書きます。"
            "予約を任せる人は、最後にメールアドレスを書きます。例: 古河花子、古河市、在住"
        ),
        render_kw={"rows": 8},
    )
    note = LongTextField(lazy_gettext("活動の内容"), validators=[Optional(), MaxLength(500)], render_kw={"rows": 3})

    def validate_members(self, field: Any) -> None:
        """Each line is somebody."""
        for number, line in enumerate((field.data or "").splitlines(), 1):
            if line.strip() and parse_member(line) is None:
                raise ValidationError(
                    gettext("%(number)s行目を読めません。「名前、市町村、在住」のように書いてください。", number=number)
                )

    def to_request(self) -> GroupRequest:
        """What was typed; the form is valid."""
        lines = [parse_member(line) for line in (self.members.data or "").splitlines() if line.strip()]
        return GroupRequest(
            name=self.name.data,
            kana=self.kana.data,
            kind=self.kind.data,
            purposes=tuple(self.purposes.data or ()),
            members=tuple(member for member in lines if member is not None),
            note=self.note.data or "",
        )


def parse_member(line: str) -> Member | None:
    """One line: name, municipality, tie, mail address; None where it cannot be read. A tie left out: lives there."""
    parts = [part.strip() for part in _SPLIT.split(line)]
    if len(parts) < 2 or not parts[0] or not parts[1]:
        return None
    email = next((part for part in parts[2:] if "@" in part), None)
    said = next((part for part in parts[2:] if part and "@" not in part), "在住")
    basis = next((value for word, value in _BASES.items() if said.startswith(word)), None)
    return None if basis is None else Member(parts[0], parts[1], basis, email)


class EligibilityForm(PortalForm):
    """Where somebody works or studies."""

    basis = ChoiceField(
        lazy_gettext("どちらですか"),
        validators=[Required()],
        choices=[
            SelectChoice("works", lazy_gettext("働いている")),
            SelectChoice("studies", lazy_gettext("学校に通っている")),
        ],
    )
    city = TextField(lazy_gettext("その場所の市町村"), validators=[Required(), MaxLength(40)])
    detail = TextField(lazy_gettext("会社や学校の名前"), validators=[Required(), MaxLength(100)])
    until = WarekiDateField(lazy_gettext("いつまで(わかるとき)"), validators=[Optional()])


class VerifyForm(PortalForm):
    """What staff decide about a registration or a declaration."""

    reference = HiddenField(validators=[Required()])
    decision = ChoiceField(
        lazy_gettext("どうしますか"),
        validators=[Required()],
        choices=[SelectChoice("accept", lazy_gettext("確認した")), SelectChoice("refuse", lazy_gettext("認めない"))],
    )
    reason = TextField(lazy_gettext("認めない理由"), validators=[MaxLength(500)])
    counter_only = BooleanField(lazy_gettext("料金は窓口だけで受け取る(減免団体)"))

    def validate_reason(self, field: Any) -> None:
        """A refusal needs its reason."""
        if self.decision.data == "refuse" and not (field.data or "").strip():
            raise ValidationError(gettext("認めない理由を書いてください。"))


def _person() -> int:
    person_id = access.visitor().person_id
    if person_id is None:
        raise NotFound
    return person_id


def _actor() -> Actor:
    return access.visitor().actor


def _form(group: BookingGroup | None = None) -> GroupForm:
    english = locale.current() == "en"
    with unit_of_work() as session:
        rules = queries.rules_on(session, clock.today())
        purposes = catalog.purposes(session)
    kept = None if group is None or request.method == "POST" else _kept(group)
    form = GroupForm(data=kept)
    kinds = rules.kinds if rules is not None else ()
    form.kind.choices = [SelectChoice(one.code, one.name_en if english and one.name_en else one.name) for one in kinds]
    form.purposes.choices = [SelectChoice(one.code, one.name_en if english else one.name) for one in purposes]
    return form


def kinds() -> dict[str, str]:
    """What the kinds of groups are called today, by code."""
    with unit_of_work() as session:
        rules = queries.rules_on(session, clock.today())
    english = locale.current() == "en"
    return {one.code: one.name_en if english and one.name_en else one.name for one in (rules.kinds if rules else ())}


def _kept(group: BookingGroup) -> dict[str, Any]:
    """What was asked for last: a renewal that waits, else the group as it is."""
    said = {"lives": "在住", "works": "在勤", "studies": "在学", "none": ""}
    wish = group if group.renewal is None else GroupRequest.of(group.renewal)
    members = [
        "、".join(part for part in (one.name, one.city, said[one.basis], one.email or "") if part)
        for one in wish.members
    ]
    return {
        "name": wish.name,
        "kana": wish.kana,
        "kind": wish.kind,
        "purposes": list(wish.purposes),
        "members": "\n".join(members),
        "note": wish.note,
    }


@bp.get("/my/groups")
@access.resident
def my_groups() -> ResponseReturnValue:
    """Groups for which the visitor may book, and what they declared."""
    return _mine(EligibilityForm(formdata=None))


def _mine(form: EligibilityForm, *, status: int = 200) -> ResponseReturnValue:
    with unit_of_work() as session:
        groups = queries.groups_of(session, _person())
        declared = queries.eligibilities_of(session, _person())
        today = clock.today()
        renewable = {one.reference: terms.renewable_from(one, today, session) for one in groups}
    html = render_template(
        "reservations/groups.html",
        groups=groups,
        declared=declared,
        person_id=_person(),
        form=form,
        empty=EmptyForm(formdata=None),
        today=today,
        renewable=renewable,
        state=words.group_state,
        basis=words.basis_words,
        chosen=browser.get(PARTY),
        words=words,
    )
    return html, status


@bp.post("/my/groups/as")
@access.resident
def book_as() -> ResponseReturnValue:
    """From here on slots are shown and held for a group, or for the visitor again."""
    wanted = request.form.get("group", "")
    with unit_of_work() as session:
        group = queries.party_of(session, _person(), wanted)
    if group is None:
        browser.pop(PARTY, None)
        return redirect(url_for("reservations.my_groups"), 303)
    browser[PARTY] = group.reference
    return redirect(url_for("reservations.search"), 303)


@bp.route("/my/groups/new", methods=["GET", "POST"])
@access.resident
def new_group() -> ResponseReturnValue:
    """Register a group."""
    form = _form()
    if request.method == "GET":
        return render_template("reservations/group_form.html", form=form, group=None)
    if not form.validate():
        return render_template("reservations/group_form.html", form=form, group=None), 422
    try:
        transact(
            lambda s: services.register(s, form.to_request(), person_id=_person(), actor=_actor(), now=clock.now())
        )
    except TooFewMembers as error:
        form.refuse(form.members, _too_few(error))
        return render_template("reservations/group_form.html", form=form, group=None), 422
    return redirect(url_for("reservations.my_groups"), 303)


@bp.route("/my/groups/<reference>", methods=["GET", "POST"])
@access.resident
def renew_group(reference: str) -> ResponseReturnValue:
    """Look at a group, and ask for another term with today's members."""
    number = references.parse(reference)
    with unit_of_work() as session:
        group = queries.party_of(session, _person(), number)
        if group is None or group.representative_id != _person():
            raise NotFound
    form = _form(group)
    if request.method == "GET":
        return render_template("reservations/group_form.html", form=form, group=group)
    if not form.validate():
        return render_template("reservations/group_form.html", form=form, group=group), 422
    asked = form.to_request()
    try:
        transact(lambda s: services.renew(s, number, asked, person_id=_person(), actor=_actor(), now=clock.now()))
    except TooFewMembers as error:
        form.refuse(form.members, _too_few(error))
        return render_template("reservations/group_form.html", form=form, group=group), 422
    except TooEarlyToRenew as error:
        form.refuse(form.name, gettext("更新は %(day)s からできます。", day=words.said_day(error.opens)))
        return render_template("reservations/group_form.html", form=form, group=group), 409
    return redirect(url_for("reservations.my_groups"), 303)


def _too_few(error: TooFewMembers) -> str:
    if error.percent:
        return gettext(
            "メンバーの%(percent)s%%以上が、市内に住んでいるか、通っている必要があります。", percent=error.percent
        )
    return gettext("この団体には、メンバーが%(limit)s人以上必要です。", limit=error.limit)


@bp.post("/my/groups/<reference>/represent")
@access.resident
def represent_group(reference: str) -> ResponseReturnValue:
    """A member asks to represent the group; staff decide."""
    number = references.parse(reference)
    transact(lambda s: keeping.offer(s, number, person_id=_person(), actor=_actor()))
    return redirect(url_for("reservations.my_groups"), 303)


@bp.post("/my/groups/<reference>/end")
@access.resident
def leave_group(reference: str) -> ResponseReturnValue:
    """The representative ends the group."""
    number = references.parse(reference)
    transact(lambda s: keeping.leave(s, number, person_id=_person(), actor=_actor()))
    if browser.get(PARTY) == number:
        browser.pop(PARTY, None)
    return redirect(url_for("reservations.my_groups"), 303)


@bp.post("/my/groups/declare")
@access.resident
def declare() -> ResponseReturnValue:
    """Say where one works or studies."""
    form = EligibilityForm(request.form)
    if not form.validate():
        return _mine(form, status=422)
    facts = {
        "basis": form.basis.data,
        "city": form.city.data,
        "detail": form.detail.data,
        "valid_until": form.until.data,
    }
    actor = access.visitor().actor
    transact(partial(services.declare, person_id=_person(), actor=actor, now=clock.now(), **facts))
    return redirect(url_for("reservations.my_groups"), 303)


@bp.get("/staff/groups")
@access.staff(Role.FACILITY_MANAGER)
def groups_to_verify() -> ResponseReturnValue:
    """Registrations, renewals and declarations that wait."""
    return _verify_page(VerifyForm(formdata=None))


def _verify_page(form: VerifyForm, *, status: int = 200) -> ResponseReturnValue:
    with unit_of_work() as session:
        groups = queries.groups_waiting(session)
        declared = queries.declarations_waiting(session)
        handed = queries.handovers_waiting(session)
        for reference in [one.reference for one in groups] + [one.reference for one in declared]:
            audit.record(session, actor=_actor(), action="group.read", subject_kind="group", subject_ref=reference)
    html = render_template(
        "reservations/staff/groups.html",
        groups=[(one, GroupRequest.of(one.renewal) if one.renewal else None) for one in groups],
        declared=declared,
        handed=handed,
        form=form,
        basis=words.basis_words,
        kinds=kinds(),
    )
    return html, status


@bp.post("/staff/groups")
@access.staff(Role.FACILITY_MANAGER)
def verify_group() -> ResponseReturnValue:
    """Verify or refuse one of them."""
    form = VerifyForm(request.form)
    if not form.validate():
        return _verify_page(form, status=422)
    number = references.parse(form.reference.data)
    accept, reason, now = form.decision.data == "accept", form.reason.data or "", clock.now()
    if number.startswith("G"):
        counter = bool(form.counter_only.data)
        transact(
            lambda s: services.decide(
                s, number, accept=accept, reason=reason, counter_only=counter, actor=_actor(), now=now
            )
        )
    else:
        transact(
            lambda s: services.decide_eligibility(s, number, accept=accept, reason=reason, actor=_actor(), now=now)
        )
    return redirect(url_for("reservations.groups_to_verify"), 303)
