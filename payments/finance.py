"""What finance looks at: today's money, search by reference, and every yen that does not explain itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from payments import explanations, ledger, mails, sealing
from payments.models import (
    AccountCode,
    Charge,
    ChargePayer,
    EventOutcome,
    ExplanationState,
    GroundRow,
    OddExplanation,
    Payee,
    Payment,
    PaymentAttempt,
    ProviderEvent,
    Receipt,
    Recipient,
    Refund,
    RefundAccount,
)
from payments.sealing import BankAccount
from payments.states import NOT_PROMISED, AttemptState, ChargeState, RefundState
from portal.kernel import clock
from portal.kernel.money import Yen
from portal.notices.models import PostedNotice

LATE = timedelta(minutes=30)
"""A refund that was not sent, or a notice that was not worked on, for this long needs a person."""

_PRINTED = re.compile(r"R\d{1,3}-(\d{6,12})", re.ASCII)
"""The number on a receipt, see `receipts.printed_number`."""


@dataclass(frozen=True)
class Taken:
    """Money of one day by payee, kind and method."""

    payee: str
    money_kind: str
    method: str
    count: int
    amount: Yen


@dataclass(frozen=True)
class Movement:
    """One payment of the day."""

    reference: str
    charge_ref: str
    description: str
    payee: str
    method: str
    amount: Yen
    accepted: bool
    place: str | None
    paid_at: datetime


@dataclass(frozen=True)
class Difference:
    """Something that does not explain itself: what, which reference, how much, since when."""

    kind: str
    reference: str
    reason: str
    since: datetime | None
    amount: Yen | None = None
    charge_ref: str | None = None
    provider: str = ""
    """Of a notice: who sent it."""
    said: str = ""
    """A person's explanation, agreed to or not (`explained`)."""
    explained: bool = False


@dataclass(frozen=True)
class OpenRefund:
    """A refund that waits for somebody: to agree, to hand out, to transfer, to say an account, or one that failed."""

    reference: str
    charge_ref: str
    amount: Yen
    state: RefundState
    in_cash: bool
    to_bank: bool
    to_heir: bool
    failure: str | None
    ground: str
    requested_at: datetime
    requested_by_account_id: int | None
    at_terminal: bool = False
    place: str | None = None
    """Where it was paid, if at a counter."""
    asked: str = "nobody"
    """How the payer was asked for an account: mail, post (a letter waits or was sent), nobody (no way is known)."""


def _day(on: date) -> tuple[datetime, datetime]:
    start = datetime.combine(on, time.min, clock.TOKYO)
    return start, start + timedelta(days=1)


def totals(session: Session, on: date) -> Sequence[Taken]:
    """What came in on one day (by the clock in Japan), by payee, kind of money and method."""
    start, end = _day(on)
    rows = session.execute(
        select(Payee.name, Charge.money_kind, Payment.method, func.count(), func.sum(Payment.amount))
        .join(Charge, Charge.id == Payment.charge_id)
        .join(Payee, Payee.id == Charge.payee_id)
        .where(Payment.paid_at >= start, Payment.paid_at < end)
        .group_by(Payee.name, Charge.money_kind, Payment.method)
        .order_by(Payee.name, Charge.money_kind, Payment.method)
    )
    return [Taken(*row) for row in rows]


def movements(session: Session, on: date, *, limit: int = 200) -> Sequence[Movement]:
    """The payments of one day, newest first."""
    start, end = _day(on)
    rows = session.execute(
        select(Payment, Charge, Payee.name)
        .join(Charge, Charge.id == Payment.charge_id)
        .join(Payee, Payee.id == Charge.payee_id)
        .where(Payment.paid_at >= start, Payment.paid_at < end)
        .order_by(Payment.paid_at.desc(), Payment.id.desc())
        .limit(limit)
    )
    return [
        Movement(
            payment.reference,
            charge.reference,
            charge.description,
            payee,
            payment.method,
            payment.amount,
            payment.accepted,
            payment.place,
            payment.paid_at,
        )
        for payment, charge, payee in rows
    ]


def charge_of_any(session: Session, reference: str) -> str | None:
    """The charge that a reference of any kind belongs to (charge, payment, refund, receipt, payable); None: unknown.

    A receipt is found by its reference and by the number that is printed on it (R8-000123).
    """
    printed = _PRINTED.fullmatch(reference.strip().upper())
    return session.scalar(
        select(Charge.reference)
        .outerjoin(Payment, Payment.charge_id == Charge.id)
        .outerjoin(Refund, Refund.charge_id == Charge.id)
        .outerjoin(Receipt, Receipt.payment_id == Payment.id)
        .where(
            or_(
                Charge.reference == reference,
                Charge.payable_ref == reference,
                Payment.reference == reference,
                Refund.reference == reference,
                Receipt.reference == reference,
                Receipt.number == (int(printed[1]) if printed else 0),
            )
        )
        .order_by(Charge.id)
        .limit(1)
    )


def open_refunds(session: Session) -> Sequence[OpenRefund]:
    """Refunds that wait for a person, oldest first. One statement."""
    again = aliased(Refund)
    by_people = [*ledger.BY_HAND, ledger.BANK_PROVIDER]
    rows = session.execute(
        select(
            Refund,
            Charge.reference.label("charge_ref"),
            GroundRow,
            Payment.place,
            ChargePayer.email,
            select(PostedNotice.id)
            .where(PostedNotice.key == func.concat(mails.account_key(""), Refund.reference))
            .exists()
            .label("posted"),
        )
        .join(Charge, Charge.id == Refund.charge_id)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(GroundRow, GroundRow.id == Refund.ground_id)
        .outerjoin(ChargePayer, ChargePayer.charge_id == Charge.id)
        .outerjoin(again, again.replaces_id == Refund.id)
        .where(
            again.id.is_(None),
            or_(
                Refund.state.in_(
                    [RefundState.AWAITING.value, RefundState.NEEDS_ACCOUNT.value, RefundState.FAILED.value]
                ),
                (Refund.state == RefundState.DECLINED.value) & Refund.replaces_id.is_not(None),
                Refund.provider.in_(by_people) & (Refund.state == RefundState.REQUESTED.value),
            ),
        )
        .order_by(Refund.requested_at)
    )
    return [
        OpenRefund(
            reference=row.Refund.reference,
            charge_ref=row.charge_ref,
            amount=row.Refund.amount,
            state=RefundState(row.Refund.state),
            in_cash=row.Refund.provider in ledger.BY_HAND,
            to_bank=row.Refund.provider == ledger.BANK_PROVIDER,
            to_heir=row.Refund.recipient == Recipient.HEIR.value,
            failure=row.Refund.failure,
            ground=str(row.GroundRow),
            requested_at=row.Refund.requested_at,
            requested_by_account_id=row.Refund.requested_by_account_id,
            at_terminal=row.Refund.provider == ledger.TERMINAL_PROVIDER,
            place=row.place,
            asked="mail" if row.email else "post" if row.posted else "nobody",
        )
        for row in rows
    ]


def accounts(session: Session, refund_refs: Sequence[str]) -> Mapping[str, BankAccount]:
    """Where refunds are to be transferred to, by the refund's reference. One statement; the caller notes the read."""
    rows = session.execute(
        select(Refund.reference, RefundAccount.sealed)
        .join(RefundAccount, RefundAccount.refund_id == Refund.id)
        .where(Refund.reference.in_(refund_refs))
    )
    return {row.reference: sealing.unseal(row.sealed) for row in rows}


def differences(session: Session, now: datetime) -> Sequence[Difference]:
    """Everything that does not explain itself, with what people say of it; empty on a good day."""
    return [*_notices(session, now), *_late_refunds(session, now), *_unrecorded(session), *_books(session)]


def _notices(session: Session, now: datetime) -> list[Difference]:
    stands = func.coalesce(OddExplanation.state, "") == ExplanationState.STANDS.value
    rows = session.execute(
        select(ProviderEvent, OddExplanation.reason, OddExplanation.state)
        .outerjoin(OddExplanation, explanations.of_notice())
        .where(
            or_(
                ProviderEvent.outcome == EventOutcome.REFUSED.value,
                (ProviderEvent.outcome == EventOutcome.RECEIVED.value) & (ProviderEvent.received_at < now - LATE),
            )
        )
        .order_by(stands, ProviderEvent.id.desc())
        .limit(100)
    )
    return [
        Difference(
            explanations.NOTICE,
            event.event_id,
            event.reason or event.outcome,
            event.received_at,
            explanations.said_amount(event),
            provider=event.provider,
            said=said or "",
            explained=state == ExplanationState.STANDS.value,
        )
        for event, said, state in rows
    ]


def _late_refunds(session: Session, now: datetime) -> list[Difference]:
    rows = session.execute(
        select(Refund, Charge.reference)
        .join(Charge, Charge.id == Refund.charge_id)
        .where(
            Refund.provider.not_in(ledger.NEVER_CALLED),
            Refund.state == RefundState.REQUESTED.value,
            Refund.requested_at < now - LATE,
        )
        .order_by(Refund.requested_at)
    )
    return [
        Difference("refund_not_sent", refund.reference, refund.state, refund.requested_at, refund.amount, charge_ref)
        for refund, charge_ref in rows
    ]


def _unrecorded(session: Session) -> list[Difference]:
    """Attempts that a provider calls paid and that have no payment: cannot be, so somebody has to look."""
    rows = session.execute(
        select(PaymentAttempt, Charge.reference)
        .join(Charge, Charge.id == PaymentAttempt.charge_id)
        .outerjoin(Payment, Payment.attempt_id == PaymentAttempt.id)
        .where(PaymentAttempt.state == AttemptState.PAID.value, Payment.id.is_(None))
    )
    return [
        Difference("paid_not_recorded", attempt.reference, "", attempt.changed_at, attempt.amount, charge_ref)
        for attempt, charge_ref in rows
    ]


def _books(session: Session) -> list[Difference]:
    """The ledger against the tables beside it: what is open, what was held, what is owed."""
    books = ledger.balances(session)
    live = _sum(session, select(func.sum(Charge.total)).where(Charge.state == ChargeState.OPEN.value))
    owed = _sum(
        session,
        select(func.sum(Refund.amount)).where(
            Refund.replaces_id.is_(None), Refund.state.not_in([state.value for state in NOT_PROMISED])
        ),
    ) - _sum(session, select(func.sum(Refund.amount)).where(Refund.state == RefundState.SUCCEEDED.value))
    expected = {AccountCode.RECEIVABLE: live, AccountCode.REFUND_DUE: -owed, AccountCode.OVERPAID: Yen(0)}
    return [
        Difference("books", account.value, "", None, books[account] - amount)
        for account, amount in expected.items()
        if books[account] != amount
    ]


def _sum(session: Session, query: object) -> Yen:
    found = session.scalar(query)  # type: ignore[call-overload]  # a select of one sum
    return found if isinstance(found, Yen) else Yen(0)
