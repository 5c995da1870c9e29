"""What does not explain itself after everything was matched and booked: each thing with its yen and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.kernel.money import Yen


@dataclass(frozen=True)
class Item:
    """One thing: `kind` says why (words in `payments/web/words.py`), `amount` how many yen it is about."""

    kind: str
    reference: str
    amount: Yen
    charge_id: int | None = None


_UNEXPLAINED = {
    # In the provider's books and not in ours.
    "line_unknown": """
        SELECT l.provider_id, l.net, NULL::bigint FROM provider_line l
        WHERE l.provider = :provider AND l.merchant = :merchant AND l.created_at < :until
          AND (l.kind = 'other' OR l.charge_id IS NULL AND l.kind NOT IN ('fee', 'payout', 'payout_failure'))
    """,
    # In ours and not in the provider's.
    "payment_unknown_there": """
        SELECT p.reference, p.amount, p.charge_id FROM payment p JOIN payment_attempt a ON a.id = p.attempt_id
        WHERE p.provider = :provider AND a.merchant = :merchant AND p.paid_at >= :since AND p.paid_at < :until
          AND NOT EXISTS (SELECT 1 FROM provider_line l WHERE l.payment_id = p.id AND l.kind = 'payment')
    """,
    "refund_unknown_there": """
        SELECT r.reference, r.amount, r.charge_id FROM refund r
        JOIN payment p ON p.id = r.payment_id JOIN payment_attempt a ON a.id = p.attempt_id
        WHERE r.provider = :provider AND a.merchant = :merchant AND r.state = 'succeeded'
          AND r.changed_at >= :since AND r.changed_at < :until
          AND NOT EXISTS (SELECT 1 FROM provider_line l WHERE l.refund_id = r.id AND l.kind = 'refund')
    """,
    "amount_differs": """
        SELECT l.provider_id, abs(l.amount) - coalesce(r.amount, p.amount), l.charge_id FROM provider_line l
        LEFT JOIN refund r ON r.id = l.refund_id LEFT JOIN payment p ON p.id = l.payment_id
        WHERE l.provider = :provider AND l.merchant = :merchant AND l.created_at >= :since AND l.created_at < :until
          AND l.kind IN ('payment', 'refund', 'refund_failure') AND l.charge_id IS NOT NULL
          AND abs(l.amount) <> coalesce(r.amount, p.amount)
    """,
    "refund_came_back": """
        SELECT r.reference, r.amount, r.charge_id FROM provider_line l JOIN refund r ON r.id = l.refund_id
        WHERE l.provider = :provider AND l.merchant = :merchant AND l.created_at < :until
          AND l.kind = 'refund_failure' AND r.state <> 'failed'
    """,
    "payout_differs": """
        SELECT o.provider_id, o.amount - sum(l.net), NULL::bigint FROM provider_payout o
        JOIN provider_line l ON l.payout_id = o.id AND l.kind <> 'payout'
        WHERE o.provider = :provider AND o.merchant = :merchant AND o.created_at < :until
        GROUP BY o.id HAVING o.amount <> sum(l.net)
    """,
    "payout_without_lines": """
        SELECT o.provider_id, o.amount, NULL::bigint FROM provider_payout o
        WHERE o.provider = :provider AND o.merchant = :merchant AND o.created_at < :until
          AND NOT EXISTS (SELECT 1 FROM provider_line l WHERE l.payout_id = o.id)
    """,
    "dispute_unbooked": """
        SELECT d.provider_id, d.amount, d.charge_id FROM dispute d
        JOIN payment p ON p.id = d.payment_id JOIN payment_attempt a ON a.id = p.attempt_id
        WHERE d.provider = :provider AND a.merchant = :merchant AND d.opened_at < :until AND d.state <> 'warning'
          AND NOT EXISTS (SELECT 1 FROM ledger_transaction t WHERE t.dispute_id = d.id AND t.kind = 'dispute_opened')
    """,
}


def unexplained(session: Session, provider: str, merchant: str, *, since: datetime, until: datetime) -> Sequence[Item]:
    """Everything that does not explain itself, of the day and left over from days before. Eight statements."""
    values: dict[str, Any] = {"provider": provider, "merchant": merchant, "since": since, "until": until}
    return [
        Item(kind, reference, Yen(int(amount)), charge_id)
        for kind, query in _UNEXPLAINED.items()
        for reference, amount, charge_id in session.execute(text(query), values)
    ]
