"""The pages of the development identity provider; 404 wherever it is not chosen, in production always."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import Blueprint, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from portal.accounts.identity import choice
from portal.kernel import clock
from portal.kernel.errors import NotFound
from portal.web import access

if TYPE_CHECKING:
    from portal.accounts.identity.sample import SampleProvider

bp = Blueprint("sample_identity", __name__, url_prefix="/identity/sample")


def _provider() -> SampleProvider:
    found = choice.sample()
    if found is None:
        raise NotFound
    return found


@bp.get("/.well-known/openid-configuration")
@access.provider
def configuration() -> ResponseReturnValue:
    """Where everything is."""
    return jsonify(_provider().configuration())


@bp.get("/keys")
@access.provider
def keys() -> ResponseReturnValue:
    """The public key."""
    return jsonify(_provider().keys())


@bp.get("/authorize")
@access.public
def authorize() -> ResponseReturnValue:
    """Choose an invented person, or go back without."""
    from portal.accounts.identity.sample import PEOPLE, RefusedError

    try:
        _provider().read(request.args)
    except RefusedError as error:
        raise NotFound from error
    return render_template("accounts/sample_identity.html", people=PEOPLE, asked=request.args.to_dict())


@bp.post("/authorize")
@access.public
def choose() -> ResponseReturnValue:
    """Back to the portal with a code, or with a refusal."""
    from portal.accounts.identity.sample import RefusedError

    provider = _provider()
    try:
        asked = provider.read(request.form)
    except RefusedError as error:
        raise NotFound from error
    try:
        answer = {"code": provider.code(asked, request.form.get("person", ""), now=clock.now())}
    except RefusedError as error:
        answer = {"error": str(error)}
    return redirect(f"{asked.redirect_uri}?{urlencode({**answer, 'state': asked.state})}", 303)


@bp.post("/token")
@access.provider
def token() -> ResponseReturnValue:
    """The code against tokens."""
    from portal.accounts.identity.sample import RefusedError

    try:
        return jsonify(_provider().tokens(request.form, request.headers.get("Authorization", ""), now=clock.now()))
    except RefusedError as error:
        return jsonify({"error": str(error)}), 400


@bp.get("/userinfo")
@access.provider
def userinfo() -> ResponseReturnValue:
    """The four basic facts."""
    from portal.accounts.identity.sample import RefusedError

    try:
        return jsonify(_provider().userinfo(request.headers.get("Authorization", "")))
    except RefusedError as error:
        return jsonify({"error": str(error)}), 401
