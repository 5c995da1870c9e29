"""Stripe, through its official SDK: Checkout sessions, refunds, signed notices.

The only module that imports `stripe`. API version pinned; every writing call carries an idempotency key; metadata holds
our references and nothing personal. `api_base` lets the SDK itself talk to a local server (tests/stripe_server).
Sources: docs.stripe.com/api/checkout/sessions, /api/refunds, /webhooks, /error-low-level#idempotency.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import stripe
import structlog
from stripe.params.checkout import SessionCreateParams, SessionCreateParamsPaymentMethodOptions

from payments.gateways.base import (
    CALL_SECONDS,
    CURRENCY,
    Limits,
    NoAnswerError,
    Notice,
    NotSignedError,
    Order,
    Page,
    RefundOrder,
    RefundReport,
    RefusedError,
    SessionReport,
    method_word,
)
from payments.methods import STATEMENT, Method
from payments.states import AttemptState, RefundState
from portal.kernel.money import Yen

API_VERSION = "2026-10-28.endive"
"""Pinned: notices and answers keep this shape until a person moves it together with the SDK."""

TOLERANCE_SECONDS = 300
"""A notice signed longer ago is a replay."""

log = structlog.get_logger(__name__)
T = TypeVar("T")

# What is kept of a notice's object. Names, addresses, mails, card numbers are not on the list.
_KEPT = (
    "id", "object", "amount", "amount_total", "amount_refunded", "currency", "status", "payment_status", "payment_intent",
    "client_reference_id", "expires_at", "created", "livemode", "failure_reason", "payment_method_types", "charge", "reason",
)  # fmt: skip
_KEPT_METADATA = ("attempt", "refund")

_REFUND_STATES = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}


class StripeGateway:
    """One Stripe account. Other payees' accounts are connected accounts named by their merchant code (`acct_…`)."""

    code = "stripe"
    # JPY: smallest charge 50 yen, largest 9,999,999 (charges here end there); pages live 30 minutes to 24 hours.
    limits = Limits(Yen(50), Yen(9_999_999), timedelta(minutes=30), timedelta(hours=24))
    serves = frozenset(Method)

    def __init__(
        self, *, api_key: str, webhook_secret: str, api_base: str = "", call_seconds: float = CALL_SECONDS
    ) -> None:
        """Get ready; nothing is called yet.

        Args:
            api_key: secret or restricted key.
            webhook_secret: of the notice address (`whsec_…`).
            api_base: another address than Stripe's, for tests.
            call_seconds: how long one call may take, its second try included.
        """
        self._webhook_secret = webhook_secret
        self._client = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=1,
            http_client=stripe.RequestsClient(timeout=call_seconds / 2),
        )

    def open(self, order: Order) -> Page:
        """Open a Checkout page."""
        description = order.description
        session: SessionCreateParams = {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": CURRENCY,
                        "unit_amount": order.amount.amount,
                        "product_data": {"name": description},
                    },
                },
            ],
            "allowed_payment_method_types": [method.value for method in order.methods],
            "payment_method_options": _method_options(order),
            "client_reference_id": order.charge_reference,
            "metadata": {"attempt": order.attempt},
            "payment_intent_data": {"description": description, "metadata": {"attempt": order.attempt}},
            "locale": "ja" if order.locale == "ja" else "en",
            "success_url": order.return_url,
            "cancel_url": order.cancel_url,
            "expires_at": int(order.expires_at.timestamp()),
        }
        if Method.BANK_TRANSFER in order.methods:
            session["customer"] = self._customer(order)
        opened = self._call(
            "open",
            lambda: self._client.v1.checkout.sessions.create(
                session, self._options(order.merchant, order.idempotency_key)
            ),
        )
        if not opened.url:
            raise RefusedError("no_page")
        return Page(opened.id, opened.url, datetime.fromtimestamp(opened.expires_at, UTC))

    def look(self, provider_id: str, *, merchant: str) -> SessionReport:
        """Ask for a session together with its payment."""
        found = self._call(
            "look",
            lambda: self._client.v1.checkout.sessions.retrieve(
                provider_id, {"expand": ["payment_intent.latest_charge"]}, self._options(merchant)
            ),
        )
        return _session_report(found.to_dict(), None)

    def expire(self, provider_id: str, *, merchant: str) -> SessionReport:
        """End a session; of one that was completed and not paid yet, take back the voucher or the account number."""
        try:
            ended = self._call(
                "expire",
                lambda: self._client.v1.checkout.sessions.expire(provider_id, {}, self._options(merchant)),
            )
        except RefusedError:
            report = self.look(provider_id, merchant=merchant)
            if report.state is not AttemptState.PENDING or report.payment_id is None:
                return report
            intent = report.payment_id
            with contextlib.suppress(RefusedError):
                self._call(
                    "cancel", lambda: self._client.v1.payment_intents.cancel(intent, {}, self._options(merchant))
                )
            return self.look(provider_id, merchant=merchant)
        return _session_report(ended.to_dict(), None)

    def refund(self, order: RefundOrder) -> RefundReport:
        """Refund a payment intent."""
        made = self._call(
            "refund",
            lambda: self._client.v1.refunds.create(
                {
                    "payment_intent": order.payment_id,
                    "amount": order.amount.amount,
                    "reason": "requested_by_customer",
                    "metadata": {"refund": order.reference},
                },
                self._options(order.merchant, order.idempotency_key),
            ),
        )
        return _refund_report(made.to_dict())

    def look_refund(self, provider_id: str, *, merchant: str) -> RefundReport:
        """Ask for a refund."""
        found = self._call(
            "look_refund", lambda: self._client.v1.refunds.retrieve(provider_id, {}, self._options(merchant))
        )
        return _refund_report(found.to_dict())

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check `Stripe-Signature`, then read the event."""
        try:
            text = body.decode("utf-8")
            stripe.WebhookSignature.verify_header(
                text, headers.get("Stripe-Signature"), self._webhook_secret, TOLERANCE_SECONDS
            )
            event = json.loads(text)
            found = event["data"]["object"]
            occurred_at = datetime.fromtimestamp(event["created"], UTC)
            return Notice(
                event_id=str(event["id"]),
                kind=str(event["type"]),
                object_id=str(found.get("id", "")),
                occurred_at=occurred_at,
                report=_report(str(event["type"]), found, occurred_at),
                payload=_without_personal_data(event),
            )
        except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotSignedError(type(error).__name__) from error

    def _customer(self, order: Order) -> str:
        # A transfer needs an account number of its own, and Stripe ties it to a customer: an empty one.
        made = self._call(
            "customer",
            lambda: self._client.v1.customers.create(
                {"metadata": {"attempt": order.attempt}},
                self._options(order.merchant, f"{order.idempotency_key}-customer"),
            ),
        )
        return made.id

    def _options(self, merchant: str, idempotency_key: str | None = None) -> stripe.RequestOptions:
        options: stripe.RequestOptions = {}
        if merchant.startswith("acct_"):
            options["stripe_account"] = merchant
        if idempotency_key:
            options["idempotency_key"] = idempotency_key
        return options

    def _call(self, what: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
            log.warning("provider_no_answer", provider=self.code, call=what, error=type(error).__name__)
            raise NoAnswerError(type(error).__name__) from error
        except stripe.StripeError as error:
            if error.http_status is not None and error.http_status >= 500:
                raise NoAnswerError(type(error).__name__) from error
            log.warning("provider_refused", provider=self.code, call=what, error=type(error).__name__, code=error.code)
            raise RefusedError(error.code or type(error).__name__) from error


def _method_options(order: Order) -> SessionCreateParamsPaymentMethodOptions:
    kana, kanji = STATEMENT[order.money_kind]
    options: SessionCreateParamsPaymentMethodOptions = {
        "card": {"statement_descriptor_suffix_kana": kana, "statement_descriptor_suffix_kanji": kanji}
    }
    if Method.KONBINI in order.methods and order.voucher_days:
        options["konbini"] = {"expires_after_days": order.voucher_days}
    if Method.BANK_TRANSFER in order.methods:
        options["customer_balance"] = {
            "funding_type": "bank_transfer",
            "bank_transfer": {"type": "jp_bank_transfer"},
        }
    return options


def _report(kind: str, found: dict[str, Any], occurred_at: datetime) -> SessionReport | RefundReport | None:
    if kind.startswith("checkout.session."):
        report = _session_report(found, occurred_at)
        if kind == "checkout.session.async_payment_failed":
            return SessionReport(
                report.provider_id,
                report.attempt,
                AttemptState.FAILED,
                report.amount,
                report.currency,
                report.payment_id,
            )
        return report
    if found.get("object") == "refund":
        return _refund_report(found)
    return None


def _session_report(found: dict[str, Any], occurred_at: datetime | None) -> SessionReport:
    intent = found.get("payment_intent")
    paid_at: datetime | None = None
    voucher_until: datetime | None = None
    types = found.get("payment_method_types") or ["card"]
    method = types[0] if len(types) == 1 else None
    if isinstance(intent, dict):
        charge = intent.get("latest_charge")
        if isinstance(charge, dict):
            paid_at = datetime.fromtimestamp(charge["created"], UTC)
            method = (charge.get("payment_method_details") or {}).get("type", method)
        voucher_until = _voucher_end(intent)
        if voucher_until is not None:
            method = Method.KONBINI.value
        failed = intent.get("status") in {"canceled", "requires_payment_method"} and found.get("status") == "complete"
        intent = intent["id"]
    else:
        failed = False
    state = AttemptState.FAILED if failed else _session_state(found)
    if state is AttemptState.PAID and paid_at is None:
        paid_at = occurred_at
    return SessionReport(
        provider_id=str(found["id"]),
        attempt=(found.get("metadata") or {}).get("attempt"),
        state=state,
        amount=found.get("amount_total"),
        currency=found.get("currency"),
        payment_id=intent,
        method=method_word(method),
        paid_at=paid_at,
        voucher_until=voucher_until if state is AttemptState.PENDING else None,
        occurred_at=occurred_at,
    )


def _voucher_end(intent: dict[str, Any]) -> datetime | None:
    details = (intent.get("next_action") or {}).get("konbini_display_details") or {}
    ends = details.get("expires_at")
    return datetime.fromtimestamp(ends, UTC) if isinstance(ends, int) else None


def _session_state(found: dict[str, Any]) -> AttemptState:
    if found.get("payment_status") == "paid":
        return AttemptState.PAID
    status = found.get("status")
    if status == "complete":
        return AttemptState.PENDING
    return AttemptState.EXPIRED if status == "expired" else AttemptState.OPEN


def _refund_report(found: dict[str, Any]) -> RefundReport:
    return RefundReport(
        provider_id=str(found["id"]),
        reference=(found.get("metadata") or {}).get("refund"),
        state=_REFUND_STATES.get(str(found.get("status")), RefundState.PENDING),
        amount=found.get("amount"),
        currency=found.get("currency"),
        failure=found.get("failure_reason"),
    )


def _without_personal_data(event: dict[str, Any]) -> dict[str, Any]:
    found = event["data"]["object"]
    kept = {
        key: found[key]
        for key in _KEPT
        if isinstance(found.get(key), (str, int, bool, list, type(None))) and key in found
    }
    metadata = found.get("metadata") or {}
    kept["metadata"] = {key: str(metadata[key])[:40] for key in _KEPT_METADATA if key in metadata}
    return {
        "id": event["id"],
        "type": event["type"],
        "created": event["created"],
        "api_version": event.get("api_version"),
        "livemode": event.get("livemode"),
        "object": kept,
    }
