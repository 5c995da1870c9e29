"""Staff see every group, end one with a reason, and agree to another representative."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional, ValidationError

from portal.accounts.models import Role
from portal.kernel import audit, clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access
from portal.web.forms import ChoiceField, LongTextField, MaxLength, PortalForm, Required, TextField
from reservations.groups import keeping, queries, services
from reservations.groups.keeping import NobodyWaits
from reservations.web import words
from reservations.web.groups import kinds
from reservations.web.public import bp
from reservations.web.words import gettext

_MANAGER = access.staff(Role.FACILITY_MANAGER)


class SearchGroupsForm(PortalForm):
    """Words to look for. Sent by GET."""

    class Meta:
        """No token."""

        csrf = False

    words = TextField(lazy_gettext("団体・読み・番号・代表者の名前"), validators=[Optional(), MaxLength(80)])


class EndForm(PortalForm):
    """Why a group ends."""

    why = LongTextField(
        lazy_gettext("理由"),
        validators=[Required(), MaxLength(500)],
        description=lazy_gettext("代表者に、そのまま届きます。"),
        render_kw={"rows": 3},
    )


class HandOverForm(PortalForm):
    """Whether somebody else represents the group from now on."""

    successor = HiddenField(validators=[Required()])
    decision = ChoiceField(
        lazy_gettext("どうしますか"),
        validators=[Required()],
        choices=[
            SelectChoice("accept", lazy_gettext("この人を代表者にする")),
            SelectChoice("refuse", lazy_gettext("認めない")),
        ],
    )
    reason = TextField(lazy_gettext("認めない理由"), validators=[MaxLength(500)])

    def validate_reason(self, field: Any) -> None:
        """A refusal needs its reason."""
        if self.decision.data == "refuse" and not (field.data or "").strip():
            raise ValidationError(gettext("認めない理由を書いてください。"))


def _read(session: Any, reference: str) -> None:
    actor = access.visitor().actor
    audit.record(session, actor=actor, action="group.read", subject_kind="group", subject_ref=reference)


@bp.get("/staff/groups/all")
@_MANAGER
def all_groups() -> ResponseReturnValue:
    """All groups, or those that fit the words."""
    form = SearchGroupsForm(request.args)
    typed = (form.words.data or "") if form.validate() else ""
    with unit_of_work() as session:
        groups = queries.searched(session, typed)
        for one in groups:
            _read(session, one.reference)
    return render_template(
        "reservations/staff/all_groups.html",
        form=form,
        groups=groups,
        most=queries.GROUPS_LISTED,
        kinds=kinds(),
        state=words.group_state,
        today=clock.today(),
    )


@bp.get("/staff/groups/<reference>")
@_MANAGER
def group_of_staff(reference: str) -> ResponseReturnValue:
    """One group, its members, and what staff can do."""
    return _page(references.parse(reference))


def _page(
    number: str,
    *,
    ending: EndForm | None = None,
    handover: HandOverForm | None = None,
    message: str = "",
    status: int = 200,
) -> ResponseReturnValue:
    with unit_of_work() as session:
        group = queries.one(session, number)
        if group is None:
            raise NotFound
        _read(session, number)
    form = handover or HandOverForm(formdata=None)
    form.successor.data = str(group.successor_id or "")
    html = render_template(
        "reservations/staff/group.html",
        group=group,
        waiting=services.waiting(group),
        ending=ending or EndForm(formdata=None),
        handover=form,
        message=message,
        kinds=kinds(),
        basis=words.basis_words,
        state=words.group_state,
        today=clock.today(),
    )
    return html, status


@bp.post("/staff/groups/<reference>/end")
@_MANAGER
def end_group(reference: str) -> ResponseReturnValue:
    """End it; the representative is told why."""
    number = references.parse(reference)
    form = EndForm()
    if not form.validate():
        return _page(number, ending=form, status=422)
    actor, now = access.visitor().actor, clock.now()
    transact(partial(keeping.end, reference=number, reason=form.why.data, actor=actor, now=now))
    return redirect(url_for("reservations.group_of_staff", reference=number), 303)


@bp.post("/staff/groups/<reference>/hand-over")
@_MANAGER
def hand_group_over(reference: str) -> ResponseReturnValue:
    """Agree to the new representative that was shown, or not."""
    number = references.parse(reference)
    form = HandOverForm()
    shown = form.successor.data or ""
    if not form.validate() or not (shown.isascii() and shown.isdigit()):
        return _page(number, handover=form, status=422)
    facts = {"successor_id": int(shown), "accept": form.decision.data == "accept", "reason": form.reason.data or ""}
    actor, now = access.visitor().actor, clock.now()
    try:
        transact(partial(keeping.hand_over, reference=number, actor=actor, now=now, **facts))
    except NobodyWaits:
        message = gettext("代表者の申し出が変わりました。もう一度見てから、決めてください。")
        return _page(number, message=message, status=409)
    return redirect(url_for("reservations.group_of_staff", reference=number), 303)
