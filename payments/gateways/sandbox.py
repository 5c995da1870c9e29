"""A provider for development without keys: it behaves like a real one, over the same interface, with its own books.

It opens hosted-looking pages (`payments/web/sandbox.py`), keeps sessions and refunds in tables of its own, and tells us by
signed notices that a job posts over HTTP. It moves no money: settings refuse it in production.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.gateways.base import (
    CURRENCY,
    Limits,
    Notice,
    NotSignedError,
    Order,
    Page,
    RefundOrder,
    RefundReport,
    RefusedError,
    SessionReport,
)
from payments.gateways.facts import read_facts
from payments.gateways.sandbox_books import SandboxBooks
from payments.methods import Method, voucher_end
from payments.models.sandbox import SandboxEvent, SandboxRefund, SandboxSession
from payments.states import AttemptState, RefundState
from portal.kernel import clock, jobs
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.money import Yen

SIGNATURE = "Sandbox-Signature"
TOLERANCE = timedelta(minutes=5)


class Act(StrEnum):
    """What a person does on the sandbox page."""

    PAY = "pay"
    PAYPAY = "paypay"
    REFUSE = "refuse"
    """The card is refused; the page stays open for another try."""
    VOUCHER = "voucher"
    """Take a voucher and pay it later in a shop: pending."""
    PAY_VOUCHER = "pay_voucher"
    VOUCHER_ENDS = "voucher_ends"
    TRANSFER = "transfer"
    """Ask for an account number to transfer to: pending."""
    PAY_LATE = "pay_late"
    """The bank says yes after the page had ended: a late success."""
    REFUND_FAILS = "refund_fails"
    """The bank will send a refund of this payment back, or has just done so."""


METHOD = {
    Act.PAY: Method.CARD,
    Act.PAYPAY: Method.PAYPAY,
    Act.VOUCHER: Method.KONBINI,
    Act.TRANSFER: Method.BANK_TRANSFER,
}
"""With what each act pays."""


_MOVES = {
    (AttemptState.OPEN, Act.PAY): AttemptState.PAID,
    (AttemptState.OPEN, Act.PAYPAY): AttemptState.PAID,
    (AttemptState.OPEN, Act.REFUSE): AttemptState.OPEN,
    (AttemptState.OPEN, Act.VOUCHER): AttemptState.PENDING,
    (AttemptState.OPEN, Act.TRANSFER): AttemptState.PENDING,
    (AttemptState.PENDING, Act.PAY_VOUCHER): AttemptState.PAID,
    (AttemptState.PENDING, Act.VOUCHER_ENDS): AttemptState.FAILED,
    (AttemptState.EXPIRED, Act.PAY_LATE): AttemptState.PAID,
    (AttemptState.FAILED, Act.PAY_LATE): AttemptState.PAID,
}


class SandboxGateway(SandboxBooks):
    """The provider's interface towards us."""

    code = "sandbox"
    limits = Limits(Yen(50), Yen(9_999_999), timedelta(0), timedelta(hours=24))
    serves = frozenset(Method)

    def __init__(self, *, secret: str, public_url: str) -> None:
        """Get ready.

        Args:
            secret: signs the notices.
            public_url: where the pages are, without a slash at the end.
        """
        self._secret = secret
        self._public_url = public_url

    def open(self, order: Order) -> Page:
        """Open a page; the same key opens the same page, another order under the key is refused."""
        now = clock.now()
        if not self.limits.smallest <= order.amount <= self.limits.largest:
            raise RefusedError("amount")
        if not now < order.expires_at <= now + self.limits.longest_page:
            raise RefusedError("expires_at")
        row = {
            "provider_id": f"sbx_{secrets.token_hex(12)}",
            "idempotency_key": order.idempotency_key,
            "attempt": order.attempt,
            "charge_reference": order.charge_reference,
            "merchant": order.merchant,
            "amount": order.amount,
            "description": order.description,
            "locale": order.locale,
            "return_url": order.return_url,
            "cancel_url": order.cancel_url,
            "state": AttemptState.OPEN.value,
            "method": "card",
            "methods": ",".join(order.methods),
            "voucher_days": order.voucher_days,
            "created_at": now,
            "expires_at": order.expires_at,
        }
        with unit_of_work() as session:
            session.execute(insert(SandboxSession).values(row).on_conflict_do_nothing())
            found = session.scalars(
                select(SandboxSession).where(SandboxSession.idempotency_key == order.idempotency_key)
            ).one()
            if (found.attempt, found.amount, found.expires_at) != (order.attempt, order.amount, order.expires_at):
                raise RefusedError("idempotency_key_in_use")
            return Page(found.provider_id, f"{self._public_url}/sandbox/pay/{found.provider_id}", found.expires_at)

    def look(self, provider_id: str, *, merchant: str) -> SessionReport:  # noqa: ARG002 - one account
        """Ask where a page stands."""
        with unit_of_work() as session:
            found = _locked(session, provider_id)
            _end_if_over(session, found, clock.now())
            return _report(found)

    def expire(self, provider_id: str, *, merchant: str) -> SessionReport:  # noqa: ARG002 - one account
        """End an open page; of one whose voucher is out, take the voucher back."""
        ended = {AttemptState.OPEN.value: AttemptState.EXPIRED, AttemptState.PENDING.value: AttemptState.FAILED}
        with unit_of_work() as session:
            found = _locked(session, provider_id)
            if found.state in ended:
                found.state = ended[AttemptState(found.state)].value
                tell_session(session, found)
            return _report(found)

    def refund(self, order: RefundOrder) -> RefundReport:
        """Send money back, never more than was paid."""
        with unit_of_work() as session:
            paid = session.scalars(
                select(SandboxSession).where(SandboxSession.payment_id == order.payment_id).with_for_update()
            ).one_or_none()
            if paid is None:
                raise RefusedError("no_such_payment")
            refunds = session.scalars(select(SandboxRefund).where(SandboxRefund.session_id == paid.id)).all()
            for known in refunds:
                if known.idempotency_key == order.idempotency_key:
                    return _refund_report(known)
            if sum((made.amount for made in refunds), start=order.amount) > paid.amount:
                raise RefusedError("refund_too_large")
            made = SandboxRefund(
                provider_id=f"sbr_{secrets.token_hex(12)}",
                idempotency_key=order.idempotency_key,
                session_id=paid.id,
                reference=order.reference,
                amount=order.amount,
                state=(RefundState.FAILED if paid.refund_fails else RefundState.SUCCEEDED).value,
                created_at=clock.now(),
            )
            session.add(made)
            session.flush()
            _tell(session, "refund", _refund_facts(made))
            return _refund_report(made)

    def look_refund(self, provider_id: str, *, merchant: str) -> RefundReport:  # noqa: ARG002 - one account
        """Ask where a refund stands."""
        with unit_of_work() as session:
            found = session.scalars(select(SandboxRefund).where(SandboxRefund.provider_id == provider_id)).one_or_none()
            if found is None:
                raise RefusedError("no_such_refund")
            return _refund_report(found)

    def pages(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[SessionReport]:
        """Pages opened in [since, until)."""
        opened = select(SandboxSession).where(
            SandboxSession.merchant == merchant, SandboxSession.created_at >= since, SandboxSession.created_at < until
        )
        with unit_of_work() as session:
            yield from [_report(found) for found in session.scalars(opened.order_by(SandboxSession.id.desc()))]

    def refunds(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[RefundReport]:
        """Refunds made in [since, until)."""
        made = (
            select(SandboxRefund)
            .join(SandboxSession, SandboxSession.id == SandboxRefund.session_id)
            .where(
                SandboxSession.merchant == merchant, SandboxRefund.created_at >= since, SandboxRefund.created_at < until
            )
        )
        with unit_of_work() as session:
            yield from [_refund_report(found) for found in session.scalars(made.order_by(SandboxRefund.id.desc()))]

    def sign(self, body: bytes, *, at: datetime) -> str:
        """The signature header of a notice: `t=<seconds>,v1=<HMAC-SHA256 of t.body>`, the way Stripe does it."""
        seconds = int(at.timestamp())
        return f"t={seconds},v1={self._mac(seconds, body)}"

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check the signature, then read."""
        try:
            parts = dict(part.split("=", 1) for part in (headers.get(SIGNATURE) or "").split(","))
            seconds = int(parts["t"])
            if not hmac.compare_digest(parts["v1"].encode(), self._mac(seconds, body).encode()):
                raise NotSignedError("signature")
            if clock.now() - datetime.fromtimestamp(seconds, UTC) > TOLERANCE:
                raise NotSignedError("too_old")
            event = json.loads(body)
            return Notice(
                event_id=event["id"],
                kind=event["type"],
                object_id=event["object"]["id"],
                occurred_at=datetime.fromtimestamp(event["created"], UTC),
                report=read_facts(event["type"], event["object"]),
                payload=event,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotSignedError(type(error).__name__) from error

    def _mac(self, seconds: int, body: bytes) -> str:
        return hmac.new(self._secret.encode(), str(seconds).encode() + b"." + body, hashlib.sha256).hexdigest()


def session_of(session: Session, provider_id: str) -> SandboxSession:
    """A page by its id.

    Raises:
        NotFound: no such page.
    """
    found = session.scalars(select(SandboxSession).where(SandboxSession.provider_id == provider_id)).one_or_none()
    if found is None:
        raise NotFound
    return found


def act(session: Session, provider_id: str, what: Act, *, now: datetime) -> SandboxSession:
    """What a person does on the page; what cannot be done (any more) changes nothing."""
    session_of(session, provider_id)
    found = _locked(session, provider_id)
    _end_if_over(session, found, now)
    if what is Act.REFUND_FAILS:
        _refunds_come_back(session, found)
    before = AttemptState(found.state)
    after = _MOVES.get((before, what), before)
    wanted = METHOD.get(what)
    if after is before or (wanted is not None and wanted not in found.methods.split(",")):
        return found
    found.state = after.value
    if wanted is not None:
        found.method = wanted.value
    if after is AttemptState.PENDING and found.voucher_days:
        found.voucher_until = voucher_end(now, found.voucher_days)
    if after is AttemptState.PAID:
        found.payment_id = f"sbp_{secrets.token_hex(12)}"
        found.paid_at = now
    tell_session(session, found)
    return found


def _refunds_come_back(session: Session, paid: SandboxSession) -> None:
    paid.refund_fails = True
    sent = select(SandboxRefund).where(
        SandboxRefund.session_id == paid.id, SandboxRefund.state == RefundState.SUCCEEDED.value
    )
    for refund in session.scalars(sent):
        refund.state = RefundState.FAILED.value
        session.flush()
        _tell(session, "refund", _refund_facts(refund))


def tell_session(session: Session, found: SandboxSession) -> None:
    """Owe us a notice about a page."""
    _tell(session, f"session.{found.state}", _facts(found))


def _locked(session: Session, provider_id: str) -> SandboxSession:
    found = session.scalars(
        select(SandboxSession).where(SandboxSession.provider_id == provider_id).with_for_update()
    ).one_or_none()
    if found is None:
        raise RefusedError("no_such_session")
    return found


def _end_if_over(session: Session, found: SandboxSession, now: datetime) -> None:
    if found.state == AttemptState.OPEN.value and found.expires_at <= now:
        found.state = AttemptState.EXPIRED.value
        tell_session(session, found)


def _facts(found: SandboxSession) -> dict[str, Any]:
    return {
        "id": found.provider_id,
        "attempt": found.attempt,
        "state": found.state,
        "amount": found.amount.amount,
        "currency": CURRENCY,
        "payment": found.payment_id,
        "method": found.method,
        "paid_at": None if found.paid_at is None else found.paid_at.timestamp(),
        "voucher_until": None if found.voucher_until is None else found.voucher_until.timestamp(),
    }


def _report(found: SandboxSession) -> SessionReport:
    report = read_facts(f"session.{found.state}", _facts(found))
    assert isinstance(report, SessionReport)
    return report


def _refund_facts(found: SandboxRefund) -> dict[str, Any]:
    return {
        "id": found.provider_id,
        "reference": found.reference,
        "state": found.state,
        "amount": found.amount.amount,
        "currency": CURRENCY,
    }


def _refund_report(found: SandboxRefund) -> RefundReport:
    report = read_facts("refund", _refund_facts(found))
    assert isinstance(report, RefundReport)
    return report


def _tell(session: Session, kind: str, facts: dict[str, Any]) -> None:
    event_id = f"sbe_{secrets.token_hex(12)}"
    now = clock.now()
    body = {"id": event_id, "type": kind, "created": now.timestamp(), "object": facts}
    event = SandboxEvent(event_id=event_id, body=body, created_at=now)
    session.add(event)
    session.flush()
    jobs.defer(session, "payments.sandbox_notice", event_id=event.id)
