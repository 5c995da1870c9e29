"""The sandbox provider's postman: posts its signed notices to our address, as a real provider does."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable

from payments import gateways
from payments.gateways.sandbox import SIGNATURE
from payments.models.sandbox import SandboxEvent
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.settings import Settings

HOOK = "/hooks/sandbox"
Post = Callable[[bytes, dict[str, str]], int]
"""Posts a body with headers to our hook; returns the status."""


class NotTakenError(Exception):
    """Our own address did not take a notice: the job tries again."""


class _Way:
    post: Post | None = None


def configure(settings: Settings) -> None:
    """Post to the web process of these settings (same machine)."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - a comparison
    port = settings.port_number

    def post(body: bytes, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection(host, port, timeout=10)
        try:
            connection.request("POST", HOOK, body=body, headers={"Content-Type": "application/json", **headers})
            return connection.getresponse().status
        finally:
            connection.close()

    use(post)


def use(post: Post) -> None:
    """Post this way (tests without a running web process)."""
    _Way.post = post


def signed(event_id: int) -> tuple[bytes, dict[str, str]] | None:
    """Body and headers of a notice that is still owed; None where it was taken or the sandbox is not served."""
    gateway = gateways.sandbox_gateway()
    with unit_of_work() as session:
        event = session.get(SandboxEvent, event_id)
        if gateway is None or event is None or event.delivered_at is not None:
            return None
        body = json.dumps(event.body).encode()
    return body, {SIGNATURE: gateway.sign(body, at=clock.now())}


def deliver(event_id: int) -> None:
    """Post one notice until it is taken.

    Raises:
        NotTakenError: the address answered with something else than success.
    """
    message = signed(event_id)
    if message is None or _Way.post is None:
        return
    status = _Way.post(*message)
    if status >= 300:
        raise NotTakenError(f"{HOOK} answered {status}")
    with unit_of_work() as session:
        session.get_one(SandboxEvent, event_id).delivered_at = clock.now()
