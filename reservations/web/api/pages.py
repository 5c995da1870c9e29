"""The page on which the IT section makes and revokes tokens."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from wtforms.validators import Optional

from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.web import access
from portal.web.forms import CheckboxesField, MaxLength, NumberField, PortalForm, Required, TextField, WarekiDateField
from reservations.api import tokens
from reservations.timetable import TOKYO
from reservations.web.public import bp
from reservations.web.studio.forms import choices


def scope_words() -> dict[str, str]:
    """What a token may do."""
    return {
        "facilities:read": gettext("施設と空きを見る"),
        "quotes:read": gettext("料金を計算する"),
        "bookings:read": gettext("自分のシステムで取った予約を見る"),
        "bookings:write": gettext("予約を取る・取り消す"),
    }


class TokenForm(PortalForm):
    """A new token."""

    name = TextField(lazy_gettext("どのシステムのためか"), validators=[Required(), MaxLength(100)])
    scopes = CheckboxesField(lazy_gettext("できること"), validators=[Required()])
    ends_on = WarekiDateField(lazy_gettext("最後の日(空なら期限なし)"), validators=[Optional()])
    per_minute = NumberField(lazy_gettext("1分に何回まで"), least=1, most=100_000, validators=[Required()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The scopes in the reader's language."""
        super().__init__(*args, **kwargs)
        self.scopes.choices = choices(scope_words())


def _page(form: TokenForm, *, secret: str = "", status: int = 200) -> ResponseReturnValue:
    with unit_of_work() as session:
        rows = tokens.every(session)
    html = render_template(
        "reservations/staff/tokens.html",
        tokens=rows,
        form=form,
        secret=secret,
        scopes=scope_words(),
        now=clock.now(),
    )
    return html, status


@bp.get("/staff/api-tokens")
@access.staff(Role.IT_STRATEGY)
def api_tokens() -> ResponseReturnValue:
    """All tokens; only their first characters are known here."""
    return _page(TokenForm(formdata=None, per_minute=tokens.PER_MINUTE))


@bp.post("/staff/api-tokens")
@access.staff(Role.IT_STRATEGY)
def make_api_token() -> ResponseReturnValue:
    """Make a token and show it, once."""
    form = TokenForm()
    if not form.validate():
        return _page(form, status=422)
    day = form.ends_on.data
    ends = datetime.combine(day + timedelta(days=1), time(), TOKYO) if day else None
    actor = access.visitor().actor

    def make(session: Session) -> str:
        _, secret = tokens.make(
            session,
            name=form.name.data,
            scopes=form.scopes.data,
            ends_at=ends,
            actor=actor,
            now=clock.now(),
            per_minute=form.per_minute.data or tokens.PER_MINUTE,
        )
        return secret

    return _page(TokenForm(formdata=None, per_minute=tokens.PER_MINUTE), secret=transact(make))


@bp.post("/staff/api-tokens/<int:token_id>/revoke")
@access.staff(Role.IT_STRATEGY)
def revoke_api_token(token_id: int) -> ResponseReturnValue:
    """The token answers nobody from now on."""
    transact(partial(tokens.revoke, token_id=token_id, actor=access.visitor().actor, now=clock.now()))
    return redirect(url_for("reservations.api_tokens"), 303)
