"""Posting to the ledger. Debit is positive; the database refuses what does not balance (migration 0005).

| event | debit | credit |
|---|---|---|
| charged | receivable | revenue, per ground |
| voided | revenue, per ground | receivable |
| revived (accepted after it was voided) | receivable | revenue, per ground |
| paid | provider, cash, or bank (口座振替) | receivable |
| overpaid (paid twice, or refused) | provider, cash, or bank | overpaid |
| refund requested | revenue, or overpaid where it never was revenue | refund_due |
| refund sent | refund_due | provider or cash |
| refund returned (the bank sent it back) | provider or cash | refund_due |
| the provider's fee | fee | provider |
| paid out to the payee's bank | bank | provider |
| dispute opened; won; lost | disputed; provider; dispute_lost | provider; disputed; disputed |
| applied to another charge (充当) | refund_due of the one; clearing of the other | clearing; receivable |
| written off (不納欠損) | written_off | receivable |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.contract import Ground
from payments.models import (
    AccountCode,
    Charge,
    ChargeLineRow,
    Dispute,
    GroundRow,
    LedgerAccount,
    LedgerEntry,
    Payment,
    Refund,
    TransactionKind,
)
from portal.kernel.money import Yen

CASH_PROVIDER = "counter"
TERMINAL_PROVIDER = "terminal"
"""The card terminal at the counter: the clerk cancels a payment there, too."""
OFFSET_PROVIDER = "offset"
"""充当: money that was not owed for one charge pays another."""
BANK_PROVIDER = "bank"
"""A transfer out of the payee's bank account: refunds that cannot go back the way the money came."""
DEBIT_PROVIDER = "transfer"
"""口座振替: the payer's bank takes the money and credits the payee's account."""
DISPUTE_PROVIDER = "dispute"
"""The payer's bank had taken the money back already."""
BY_HAND = frozenset({CASH_PROVIDER, TERMINAL_PROVIDER})
"""Refunds of these wait for a clerk; no provider can be called."""
NEVER_CALLED = BY_HAND | {BANK_PROVIDER, DEBIT_PROVIDER, DISPUTE_PROVIDER, OFFSET_PROVIDER}
"""Ways back on which no provider is called."""


# One statement: a notice waits for every one that is sent. An account is missing only where a payee is older than its code.
_POST = text(
    """
    WITH side AS (
        SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:grounds AS bigint[]), CAST(:yen AS bigint[])) WITH ORDINALITY
          AS side (code, ground_id, yen, place)
    ), opened AS (
        INSERT INTO ledger_account (payee_id, code)
        SELECT DISTINCT CAST(:payee AS bigint), code FROM side
        WHERE NOT EXISTS (SELECT FROM ledger_account a WHERE a.payee_id = :payee AND a.code = side.code)
        RETURNING id, code
    ), account AS (
        SELECT id, code FROM ledger_account WHERE payee_id = :payee UNION ALL SELECT id, code FROM opened
    ), posted AS (
        INSERT INTO ledger_transaction (kind, charge_id, payee_id, payment_id, refund_id, dispute_id, posted_at)
        VALUES (:kind, :charge, :payee, CAST(:payment AS bigint), CAST(:refund AS bigint), CAST(:dispute AS bigint), :at)
        RETURNING id
    )
    INSERT INTO ledger_entry (transaction_id, account_id, charge_id, payee_id, ground_id, amount)
    SELECT posted.id, account.id, CAST(:charge AS bigint), CAST(:payee AS bigint), side.ground_id, side.yen
    FROM posted CROSS JOIN side JOIN account USING (code) ORDER BY side.place
    """
)


@dataclass(frozen=True)
class Side:
    """One entry to post: an account, the ground, and an amount (debit positive)."""

    account: AccountCode
    ground_id: int
    amount: Yen


def ground_id(session: Session, ground: Ground) -> int:
    """The row of a ground, written once."""
    known = select(GroundRow.id).where(
        GroundRow.title == ground.title,
        GroundRow.article == ground.article,
        GroundRow.since.is_not_distinct_from(ground.since),
    )
    found = session.scalar(known)
    if found is None:
        session.execute(
            insert(GroundRow)
            .values(title=ground.title, article=ground.article, since=ground.since)
            .on_conflict_do_nothing()
        )
        found = session.scalars(known).one()
    return found


def open_accounts(session: Session, payee_id: int) -> None:
    """Give a payee its accounts."""
    session.execute(
        insert(LedgerAccount)
        .values([{"payee_id": payee_id, "code": code.value} for code in AccountCode])
        .on_conflict_do_nothing()
    )


def held_in(provider: str) -> AccountCode:
    """The account that money from a provider lies in."""
    known = {
        CASH_PROVIDER: AccountCode.CASH,
        TERMINAL_PROVIDER: AccountCode.TERMINAL,
        OFFSET_PROVIDER: AccountCode.CLEARING,
        BANK_PROVIDER: AccountCode.BANK,
        DEBIT_PROVIDER: AccountCode.BANK,
        DISPUTE_PROVIDER: AccountCode.DISPUTED,
    }
    return known.get(provider, AccountCode.PROVIDER)


def post(
    session: Session,
    kind: TransactionKind,
    charge: Charge,
    sides: Sequence[Side],
    *,
    at: datetime,
    payment: Payment | None = None,
    refund: Refund | None = None,
    dispute: Dispute | None = None,
) -> None:
    """Append one transaction. The commit fails if its sides do not sum to zero.

    Args:
        session: the caller's transaction.
        kind: why.
        charge: whose money it is.
        sides: at least two.
        at: moment of posting.
        payment: the payment that it records.
        refund: the refund that it records.
        dispute: the dispute that it records.
    """
    moved = [side for side in sides if side.amount]
    session.flush()
    session.execute(
        _POST,
        {
            "kind": kind.value,
            "charge": charge.id,
            "payee": charge.payee_id,
            "payment": payment.id if payment else None,
            "refund": refund.id if refund else None,
            "dispute": dispute.id if dispute else None,
            "at": at,
            "codes": [side.account.value for side in moved],
            "grounds": [side.ground_id for side in moved],
            "yen": [side.amount.amount for side in moved],
        },
    )


def pair(debit: AccountCode, credit: AccountCode, ground: int, amount: Yen) -> list[Side]:
    """The two sides of a plain move."""
    return [Side(debit, ground, amount), Side(credit, ground, -amount)]


def demand(session: Session, charge: Charge) -> list[Side]:
    """The sides of a charge: receivable against revenue, the revenue per ground of its lines."""
    grounds: dict[int, Yen] = {}
    for line in session.scalars(select(ChargeLineRow).where(ChargeLineRow.charge_id == charge.id)):
        grounds[line.ground_id] = grounds.get(line.ground_id, Yen(0)) + line.amount
    return [
        Side(AccountCode.RECEIVABLE, charge.ground_id, charge.total),
        *(Side(AccountCode.REVENUE, ground, -amount) for ground, amount in grounds.items()),
    ]


def countered(sides: Sequence[Side]) -> list[Side]:
    """The same sides the other way round."""
    return [Side(side.account, side.ground_id, -side.amount) for side in sides]


def balances(
    session: Session, *, charge_id: int | None = None, payee_id: int | None = None
) -> Mapping[AccountCode, Yen]:
    """Balance of each account, debit positive; of one charge or one payee where asked for."""
    query = (
        select(LedgerAccount.code, func.sum(LedgerEntry.amount))
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .group_by(LedgerAccount.code)
    )
    if charge_id is not None:
        query = query.where(LedgerEntry.charge_id == charge_id)
    if payee_id is not None:
        query = query.where(LedgerEntry.payee_id == payee_id)
    found = {AccountCode(code): amount for code, amount in session.execute(query)}
    return {code: found.get(code, Yen(0)) for code in AccountCode}
