"""Set-based writing: the provider's lines kept, matched with ours, and booked. A few statements for any number of lines.

Everything that a line does to the ledger is one transaction of its charge, once (unique: line and kind). Revenue stays gross: the
fee is an expense, the payout moves what is left to the bank (CASES M5).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments import ledger
from payments.contract import Ground
from payments.gateways.base import Line
from payments.models import AccountCode, Payee, TransactionKind

AT_ONCE: Final = 2000
"""Lines that one transaction keeps or books."""

PROVIDER_CONTRACT = Ground("地方自治法", "第231条の2の3")
"""A fee that belongs to no single payment: owed under the contract with the 指定納付受託者."""


def keep(session: Session, provider: str, merchant: str, lines: Sequence[Line], payout_id: int | None = None) -> None:
    """Write lines down as the provider gave them; one that is known stays, but for the payout that it went into."""
    if not lines:
        return
    rows = [
        {
            "provider_id": line.provider_id,
            "kind": line.kind.value,
            "amount": line.amount,
            "fee": line.fee,
            "created_at": line.created_at.isoformat(),
            "source_id": line.source_id,
            "payment_id": line.payment_id,
            "attempt": line.attempt,
        }
        for line in lines
    ]
    session.execute(
        text(_KEEP), {"provider": provider, "merchant": merchant, "payout": payout_id, "rows": json.dumps(rows)}
    )


# One parameter for all lines: thousands of bound values cost more than the rows.
_KEEP = """
    INSERT INTO provider_line AS l (provider, merchant, provider_id, kind, amount, fee, net, created_at, source_id,
      provider_payment_id, attempt_ref, payout_id, note)
    SELECT :provider, :merchant, r.provider_id, r.kind, r.amount, r.fee, r.amount - r.fee, r.created_at, r.source_id,
      r.payment_id, r.attempt, CAST(:payout AS bigint), ''
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (provider_id text, kind text, amount bigint, fee bigint,
      created_at timestamptz, source_id text, payment_id text, attempt text)
    ON CONFLICT ON CONSTRAINT uq_provider_line_provider_provider_id
    DO UPDATE SET payout_id = excluded.payout_id WHERE l.payout_id IS NULL AND excluded.payout_id IS NOT NULL
"""


_MATCHES = (
    """
    UPDATE provider_line l SET payment_id = p.id, charge_id = p.charge_id FROM payment p
    WHERE l.provider = :provider AND l.merchant = :merchant AND l.charge_id IS NULL AND l.kind = 'payment'
      AND p.provider = l.provider AND p.provider_payment_id = l.provider_payment_id
    """,
    """
    UPDATE provider_line l SET refund_id = r.id, payment_id = r.payment_id, charge_id = r.charge_id FROM refund r
    WHERE l.provider = :provider AND l.merchant = :merchant AND l.charge_id IS NULL AND l.kind IN ('refund', 'refund_failure')
      AND r.provider = l.provider AND r.provider_id = l.source_id
    """,
    """
    UPDATE provider_line l SET dispute_id = d.id, payment_id = d.payment_id, charge_id = d.charge_id FROM dispute d
    WHERE l.provider = :provider AND l.merchant = :merchant AND l.charge_id IS NULL AND l.kind IN ('dispute', 'dispute_reversal')
      AND d.provider = l.provider AND d.provider_id = l.source_id
    """,
)


def match(session: Session, provider: str, merchant: str) -> None:
    """Say of each line what of ours it is. Three statements."""
    for statement in _MATCHES:
        session.execute(text(statement), {"provider": provider, "merchant": merchant})


_OF_A_CHARGE = (
    "SELECT l.id, l.charge_id, c.payee_id, c.ground_id, l.payment_id, l.dispute_id, {yen} AS yen"
    " FROM provider_line l JOIN charge c ON c.id = l.charge_id"
)
_OF_NONE = "SELECT l.id, NULL::bigint, :payee, :ground, NULL::bigint, NULL::bigint, {yen} FROM provider_line l"
_NEW = (
    " WHERE l.provider = :provider AND l.merchant = :merchant AND {which}"
    " AND NOT EXISTS (SELECT 1 FROM ledger_transaction t WHERE t.provider_line_id = l.id AND t.kind = :kind)"
)
_POST = """
    WITH due (line_id, charge_id, payee_id, ground_id, payment_id, dispute_id, yen) AS ({due} LIMIT :most),
    posted AS (
        INSERT INTO ledger_transaction (kind, charge_id, payee_id, payment_id, dispute_id, provider_line_id, posted_at)
        SELECT :kind, charge_id, payee_id, payment_id, dispute_id, line_id, :now FROM due WHERE yen <> 0
        RETURNING id, provider_line_id
    )
    INSERT INTO ledger_entry (transaction_id, account_id, charge_id, payee_id, ground_id, amount)
    SELECT posted.id, a.id, due.charge_id, due.payee_id, due.ground_id, side.sign * due.yen
    FROM posted JOIN due ON due.line_id = posted.provider_line_id
    CROSS JOIN (VALUES (:debit, 1), (:credit, -1)) AS side (code, sign)
    JOIN ledger_account a ON a.payee_id = due.payee_id AND a.code = side.code
"""

_BOOKED: Final[tuple[tuple[TransactionKind, AccountCode, AccountCode, str, str, bool], ...]] = (
    (TransactionKind.FEE, AccountCode.FEE, AccountCode.PROVIDER, "l.fee", "l.fee <> 0", True),
    (TransactionKind.FEE, AccountCode.FEE, AccountCode.PROVIDER, "-l.net", "l.kind = 'fee'", False),
    (TransactionKind.DISPUTE_OPENED, AccountCode.DISPUTED, AccountCode.PROVIDER, "-l.amount", "l.kind = 'dispute'", True),
    (TransactionKind.DISPUTE_WON, AccountCode.PROVIDER, AccountCode.DISPUTED, "l.amount", "l.kind = 'dispute_reversal'", True),
    (TransactionKind.PAYOUT_RETURNED, AccountCode.PROVIDER, AccountCode.BANK, "l.net", "l.kind = 'payout_failure'", False),
    (TransactionKind.PAID_OUT, AccountCode.BANK, AccountCode.PROVIDER, "l.net",
     "l.payout_id IS NOT NULL AND l.kind <> 'payout' AND l.net <> 0", True),
    (TransactionKind.PAID_OUT, AccountCode.BANK, AccountCode.PROVIDER, "l.net",
     "l.payout_id IS NOT NULL AND l.kind IN ('fee', 'payout_failure') AND l.net <> 0", False),
)  # fmt: skip


def book(session: Session, provider: str, merchant: str, *, now: datetime) -> int:
    """Book what the lines did, at most `AT_ONCE` of each sort; how many entries were written (0: nothing is left)."""
    payee = payee_of(session, merchant)
    ground = ledger.ground_id(session, PROVIDER_CONTRACT)
    written = 0
    for kind, debit, credit, yen, which, of_a_charge in _BOOKED:
        due = (_OF_A_CHARGE if of_a_charge else _OF_NONE).format(yen=yen) + _NEW.format(which=which)
        if not of_a_charge:
            due += " AND l.charge_id IS NULL"
        values: dict[str, Any] = {
            "provider": provider,
            "merchant": merchant,
            "kind": kind.value,
            "debit": debit.value,
            "credit": credit.value,
            "now": now,
            "most": AT_ONCE,
        }
        if not of_a_charge:
            values |= {"payee": payee, "ground": ground}
        result: Any = session.execute(text(_POST.format(due=due)), values)
        written += result.rowcount
    return written


def open_accounts(session: Session, merchant: str) -> None:
    """Give every payee of an account at the provider the accounts that later versions brought."""
    for payee_id in session.scalars(select(Payee.id).where(Payee.merchant == merchant)):
        ledger.open_accounts(session, payee_id)


def payee_of(session: Session, merchant: str) -> int:
    """Whose books take what belongs to no charge: the city where it shares the account, else the account's own payee."""
    return session.scalars(
        select(Payee.id).where(Payee.merchant == merchant).order_by(Payee.code != "city", Payee.id).limit(1)
    ).one()
