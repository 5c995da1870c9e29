"""What Stripe says, in our words. Pure: dictionaries as its API and its notices give them (version pinned in `stripe.py`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from payments.gateways.base import (
    DisputeReport,
    Line,
    MethodReport,
    PayoutReport,
    RefundReport,
    Report,
    SessionReport,
    method_word,
)
from payments.methods import Method
from payments.states import AttemptState, DisputeState, LineKind, PayoutState, RefundState
from portal.kernel import clock
from portal.kernel.money import Yen

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


_DISPUTE_STATES = {
    "warning_needs_response": DisputeState.WARNING,
    "warning_under_review": DisputeState.WARNING,
    "warning_closed": DisputeState.WARNING,
    "prevented": DisputeState.WARNING,
    "needs_response": DisputeState.NEEDS_RESPONSE,
    "under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}

_LINES = {
    "charge": LineKind.PAYMENT,
    "payment": LineKind.PAYMENT,
    "refund": LineKind.REFUND,
    "payment_refund": LineKind.REFUND,
    "refund_failure": LineKind.REFUND_FAILURE,
    "payment_failure_refund": LineKind.REFUND_FAILURE,
    "stripe_fee": LineKind.FEE,
    "stripe_fx_fee": LineKind.FEE,
    "tax_fee": LineKind.FEE,
    "payout": LineKind.PAYOUT,
    "payout_failure": LineKind.PAYOUT_FAILURE,
    "payout_cancel": LineKind.PAYOUT_FAILURE,
}


def report(kind: str, found: dict[str, Any], occurred_at: datetime) -> Report | None:
    """A notice as a report; None for a kind that changes nothing here."""
    if kind.startswith("checkout.session."):
        report = session_report(found, occurred_at)
        if kind == "checkout.session.async_payment_failed":
            return SessionReport(
                report.provider_id,
                report.attempt,
                AttemptState.FAILED,
                report.amount,
                report.currency,
                report.payment_id,
                occurred_at=occurred_at,
            )
        return report
    if found.get("object") == "refund":
        return refund_report(found)
    if found.get("object") == "dispute":
        return dispute_report(found)
    if kind == "charge.succeeded":
        return _method_report(found)
    return None


def session_report(found: dict[str, Any], occurred_at: datetime | None) -> SessionReport:
    """A session, with its payment where it was asked for."""
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
        method=method_word(method) if method else None,
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


def refund_report(found: dict[str, Any]) -> RefundReport:
    """A refund."""
    return RefundReport(
        provider_id=str(found["id"]),
        reference=(found.get("metadata") or {}).get("refund"),
        state=_REFUND_STATES.get(str(found.get("status")), RefundState.PENDING),
        amount=found.get("amount"),
        currency=found.get("currency"),
        failure=found.get("failure_reason"),
    )


def _method_report(found: dict[str, Any]) -> MethodReport | None:
    attempt = (found.get("metadata") or {}).get("attempt")
    method = (found.get("payment_method_details") or {}).get("type")
    if not attempt or not method:
        return None
    return MethodReport(
        attempt=str(attempt),
        payment_id=str(found.get("payment_intent")),
        method=method_word(method),
        paid_at=datetime.fromtimestamp(found["created"], UTC),
    )


def dispute_report(found: dict[str, Any]) -> DisputeReport:
    """A dispute."""
    due = (found.get("evidence_details") or {}).get("due_by")
    return DisputeReport(
        provider_id=str(found["id"]),
        payment_id=str(found.get("payment_intent")),
        amount=found.get("amount"),
        currency=found.get("currency"),
        reason=str(found.get("reason"))[:60],
        state=_DISPUTE_STATES.get(str(found.get("status")), DisputeState.UNDER_REVIEW),
        opened_at=datetime.fromtimestamp(found["created"], UTC),
        evidence_due_at=datetime.fromtimestamp(due, UTC) if isinstance(due, int) else None,
    )


def line(found: dict[str, Any]) -> Line:
    """A balance transaction."""
    source = found.get("source")
    facts = source if isinstance(source, dict) else {}
    kind = _LINES.get(str(found["type"]), LineKind.OTHER)
    if kind is LineKind.OTHER and facts.get("object") == "dispute":
        # An adjustment: money that a bank took back, or gave back.
        kind = LineKind.DISPUTE if found["amount"] < 0 else LineKind.DISPUTE_REVERSAL
    return Line(
        provider_id=str(found["id"]),
        kind=kind,
        amount=found["amount"],
        fee=found["fee"],
        created_at=datetime.fromtimestamp(found["created"], UTC),
        source_id=str(facts.get("id") or source or found["id"]),
        payment_id=facts.get("payment_intent"),
        attempt=(facts.get("metadata") or {}).get("attempt"),
    )


def payout_report(found: dict[str, Any]) -> PayoutReport:
    """A payout."""
    return PayoutReport(
        provider_id=str(found["id"]),
        amount=Yen(found["amount"]),
        state=PayoutState(found["status"]),
        arrives_on=clock.local(datetime.fromtimestamp(found["arrival_date"], UTC)).date(),
        created_at=datetime.fromtimestamp(found["created"], UTC),
    )


def without_personal_data(event: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a notice."""
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
