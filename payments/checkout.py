"""Opening the provider's page: the one call that a person waits for, between two transactions (invariant 18).

The first writes an attempt down with its key, the second writes down what the provider answered. Whatever stops in between,
the next click repeats the call with the same key and gets the same page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import gateways, intake, settlement, switches
from payments.contract import MoneyKind, Prolongs, payable
from payments.errors import ChargeSettled, NoSuchCharge, NotPayableOnline, PayTermOver, ProviderDown
from payments.gateways.base import Gateway, NoAnswerError, Order, Page, RefusedError
from payments.methods import Method, Offering
from payments.models import Charge, Payee, PaymentAttempt
from payments.states import LIVE_ATTEMPTS, AttemptState, ChargeState
from payments.transfers import standing
from portal.kernel import jobs, references
from portal.kernel.database import transact

PAGE_LIFE = timedelta(hours=1)
"""How long a page stays open where no hold ends earlier; afterwards the payer opens another."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Start:
    """What the first transaction leaves: an open page, or an order to call the provider with.

    `ended` names a page whose time is over and of which the provider has not told us the end.
    """

    attempt_id: int
    url: str | None
    order: Order
    ended: str | None = None


def open_page(charge_ref: str, *, return_url: str, cancel_url: str, locale: str, now: datetime) -> str:
    """The address of the provider's page for a charge; a double click and a second tab get the same page.

    Args:
        charge_ref: the charge's reference; whether the visitor may pay it is the caller's question.
        return_url: whole address, for after paying.
        cancel_url: whole address, for coming back unpaid.
        locale: language of the page.
        now: aware.

    Raises:
        NoSuchCharge: unknown reference.
        ChargeSettled: nothing to pay.
        PayTermOver: the hold or the term has ended.
        NotPayableOnline: at the counter only; or the bank is about to take it from the payer's account.
        ProviderDown: no answer in time; nothing was paid.
    """
    begin = partial(_begin, charge_ref=charge_ref, return_url=return_url, cancel_url=cancel_url, locale=locale, now=now)
    start = transact(begin)
    gateway = gateways.online()
    if gateway is None:
        raise NotPayableOnline(charge_ref, "provider_off")
    if start.ended is not None:
        _ask_how_it_ended(gateway, start.ended, start.order.merchant, now)
        start = transact(begin)
    if start.url is not None:
        return start.url
    try:
        page = gateway.open(start.order)
    except NoAnswerError as error:
        raise ProviderDown(gateway.code) from error
    except RefusedError as error:
        transact(partial(_give_up, attempt_id=start.attempt_id, now=now))
        raise ProviderDown(gateway.code) from error
    return transact(partial(_note_page, attempt_id=start.attempt_id, page=page, now=now))


def _ask_how_it_ended(gateway: Gateway, provider_id: str, merchant: str, now: datetime) -> None:
    try:
        report = gateway.look(provider_id, merchant=merchant)
    except (NoAnswerError, RefusedError) as error:
        raise ProviderDown(gateway.code) from error
    transact(partial(intake.apply_session, provider=gateway.code, report=report, now=now))


def _begin(
    session: Session, *, charge_ref: str, return_url: str, cancel_url: str, locale: str, now: datetime
) -> _Start:
    asked = session.execute(
        select(Charge.id, Charge.payable_kind, Charge.payable_ref, Payee.merchant)
        .join(Payee, Payee.id == Charge.payee_id)
        .where(Charge.reference == charge_ref)
    ).one_or_none()
    if asked is None:
        raise NoSuchCharge(charge_ref)
    gateway, merchant = _gateway_for(charge_ref, asked.merchant)
    thing = payable(asked.payable_kind)
    kept = (
        thing.on_opening(session, asked.payable_ref, charge_ref=charge_ref, now=now)
        if isinstance(thing, Prolongs)
        else None
    )
    charge = settlement.lock_charge(session, asked.id)
    if charge.state != ChargeState.OPEN.value:
        raise ChargeSettled(charge_ref, charge.state)
    if standing.is_ordered(session, charge.id):
        raise NotPayableOnline(charge_ref, "ordered")
    if charge.pay_until is not None and charge.pay_until <= now:
        raise PayTermOver(charge_ref)
    if kept is not None and charge.pay_until is not None:
        charge.pay_until = max(charge.pay_until, kept)
    attempt = session.scalars(
        select(PaymentAttempt).where(
            PaymentAttempt.charge_id == charge.id, PaymentAttempt.state.in_([state.value for state in LIVE_ATTEMPTS])
        )
    ).one_or_none()
    if attempt is not None and attempt.provider != gateway.code:
        raise NotPayableOnline(charge_ref, "provider_off")
    if attempt is None:
        offering = _offering(session, charge, merchant, now)
        attempt = PaymentAttempt(
            reference=references.new("T"),
            charge_id=charge.id,
            provider=gateway.code,
            merchant=merchant,
            idempotency_key=references.new("K"),
            amount=charge.total,
            locale=locale,
            state=AttemptState.OPENING.value,
            created_at=now,
            changed_at=now,
            checked_at=now,
            expires_at=_page_end(charge, gateway, now),
            methods=",".join(offering.methods),
            voucher_days=offering.voucher_days,
        )
        session.add(attempt)
        session.flush()
    order = Order(
        attempt=attempt.reference,
        idempotency_key=f"{attempt.idempotency_key}-{attempt.reference}",
        charge_reference=charge.reference,
        merchant=attempt.merchant,
        amount=attempt.amount,
        description=charge.description,
        locale=attempt.locale,
        return_url=return_url,
        cancel_url=cancel_url,
        expires_at=attempt.expires_at,
        money_kind=MoneyKind(charge.money_kind),
        methods=tuple(Method(word) for word in attempt.methods.split(",")),
        voucher_days=attempt.voucher_days,
    )
    ended = attempt.provider_id if attempt.state == AttemptState.OPEN.value and attempt.expires_at <= now else None
    return _Start(attempt.id, attempt.url, order, ended)


def _gateway_for(charge_ref: str, merchant: str | None) -> tuple[Gateway, str]:
    gateway = gateways.online()
    if gateway is None:
        raise NotPayableOnline(charge_ref, "provider_off")
    if merchant is None:
        raise NotPayableOnline(charge_ref, "payee_offline")
    return gateway, merchant


def _offering(session: Session, charge: Charge, merchant: str, now: datetime) -> Offering:
    reason, offering = switches.why_not_online(
        session,
        total=charge.total,
        money_kind=MoneyKind(charge.money_kind),
        merchant=merchant,
        pay_until=charge.pay_until,
        now=now,
    )
    if reason is not None:
        raise NotPayableOnline(charge.reference, reason)
    return offering


def _page_end(charge: Charge, gateway: Gateway, now: datetime) -> datetime:
    """When the page ends by itself; a hold that ends before the provider's shortest page is ended by a job of ours."""
    wished = now + PAGE_LIFE if charge.pay_until is None else min(charge.pay_until, now + PAGE_LIFE)
    # A minute more than the shortest: the provider counts from its own clock, when the call arrives.
    return max(wished, now + gateway.limits.shortest_page + timedelta(minutes=1)).replace(microsecond=0)


def _note_page(session: Session, *, attempt_id: int, page: Page, now: datetime) -> str:
    attempt = session.scalars(
        select(PaymentAttempt).where(PaymentAttempt.id == attempt_id).with_for_update(key_share=True)
    ).one()
    if attempt.state == AttemptState.OPENING.value:
        attempt.state = AttemptState.OPEN.value
        attempt.changed_at = now
    if attempt.url is None:
        attempt.provider_id = page.provider_id
        attempt.url = page.url
    state = session.scalars(select(Charge.state).where(Charge.id == attempt.charge_id)).one()
    if state != ChargeState.OPEN.value:
        # Paid at the counter or withdrawn while the provider was opening its page.
        jobs.defer(session, "payments.end_attempts", charge_id=attempt.charge_id)
    return page.url


def _give_up(session: Session, *, attempt_id: int, now: datetime) -> None:
    attempt = session.scalars(
        select(PaymentAttempt).where(PaymentAttempt.id == attempt_id).with_for_update(key_share=True)
    ).one()
    if attempt.state == AttemptState.OPENING.value:
        attempt.state = AttemptState.FAILED.value
        attempt.changed_at = now
