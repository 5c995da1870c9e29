"""Pages for people without mail: the clerk registers them and hands over or posts a code; they choose a password with it."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from wtforms.fields.choices import SelectChoice

from portal.accounts import opening, queries, throttle
from portal.accounts.models import Role
from portal.accounts.proofs import Proof
from portal.accounts.services import WeakPassword
from portal.accounts.web import printing
from portal.accounts.web.forms import SIGN_IN_AS, ProfileForm
from portal.accounts.web.messages import PASSWORD_PROBLEMS
from portal.accounts.web.views import bp, look_up
from portal.accounts.web.words import PROOFS
from portal.kernel import clock, typed_secrets
from portal.kernel.database import unit_of_work
from portal.settings import Settings
from portal.web import access, locale, staff
from portal.web.forms import CheckboxesField, ChoiceField, MaxLength, PortalForm, Required, SecretField, TextField

_PLAIN = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
_NEW = {"autocomplete": "new-password"}


class CodeInputs(PortalForm):
    """How the code goes to the person."""

    way = ChoiceField(
        lazy_gettext("わたし方"),
        choices=[
            SelectChoice("counter", lazy_gettext("いま窓口でわたす(本人確認をする)")),
            SelectChoice("letter", lazy_gettext("手紙で送る(住所あて)")),
        ],
        validators=[Required()],
    )
    seen = CheckboxesField(
        lazy_gettext("本人確認で見たもの"),
        choices=[SelectChoice(kind.value, words) for kind, words in PROOFS.items()],
    )


class OpenInputs(PortalForm):
    """Number and code from the paper, and a password."""

    number = TextField(lazy_gettext("利用者番号"), validators=[Required(), MaxLength(40)], render_kw=_PLAIN)
    code = TextField(
        lazy_gettext("はじめるためのコード"),
        validators=[Required(), MaxLength(typed_secrets.LONGEST)],
        render_kw=_PLAIN,
    )
    password = SecretField(
        lazy_gettext("新しいパスワード"),
        validators=[Required()],
        render_kw=_NEW,
        description=lazy_gettext("10文字以上。好きな言葉をいくつかつなげると、覚えやすくて安全です。"),
    )
    again = SecretField(lazy_gettext("新しいパスワード(もう一度)"), validators=[Required()], render_kw=_NEW)


@bp.get("/staff/residents/new")
@access.staff(Role.COUNTER)
def new_resident() -> ResponseReturnValue:
    """The form for somebody without mail."""
    return render_template("accounts/resident_new.html", form=ProfileForm(formdata=None))


@bp.post("/staff/residents/new")
@access.staff(Role.COUNTER)
def register_resident() -> ResponseReturnValue:
    """Make the account; its code comes next."""
    form: Any = ProfileForm()
    if "lookup_postal" in request.form:
        return look_up(form, "accounts/resident_new.html")
    if not form.validate():
        return render_template("accounts/resident_new.html", form=form), 422
    try:
        with unit_of_work() as session:
            number = opening.register(
                session, facts=form.facts(), locale=locale.current(), clerk=access.visitor().actor, now=clock.now()
            ).number
    except opening.AlreadyRegistered as known:
        form.refuse(
            form.name,
            gettext("この人は、もう利用者番号 %(number)s で登録されています。", number=known.number)
            if known.number
            else gettext("この人は、もうメールアドレスで登録しています。"),
        )
        return render_template("accounts/resident_new.html", form=form), known.status
    return redirect(url_for("accounts.resident", number=number), 303)


@bp.get("/staff/residents/<number>")
@access.staff(Role.COUNTER)
def resident(number: str) -> ResponseReturnValue:
    """Who it is, and a code for them; the look is written down."""
    return _resident(number, CodeInputs())


def _resident(number: str, form: CodeInputs, status: int = 200) -> ResponseReturnValue:
    with unit_of_work() as session:
        found = opening.by_number(session, number)
        opening.looked(session, found, access.visitor().actor)
        html = render_template(
            "accounts/resident.html",
            number=found.number,
            facts=queries.facts_of(queries.person_of(session, found.id)),
            address=found.person.address if found.person else "",
            confirmed_at=found.confirmed_at,
            codes=opening.codes_of(session, found),
            now=clock.now(),
            form=form,
        )
    return html, status


@bp.post("/staff/residents/<number>/code")
@access.staff(Role.COUNTER)
def make_code(number: str) -> ResponseReturnValue:
    """A new code on paper, as a download; it is shown nowhere else, and the one before it ends."""
    form: Any = CodeInputs()
    if not form.validate():
        return _resident(number, form, 422)
    now, clerk = clock.now(), access.visitor().actor
    try:
        with unit_of_work() as session:
            seen = [Proof(each) for each in form.seen.data or ()]
            secret = opening.make_code(session, number, way=form.way.data, seen=seen, clerk=clerk, now=now)
            paper = printing.context(session, opening.by_number(session, number), way=form.way.data, now=now)
    except opening.IdentityNotSeen:
        form.refuse(form.seen, gettext("顔写真のある公的な証明書を1つ、ないときは、ほかの書類を2つ見てください。"))
        return _resident(number, form, 422)
    headers = {
        "Content-Disposition": f'attachment; filename="{paper["number"]}.pdf"',
        "Cache-Control": "private, no-store",
    }
    return Response(printing.render(paper, secret), mimetype="application/pdf", headers=headers)


@bp.get("/sign-in/paper")
@access.public
def begin_with_code() -> ResponseReturnValue:
    """Type number, code and a new password."""
    return render_template("accounts/begin_with_code.html", form=OpenInputs())


@bp.post("/sign-in/paper")
@access.public
def open_with_code() -> ResponseReturnValue:
    """Set the password; a wrong number and a wrong code get the same answer."""
    form: Any = OpenInputs()
    valid = form.validate()
    if form.password.data and form.again.data and form.password.data != form.again.data:
        form.refuse(form.again, gettext("2つのパスワードがちがいます。"))
        valid = False
    if not valid:
        return render_template("accounts/begin_with_code.html", form=form), 422
    now, number = clock.now(), opening.number_of(form.number.data) or ""
    settings: Settings = current_app.extensions["portal"]
    subject = throttle.subject_of(settings.secret_key, "opening", number)
    network, address = throttle.network_of(request.remote_addr), throttle.address_of(request.remote_addr)
    for of, origin, most in (
        (subject, network, throttle.PER_NETWORK),
        (throttle.EVERYBODY, f"opening:{address}", throttle.PER_ADDRESS),
    ):
        with unit_of_work() as session:
            throttle.take(session, subject=of, origin=origin, most=most, now=now)
    try:
        with unit_of_work() as session:
            opening.open_account(session, number=number, typed=form.code.data, password=form.password.data, now=now)
            throttle.forgive(session, subject=subject, origin=network)
            throttle.give_back(session, subject=throttle.EVERYBODY, origin=f"opening:{address}")
    except opening.BadCode:
        form.refuse(
            form.code,
            gettext("利用者番号かコードがちがうか、コードが古くなっています。紙のとおりに入れてください。"),
        )
        return render_template("accounts/begin_with_code.html", form=form), 422
    except WeakPassword as weak:
        # The code was right: no guess.
        with unit_of_work() as session:
            throttle.give_back(session, subject=subject, origin=network)
        form.refuse(form.password, str(PASSWORD_PROBLEMS[weak.problems[0]]))
        return render_template("accounts/begin_with_code.html", form=form), 422
    cookie[SIGN_IN_AS] = number
    flash(gettext("パスワードを決めました。利用者番号とパスワードでサインインしてください。"), "success")
    return redirect(url_for("security.login"), 303)


def init_app() -> None:
    """The tile on 職員ホーム; the pages come with this module."""
    staff.register(
        staff.Tile(
            key="residents",
            title=lazy_gettext("メールのない人の登録"),
            endpoint="accounts.new_resident",
            roles=(Role.COUNTER,),
            text=lazy_gettext("窓口か手紙で、はじめるためのコードをわたします。"),
            order=12,
        )
    )
