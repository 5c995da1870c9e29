"""What every provider of online payment must do, in words of ours.

A gateway talks to one provider. It knows neither charges nor the ledger: it is given an order, it answers with reports.
A second provider is one module that fulfils `Gateway` and passes `tests/payments/test_gateway_contract.py`.
Calls are made outside any database transaction, with a time limit, and are safe to repeat with the same key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from payments.contract import MoneyKind
from payments.methods import Method
from payments.states import AttemptState, DisputeState, LineKind, PayoutState, RefundState
from portal.kernel.money import Yen

CURRENCY = "jpy"
CALL_SECONDS = 10.0
"""How long a person waits for the provider at the most, in seconds."""


@dataclass(frozen=True)
class Limits:
    """What the provider takes. Amounts outside are refused before it is called."""

    smallest: Yen
    largest: Yen
    shortest_page: timedelta
    longest_page: timedelta


@dataclass(frozen=True)
class Order:
    """A page to open: nothing in it is a personal fact.

    Attributes:
        attempt: our reference of the attempt; comes back in every report.
        expires_at: aware; the page ends then.
        return_url: where the payer comes back to after paying; only a place to look, no proof.
        cancel_url: where the payer comes back to without paying.
        methods: the ways to pay that the page shows.
        voucher_days: how many days a voucher taken on the page is good for; None: no voucher.
    """

    attempt: str
    idempotency_key: str
    charge_reference: str
    merchant: str
    amount: Yen
    description: str
    locale: str
    return_url: str
    cancel_url: str
    expires_at: datetime
    money_kind: MoneyKind = MoneyKind.OFFICE_FEE
    methods: tuple[Method, ...] = (Method.CARD,)
    voucher_days: int | None = None


@dataclass(frozen=True)
class Page:
    """The provider's page."""

    provider_id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class SessionReport:
    """What the provider says about one page. `amount` and `currency` are as said, to be compared, not trusted."""

    provider_id: str
    attempt: str | None
    state: AttemptState
    amount: object
    currency: object
    payment_id: str | None = None
    method: str | None = None
    """With what it was paid; None where this report does not say (`Gateway.look` does)."""
    paid_at: datetime | None = None
    voucher_until: datetime | None = None
    """When the voucher that was taken ends, where the provider says so."""
    occurred_at: datetime | None = None
    """When what is reported happened, where that is known."""


@dataclass(frozen=True)
class RefundOrder:
    """Money to send back to where it came from."""

    reference: str
    idempotency_key: str
    payment_id: str
    merchant: str
    amount: Yen


@dataclass(frozen=True)
class RefundReport:
    """What the provider says about one refund."""

    provider_id: str
    reference: str | None
    state: RefundState
    amount: object
    currency: object
    failure: str | None = None


@dataclass(frozen=True)
class MethodReport:
    """With what an attempt was paid, and when: told apart from the page's end, before or after it."""

    attempt: str
    payment_id: str
    method: str
    paid_at: datetime


@dataclass(frozen=True)
class DisputeReport:
    """What the provider says about one dispute."""

    provider_id: str
    payment_id: str
    amount: object
    currency: object
    reason: str
    state: DisputeState
    opened_at: datetime
    evidence_due_at: datetime | None = None


@dataclass(frozen=True)
class PayoutReport:
    """One transfer to a payee's bank account."""

    provider_id: str
    amount: Yen
    state: PayoutState
    arrives_on: date
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the provider's books: what it did to the balance that is held for us.

    Attributes:
        kind: what it is.
        amount: gross, whole yen; negative where money leaves.
        fee: what the provider keeps, whole yen.
        source_id: the provider's id of what caused it (charge, refund, dispute, payout), or the line's own.
        payment_id: the provider's id of the payment behind it, as in `SessionReport.payment_id`.
        attempt: our reference of the attempt, where the provider kept it.
    """

    provider_id: str
    kind: LineKind
    amount: int
    fee: int
    created_at: datetime
    source_id: str
    payment_id: str | None = None
    attempt: str | None = None


Report = SessionReport | RefundReport | MethodReport | DisputeReport


@dataclass(frozen=True)
class Notice:
    """A notice whose signature held. `payload` keeps what is needed to explain it later, without personal data."""

    event_id: str
    kind: str
    object_id: str
    occurred_at: datetime
    report: Report | None
    payload: dict[str, Any] = field(default_factory=dict)


class GatewayError(Exception):
    """A call to a provider did not do what was asked."""


@dataclass
class NoAnswerError(GatewayError):
    """No answer, or an answer that says nothing (time-out, 5xx, too many calls): repeat with the same key."""

    why: str


@dataclass
class RefusedError(GatewayError):
    """The provider said no for good; repeating does not help. `why` is its code, never its free text."""

    why: str


class NotSignedError(GatewayError):
    """A notice that this provider did not sign, or signed too long ago."""


class Gateway(Protocol):
    """One provider."""

    code: str
    limits: Limits
    serves: frozenset[Method]

    def open(self, order: Order) -> Page:
        """Open a page; the same key opens the same page.

        Raises:
            NoAnswerError: unknown whether it is open.
            RefusedError: it is not.
        """
        ...

    def look(self, provider_id: str, *, merchant: str) -> SessionReport:
        """Ask where a page stands.

        Raises:
            NoAnswerError, RefusedError: no answer; no such page.
        """
        ...

    def expire(self, provider_id: str, *, merchant: str) -> SessionReport:
        """End a page or take back its voucher so that nobody can pay any more; if it has ended or was paid, just say so.

        Raises:
            NoAnswerError, RefusedError: no answer; no such page.
        """
        ...

    def refund(self, order: RefundOrder) -> RefundReport:
        """Send money back; the same key sends it once.

        Raises:
            NoAnswerError: unknown whether it was sent.
            RefusedError: it was not.
        """
        ...

    def look_refund(self, provider_id: str, *, merchant: str) -> RefundReport:
        """Ask where a refund stands.

        Raises:
            NoAnswerError, RefusedError: no answer; no such refund.
        """
        ...

    def look_dispute(self, provider_id: str, *, merchant: str) -> DisputeReport:
        """Ask where a dispute stands.

        Raises:
            NoAnswerError, RefusedError: no answer; no such dispute.
        """
        ...

    def pages(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[SessionReport]:
        """The pages that were opened in [since, until), newest first. Calls while it is read; raises as `look` does."""
        ...

    def refunds(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[RefundReport]:
        """The refunds that were made in [since, until), newest first."""
        ...

    def disputes(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[DisputeReport]:
        """The disputes that were opened in [since, until), newest first."""
        ...

    def payouts(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[PayoutReport]:
        """The payouts that were made in [since, until), newest first."""
        ...

    def lines(
        self, merchant: str, *, since: datetime | None = None, until: datetime | None = None, payout: str | None = None
    ) -> Iterator[Line]:
        """The lines of the provider's books written in [since, until), or those that one payout paid out (itself among them)."""
        ...

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check the signature, then read.

        Raises:
            NotSignedError: not this provider's, changed on the way, or older than five minutes.
        """
        ...


def method_word(method: str | None) -> str:
    """The word under which a provider's method is kept: letters, digits and underscore, at most 30."""
    return (method or "card")[:30]
