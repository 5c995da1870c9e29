"""Payees, something payable, a Stripe that answers on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select
from stripe import HTTPClient

from payments import checkout, gateways, intake, jobs
from payments.gateways.base import NotSignedError
from payments.gateways.stripe import StripeGateway
from payments.models import EventOutcome, PaymentAttempt
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests.payments.things import Things, define_payees, new_things
from tests.stripe_server import StripeServer

RETURN, CANCEL = "http://localhost/pay/x/return", "http://localhost/pay/x"


@pytest.fixture
def books(database: str) -> Iterator[None]:
    """A database with two payees: the city, and a 指定管理者 without an account at the provider."""
    with unit_of_work() as session:
        define_payees(session)
    yield
    gateways.use({}, online=None)


@pytest.fixture
def things(books: None) -> Things:
    return new_things()


@pytest.fixture
def stripe(books: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeServer]:
    """Stripe, spoken to by its own SDK; payments uses it as its provider."""
    # The SDK waits half a second before its second try: over loopback that is only waiting.
    monkeypatch.setattr(HTTPClient, "INITIAL_DELAY", 0.01)
    with StripeServer().running() as server:
        gateway = StripeGateway(api_key=server.key, webhook_secret=server.webhook_secret, api_base=server.url)
        gateways.use({"stripe": gateway}, online="stripe")
        yield server


@pytest.fixture
def take(stripe: StripeServer) -> Callable[[bytes, dict[str, str]], EventOutcome | None]:
    """What the notice address does: check the signature, keep, apply. None: not signed."""

    def take_in(body: bytes, headers: dict[str, str]) -> EventOutcome | None:
        try:
            notice = gateways.by_code("stripe").read_notice(body, headers)
        except NotSignedError:
            return None
        return intake.take_notice("stripe", notice, now=clock.now())

    return take_in


@pytest.fixture
def open_page(stripe: StripeServer) -> Callable[[str], str]:
    """`open_page(charge_ref)` clicks "pay"; the provider's id of the page that opened."""

    def click(reference: str) -> str:
        url = checkout.open_page(reference, return_url=RETURN, cancel_url=CANCEL, locale="ja", now=clock.now())
        return url.rsplit("/", 1)[1]

    return click


@pytest.fixture
def attempts(books: None) -> Callable[[], list[PaymentAttempt]]:
    def found() -> list[PaymentAttempt]:
        with unit_of_work() as session:
            return list(session.scalars(select(PaymentAttempt).order_by(PaymentAttempt.id)))

    return found


@pytest.fixture
def converge() -> Callable[[], int]:
    """Ask the provider about everything, as the periodic job does."""

    def run() -> int:
        return jobs.converge(now=clock.now())

    return run
