"""What finance looks at beyond today: search by anything, the days compared with the provider, charts, disputes, the export."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from payments import explanations, finance, paid
from payments.ledger import DEBIT_PROVIDER
from payments.models import (
    BudgetItem,
    Charge,
    ChargePayer,
    Dispute,
    ExplanationState,
    GroundRow,
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    OddExplanation,
    Payee,
    Payment,
    PaymentAttempt,
    PaymentYear,
    Reconciliation,
    ReconciliationItem,
    Refund,
)
from payments.states import ChargeState, DisputeState, RefundState
from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.money import NotWholeYenError, Yen

HITS = 50
"""How many charges a search shows."""


@dataclass(frozen=True)
class Hit:
    """A charge that a search found."""

    reference: str
    description: str
    payer: str
    total: Yen
    state: ChargeState
    created_at: datetime
    back: RefundState | None = None
    """As `ChargeView.back`, without its particulars."""


@dataclass(frozen=True)
class DayItem:
    """One thing of a day that does not explain itself."""

    provider: str
    merchant: str
    kind: str
    reference: str
    amount: Yen
    charge_ref: str | None
    said: str = ""
    """A person's explanation of it, agreed to or not (`stands`)."""
    evidence: str = ""
    said_by: str = ""
    agreed_by: str = ""
    """Who agreed to it, where that was needed."""
    stands: bool = False


@dataclass(frozen=True)
class DayFound:
    """One day of one account as it was compared, and how many of its odd yen people have explained since."""

    row: Reconciliation
    explained: Yen

    @property
    def left(self) -> Yen:
        """The yen that neither the books nor a person explain."""
        return self.row.unexplained_yen - self.explained


@dataclass(frozen=True)
class Share:
    """What came in of one kind, by one method, or at one place."""

    word: str
    count: int
    amount: Yen


@dataclass(frozen=True)
class DisputeView:
    """A dispute as finance sees it."""

    provider_id: str
    charge_ref: str
    amount: Yen
    reason: str
    state: DisputeState
    evidence_due_at: datetime | None
    opened_at: datetime


def search(session: Session, typed: str) -> Sequence[Hit]:
    """Charges by any reference, provider's id, payer's name, or amount; newest first. Two statements."""
    found = finance.charge_of_any(session, typed)
    name = "".join(typed.split())
    conditions: list[ColumnElement[bool]] = [
        Charge.reference == (found or ""),
        PaymentAttempt.provider_id == typed,
        Payment.provider_payment_id == typed,
        Refund.provider_id == typed,
    ]
    if len(name) >= 2:
        conditions.append(_without_spaces(ChargePayer.name).contains(name, autoescape=True))
    with contextlib.suppress(NotWholeYenError):
        conditions.append(Charge.total == Yen.parse(typed))
    rows = session.execute(
        select(Charge, ChargePayer.name, paid.on_the_way().label("back"))
        .outerjoin(ChargePayer, ChargePayer.charge_id == Charge.id)
        .where(
            Charge.id.in_(
                select(Charge.id)
                .outerjoin(ChargePayer, ChargePayer.charge_id == Charge.id)
                .outerjoin(PaymentAttempt, PaymentAttempt.charge_id == Charge.id)
                .outerjoin(Payment, Payment.charge_id == Charge.id)
                .outerjoin(Refund, Refund.charge_id == Charge.id)
                .where(or_(*conditions))
            )
        )
        .order_by(Charge.created_at.desc(), Charge.id.desc())
        .limit(HITS)
    )
    return [
        Hit(row.Charge.reference, row.Charge.description, row.name or "", row.Charge.total,
            ChargeState(row.Charge.state), row.Charge.created_at, paid.going(back=row.back))
        for row in rows
    ]  # fmt: skip


def days(session: Session, *, day: date | None = None, limit: int = 62) -> Sequence[DayFound]:
    """The days that were compared (or one), newest first. Two statements."""
    query = select(Reconciliation).order_by(Reconciliation.day.desc(), Reconciliation.merchant).limit(limit)
    if day is not None:
        query = query.where(Reconciliation.day == day)
    explained = explanations.explained_yen(session, day=day)
    return [DayFound(row, explained.get(row.id, Yen(0))) for row in session.scalars(query)]


def items_of(session: Session, day: date) -> Sequence[DayItem]:
    """What of a day does not explain itself, with what people say of it. One statement."""
    second = aliased(Account)
    rows = session.execute(
        select(
            ReconciliationItem,
            Reconciliation,
            Charge.reference,
            OddExplanation.reason,
            OddExplanation.evidence,
            OddExplanation.state,
            Account.display_name,
            second.display_name,
        )
        .join(Reconciliation, Reconciliation.id == ReconciliationItem.reconciliation_id)
        .outerjoin(Charge, Charge.id == ReconciliationItem.charge_id)
        .outerjoin(OddExplanation, explanations.of_item())
        .outerjoin(Account, Account.id == OddExplanation.explained_by)
        .outerjoin(second, second.id == OddExplanation.decided_by)
        .where(Reconciliation.day == day)
        .order_by(ReconciliationItem.id)
    )
    return [
        DayItem(
            found.provider,
            found.merchant,
            item.kind,
            item.reference,
            item.amount,
            charge_ref,
            said or "",
            evidence or "",
            name or "",
            agreed or "",
            state == ExplanationState.STANDS.value,
        )
        for item, found, charge_ref, said, evidence, state, name, agreed in rows
    ]


def shares(session: Session, *, first: date, last: date) -> dict[str, Sequence[Share]]:
    """What came in from `first` to `last`, by kind of money, by method, by place; accepted payments only. Three statements."""
    return {
        "kind": _shares(session, Charge.money_kind, first, last),
        "method": _shares(session, Payment.method, first, last),
        "place": _shares(
            session,
            case((Payment.provider == DEBIT_PROVIDER, DEBIT_PROVIDER), else_=func.coalesce(Payment.place, "online")),
            first,
            last,
        ),
    }


def disputes(session: Session) -> Sequence[DisputeView]:
    """Disputes, those that wait for an answer first. One statement."""
    rows = session.execute(
        select(Dispute, Charge.reference)
        .join(Charge, Charge.id == Dispute.charge_id)
        .order_by(Dispute.state.in_([DisputeState.WON.value, DisputeState.LOST.value]), Dispute.opened_at.desc())
        .limit(200)
    )
    return [
        DisputeView(each.provider_id, charge_ref, each.amount, each.reason, DisputeState(each.state),
                    each.evidence_due_at, each.opened_at)
        for each, charge_ref in rows
    ]  # fmt: skip


COLUMNS = (
    "日付", "取引番号", "取引", "受取先", "会計年度", "予算科目", "支払番号", "根拠", "科目", "借方(円)", "貸方(円)",
)  # fmt: skip
"""Columns of the export to the accounting system; docs/payments.md says what stands in them."""


def export(session: Session, day: date) -> str:
    """Every ledger entry that was posted on a day in Japan, as CSV (UTF-8, CRLF). One statement."""
    start = datetime.combine(day, time.min, clock.TOKYO)
    paid = func.coalesce(LedgerTransaction.payment_id, Refund.payment_id)
    rows = session.execute(
        select(
            LedgerTransaction.id,
            LedgerTransaction.kind,
            Payee.code,
            PaymentYear.fiscal_year,
            BudgetItem.code.label("budget"),
            Charge.reference,
            GroundRow.title,
            GroundRow.article,
            LedgerAccount.code.label("account"),
            LedgerEntry.amount,
        )
        .select_from(LedgerEntry)
        .join(LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .join(Payee, Payee.id == LedgerEntry.payee_id)
        .join(GroundRow, GroundRow.id == LedgerEntry.ground_id)
        .outerjoin(Charge, Charge.id == LedgerEntry.charge_id)
        .outerjoin(Refund, Refund.id == LedgerTransaction.refund_id)
        .outerjoin(PaymentYear, PaymentYear.payment_id == paid)
        .outerjoin(BudgetItem, BudgetItem.id == PaymentYear.budget_item_id)
        .where(LedgerTransaction.posted_at >= start, LedgerTransaction.posted_at < start + timedelta(days=1))
        .order_by(LedgerTransaction.id, LedgerEntry.id)
    )
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        yen = row.amount.amount
        writer.writerow(
            (
                day.isoformat(), row.id, row.kind, row.code, row.fiscal_year or "", row.budget or "", row.reference or "",
                f"{row.title} {row.article}".strip(), row.account, yen if yen > 0 else "", -yen if yen < 0 else "",
            )
        )  # fmt: skip
    return stream.getvalue()


def _shares(session: Session, by: SQLColumnExpression[str], first: date, last: date) -> list[Share]:
    start = datetime.combine(first, time.min, clock.TOKYO)
    end = datetime.combine(last, time.min, clock.TOKYO) + timedelta(days=1)
    query: Select[str, int, Yen] = (
        select(by, func.count(), func.sum(Payment.amount))
        .select_from(Payment)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Payment.accepted, Payment.paid_at >= start, Payment.paid_at < end)
        .group_by(by)
        .order_by(func.sum(Payment.amount).desc())
    )
    return [Share(word, count, amount) for word, count, amount in session.execute(query)]


def _without_spaces(name: SQLColumnExpression[str]) -> ColumnElement[str]:
    return func.regexp_replace(name, r"\s", "", "g")
