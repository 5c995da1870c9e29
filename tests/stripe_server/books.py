"""What Stripe keeps on its side: sessions, payment intents, refunds, events, and the rules for the calls used.

Rules from docs.stripe.com: a session lives 30 minutes to 24 hours; JPY charges are at least 50 yen; an open session can be
expired, a completed one cannot; refunds never exceed the payment.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

API_VERSION = "2026-10-28.endive"


@dataclass
class ApiError(Exception):
    """An error as Stripe answers it."""

    status: int
    type: str
    code: str | None
    message: str
    param: str | None = None

    def body(self) -> dict[str, Any]:
        error = {"type": self.type, "message": self.message}
        if self.code:
            error["code"] = self.code
        if self.param:
            error["param"] = self.param
        return {"error": error}


def invalid(message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> ApiError:
    return ApiError(status, "invalid_request_error", code, message, param)


@dataclass
class Books:
    """All objects of one account; `now` gives the server's clock in seconds."""

    now: Callable[[], int]
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    charges: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    next_refund_status: str = "succeeded"
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_local{next(self._numbers):06}"

    # -- calls ---------------------------------------------------------------------------------------------------

    def create_session(self, params: dict[str, Any]) -> dict[str, Any]:
        allowed = {
            "mode", "line_items", "allowed_payment_method_types", "client_reference_id", "metadata", "payment_intent_data",
            "locale", "success_url", "cancel_url", "expires_at",
        }  # fmt: skip
        unknown = set(params) - allowed
        if unknown:
            raise invalid(f"Received unknown parameter: {min(unknown)}", param=min(unknown), code="parameter_unknown")
        if params.get("mode") != "payment":
            raise invalid("Invalid mode", param="mode")
        amount = sum(_line_amount(line) for line in params["line_items"])
        if amount < 50:
            raise invalid("Amount must be at least ¥50 jpy", param="amount", code="amount_too_small")
        if amount > 9_999_999:
            raise invalid("Amount must be no more than ¥9,999,999", param="amount", code="amount_too_large")
        expires_at = int(params.get("expires_at", self.now() + 86400))
        if not self.now() + 1800 <= expires_at <= self.now() + 86400:
            raise invalid("The `expires_at` timestamp must be between 30 minutes and 24 hours", param="expires_at")
        session_id = self.new_id("cs_test")
        session = {
            "id": session_id,
            "object": "checkout.session",
            "amount_subtotal": amount,
            "amount_total": amount,
            "cancel_url": params.get("cancel_url"),
            "client_reference_id": params.get("client_reference_id"),
            "created": self.now(),
            "currency": "jpy",
            "customer_details": None,
            "expires_at": expires_at,
            "livemode": False,
            "locale": params.get("locale"),
            "metadata": params.get("metadata", {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_method_types": params.get("allowed_payment_method_types", ["card"]),
            "payment_status": "unpaid",
            "status": "open",
            "success_url": params.get("success_url"),
            "url": f"https://checkout.stripe.example/c/pay/{session_id}",
        }
        self.sessions[session_id] = session
        return dict(session)

    def session(self, session_id: str) -> dict[str, Any]:
        if session_id not in self.sessions:
            raise invalid(
                f"No such checkout.session: {session_id}", param="session", code="resource_missing", status=404
            )
        session = self.sessions[session_id]
        if session["status"] == "open" and session["expires_at"] <= self.now():
            self._expire(session)
        return session

    def expire_session(self, session_id: str) -> dict[str, Any]:
        session = self.session(session_id)
        if session["status"] != "open":
            raise invalid('Only Checkout Sessions with a status in ["open"] can be expired.')
        self._expire(session)
        return dict(session)

    def create_refund(self, params: dict[str, Any]) -> dict[str, Any]:
        intent = self.intents.get(params.get("payment_intent", ""))
        if intent is None or intent["latest_charge"] is None:
            raise invalid("No such payment_intent", param="payment_intent", code="resource_missing", status=404)
        amount = int(params.get("amount", intent["amount"]))
        left = intent["amount"] - self.refunded(intent["id"])
        if left <= 0:
            raise invalid("Charge has already been refunded.", code="charge_already_refunded")
        if not 0 < amount <= left:
            raise invalid(
                f"Refund amount (¥{amount}) is greater than unrefunded amount on charge (¥{left})", param="amount"
            )
        refund = {
            "id": self.new_id("re"),
            "object": "refund",
            "amount": amount,
            "charge": intent["latest_charge"],
            "created": self.now(),
            "currency": "jpy",
            "metadata": params.get("metadata", {}),
            "payment_intent": intent["id"],
            "reason": params.get("reason"),
            "status": self.next_refund_status,
        }
        self.refunds[refund["id"]] = refund
        self.tell("refund.created", refund)
        if refund["status"] == "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
            self.tell("refund.failed", refund)
        return dict(refund)

    def refund(self, refund_id: str) -> dict[str, Any]:
        if refund_id not in self.refunds:
            raise invalid(f"No such refund: {refund_id}", code="resource_missing", status=404)
        return self.refunds[refund_id]

    # -- what payers, banks and time do --------------------------------------------------------------------------

    def pay(self, session_id: str, *, method: str = "card") -> None:
        """The payer completes the page and the money is there."""
        session = self.session(session_id)
        if session["status"] != "open":
            raise AssertionError(f"nobody can pay on a page that is {session['status']}")
        self._take(session, method)
        self.tell("checkout.session.completed", session)

    def take_voucher(self, session_id: str) -> None:
        """The payer completes the page with a method that pays later."""
        session = self.session(session_id)
        assert session["status"] == "open"
        session["status"] = "complete"
        session["payment_method_types"] = ["konbini"]
        intent = self._intent(session, "requires_action")
        session["payment_intent"] = intent["id"]
        self.tell("checkout.session.completed", session)

    def pay_voucher(self, session_id: str) -> None:
        session = self.sessions[session_id]
        assert session["status"] == "complete"
        assert session["payment_status"] == "unpaid"
        self._take(session, "konbini")
        self.tell("checkout.session.async_payment_succeeded", session)

    def voucher_ends(self, session_id: str) -> None:
        session = self.sessions[session_id]
        self.intents[session["payment_intent"]]["status"] = "requires_payment_method"
        self.tell("checkout.session.async_payment_failed", session)

    def settle_refund(self, refund_id: str, status: str) -> None:
        """A pending refund arrives, or a refund that had arrived comes back."""
        refund = self.refunds[refund_id]
        refund["status"] = status
        if status == "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
        self.tell("refund.failed" if status == "failed" else "refund.updated", refund)

    def received(self, intent_id: str) -> int:
        intent = self.intents[intent_id]
        return int(intent["amount"]) if intent["status"] == "succeeded" else 0

    def refunded(self, intent_id: str) -> int:
        return sum(
            refund["amount"]
            for refund in self.refunds.values()
            if refund["payment_intent"] == intent_id and refund["status"] not in {"failed", "canceled"}
        )

    def held(self) -> int:
        """What lies at Stripe for us: everything received less what went back."""
        return sum(self.received(intent) - self.refunded(intent) for intent in self.intents)

    def tell(self, kind: str, found: dict[str, Any]) -> None:
        """Write down an event that is owed to the notice address."""
        copy = {**found, "metadata": dict(found.get("metadata") or {})}
        self.events.append(
            {
                "id": self.new_id("evt"),
                "object": "event",
                "api_version": API_VERSION,
                "created": self.now(),
                "livemode": False,
                "pending_webhooks": 1,
                "request": {"id": None, "idempotency_key": None},
                "type": kind,
                "data": {"object": copy},
            }
        )

    def _expire(self, session: dict[str, Any]) -> None:
        session["status"] = "expired"
        session["url"] = None
        self.tell("checkout.session.expired", session)

    def _intent(self, session: dict[str, Any], status: str) -> dict[str, Any]:
        intent = {
            "id": self.new_id("pi"),
            "object": "payment_intent",
            "amount": session["amount_total"],
            "currency": "jpy",
            "created": self.now(),
            "latest_charge": None,
            "livemode": False,
            "metadata": dict(session["metadata"]),
            "status": status,
        }
        self.intents[intent["id"]] = intent
        return intent

    def _take(self, session: dict[str, Any], method: str) -> None:
        intent = self.intents.get(session["payment_intent"] or "") or self._intent(session, "succeeded")
        charge = {
            "id": self.new_id("ch"),
            "object": "charge",
            "amount": intent["amount"],
            "created": self.now(),
            "currency": "jpy",
            "payment_method_details": {"type": method},
            "billing_details": {"name": "KOGA HANAKO", "email": "hanako@example.jp"},
        }
        self.charges[charge["id"]] = charge
        intent.update(status="succeeded", latest_charge=charge["id"])
        session.update(
            status="complete",
            payment_status="paid",
            payment_intent=intent["id"],
            url=None,
            customer_details={"name": "KOGA HANAKO", "email": "hanako@example.jp"},
        )


def _line_amount(line: dict[str, Any]) -> int:
    price = line["price_data"]
    if price["currency"] != "jpy":
        raise invalid("Invalid currency", param="line_items[0][price_data][currency]")
    amount = price["unit_amount"]
    if not amount.lstrip("-").isdigit():
        raise invalid(
            "Invalid integer", param="line_items[0][price_data][unit_amount]", code="parameter_invalid_integer"
        )
    return int(amount) * int(line["quantity"])
