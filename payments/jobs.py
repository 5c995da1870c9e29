"""Background work of payments: money that goes back, pages that must end, and asking the provider what we were not told.

Each takes ids, reads fresh state, calls the provider between transactions, and is safe to run twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from payments import daybook, gateways, intake, joint, leftovers
from payments.contract import payable
from payments.gateways import notices_out
from payments.gateways.base import NoAnswerError, RefundOrder, RefusedError, Report
from payments.ledger import NEVER_CALLED
from payments.models import Charge, EventOutcome, Payment, PaymentAttempt, Refund
from payments.states import LIVE_ATTEMPTS, AttemptState, ChargeState, RefundState
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.jobs import PATIENT, defer, task

log = structlog.get_logger(__name__)

T = TypeVar("T")
QUEUE = "money"
ASK_LIVE_AFTER = timedelta(minutes=2)
"""A page that may still be paid and of which nothing was heard for this long is asked about."""
ASK_ENDED_EVERY = timedelta(hours=6)
ASK_ENDED_FOR = timedelta(days=7)
"""Pages that ended unpaid are asked about for a week: a late success counts (invariant 12)."""
AT_ONCE = 200

_LIVE = [state.value for state in LIVE_ATTEMPTS]


@dataclass(frozen=True)
class _Asked:
    """Something to ask a provider about: our id, and the provider's."""

    id: int
    provider: str
    provider_id: str | None
    merchant: str


@task(name="payments.send_refund", queue=QUEUE, retry=PATIENT)
def send_refund(refund_id: int) -> None:
    """Tell the provider to send money back; the same refund is sent once, however often this runs."""
    with unit_of_work() as session:
        found = session.execute(
            select(Refund, Payment, PaymentAttempt.merchant)
            .join(Payment, Payment.id == Refund.payment_id)
            .outerjoin(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
            .where(Refund.id == refund_id)
        ).one()
    refund, payment, merchant = found.Refund, found.Payment, found.merchant or ""
    if refund.state != RefundState.REQUESTED.value or refund.provider in NEVER_CALLED:
        return
    order = RefundOrder(
        reference=refund.reference,
        idempotency_key=f"refund-{refund.reference}",
        payment_id=payment.provider_payment_id or "",
        merchant=merchant,
        amount=refund.amount,
    )
    now = clock.now()
    try:
        report = gateways.by_code(refund.provider).refund(order)
    except RefusedError as error:
        transact(partial(_refund_refused, refund_id=refund_id, why=error.why, now=now))
        return
    _apply(refund.provider, report, now)


@task(name="payments.end_attempts", queue=QUEUE, retry=PATIENT)
def end_attempts(charge_id: int) -> None:
    """Close the provider's page of a charge that nobody should pay any more."""
    with unit_of_work() as session:
        live = session.scalars(
            select(PaymentAttempt.id).where(PaymentAttempt.charge_id == charge_id, PaymentAttempt.state.in_(_LIVE))
        ).all()
    for attempt_id in live:
        end_attempt(attempt_id, now=clock.now())


@task(name=joint.RETURN_PARTS, queue=QUEUE, retry=PATIENT)
def return_parts(charge_ids: list[int]) -> None:
    """Give back what was paid, in one sum with others, for things that cannot be given any more."""
    for charge_id in charge_ids:
        joint.return_part(charge_id, now=clock.now())


@task(name="payments.settle_free", queue=QUEUE, retry=PATIENT)
def settle_free(charge_id: int) -> None:
    """Tell the payable that a charge of 0 yen is settled."""

    def tell(session: Session) -> None:
        charge = session.get_one(Charge, charge_id)
        payable(charge.payable_kind).on_paid(
            session,
            charge.payable_ref,
            charge_ref=charge.reference,
            paid_at=charge.created_at,
            now=clock.now(),
        )

    transact(tell)


@task(name="payments.sandbox_notice", queue=QUEUE, retry=PATIENT)
def sandbox_notice(event_id: int) -> None:
    """The sandbox provider's postman (development and tests)."""
    notices_out.deliver(event_id)


@task(name="payments.end_overdue", queue=QUEUE, periodic="* * * * *")
def end_overdue(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each minute: close pages whose hold or term has ended, or whose charge is settled or withdrawn."""
    now = clock.now()
    with unit_of_work() as session:
        overdue = session.scalars(
            select(PaymentAttempt.id)
            .join(Charge, Charge.id == PaymentAttempt.charge_id)
            .where(
                PaymentAttempt.state.in_([AttemptState.OPENING.value, AttemptState.OPEN.value]),
                or_(Charge.pay_until <= now, Charge.state != ChargeState.OPEN.value),
            )
            .limit(AT_ONCE)
        ).all()
    for attempt_id in overdue:
        _told("attempt", attempt_id, partial(end_attempt, attempt_id, now=now))


@task(name="payments.reconcile", queue=QUEUE, periodic="*/5 * * * *")
def reconcile(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Every five minutes: ask the provider about open pages, unfinished refunds and notices that were kept only."""
    converge(now=clock.now())


@task(name="payments.reconcile_days", queue=QUEUE, periodic="30 19 * * *")
def reconcile_days(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each night at 4:30 in Japan: compare the provider's books of the days that are due with ours."""
    gateway = gateways.online()
    if gateway is None:
        return
    today = clock.today()
    for merchant in daybook.merchants():
        for day in daybook.days_due(gateway.code, merchant, today=today):
            with unit_of_work() as session:
                defer(session, "payments.reconcile_day", merchant=merchant, day=day.isoformat())


@task(name="payments.reconcile_day", queue=QUEUE, retry=PATIENT)
def reconcile_day(merchant: str, day: str) -> None:
    """Compare one day of one account with the provider's books; finance can ask for it."""
    gateway = gateways.online()
    if gateway is not None:
        daybook.reconcile(gateway, merchant, date.fromisoformat(day), now=clock.now())


def converge(*, now: datetime) -> int:
    """Ask the provider about everything that may have moved without our hearing of it; returns how much had."""
    changed = 0
    for attempt in _attempts_to_ask(now):
        if attempt.provider_id is None:
            transact(partial(_forget_unopened, attempt_id=attempt.id, now=now))
        else:
            changed += _ask(attempt, now)
    for refund in _refunds_to_ask(now):
        if refund.provider_id is None:
            _told("refund", refund.id, partial(send_refund, refund.id))
        else:
            changed += _ask_refund(refund, now)
    leftovers.finish_all(now=now)
    return changed


def end_attempt(attempt_id: int, *, now: datetime) -> None:
    """Close one page at the provider and note what it says: ended, or paid after all.

    Raises:
        NoAnswerError: ask again later.
    """
    with unit_of_work() as session:
        attempt = session.get_one(PaymentAttempt, attempt_id)
    if attempt.provider_id is None:
        # Nobody was given the page's address, so nobody can pay on it.
        transact(partial(_forget_unopened, attempt_id=attempt_id, now=now))
        return
    report = gateways.by_code(attempt.provider).expire(attempt.provider_id, merchant=attempt.merchant)
    _apply(attempt.provider, report, now)


def _told(kind: str, found: int, ask: Callable[[], T]) -> T | None:
    """The provider's answer. One that cannot be asked now does not keep the others from being asked."""
    try:
        return ask()
    except (NoAnswerError, RefusedError) as error:
        log.warning("provider_not_asked", kind=kind, id=found, why=error.why)
        return None


def _ask(attempt: _Asked, now: datetime) -> bool:
    gateway = gateways.by_code(attempt.provider)
    report = _told("attempt", attempt.id, lambda: gateway.look(attempt.provider_id or "", merchant=attempt.merchant))
    return report is not None and _apply(attempt.provider, report, now)


def _ask_refund(refund: _Asked, now: datetime) -> bool:
    gateway = gateways.by_code(refund.provider)
    report = _told("refund", refund.id, lambda: gateway.look_refund(refund.provider_id or "", merchant=refund.merchant))
    return report is not None and _apply(refund.provider, report, now)


def _apply(provider: str, report: Report, now: datetime) -> bool:
    outcome, reason = transact(partial(intake.apply_report, provider=provider, report=report, now=now))
    if outcome is EventOutcome.REFUSED:
        log.warning("report_refused", provider=provider, reason=reason)
    return outcome is EventOutcome.APPLIED


def _attempts_to_ask(now: datetime) -> list[_Asked]:
    ended = [AttemptState.EXPIRED.value, AttemptState.FAILED.value]
    query = (
        select(PaymentAttempt.id, PaymentAttempt.provider, PaymentAttempt.provider_id, PaymentAttempt.merchant)
        .where(
            or_(
                and_(PaymentAttempt.state.in_(_LIVE), PaymentAttempt.checked_at <= now - ASK_LIVE_AFTER),
                and_(
                    PaymentAttempt.state.in_(ended),
                    PaymentAttempt.provider_id.is_not(None),
                    PaymentAttempt.checked_at <= now - ASK_ENDED_EVERY,
                    PaymentAttempt.changed_at > now - ASK_ENDED_FOR,
                ),
            )
        )
        .order_by(PaymentAttempt.checked_at)
        .limit(AT_ONCE)
    )
    with unit_of_work() as session:
        return [_Asked(row.id, row.provider, row.provider_id, row.merchant) for row in session.execute(query)]


def _refunds_to_ask(now: datetime) -> list[_Asked]:
    """Refunds on their way, and for a week those that arrived: banks return money after a success."""
    on_the_way = [RefundState.REQUESTED.value, RefundState.PENDING.value]
    query = (
        select(Refund.id, Refund.provider, Refund.provider_id, PaymentAttempt.merchant)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
        .where(
            Refund.provider.not_in(NEVER_CALLED),
            or_(
                and_(Refund.state.in_(on_the_way), Refund.checked_at <= now - ASK_LIVE_AFTER),
                and_(
                    Refund.state == RefundState.SUCCEEDED.value,
                    Refund.checked_at <= now - ASK_ENDED_EVERY,
                    Refund.changed_at > now - ASK_ENDED_FOR,
                ),
            ),
        )
        .order_by(Refund.checked_at)
        .limit(AT_ONCE)
    )
    with unit_of_work() as session:
        return [_Asked(row.id, row.provider, row.provider_id, row.merchant) for row in session.execute(query)]


def _forget_unopened(session: Session, *, attempt_id: int, now: datetime) -> None:
    """Give up an attempt whose page never reached anybody, once its charge is closed or its time is over."""
    attempt = session.scalars(
        select(PaymentAttempt).where(PaymentAttempt.id == attempt_id).with_for_update(key_share=True)
    ).one()
    charge = session.get_one(Charge, attempt.charge_id)
    over = attempt.expires_at <= now or (charge.pay_until is not None and charge.pay_until <= now)
    if attempt.state == AttemptState.OPENING.value and attempt.provider_id is None:
        if over or charge.state != ChargeState.OPEN.value:
            attempt.state = AttemptState.FAILED.value
            attempt.changed_at = now
        attempt.checked_at = now


def _refund_refused(session: Session, *, refund_id: int, why: str, now: datetime) -> None:
    refund = session.scalars(select(Refund).where(Refund.id == refund_id).with_for_update(key_share=True)).one()
    if refund.state == RefundState.REQUESTED.value:
        refund.state = RefundState.FAILED.value
        refund.failure = why[:60]
        refund.changed_at = now
        log.warning("refund_failed", refund=refund.reference, why=refund.failure)
