"""Notices that were kept and never worked on: the process died in between, and the provider did not send them again.

The provider is asked for today's truth of what they speak of; what nobody here knows is left to a person.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from payments import gateways, intake
from payments.gateways.base import Gateway, NoAnswerError, RefusedError, Report
from payments.models import Dispute, EventOutcome, Payment, PaymentAttempt, ProviderEvent, Refund
from portal.kernel.database import transact, unit_of_work

UNFINISHED_AFTER = timedelta(minutes=2)
"""A notice that was kept only for this long was left behind."""
AT_ONCE = 200

log = structlog.get_logger(__name__)


Ask = Callable[[Gateway], Report]


def finish_all(*, now: datetime) -> None:
    """Finish the oldest notices that were left behind; one whose provider does not answer waits for the next time."""
    with unit_of_work() as session:
        found = session.scalars(
            select(ProviderEvent)
            .where(
                ProviderEvent.outcome == EventOutcome.RECEIVED.value,
                ProviderEvent.received_at <= now - UNFINISHED_AFTER,
            )
            .order_by(ProviderEvent.received_at)
            .limit(AT_ONCE)
        ).all()
    for event in found:
        _finish(event, now)


def _finish(event: ProviderEvent, now: datetime) -> None:
    with unit_of_work() as session:
        about = event.payload.get("about") or {}
        what, ours = about.get("what"), about.get("ours")
        asks = [
            *_about_page(session, event, what, ours),
            *_about_refund(session, event, ours if what == intake.REFUND else None),
            *_about_dispute(session, event, ours if what == intake.DISPUTE else None),
        ]
    report: Report | None = None
    try:
        if asks:
            report = asks[0](gateways.by_code(event.provider))
    except (NoAnswerError, RefusedError) as error:
        log.warning("provider_not_asked", kind="event", id=event.id, why=error.why)
        return
    transact(partial(_close, event_id=event.id, report=report, now=now))


def _about_page(session: Session, event: ProviderEvent, what: str | None, ours: str | None) -> list[Ask]:
    attempt = ours if what in {intake.PAGE, intake.METHOD} else None
    found = session.execute(
        select(PaymentAttempt.provider_id, PaymentAttempt.merchant).where(
            PaymentAttempt.provider == event.provider,
            or_(PaymentAttempt.provider_id == event.object_id, PaymentAttempt.reference == attempt),
        )
    ).first()
    if found is None:
        return []
    # A page whose answer was lost has no id here; its own notices say it.
    page = found.provider_id or (event.object_id if what == intake.PAGE else None)
    return [] if page is None else [lambda gateway: gateway.look(page, merchant=found.merchant)]


def _about_refund(session: Session, event: ProviderEvent, refund: str | None) -> list[Ask]:
    merchant = session.scalar(
        select(PaymentAttempt.merchant)
        .join(Payment, Payment.attempt_id == PaymentAttempt.id)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(
            Refund.provider == event.provider,
            or_(Refund.provider_id == event.object_id, Refund.reference == refund),
        )
        .limit(1)
    )
    return [] if merchant is None else [lambda gateway: gateway.look_refund(event.object_id, merchant=merchant)]


def _about_dispute(session: Session, event: ProviderEvent, payment: str | None) -> list[Ask]:
    merchant = session.scalar(
        select(PaymentAttempt.merchant)
        .join(Payment, Payment.attempt_id == PaymentAttempt.id)
        .outerjoin(Dispute, Dispute.payment_id == Payment.id)
        .where(
            Payment.provider == event.provider,
            or_(Dispute.provider_id == event.object_id, Payment.provider_payment_id == payment),
        )
        .limit(1)
    )
    return [] if merchant is None else [lambda gateway: gateway.look_dispute(event.object_id, merchant=merchant)]


def _close(session: Session, *, event_id: int, report: Report | None, now: datetime) -> None:
    event = session.scalars(select(ProviderEvent).where(ProviderEvent.id == event_id).with_for_update()).one()
    if event.outcome != EventOutcome.RECEIVED.value:
        return
    if report is None:
        about = event.payload.get("about") or {}
        outcome, reason = intake.unknown(about.get("what"))
    else:
        outcome, reason = intake.apply_report(session, event.provider, report, now=now)
    if outcome is EventOutcome.REFUSED:
        log.warning("notice_refused", provider=event.provider, notice=event.event_id, kind=event.kind, reason=reason)
    event.outcome, event.reason = outcome.value, reason
