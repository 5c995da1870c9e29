"""Where providers tell us what happened. The signature is the only proof; no session, no CSRF token."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from payments import gateways, intake
from payments.errors import BadNotice, ProviderDown
from payments.gateways.base import NoAnswerError, NotSignedError, RefusedError
from portal.kernel import clock
from portal.kernel.errors import NotFound
from portal.web import access

bp = Blueprint("payments_hooks", __name__)

LARGEST = 256 * 1024
"""Bytes of a notice; Stripe's are some 5 KB."""


@bp.post("/hooks/<any(stripe, sandbox, hosted):provider>")
@access.provider
def notice(provider: str) -> ResponseReturnValue:
    """Take one notice. 2xx says that it is kept; anything else makes the provider send it again."""
    try:
        gateway = gateways.by_code(provider)
    except LookupError as error:
        raise NotFound from error
    if (request.content_length or 0) > LARGEST:
        raise BadNotice(provider)
    try:
        found = gateway.read_notice(request.get_data(cache=False), dict(request.headers))
    except NotSignedError as error:
        raise BadNotice(provider) from error
    try:
        outcome = intake.take_notice(provider, found, now=clock.now())
    except (NoAnswerError, RefusedError) as error:
        # Kept, not worked on: the provider sends it again, or the reconciliation finishes it.
        raise ProviderDown(provider) from error
    return {"outcome": outcome.value}, 200
