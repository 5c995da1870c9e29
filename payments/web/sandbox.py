"""The sandbox provider's own pages: what a payer would meet at a real provider. Never in production."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from payments import gateways
from payments.gateways import sandbox
from payments.gateways.sandbox import METHOD, Act
from payments.models import SandboxSession
from payments.states import AttemptState
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access
from portal.web.forms import PortalForm

bp = Blueprint("payments_sandbox", __name__, template_folder="templates", url_prefix="/sandbox")


class SandboxForm(PortalForm):
    """Nothing but the token."""


@bp.before_request
def only_where_served() -> None:
    """There is no such provider in production (settings refuse it), so there is no such page."""
    if gateways.sandbox_gateway() is None:
        raise NotFound


@bp.get("/pay/<provider_id>")
@access.public
def page(provider_id: str) -> ResponseReturnValue:
    """The hosted-looking page."""
    with unit_of_work() as session:
        found = sandbox.session_of(session, provider_id)
    ended = found.state == AttemptState.OPEN.value and found.expires_at <= clock.now()
    return render_template(
        "payments/sandbox.html",
        paying=found,
        ended=ended,
        form=SandboxForm(),
        refused=request.args.get("refused", ""),
        step=request.args.get("step", ""),
        methods=found.methods.split(","),
    )


@bp.post("/pay/<provider_id>")
@access.public
def act(provider_id: str) -> ResponseReturnValue:
    """What the payer did."""
    what = request.form.get("act", "")
    here = url_for("payments_sandbox.page", provider_id=provider_id)
    if what == "authenticate":
        return redirect(f"{here}?step=authenticate", 303)
    if what == "fail_authentication":
        return redirect(f"{here}?refused=authentication", 303)
    try:
        wanted = Act(what)
    except ValueError:
        return redirect(here, 303)
    now = clock.now()
    found = transact(lambda session: sandbox.act(session, provider_id, wanted, now=now))
    if wanted is Act.REFUSE:
        return redirect(f"{here}?refused=card", 303)
    if wanted in METHOD and found.state in {AttemptState.PAID.value, AttemptState.PENDING.value}:
        return redirect(found.return_url, 303)
    return redirect(here, 303)


@bp.get("/sessions")
@access.public
def sessions() -> ResponseReturnValue:
    """The newest pages, so that a person can pay a voucher days later or have the bank say yes too late."""
    with unit_of_work() as session:
        found = session.scalars(select(SandboxSession).order_by(SandboxSession.id.desc()).limit(50)).all()
    return render_template("payments/sandbox_sessions.html", found=found, form=SandboxForm())
