"""Pages, refunds, disputes, lines and payouts as plain JSON: the format of the hosted provider (docs/payments.md) and of the sandbox.

Amounts are whole yen, times are seconds since 1970, states are the words of `payments.states`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from payments.gateways.base import DisputeReport, Line, PayoutReport, RefundReport, SessionReport
from payments.states import AttemptState, DisputeState, LineKind, PayoutState, RefundState
from portal.kernel.money import Yen


def read_facts(kind: str, facts: dict[str, Any]) -> SessionReport | RefundReport | DisputeReport | None:
    """A notice's object as a report; None for a kind that we do not know."""
    if kind.startswith("session."):
        paid_at, ends = facts.get("paid_at"), facts.get("voucher_until")
        return SessionReport(
            provider_id=facts["id"],
            attempt=facts["attempt"],
            state=AttemptState(facts["state"]),
            amount=facts["amount"],
            currency=facts["currency"],
            payment_id=facts.get("payment"),
            method=facts["method"],
            paid_at=None if paid_at is None else datetime.fromtimestamp(paid_at, UTC),
            voucher_until=None if ends is None else datetime.fromtimestamp(ends, UTC),
        )
    if kind == "refund":
        return RefundReport(
            provider_id=facts["id"],
            reference=facts["reference"],
            state=RefundState(facts["state"]),
            amount=facts["amount"],
            currency=facts["currency"],
            failure="account_closed" if facts["state"] == RefundState.FAILED.value else None,
        )
    if kind == "dispute":
        return read_dispute(facts)
    return None


def read_dispute(facts: dict[str, Any]) -> DisputeReport:
    """A dispute."""
    return DisputeReport(
        provider_id=facts["id"],
        payment_id=facts["payment"],
        amount=facts["amount"],
        currency=facts["currency"],
        reason=str(facts["reason"])[:60],
        state=DisputeState(facts["state"]),
        opened_at=_moment(facts["opened_at"]),
        evidence_due_at=None if facts.get("due_at") is None else _moment(facts["due_at"]),
    )


def read_line(facts: dict[str, Any]) -> Line:
    """A line of the provider's books."""
    return Line(
        provider_id=facts["id"],
        kind=LineKind(facts["kind"]),
        amount=facts["amount"],
        fee=facts["fee"],
        created_at=_moment(facts["created_at"]),
        source_id=facts["source"],
        payment_id=facts.get("payment"),
        attempt=facts.get("attempt"),
    )


def read_payout(facts: dict[str, Any]) -> PayoutReport:
    """A payout."""
    return PayoutReport(
        provider_id=facts["id"],
        amount=Yen(facts["amount"]),
        state=PayoutState(facts["state"]),
        arrives_on=date.fromisoformat(facts["arrives_on"]),
        created_at=_moment(facts["created_at"]),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
