"""Our own pages around the library's: after signing in, after registering, the profile, the settings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user

from portal.accounts import queries, services
from portal.accounts.web.forms import ProfileForm
from portal.directory import postal
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, locale

bp = Blueprint("accounts", __name__)


def _account_id() -> int:
    who = access.visitor()
    if who.account_id is None:
        raise NotFound
    return who.account_id


@bp.get("/sign-in/done")
@access.signed_in
def after_sign_in() -> ResponseReturnValue:
    """To where the visitor's own things are; mails follow the language chosen on the page."""
    who = access.visitor()
    if who.locale != locale.current():
        with unit_of_work() as session:
            services.choose_locale(session, account_id=_account_id(), locale=locale.current())
    return redirect(url_for("web.staff_home" if who.is_staff else "web.my_page"), 303)


@bp.get("/register/done")
@access.public
def registered() -> ResponseReturnValue:
    """A mail is on its way; the same page whether or not the address was registered before."""
    return render_template("accounts/registered.html")


@bp.get("/my/security")
@access.signed_in
def security() -> ResponseReturnValue:
    """Password, passkeys, second factor."""
    return render_template(
        "accounts/security.html",
        second_factor=bool(current_user.tf_primary_method),
        recovery_codes=len(current_user.mf_recovery_codes or []),
        passkeys=list(current_user.webauthn),
    )


@bp.get("/my/profile")
@access.resident
def profile() -> ResponseReturnValue:
    """The person's own facts, to be changed."""
    with unit_of_work() as session:
        facts = queries.facts_of(queries.person_of(session, _account_id()))
    return render_template("accounts/profile.html", form=ProfileForm(formdata=None, obj=facts))


def look_up(form: ProfileForm, template: str = "accounts/profile.html") -> ResponseReturnValue:
    """The look-up button without script: fill in the address, keep everything else as typed."""
    with unit_of_work() as session:
        found = postal.lookup(session, form.postal_code.data or "") if form.postal_code.data else None
    if found is None:
        if form.postal_code.process_errors:
            form.refuse(form.postal_code, str(form.postal_code.process_errors[0]))
        else:
            form.refuse(form.postal_code, gettext("この郵便番号は見つかりません。住所を書いてください。"))
        return render_template(template, form=form), 422
    form.prefecture.data, form.city.data, form.town.data = found.prefecture, found.city, found.town
    return render_template(template, form=form)


def _known_postal_code(form: ProfileForm) -> bool:
    with unit_of_work() as session:
        if postal.lookup(session, form.postal_code.data or "") is not None:
            return True
    form.refuse(form.postal_code, gettext("この郵便番号は見つかりません。数字を確認してください。"))
    return False


@bp.post("/my/profile")
@access.resident
def change_profile() -> ResponseReturnValue:
    """Write the person's own facts."""
    form: Any = ProfileForm()
    if "lookup_postal" in request.form:
        return look_up(form)
    valid = form.validate()
    if form.postal_code.data and not form.postal_code.errors:
        valid = _known_postal_code(form) and valid
    if not valid:
        return render_template("accounts/profile.html", form=form), 422
    who = access.visitor()
    with unit_of_work() as session:
        services.change_facts(session, account_id=_account_id(), facts=form.facts(), actor=who.actor, now=clock.now())
    flash(gettext("登録しました。"), "success")
    return redirect(url_for("web.my_page"), 303)
