"""One day of one account: fetch, keep, match, ask about what nobody told us, book, compare.

The calls are made between transactions. Safe to run twice and to stop anywhere: each step begins with what is in the database.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments import disputes, explanations, intake
from payments.daybook import posting
from payments.daybook.items import Item, unexplained
from payments.gateways.base import Gateway, NoAnswerError, PayoutReport, RefusedError, Report, SessionReport
from payments.models import (
    Dispute,
    EventOutcome,
    Payee,
    Payment,
    PaymentAttempt,
    ProviderLine,
    ProviderPayout,
    Reconciliation,
    ReconciliationItem,
    Refund,
)
from payments.states import AttemptState, DisputeState, LineKind, RefundState, merge_attempt
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.money import Yen

LOOK_BACK = timedelta(days=35)
"""Payouts and disputes are asked for over so many days: banks decide and send back late."""

log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Day:
    """What a run found."""

    day: date
    provider_count: int
    provider_yen: Yen
    ours_count: int
    ours_yen: Yen
    fee_yen: Yen
    caught_up: int
    items: Sequence[Item]

    @property
    def unexplained_yen(self) -> Yen:
        """The items' yen, without their signs."""
        return Yen(sum(abs(item.amount.amount) for item in self.items))


def merchants() -> list[str]:
    """The accounts at the provider that payees have."""
    with unit_of_work() as session:
        return list(
            session.scalars(
                select(Payee.merchant).where(Payee.merchant.is_not(None)).distinct().order_by(Payee.merchant)
            )
        )


def days_due(provider: str, merchant: str, *, today: date, at_most: int = 31) -> list[date]:
    """Which days have to be done: yesterday and the day before, and every day since the last that was done."""
    with unit_of_work() as session:
        last = session.scalar(
            select(func.max(Reconciliation.day)).where(
                Reconciliation.provider == provider, Reconciliation.merchant == merchant
            )
        )
    first = today - timedelta(days=2)
    if last is not None:
        first = max(min(first, last + timedelta(days=1)), today - timedelta(days=at_most))
    return [first + timedelta(days=number) for number in range((today - first).days)]


def reconcile(gateway: Gateway, merchant: str, day: date, *, now: datetime) -> Day:
    """Compare one day and write down what was found.

    Raises:
        NoAnswerError, RefusedError: the provider does not answer; what was kept so far stays, the next run goes on.
    """
    since = datetime.combine(day, time.min, clock.TOKYO)
    until = since + timedelta(days=1)
    transact(partial(posting.open_accounts, merchant=merchant))
    for lines in _chunks(gateway.lines(merchant, since=since, until=until)):
        transact(partial(posting.keep, provider=gateway.code, merchant=merchant, lines=lines))
    _payouts(gateway, merchant, since=since - LOOK_BACK, until=until, now=now)
    caught_up = _pages(gateway, merchant, since=since, until=until, now=now)
    caught_up += _disputes(gateway, merchant, since=since - LOOK_BACK, until=until, now=now)
    transact(partial(posting.match, provider=gateway.code, merchant=merchant))
    caught_up += _ask_about_unknown(gateway, merchant, now=now)
    transact(partial(posting.match, provider=gateway.code, merchant=merchant))
    while transact(partial(posting.book, provider=gateway.code, merchant=merchant, now=now)):
        pass
    transact(partial(_settle_lost, provider=gateway.code, now=now))
    found = transact(
        partial(_compare, provider=gateway.code, merchant=merchant, day=day, since=since, until=until, caught=caught_up)
    )
    transact(partial(_write_down, provider=gateway.code, merchant=merchant, found=found, now=now))
    with unit_of_work() as session:
        explained = explanations.explained_yen(session, day=day, merchant=merchant)
    if left := found.unexplained_yen.amount - sum(yen.amount for yen in explained.values()):
        log.warning("day_unexplained", provider=gateway.code, day=day.isoformat(), yen=left)
    return found


def _chunks(found: Iterable[T]) -> Iterator[list[T]]:
    source = iter(found)
    while chunk := list(itertools.islice(source, posting.AT_ONCE)):
        yield chunk


def _payouts(gateway: Gateway, merchant: str, *, since: datetime, until: datetime, now: datetime) -> None:
    for reports in _chunks(gateway.payouts(merchant, since=since, until=until)):
        with unit_of_work() as session:
            known = _known_payouts(session, gateway.code, [report.provider_id for report in reports])
        for report in reports:
            state, total = known.get(report.provider_id, (None, None))
            if state == report.state.value and total == report.amount:
                continue
            payout_id = transact(
                partial(_keep_payout, provider=gateway.code, merchant=merchant, report=report, now=now)
            )
            if total != report.amount:
                for lines in _chunks(gateway.lines(merchant, payout=report.provider_id)):
                    transact(
                        partial(
                            posting.keep, provider=gateway.code, merchant=merchant, lines=lines, payout_id=payout_id
                        )
                    )


def _known_payouts(session: Session, provider: str, found: Sequence[str]) -> dict[str, tuple[str, Yen | None]]:
    """State of the payouts that are kept, and what the lines come to that we have of each."""
    rows = session.execute(
        select(ProviderPayout.provider_id, ProviderPayout.state, func.sum(ProviderLine.net))
        .outerjoin(
            ProviderLine,
            (ProviderLine.payout_id == ProviderPayout.id) & (ProviderLine.kind != LineKind.PAYOUT.value),
        )
        .where(ProviderPayout.provider == provider, ProviderPayout.provider_id.in_(found))
        .group_by(ProviderPayout.id)
    )
    return {provider_id: (state, total) for provider_id, state, total in rows}


def _keep_payout(session: Session, *, provider: str, merchant: str, report: PayoutReport, now: datetime) -> int:
    return session.execute(
        insert(ProviderPayout)
        .values(
            provider=provider,
            merchant=merchant,
            provider_id=report.provider_id,
            amount=report.amount,
            state=report.state.value,
            arrives_on=report.arrives_on,
            created_at=report.created_at,
            changed_at=now,
        )
        .on_conflict_do_update(
            constraint="uq_provider_payout_provider_provider_id",
            set_={"state": report.state.value, "changed_at": now},
        )
        .returning(ProviderPayout.id)
    ).scalar_one()


def _pages(gateway: Gateway, merchant: str, *, since: datetime, until: datetime, now: datetime) -> int:
    """The day's pages whose state we do not know yet."""
    changed = 0
    for reports in _chunks(gateway.pages(merchant, since=since, until=until)):
        with unit_of_work() as session:
            rows = session.execute(
                select(PaymentAttempt.provider_id, PaymentAttempt.state).where(
                    PaymentAttempt.provider == gateway.code,
                    PaymentAttempt.provider_id.in_([report.provider_id for report in reports]),
                )
            )
            known = {row.provider_id: AttemptState(row.state) for row in rows}
        for report in reports:
            ours = known.get(report.provider_id, AttemptState.OPENING)
            if merge_attempt(ours, report.state) is not ours:
                changed += _apply(gateway, _with_method(gateway, report, merchant), now)
    return changed


def _with_method(gateway: Gateway, report: SessionReport, merchant: str) -> SessionReport:
    if report.state is AttemptState.PAID and report.method is None:
        return gateway.look(report.provider_id, merchant=merchant)
    return report


def _disputes(gateway: Gateway, merchant: str, *, since: datetime, until: datetime, now: datetime) -> int:
    changed = 0
    for reports in _chunks(gateway.disputes(merchant, since=since, until=until)):
        with unit_of_work() as session:
            rows = session.execute(
                select(Dispute.provider_id, Dispute.state).where(
                    Dispute.provider == gateway.code,
                    Dispute.provider_id.in_([report.provider_id for report in reports]),
                )
            )
            known = {row.provider_id: row.state for row in rows}
        for report in reports:
            if known.get(report.provider_id) != report.state.value:
                changed += _apply(gateway, report, now)
    decided = [DisputeState.WON.value, DisputeState.LOST.value]
    with unit_of_work() as session:
        older = session.scalars(
            select(Dispute.provider_id)
            .join(Payment, Payment.id == Dispute.payment_id)
            .join(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
            .where(
                Dispute.provider == gateway.code,
                PaymentAttempt.merchant == merchant,
                Dispute.opened_at < since,
                Dispute.state.not_in(decided),
            )
        ).all()
    for provider_id in older:
        changed += _apply(gateway, gateway.look_dispute(provider_id, merchant=merchant), now)
    return changed


def _ask_about_unknown(gateway: Gateway, merchant: str, *, now: datetime) -> int:
    """Lines that nobody told us of: a payment, a refund, a refund that came back."""
    with unit_of_work() as session:
        pages = session.scalars(
            select(PaymentAttempt.provider_id)
            .join(ProviderLine, ProviderLine.attempt_ref == PaymentAttempt.reference)
            .where(
                ProviderLine.provider == gateway.code,
                ProviderLine.merchant == merchant,
                ProviderLine.charge_id.is_(None),
                ProviderLine.kind == LineKind.PAYMENT.value,
                PaymentAttempt.provider_id.is_not(None),
            )
        ).all()
        sent = session.scalars(
            select(ProviderLine.source_id).where(
                ProviderLine.provider == gateway.code,
                ProviderLine.merchant == merchant,
                ProviderLine.charge_id.is_(None),
                ProviderLine.kind.in_([LineKind.REFUND.value, LineKind.REFUND_FAILURE.value]),
            )
        ).all()
        back = session.scalars(
            select(ProviderLine.source_id)
            .join(Refund, Refund.id == ProviderLine.refund_id)
            .where(
                ProviderLine.provider == gateway.code,
                ProviderLine.merchant == merchant,
                ProviderLine.kind == LineKind.REFUND_FAILURE.value,
                Refund.state != RefundState.FAILED.value,
            )
        ).all()
    changed = 0
    for provider_id in pages:
        report = _told(partial(gateway.look, provider_id or "", merchant=merchant))
        changed += report is not None and _apply(gateway, report, now)
    for provider_id in dict.fromkeys([*sent, *back]):
        refund = _told(partial(gateway.look_refund, provider_id, merchant=merchant))
        changed += refund is not None and _apply(gateway, refund, now)
    return changed


def _told(ask: partial[T]) -> T | None:
    """The provider's answer; what it does not know stays on the list of what does not explain itself."""
    try:
        return ask()
    except RefusedError as error:
        log.warning("provider_not_asked", why=error.why)
        return None


def _apply(gateway: Gateway, report: Report, now: datetime) -> bool:
    outcome, _reason = transact(partial(intake.apply_report, provider=gateway.code, report=report, now=now))
    return outcome is EventOutcome.APPLIED


def _settle_lost(session: Session, *, provider: str, now: datetime) -> None:
    lost = select(Dispute).where(Dispute.provider == provider, Dispute.state == DisputeState.LOST.value)
    for dispute in session.scalars(lost.with_for_update(key_share=True)):
        disputes.settle(session, dispute, now=now)


def _compare(
    session: Session, *, provider: str, merchant: str, day: date, since: datetime, until: datetime, caught: int
) -> Day:
    theirs = session.execute(
        select(
            func.count().filter(ProviderLine.kind == LineKind.PAYMENT.value),
            func.sum(ProviderLine.amount).filter(ProviderLine.kind == LineKind.PAYMENT.value),
            func.sum(ProviderLine.fee),
        ).where(
            ProviderLine.provider == provider,
            ProviderLine.merchant == merchant,
            ProviderLine.created_at >= since,
            ProviderLine.created_at < until,
        )
    ).one()
    ours = session.execute(
        select(func.count(), func.sum(Payment.amount))
        .join(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
        .where(
            Payment.provider == provider,
            PaymentAttempt.merchant == merchant,
            Payment.paid_at >= since,
            Payment.paid_at < until,
        )
    ).one()
    return Day(
        day=day,
        provider_count=theirs[0],
        provider_yen=theirs[1] or Yen(0),
        fee_yen=theirs[2] or Yen(0),
        ours_count=ours[0],
        ours_yen=ours[1] or Yen(0),
        caught_up=caught,
        items=unexplained(session, provider, merchant, since=since, until=until),
    )


def _write_down(session: Session, *, provider: str, merchant: str, found: Day, now: datetime) -> None:
    facts = {
        "done_at": now,
        "provider_count": found.provider_count,
        "provider_yen": found.provider_yen,
        "ours_count": found.ours_count,
        "ours_yen": found.ours_yen,
        "fee_yen": found.fee_yen,
        "unexplained_yen": found.unexplained_yen,
    }
    row = session.scalars(
        insert(Reconciliation)
        .values(provider=provider, merchant=merchant, day=found.day, caught_up=found.caught_up, **facts)
        .on_conflict_do_update(
            constraint="uq_reconciliation_provider_merchant_day",
            set_={**facts, "caught_up": Reconciliation.caught_up + found.caught_up},
        )
        .returning(Reconciliation.id)
    ).one()
    session.execute(delete(ReconciliationItem).where(ReconciliationItem.reconciliation_id == row))
    session.add_all(
        ReconciliationItem(
            reconciliation_id=row,
            kind=item.kind,
            reference=item.reference,
            amount=item.amount,
            charge_id=item.charge_id,
        )
        for item in found.items
    )


__all__ = ["Day", "NoAnswerError", "days_due", "merchants", "reconcile"]
