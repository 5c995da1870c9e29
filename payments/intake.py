"""What a provider tells us, applied to our books: twice, late and out of order give the same end (invariant 12).

A notice is kept first, in a transaction of its own, then worked on; whatever stops in between is worked on again when the
notice comes again or by the job `payments.reconcile`. Reports that are asked for (reconcile, expiry) take the same way.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments import disputes, gateways, methods, settlement
from payments.gateways.base import CURRENCY, DisputeReport, MethodReport, Notice, RefundReport, Report, SessionReport
from payments.models import EventOutcome, PaymentAttempt, ProviderEvent, Refund, TransactionKind
from payments.states import AttemptState, RefundState, merge_attempt, merge_refund
from portal.kernel.database import at_once, transact, unit_of_work

log = structlog.get_logger(__name__)

Outcome = tuple[EventOutcome, str]
PAGE, METHOD, REFUND, DISPUTE = "page", "method", "refund", "dispute"
"""What a notice speaks of."""


def take_notice(provider: str, notice: Notice, *, now: datetime) -> EventOutcome:
    """Keep a signed notice, then let it take effect once; returns what became of it.

    Transactions of its own: a notice that cannot be worked on now is not lost. Where it says that a page was paid and
    nobody has said with what, the provider is asked in between.

    Raises:
        NoAnswerError, RefusedError: the provider was asked and did not say; the notice is kept.
    """
    event_id, outcome = _keep(provider, notice, now)
    report = notice.report
    asked = _merchant_to_ask(provider, report) if outcome is EventOutcome.RECEIVED else None
    if asked is not None and isinstance(report, SessionReport):
        found = gateways.by_code(provider).look(report.provider_id, merchant=asked)
        report = replace(report, method=found.method, paid_at=found.paid_at or report.paid_at)
    if outcome is EventOutcome.RECEIVED and report is not None:
        outcome = transact(partial(work_on, event_id=event_id, report=report, now=now))
    return outcome


def work_on(session: Session, event_id: int, report: Report, *, now: datetime) -> EventOutcome:
    """Apply one kept notice under its lock; one that was worked on meanwhile stays as it is."""
    event = session.scalars(select(ProviderEvent).where(ProviderEvent.id == event_id).with_for_update()).one()
    if event.outcome != EventOutcome.RECEIVED.value:
        return EventOutcome(event.outcome)
    outcome, reason = apply_report(session, event.provider, report, now=now)
    event.outcome = outcome.value
    event.reason = reason
    if outcome is EventOutcome.REFUSED:
        log.warning("notice_refused", provider=event.provider, notice=event.event_id, kind=event.kind, reason=reason)
    return outcome


def apply_report(session: Session, provider: str, report: Report, *, now: datetime) -> Outcome:
    """Apply what a provider says about a page, a way to pay, a refund or a dispute."""
    if isinstance(report, SessionReport):
        return apply_session(session, provider, report, now=now)
    if isinstance(report, MethodReport):
        return apply_method(session, provider, report)
    if isinstance(report, DisputeReport):
        return disputes.apply_dispute(session, provider, report, now=now)
    return apply_refund(session, provider, report, now=now)


def apply_session(session: Session, provider: str, report: SessionReport, *, now: datetime) -> Outcome:
    """Apply a report about a page. Nothing is written unless session, amount and currency are ours."""
    ours = PaymentAttempt.provider_id == report.provider_id
    if report.attempt:
        # The provider was faster than our own note of its id.
        ours = or_(ours, PaymentAttempt.provider_id.is_(None) & (PaymentAttempt.reference == report.attempt))
    attempt = session.scalars(
        select(PaymentAttempt).where(PaymentAttempt.provider == provider, ours).with_for_update(key_share=True)
    ).one_or_none()
    if attempt is None:
        return EventOutcome.REFUSED, "unknown_session"
    wrong = _wrong_money(report, attempt.amount.amount)
    if wrong:
        return EventOutcome.REFUSED, wrong
    state = merge_attempt(AttemptState(attempt.state), report.state)
    attempt.checked_at = now
    if attempt.provider_id is None:
        attempt.provider_id = report.provider_id
    if state.value == attempt.state:
        return EventOutcome.KNOWN, ""
    attempt.state = state.value
    attempt.changed_at = now
    session.flush()
    if state is AttemptState.PENDING and attempt.voucher_days:
        ends = methods.voucher_end(report.occurred_at or now, attempt.voucher_days)
        attempt.voucher_until = report.voucher_until or ends
        settlement.keep_waiting(session, attempt, now=now)
    if state is AttemptState.PAID:
        arrival = settlement.Arrival(
            provider=provider,
            method=report.method or attempt.method or attempt.methods.split(",")[0],
            amount=attempt.amount,
            paid_at=min(attempt.paid_at or report.paid_at or now, now),
            attempt_id=attempt.id,
            provider_payment_id=report.payment_id,
        )
        settlement.take_in(session, attempt.charge_id, arrival, now=now)
    return EventOutcome.APPLIED, ""


def apply_method(session: Session, provider: str, report: MethodReport) -> Outcome:
    """Note with what and when an attempt was paid; the page's own end settles it."""
    attempt = session.scalars(
        select(PaymentAttempt)
        .where(PaymentAttempt.provider == provider, PaymentAttempt.reference == report.attempt)
        .with_for_update(key_share=True)
    ).one_or_none()
    if attempt is None:
        return EventOutcome.IGNORED, ""
    if attempt.method is not None or attempt.state == AttemptState.PAID.value:
        return EventOutcome.KNOWN, ""
    attempt.method, attempt.paid_at = report.method, report.paid_at
    return EventOutcome.APPLIED, ""


def _merchant_to_ask(provider: str, report: Report | None) -> str | None:
    """The account to ask in, where a page was paid and nobody has said with what; None where all is known."""
    if not isinstance(report, SessionReport) or report.state is not AttemptState.PAID or report.method is not None:
        return None
    with unit_of_work() as session:
        return session.scalar(
            select(PaymentAttempt.merchant).where(
                PaymentAttempt.provider == provider,
                PaymentAttempt.provider_id == report.provider_id,
                PaymentAttempt.method.is_(None),
                PaymentAttempt.methods.contains(","),
                PaymentAttempt.state != AttemptState.PAID.value,
            )
        )


def apply_refund(session: Session, provider: str, report: RefundReport, *, now: datetime) -> Outcome:
    """Apply a report about a refund. One that nobody here asked for is refused and left to a person."""
    ours = Refund.provider_id == report.provider_id
    if report.reference:
        ours = or_(ours, Refund.provider_id.is_(None) & (Refund.reference == report.reference))
    refund = session.scalars(
        select(Refund).where(Refund.provider == provider, ours).with_for_update(key_share=True)
    ).one_or_none()
    if refund is None:
        return EventOutcome.REFUSED, "unknown_refund"
    wrong = _wrong_money(report, refund.amount.amount)
    if wrong:
        return EventOutcome.REFUSED, wrong
    refund.checked_at = now
    if refund.provider_id is None:
        refund.provider_id = report.provider_id
    before = RefundState(refund.state)
    state = merge_refund(before, report.state)
    if state is before:
        return EventOutcome.KNOWN, ""
    if state is RefundState.SUCCEEDED:
        settlement.refund_gone(session, refund, now=now)
    elif state is RefundState.FAILED:
        if before is RefundState.SUCCEEDED:
            settlement.post_refund_move(session, refund, TransactionKind.REFUND_RETURNED, now)
        refund.failure = (report.failure or "unknown")[:60]
        log.warning("refund_failed", refund=refund.reference, why=refund.failure)
    refund.state = state.value
    refund.changed_at = now
    session.flush()
    return EventOutcome.APPLIED, ""


def unknown(what: str | None) -> Outcome:
    """What becomes of a notice that was left behind and whose subject nobody here knows (`what`: as `about` says)."""
    if what == METHOD:
        return EventOutcome.IGNORED, ""
    return EventOutcome.REFUSED, "unknown_payment" if what == DISPUTE else "unknown_object"


def _about(report: Report | None) -> dict[str, str | None]:
    """What a notice speaks of and by which name of ours: enough to ask about it, should this process die now."""
    if isinstance(report, SessionReport):
        return {"what": PAGE, "ours": report.attempt}
    if isinstance(report, MethodReport):
        return {"what": METHOD, "ours": report.attempt}
    if isinstance(report, RefundReport):
        return {"what": REFUND, "ours": report.reference}
    if isinstance(report, DisputeReport):
        return {"what": DISPUTE, "ours": report.payment_id}
    return {}


def _wrong_money(report: SessionReport | RefundReport, expected: int) -> str:
    if report.currency != CURRENCY:
        return "other_currency"
    if type(report.amount) is not int or report.amount != expected:
        return "other_amount"
    return ""


_KEEP = (
    insert(ProviderEvent)
    .on_conflict_do_update(
        constraint="uq_provider_event_provider_event_id",
        set_={"times_received": ProviderEvent.times_received + 1},
    )
    .returning(ProviderEvent.id, ProviderEvent.outcome)
)


def _keep(provider: str, notice: Notice, now: datetime) -> tuple[int, EventOutcome]:
    kept = at_once(
        _KEEP,
        {
            "provider": provider,
            "event_id": notice.event_id,
            "kind": notice.kind[:80],
            "object_id": notice.object_id[:120],
            "occurred_at": notice.occurred_at,
            "received_at": now,
            "times_received": 1,
            # One that changes nothing here has nothing to wait for.
            "outcome": (EventOutcome.IGNORED if notice.report is None else EventOutcome.RECEIVED).value,
            "reason": "",
            "payload": {**notice.payload, "about": _about(notice.report)},
        },
    )
    return kept.id, EventOutcome(kept.outcome)
