"""Stripe, through its official SDK: Checkout sessions, refunds, signed notices.

The only module that imports `stripe`. API version pinned; every writing call carries an idempotency key; metadata holds
our references and nothing personal. `api_base` lets the SDK itself talk to a local server (tests/stripe_server).
Sources: docs.stripe.com/api/checkout/sessions, /api/refunds, /webhooks, /error-low-level#idempotency.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import stripe
import structlog
from stripe.params.checkout import SessionCreateParams, SessionCreateParamsPaymentMethodOptions

from payments.gateways import stripe_reads as reads
from payments.gateways.base import (
    CALL_SECONDS,
    CURRENCY,
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
from payments.methods import STATEMENT, Method
from payments.states import AttemptState
from portal.kernel.money import Yen

API_VERSION = "2026-10-28.endive"
"""Pinned: notices and answers keep this shape until a person moves it together with the SDK."""

PAGE = 100
"""Objects on one page of a list (Stripe's largest)."""

TOLERANCE_SECONDS = 300
"""A notice signed longer ago is a replay."""

log = structlog.get_logger(__name__)
T = TypeVar("T")


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
            webhook_secret: of the notice address (`whsec_…`); several, with commas, where connected accounts have an address of their own.
            api_base: another address than Stripe's, for tests.
            call_seconds: how long one call may take, its second try included.
        """
        self._webhook_secrets = [part.strip() for part in webhook_secret.split(",")]
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
        return reads.session_report(found.to_dict(), None)

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
        return reads.session_report(ended.to_dict(), None)

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
        return reads.refund_report(made.to_dict())

    def look_refund(self, provider_id: str, *, merchant: str) -> RefundReport:
        """Ask for a refund."""
        found = self._call(
            "look_refund", lambda: self._client.v1.refunds.retrieve(provider_id, {}, self._options(merchant))
        )
        return reads.refund_report(found.to_dict())

    def look_dispute(self, provider_id: str, *, merchant: str) -> DisputeReport:
        """Ask for a dispute."""
        found = self._call(
            "look_dispute", lambda: self._client.v1.disputes.retrieve(provider_id, {}, self._options(merchant))
        )
        return reads.dispute_report(found.to_dict())

    def pages(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[SessionReport]:
        """Sessions created in [since, until)."""
        for found in self._list("/v1/checkout/sessions", merchant, _created(since, until)):
            yield reads.session_report(found, None)

    def refunds(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[RefundReport]:
        """Refunds created in [since, until)."""
        for found in self._list("/v1/refunds", merchant, _created(since, until)):
            yield reads.refund_report(found)

    def disputes(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[DisputeReport]:
        """Disputes created in [since, until)."""
        for found in self._list("/v1/disputes", merchant, _created(since, until)):
            yield reads.dispute_report(found)

    def payouts(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[PayoutReport]:
        """Payouts created in [since, until)."""
        for found in self._list("/v1/payouts", merchant, _created(since, until)):
            yield reads.payout_report(found)

    def lines(
        self, merchant: str, *, since: datetime | None = None, until: datetime | None = None, payout: str | None = None
    ) -> Iterator[Line]:
        """Balance transactions, each with the charge, refund, dispute or payout that caused it."""
        wanted: dict[str, Any] = {"expand": ["data.source"]}
        if since is not None and until is not None:
            wanted |= _created(since, until)
        if payout is not None:
            wanted["payout"] = payout
        for found in self._list("/v1/balance_transactions", merchant, wanted):
            yield reads.line(found)

    def _verify(self, text: str, signature: str | None) -> None:
        """Ours and the connected accounts' notices come from two endpoints at Stripe, each with a secret of its own."""
        *others, last = self._webhook_secrets
        for secret in others:
            with contextlib.suppress(stripe.SignatureVerificationError):
                stripe.WebhookSignature.verify_header(text, signature, secret, TOLERANCE_SECONDS)
                return
        stripe.WebhookSignature.verify_header(text, signature, last, TOLERANCE_SECONDS)

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check `Stripe-Signature`, then read the event."""
        try:
            text = body.decode("utf-8")
            self._verify(text, headers.get("Stripe-Signature"))
            event = json.loads(text)
            found = event["data"]["object"]
            occurred_at = datetime.fromtimestamp(event["created"], UTC)
            return Notice(
                event_id=str(event["id"]),
                kind=str(event["type"]),
                object_id=str(found.get("id", "")),
                occurred_at=occurred_at,
                report=reads.report(str(event["type"]), found, occurred_at),
                payload=reads.without_personal_data(event),
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

    def _list(self, path: str, merchant: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every object of a list, page by page. As plain data: a day has tens of thousands."""
        wanted = {**params, "limit": PAGE}
        while True:
            ask = partial(self._client.raw_request, "get", path, **wanted, **self._raw_options(merchant))
            page = self._call(path, ask).data
            yield from page["data"]
            if not page["has_more"]:
                return
            wanted["starting_after"] = page["data"][-1]["id"]

    def _raw_options(self, merchant: str) -> dict[str, str]:
        return {"stripe_account": merchant} if merchant.startswith("acct_") else {}

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


def _created(since: datetime, until: datetime) -> dict[str, Any]:
    return {"created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}}


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
