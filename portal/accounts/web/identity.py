"""本人確認: go to the identity provider, come back with who it is; what a dead or wrong provider means for the person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import user_logged_out
from sqlalchemy.orm import Session

from portal.accounts.identity import choice, services
from portal.accounts.identity.services import Confirmed
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.settings import Settings
from portal.web import access

bp = Blueprint("identity", __name__)
log = structlog.get_logger(__name__)

_FLOWS = "identity_flows"
_SECRET = "identity"  # noqa: S105 - the name of the cookie's entry
_TABS = 3


def confirmed(session: Session | None = None) -> Confirmed | None:
    """Who the visitor is, where they confirmed it in this browser and it still counts. One statement where there is something to ask.

    Args:
        session: the caller's transaction; None: one of its own.
    """
    who, secret = access.visitor(), cookie.get(_SECRET, "")
    if who.account_id is None or not secret:
        return None
    if session is not None:
        return services.confirmed(session, account_id=who.account_id, secret=secret, now=clock.now())
    with unit_of_work() as own:
        return services.confirmed(own, account_id=who.account_id, secret=secret, now=clock.now())


def offer() -> dict[str, Any]:
    """What macros/identity.html shows the way with."""
    return {
        "provider": choice.name(),
        "sample": choice.sample() is not None,
        "minutes": int(services.COUNTS_FOR.total_seconds() // 60),
    }


@bp.get("/my/identity")
@access.resident
def page() -> ResponseReturnValue:
    """Whether it is confirmed, until when it counts, and the way to confirm it."""
    return render_template(
        "accounts/identity.html",
        confirmed=confirmed(),
        identity=offer(),
        target=local(request.args.get("next", "")),
    )


@bp.post("/my/identity")
@access.resident
def begin() -> ResponseReturnValue:
    """On to the provider. What has to come back is kept in the person's own session."""
    from portal.accounts.identity.oidc import SourceError

    target = local(request.form.get("next", "")) or url_for("identity.page")
    provider = choice.provider()
    if provider is None:
        raise NotFound
    try:
        address, flow = provider.begin(_callback())
    except SourceError as error:
        return _not_confirmed(error.reason, target)
    # A person may begin in one tab, and again in another: the newest few are kept.
    flows = dict(list(cookie.get(_FLOWS, {}).items())[1 - _TABS :])
    flows[flow.state] = {**asdict(flow), "next": target, "account": access.visitor().account_id}
    cookie[_FLOWS] = flows
    return redirect(address, 303)


@bp.get("/identity/callback")
@access.resident
def callback() -> ResponseReturnValue:
    """Back from the provider: once for each time that it was begun here, by whoever began it."""
    from portal.accounts.identity.oidc import Flow, SourceError

    who, provider = access.visitor(), choice.provider()
    flows: dict[str, Any] = dict(cookie.get(_FLOWS, {}))
    begun = flows.pop(request.args.get("state", ""), None)
    cookie[_FLOWS] = flows
    if provider is None or who.account_id is None:
        raise NotFound
    if begun is None or begun["account"] != who.account_id:
        return _not_confirmed("state", url_for("identity.page"))
    if "error" in request.args:
        return _not_confirmed("cancelled" if request.args["error"] == "access_denied" else "answer", begun["next"])
    flow = Flow(begun["state"], begun["nonce"], begun["verifier"])
    try:
        facts = provider.finish(request.args.get("code", ""), flow, _callback(), now=clock.now())
    except SourceError as error:
        return _not_confirmed(error.reason, begun["next"])
    with unit_of_work() as session:
        if old := cookie.get(_SECRET):
            services.forget(session, secret=old)
        _identity, cookie[_SECRET] = services.confirm(
            session,
            account_id=who.account_id,
            facts=facts,
            source=provider.client.name,
            actor=who.actor,
            now=clock.now(),
        )
    flash(gettext("本人確認ができました。"), "success")
    return redirect(begun["next"], 303)


def _callback() -> str:
    settings: Settings = current_app.extensions["portal"]
    return settings.public_url + url_for("identity.callback")


def _not_confirmed(reason: str, target: str) -> ResponseReturnValue:
    """Say it plainly and go back to where the person was; the log has the reason, nobody's data."""
    log.warning("identity not confirmed", reason=reason)
    if reason == "cancelled":
        words = gettext("本人確認をやめました。書いたことは残っています。あとで、もう一度できます。")
    elif reason in {"slow", "unreachable"}:
        words = gettext(
            "本人確認のサービスに、いまつながりません。書いたことは残っています。しばらくして、もう一度ためしてください。急ぐときは、窓口で本人確認ができます。"
        )
    elif reason == "state":
        words = gettext("本人確認のとちゅうで時間がたったか、別の画面で始めました。もう一度、はじめからしてください。")
    else:
        words = gettext(
            "本人確認のサービスの返事を確かめられませんでした。本人確認は終わっていません。書いたことは残っています。もう一度ためすか、窓口で本人確認をしてください。"
        )
    flash(words, "warning")
    return redirect(target, 303)


def local(target: str) -> str:
    """The target where it is a path of ours, else ""."""
    parts = urlsplit(target)
    good = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return target if good and "\\" not in target and target.isprintable() else ""


def _signed_out(_app: Flask, **_facts: Any) -> None:
    secret = cookie.pop(_SECRET, None)
    cookie.pop(_FLOWS, None)
    if secret:
        with unit_of_work() as session:
            services.forget(session, secret=secret)


def init_app(app: Flask) -> None:
    """Add the pages; let forms lead to the provider; forget the identity with the sign-in."""
    from portal.accounts.web import sample_identity

    settings: Settings = app.extensions["portal"]
    app.register_blueprint(bp)
    app.register_blueprint(sample_identity.bp)
    if settings.identity == "oidc":
        parts = urlsplit(settings.identity_issuer)
        targets = (*app.config.get("CSP_FORM_ACTION", ()), f"{parts.scheme}://{parts.netloc}")
        app.config["CSP_FORM_ACTION"] = targets
    user_logged_out.connect(_signed_out, app)
