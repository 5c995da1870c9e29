"""The page where a guest types number and secret, and the link in the mail that holds both."""

from __future__ import annotations

import re

from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from forms.services import following
from forms.web import views
from forms.web.blueprint import bp
from portal.accounts import throttle
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.settings import Settings
from portal.web import access
from portal.web.forms import MaxLength, PortalForm, Required, TextField

LONGEST_NUMBER = 40
_CASE = re.compile(r"/applications/(?P<number>[Aa]-[0-9A-Za-z-]{1,36})(?:[/?#]|$)")
_PLAIN = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}


class FollowInputs(PortalForm):
    """A case's number and its secret."""

    number = TextField(lazy_gettext("受付番号"), [Required(), MaxLength(LONGEST_NUMBER)], render_kw=_PLAIN)
    secret = TextField(lazy_gettext("確認のことば"), [Required(), MaxLength(following.LONGEST)], render_kw=_PLAIN)


@bp.get("/applications/follow")
@access.public
def follow() -> ResponseReturnValue:
    """Type number and secret; the number is there already where a mail led here, and nothing is asked where this browser has opened it."""
    number = following.read(request.args.get("number", "")[:LONGEST_NUMBER])
    if number and views.remembers("cases", number):
        return redirect(url_for("forms.application", reference=number), 303)
    form = FollowInputs()
    form.number.data = number
    return render_template("forms/follow.html", form=form)


@bp.post("/applications/follow")
@access.public
def follow_case() -> ResponseReturnValue:
    """Open the case in this browser; the same answer to a wrong number and a wrong secret."""
    form = FollowInputs()
    if form.validate():
        number = _guess(form.number.data, form.secret.data)
        if number is not None:
            return _opened(number)
        form.refuse(
            form.number,
            gettext(
                "受付番号か確認のことばがちがいます。どちらもメールのとおりに入れてください。入れたものは消していません。"
            ),
        )
    return render_template("forms/follow.html", form=form), 422


@bp.get("/applications/<reference>/open/<secret>")
@access.public
def open_case(reference: str, secret: str) -> ResponseReturnValue:
    """The link in a guest's mail: opens the case in this browser.

    Raises:
        NotFound: the secret does not fit.
    """
    number = _guess(reference[:LONGEST_NUMBER], secret[: following.LONGEST])
    if number is None:
        raise NotFound
    return _opened(number)


def guest_way(path: str) -> access.GuestWay | None:
    """From the page of a case, opened where nobody is signed in: to typing its secret. The same for every number, also for none of ours."""
    found = _CASE.match(path)
    if found is None:
        return None
    words = gettext("メールにある確認のことばで、申請のようすを見る")
    return access.GuestWay(url_for("forms.follow", number=found["number"]), words)


def _opened(number: str) -> ResponseReturnValue:
    views.remember("cases", number)
    return redirect(url_for("forms.application", reference=number), 303)


def _guess(number: str, secret: str) -> str | None:
    """Count the try, then look. Per number and network, and per address: a guesser locks out himself only.

    Raises:
        TooManyGuesses: this origin has none left.
    """
    settings: Settings = current_app.extensions["portal"]
    now = clock.now()
    subject = throttle.subject_of(settings.secret_key, "case", following.read(number))
    network, address = throttle.network_of(request.remote_addr), throttle.address_of(request.remote_addr)
    for of, origin, most in (
        (subject, network, throttle.PER_NETWORK),
        (throttle.EVERYBODY, f"cases:{address}", throttle.PER_ADDRESS),
    ):
        with unit_of_work() as session:
            throttle.take(session, subject=of, origin=origin, most=most, now=now)
    with unit_of_work() as session:
        found = following.opens(session, number=number, typed=secret)
        if found is not None:
            throttle.forgive(session, subject=subject, origin=network)
            throttle.give_back(session, subject=throttle.EVERYBODY, origin=f"cases:{address}")
    return found
