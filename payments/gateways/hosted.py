"""A 指定納付受託者 with a hosted page and JSON over HTTPS: the second provider, by the protocol that docs/payments.md describes.

Every call carries `Portal-Signature: t=<seconds>,v1=<HMAC-SHA256(secret, t.METHOD.target.body)>`; every notice the same over `t.body`.
A writing call carries an `Idempotency-Key`: the same key and body give the same answer, another body is refused (409).
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog

from payments.gateways.base import (
    CALL_SECONDS,
    DisputeReport,
    Limits,
    Line,
    NoAnswerError,
    Notice,
    NotSignedError,
    Order,
    Page,
    PayoutReport,
    RefundOrder,
    RefundReport,
    RefusedError,
    SessionReport,
)
from payments.gateways.facts import read_dispute, read_facts, read_line, read_payout
from payments.methods import Method
from portal.kernel import clock
from portal.kernel.money import Yen

SIGNATURE = "Portal-Signature"
TOLERANCE = timedelta(minutes=5)

log = structlog.get_logger(__name__)


def signature(secret: str, message: bytes, *, at: datetime) -> str:
    """The signature header of a message."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_mac(secret, seconds, message)}"


class HostedGateway:
    """One merchant of one hosted provider; other payees' accounts are named in each call."""

    code = "hosted"
    limits = Limits(Yen(1), Yen(9_999_999), timedelta(minutes=5), timedelta(hours=24))
    serves = frozenset({Method.CARD, Method.PAYPAY, Method.KONBINI})

    def __init__(self, *, base: str, secret: str, call_seconds: float = CALL_SECONDS) -> None:
        """Get ready; nothing is called yet.

        Args:
            base: the provider's address, `https://…`.
            secret: signs calls and notices, both ways.
            call_seconds: how long one call may take.
        """
        self._base = urlsplit(base)
        self._secret = secret
        self._seconds = call_seconds

    def open(self, order: Order) -> Page:
        """Open a page."""
        found = self._call(
            "POST",
            "/v1/pages",
            {
                "attempt": order.attempt,
                "charge": order.charge_reference,
                "merchant": order.merchant,
                "amount": order.amount.amount,
                "currency": "jpy",
                "description": order.description,
                "locale": order.locale,
                "return_url": order.return_url,
                "cancel_url": order.cancel_url,
                "expires_at": order.expires_at.timestamp(),
                "methods": list(order.methods),
                "voucher_days": order.voucher_days,
            },
            key=order.idempotency_key,
        )
        return Page(found["id"], found["url"], datetime.fromtimestamp(found["expires_at"], UTC))

    def look(self, provider_id: str, *, merchant: str) -> SessionReport:
        """Ask where a page stands."""
        return _page(self._call("GET", f"/v1/pages/{provider_id}?{urlencode({'merchant': merchant})}"))

    def expire(self, provider_id: str, *, merchant: str) -> SessionReport:
        """End a page, or take its voucher back."""
        return _page(self._call("POST", f"/v1/pages/{provider_id}/end", {"merchant": merchant}))

    def refund(self, order: RefundOrder) -> RefundReport:
        """Send money back."""
        found = self._call(
            "POST",
            "/v1/refunds",
            {
                "reference": order.reference,
                "payment": order.payment_id,
                "merchant": order.merchant,
                "amount": order.amount.amount,
            },
            key=order.idempotency_key,
        )
        return _refund(found)

    def look_refund(self, provider_id: str, *, merchant: str) -> RefundReport:
        """Ask where a refund stands."""
        return _refund(self._call("GET", f"/v1/refunds/{provider_id}?{urlencode({'merchant': merchant})}"))

    def look_dispute(self, provider_id: str, *, merchant: str) -> DisputeReport:
        """Ask where a dispute stands."""
        return read_dispute(self._call("GET", f"/v1/disputes/{provider_id}?{urlencode({'merchant': merchant})}"))

    def pages(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[SessionReport]:
        """Pages opened in [since, until)."""
        yield from map(_page, self._list("pages", merchant, since=since, until=until))

    def refunds(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[RefundReport]:
        """Refunds made in [since, until)."""
        yield from map(_refund, self._list("refunds", merchant, since=since, until=until))

    def disputes(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[DisputeReport]:
        """Disputes opened in [since, until)."""
        yield from map(read_dispute, self._list("disputes", merchant, since=since, until=until))

    def payouts(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[PayoutReport]:
        """Payouts made in [since, until)."""
        yield from map(read_payout, self._list("payouts", merchant, since=since, until=until))

    def lines(
        self, merchant: str, *, since: datetime | None = None, until: datetime | None = None, payout: str | None = None
    ) -> Iterator[Line]:
        """Lines of the provider's books, of a time or of a payout."""
        yield from map(read_line, self._list("lines", merchant, since=since, until=until, payout=payout))

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check the signature, then read."""
        try:
            parts = dict(part.split("=", 1) for part in (headers.get(SIGNATURE) or "").split(","))
            seconds = int(parts["t"])
            if not hmac.compare_digest(parts["v1"].encode(), _mac(self._secret, seconds, body).encode()):
                raise NotSignedError("signature")
            if clock.now() - datetime.fromtimestamp(seconds, UTC) > TOLERANCE:
                raise NotSignedError("too_old")
            event = json.loads(body)
            return Notice(
                event_id=str(event["id"]),
                kind=str(event["type"]),
                object_id=str(event["object"]["id"]),
                occurred_at=datetime.fromtimestamp(event["created"], UTC),
                report=read_facts(event["type"], event["object"]),
                payload={"id": event["id"], "type": event["type"], "object": event["object"]},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotSignedError(type(error).__name__) from error

    def _list(
        self, kind: str, merchant: str, *, since: datetime | None, until: datetime | None, payout: str | None = None
    ) -> Iterator[dict[str, Any]]:
        wanted: dict[str, str] = {"merchant": merchant}
        if since is not None and until is not None:
            wanted |= {"since": str(since.timestamp()), "until": str(until.timestamp())}
        if payout is not None:
            wanted["payout"] = payout
        after: str | None = ""
        while after is not None:
            page = self._call("GET", f"/v1/{kind}?{urlencode({**wanted, 'after': after})}")
            yield from page["data"]
            after = page["after"]

    def _call(
        self, method: str, target: str, facts: dict[str, Any] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        body = b"" if facts is None else json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json",
            SIGNATURE: signature(self._secret, f"{method}.{target}.".encode() + body, at=clock.now()),
        }
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            status, answered = self._send(method, target, body, headers)
            found = json.loads(answered)
        except (OSError, http.client.HTTPException, ValueError) as error:
            log.warning("provider_no_answer", provider=self.code, error=type(error).__name__)
            raise NoAnswerError(type(error).__name__) from error
        if status >= 500 or status == http.HTTPStatus.TOO_MANY_REQUESTS:
            raise NoAnswerError(str(status))
        if status >= 400 or not isinstance(found, dict):
            raise RefusedError(str(found.get("error", status) if isinstance(found, dict) else status)[:60])
        return found

    def _send(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        secure = self._base.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._base.hostname or "", self._base.port, timeout=self._seconds)
        try:
            connection.request(method, self._base.path + target, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _page(facts: dict[str, Any]) -> SessionReport:
    report = read_facts(f"session.{facts['state']}", facts)
    assert isinstance(report, SessionReport)
    return report


def _refund(facts: dict[str, Any]) -> RefundReport:
    report = read_facts("refund", facts)
    assert isinstance(report, RefundReport)
    return report


def _mac(secret: str, seconds: int, message: bytes) -> str:
    return hmac.new(secret.encode(), str(seconds).encode() + b"." + message, hashlib.sha256).hexdigest()
