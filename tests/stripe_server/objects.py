"""The objects that Stripe keeps, and what each event writes into its balance."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.stripe_server.shapes import wrong_object

API_VERSION = "2026-10-28.endive"
FEE_PER_MILLE = 36
DISPUTE_FEE = 1500


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


def missing(kind: str, found: str) -> ApiError:
    return invalid(f"No such {kind}: {found}", param=kind, code="resource_missing", status=404)


@dataclass
class Objects:
    """All objects of one account; `now` gives the server's clock in seconds."""

    now: Callable[[], int]
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    charges: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    disputes: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    payouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    next_refund_status: str = "succeeded"
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _paid_out_in: dict[str, list[str]] = field(default_factory=dict)
    _waiting: list[str] = field(default_factory=list)
    _refunded: dict[str, list[str]] = field(default_factory=dict)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_local{next(self._numbers):06}"

    def received(self, intent_id: str) -> int:
        intent = self.intents[intent_id]
        return int(intent["amount"]) if intent["status"] == "succeeded" else 0

    def refunded(self, intent_id: str) -> int:
        made = (self.refunds[each] for each in self._refunded.get(intent_id, []))
        return sum(refund["amount"] for refund in made if refund["status"] not in {"failed", "canceled"})

    def held(self) -> int:
        """What lies at Stripe for us: everything received less what went back, fees not counted."""
        return sum(self.received(intent) - self.refunded(intent) for intent in self.intents)

    def balance(self) -> int:
        """What Stripe's own books say lies there: every line of them."""
        return sum(line["net"] for line in self.lines.values())

    def tell(self, kind: str, found: dict[str, Any]) -> None:
        """Write down an event that is owed to the notice address."""
        copy = {key: value for key, value in found.items() if not key.startswith("_")}
        copy["metadata"] = dict(found.get("metadata") or {})
        event = {
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
        problems = [*wrong_object(event), *wrong_object(copy)]
        assert not problems, problems
        self.events.append(event)

    def _refund_fails(self, refund: dict[str, Any]) -> None:
        refund["failure_reason"] = "expired_or_canceled_card"
        self._book("refund_failure", refund, refund["amount"], 0)

    def _book(self, kind: str, source: dict[str, Any], amount: int, fee: int, *, category: str | None = None) -> str:
        line = {
            "id": self.new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": self.now() + 4 * 86400,
            "created": self.now(),
            "currency": "jpy",
            "description": None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [],
            "net": amount - fee,
            "reporting_category": category or kind,
            "source": source["id"],
            "status": "pending",
            "type": kind,
        }
        self.lines[line["id"]] = line
        self._waiting.append(line["id"])
        return str(line["id"])

    def _with_source(self, line: dict[str, Any]) -> dict[str, Any]:
        source = line["source"]
        for held in (self.charges, self.refunds, self.disputes, self.payouts):
            if source in held:
                return {**line, "source": dict(held[source])}
        return dict(line)

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
            "next_action": None,
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
            "metadata": dict(intent["metadata"]),
            "payment_intent": intent["id"],
            "payment_method_details": {"type": method},
            "billing_details": {"name": "KOGA HANAKO", "email": "hanako@example.jp"},
        }
        self.charges[charge["id"]] = charge
        intent.update(status="succeeded", latest_charge=charge["id"], next_action=None)
        session.update(
            status="complete",
            payment_status="paid",
            payment_intent=intent["id"],
            url=None,
            customer_details={"name": "KOGA HANAKO", "email": "hanako@example.jp"},
        )
        fee = intent["amount"] * FEE_PER_MILLE // 1000
        self.tell("charge.succeeded", charge)
        self._book("charge" if method == "card" else "payment", charge, intent["amount"], fee)
