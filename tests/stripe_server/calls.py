"""The calls of Stripe that the gateway makes, with the rules that Stripe has for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.stripe_server.objects import Objects, invalid, missing

LISTED_FOR = 30 * 86400
"""Events can be listed for 30 days."""
_CREATED: dict[str, Callable[[int, int], bool]] = {
    "created[gte]": int.__ge__,
    "created[gt]": int.__gt__,
    "created[lte]": int.__le__,
    "created[lt]": int.__lt__,
}


class Calls(Objects):
    """One method a call; the answer is a copy, or the object itself where the caller copies it."""

    def create_session(self, params: dict[str, Any]) -> dict[str, Any]:
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
        methods = params.get("allowed_payment_method_types", ["card"])
        self._check_methods(methods, params.get("payment_method_options", {}), amount, params.get("customer"))
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
            "customer": params.get("customer"),
            "customer_details": None,
            "expires_at": expires_at,
            "livemode": False,
            "locale": params.get("locale"),
            "metadata": params.get("metadata", {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_method_options": params.get("payment_method_options", {}),
            "payment_method_types": methods,
            "payment_status": "unpaid",
            "status": "open",
            "success_url": params.get("success_url"),
            "url": f"https://checkout.stripe.example/c/pay/{session_id}",
        }
        self.sessions[session_id] = session
        return dict(session)

    def _check_methods(self, methods: list[str], options: dict[str, Any], amount: int, customer: str | None) -> None:
        for method, (smallest, largest) in {"konbini": (120, 300_000), "paypay": (50, 1_000_000)}.items():
            if method in methods and not smallest <= amount <= largest:
                # Stripe leaves such a method out; one that is asked for alone cannot be had.
                raise invalid(f"{method} takes ¥{smallest} to ¥{largest}", param="allowed_payment_method_types")
        if "customer_balance" in methods and customer not in self.customers:
            raise invalid("customer_balance needs a customer", param="customer")
        days = int(options.get("konbini", {}).get("expires_after_days", 3))
        if not 1 <= days <= 60:
            raise invalid("expires_after_days is 1 to 60", param="payment_method_options[konbini][expires_after_days]")
        card = options.get("card", {})
        for script, longest in (("kana", 22), ("kanji", 17)):
            if len(card.get(f"statement_descriptor_suffix_{script}", "")) > longest:
                raise invalid("The statement descriptor is too long")

    def create_customer(self, params: dict[str, Any]) -> dict[str, Any]:
        customer = {
            "id": self.new_id("cus"),
            "object": "customer",
            "created": self.now(),
            "livemode": False,
            "metadata": params.get("metadata", {}),
        }
        self.customers[customer["id"]] = customer
        return dict(customer)

    def session(self, session_id: str) -> dict[str, Any]:
        if session_id not in self.sessions:
            raise missing("checkout.session", session_id)
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

    def intent(self, intent_id: str) -> dict[str, Any]:
        if intent_id not in self.intents:
            raise missing("payment_intent", intent_id)
        return self.intents[intent_id]

    def cancel_intent(self, intent_id: str) -> dict[str, Any]:
        intent = self.intent(intent_id)
        if intent["status"] != "requires_action":
            raise invalid("This PaymentIntent's status does not allow it", code="payment_intent_unexpected_state")
        intent["status"] = "canceled"
        self.tell("payment_intent.canceled", intent)
        return dict(intent)

    def create_refund(self, params: dict[str, Any]) -> dict[str, Any]:
        intent = self.intents.get(params.get("payment_intent", ""))
        if intent is None or intent["latest_charge"] is None:
            raise missing("payment_intent", str(params.get("payment_intent")))
        amount = int(params.get("amount", intent["amount"]))
        if any(made["payment_intent"] == intent["id"] and made["status"] != "won" for made in self.disputes.values()):
            raise invalid("Charge has been charged back", code="charge_disputed")
        left = intent["amount"] - self.refunded(intent["id"])
        if left <= 0:
            raise invalid("Charge has already been refunded.", code="charge_already_refunded")
        if not 0 < amount <= left:
            raise invalid(
                f"Refund amount (¥{amount}) is greater than unrefunded amount on charge (¥{left})", param="amount"
            )
        charge = self.charges[intent["latest_charge"]]
        if charge["payment_method_details"]["type"] in {"konbini", "customer_balance"}:
            raise invalid("An email address is needed for refund instructions", param="instructions_email")
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
        self._refunded.setdefault(intent["id"], []).append(refund["id"])
        self._book("refund", refund, -amount, 0)
        self.tell("refund.created", refund)
        if refund["status"] == "failed":
            self._refund_fails(refund)
            self.tell("refund.failed", refund)
        return dict(refund)

    def refund(self, refund_id: str) -> dict[str, Any]:
        if refund_id not in self.refunds:
            raise missing("refund", refund_id)
        return self.refunds[refund_id]

    def dispute(self, dispute_id: str) -> dict[str, Any]:
        if dispute_id not in self.disputes:
            raise missing("dispute", dispute_id)
        return self.disputes[dispute_id]

    def page_of(self, kind: str, query: dict[str, list[str]]) -> dict[str, Any]:
        """One page of a list, newest first, as Stripe pages: `starting_after`, `limit`, `created`."""
        if kind == "events":
            since = self.now() - LISTED_FOR
            found = [event for event in self.events if event["created"] > since]
        elif kind == "balance_transactions" and "payout" in query:
            found = [self.lines[each] for each in self._paid_out_in.get(query["payout"][0], [])]
        else:
            held: dict[str, dict[str, Any]] = {
                "checkout/sessions": self.sessions,
                "refunds": self.refunds,
                "payouts": self.payouts,
                "balance_transactions": self.lines,
                "disputes": self.disputes,
            }[kind]
            found = list(held.values())
        for key, keep in _CREATED.items():
            if key in query:
                bound = int(query[key][0])
                found = [each for each in found if keep(each["created"], bound)]
        found.reverse()
        if "starting_after" in query:
            after = query["starting_after"][0]
            place = next((index for index, each in enumerate(found) if each["id"] == after), None)
            if place is None:
                raise invalid(f"No such object: {after}", param="starting_after", code="resource_missing")
            found = found[place + 1 :]
        limit = int(query.get("limit", ["10"])[0])
        if not 1 <= limit <= 100:
            raise invalid("Invalid limit: 1 to 100", param="limit")
        expand = any("data.source" in values for key, values in query.items() if key.startswith("expand"))
        page = [self._with_source(each) if expand else dict(each) for each in found[:limit]]
        return {"object": "list", "data": page, "has_more": len(found) > limit, "url": f"/v1/{kind}"}


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
