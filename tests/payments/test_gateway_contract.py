"""What every provider must do. A new gateway is added to `SIDES` and has to pass all of this."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from payments import checkout, daybook, gateways
from payments.gateways import notices_out, sandbox
from payments.gateways.base import (
    Gateway,
    MethodReport,
    NotSignedError,
    Order,
    RefundOrder,
    RefusedError,
    Report,
    SessionReport,
)
from payments.gateways.hosted import HostedGateway
from payments.gateways.sandbox import Act, SandboxGateway
from payments.methods import Method, voucher_end
from payments.models import AccountCode, SandboxEvent, SandboxSession
from payments.states import AttemptState, ChargeState, RefundState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.hosted_server import SECRET, HostedServer
from tests.payments.conftest import CANCEL, RETURN
from tests.payments.things import Things, balances, charge, state_of
from tests.stripe_server import StripeServer

Message = tuple[bytes, dict[str, str]]


@dataclass
class Side:
    """A gateway and the provider behind it: what payers do there, and the notices that it sends."""

    gateway: Gateway
    pay: Callable[[str], None]
    take_voucher: Callable[[str], None]
    pay_voucher: Callable[[str], None]
    notices: Callable[[], list[Message]]
    pages: Callable[[], int]


@pytest.fixture
def stripe_side(stripe: StripeServer) -> Side:
    return Side(
        gateways.by_code("stripe"),
        stripe.books.pay,
        stripe.books.take_voucher,
        stripe.books.pay_voucher,
        lambda: [stripe.signed(event) for event in stripe.new_events()],
        lambda: len(stripe.books.sessions),
    )


@pytest.fixture
def sandbox_side(books: None) -> Side:
    gateway = SandboxGateway(secret="a secret between the two", public_url="http://localhost")
    gateways.use({"sandbox": gateway}, online="sandbox")
    sent: set[int] = set()

    def does(what: Act) -> Callable[[str], None]:
        def do(page: str) -> None:
            with unit_of_work() as session:
                sandbox.act(session, page, what, now=clock.now())

        return do

    def notices() -> list[Message]:
        with unit_of_work() as session:
            new = [
                found
                for found in session.scalars(select(SandboxEvent.id).order_by(SandboxEvent.id))
                if found not in sent
            ]
        sent.update(new)
        return [message for found in new if (message := notices_out.signed(found))]

    def pages() -> int:
        with unit_of_work() as session:
            return len(session.scalars(select(SandboxSession.id)).all())

    return Side(gateway, does(Act.PAY), does(Act.VOUCHER), does(Act.PAY_VOUCHER), notices, pages)


@pytest.fixture
def hosted_side(books: None) -> Iterator[Side]:
    with HostedServer().running() as server:
        gateway = HostedGateway(base=server.url, secret=SECRET)
        gateways.use({"hosted": gateway}, online="hosted")
        yield Side(
            gateway, server.pay, server.take_voucher, server.pay_voucher, server.signed,
            lambda: len(server.objects["pages"]),
        )  # fmt: skip


@pytest.fixture(params=["stripe", "sandbox", "hosted"])
def side(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"{request.param}_side")


def order(number: int = 1, **facts: Any) -> Order:
    made = Order(
        attempt=f"T-{number}",
        idempotency_key=f"K-{number}",
        charge_reference=f"C-{number}",
        merchant="main",
        amount=Yen(3000),
        description="見本の手数料",
        locale="ja",
        return_url="http://localhost/back",
        cancel_url="http://localhost/cancel",
        expires_at=clock.now() + timedelta(hours=1),
    )
    return replace(made, **facts)


def reports(side: Side) -> list[Report | None]:
    told = [side.gateway.read_notice(body, headers).report for body, headers in side.notices()]
    return [report for report in told if not isinstance(report, MethodReport)]


def test_the_same_key_opens_one_page(side: Side):
    first, second = side.gateway.open(order()), side.gateway.open(order())
    assert first == second
    assert side.pages() == 1
    assert first.expires_at == order().expires_at


def test_another_order_under_the_same_key_is_refused(side: Side):
    side.gateway.open(order())
    with pytest.raises(RefusedError):
        side.gateway.open(order(amount=Yen(1)))
    with pytest.raises(RefusedError):
        side.gateway.open(order(amount=Yen(2999)))


@pytest.mark.parametrize("beyond", [-1, 1])
def test_the_limits_that_a_gateway_names_are_the_providers(side: Side, beyond: int):
    limits = side.gateway.limits
    edge = limits.smallest if beyond < 0 else limits.largest
    side.gateway.open(order(1, amount=edge))
    with pytest.raises(RefusedError):
        side.gateway.open(order(2, amount=edge + Yen(beyond)))


def test_a_page_that_lives_too_long_is_refused(side: Side):
    too_long = clock.now() + side.gateway.limits.longest_page + timedelta(minutes=1)
    with pytest.raises(RefusedError):
        side.gateway.open(order(expires_at=too_long))


def test_a_payment_is_told_once_with_what_we_gave_and_when_it_was_made(side: Side):
    page = side.gateway.open(order())
    side.pay(page.provider_id)
    (told,) = reports(side)
    assert isinstance(told, SessionReport)
    assert (told.state, told.attempt, told.amount, told.currency) == (AttemptState.PAID, "T-1", 3000, "jpy")
    assert told.provider_id == page.provider_id
    assert told.paid_at == clock.now()
    asked = side.gateway.look(page.provider_id, merchant="main")
    assert (asked.state, asked.payment_id, asked.paid_at) == (AttemptState.PAID, told.payment_id, told.paid_at)


def test_a_voucher_is_pending_until_it_is_paid(side: Side, clock_at: Callable[[str], datetime]):
    wanted = order(methods=(Method.CARD, Method.KONBINI), voucher_days=2)
    page = side.gateway.open(wanted).provider_id
    side.take_voucher(page)
    assert [told.state for told in reports(side) if isinstance(told, SessionReport)] == [AttemptState.PENDING]
    asked = side.gateway.look(page, merchant="main")
    assert (asked.state, asked.voucher_until) == (AttemptState.PENDING, voucher_end(clock.now(), 2))
    later = clock_at("2026-11-27 12:00")
    side.pay_voucher(page)
    (told,) = reports(side)
    assert isinstance(told, SessionReport)
    assert (told.state, told.paid_at) == (AttemptState.PAID, later)


def test_an_open_page_can_be_ended_and_then_says_so(side: Side):
    page = side.gateway.open(order()).provider_id
    assert side.gateway.expire(page, merchant="main").state is AttemptState.EXPIRED
    assert side.gateway.look(page, merchant="main").state is AttemptState.EXPIRED
    assert side.gateway.expire(page, merchant="main").state is AttemptState.EXPIRED
    assert [told.state for told in reports(side) if isinstance(told, SessionReport)] == [AttemptState.EXPIRED]


def test_ending_a_page_that_was_paid_says_that_it_was_paid(side: Side):
    page = side.gateway.open(order()).provider_id
    side.pay(page)
    assert side.gateway.expire(page, merchant="main").state is AttemptState.PAID


def test_a_voucher_that_is_out_can_be_taken_back_and_then_nobody_can_pay_it(side: Side):
    page = side.gateway.open(order(methods=(Method.KONBINI,), voucher_days=2)).provider_id
    side.take_voucher(page)
    assert side.gateway.expire(page, merchant="main").state is AttemptState.FAILED
    assert side.gateway.look(page, merchant="main").state is AttemptState.FAILED


def test_a_page_ends_at_its_time(side: Side, clock_at: Callable[[str], datetime]):
    page = side.gateway.open(order()).provider_id
    clock_at("2026-11-25 11:01")
    assert side.gateway.look(page, merchant="main").state is AttemptState.EXPIRED


def test_an_unknown_page_and_an_unknown_refund_are_refused(side: Side):
    with pytest.raises(RefusedError):
        side.gateway.look("nothing", merchant="main")
    with pytest.raises(RefusedError):
        side.gateway.expire("nothing", merchant="main")
    with pytest.raises(RefusedError):
        side.gateway.look_refund("nothing", merchant="main")
    with pytest.raises(RefusedError):
        side.gateway.refund(RefundOrder("V-1", "V-1", "nothing", "main", Yen(1)))


def _paid(side: Side) -> str:
    page = side.gateway.open(order()).provider_id
    side.pay(page)
    side.notices()
    payment = side.gateway.look(page, merchant="main").payment_id
    assert payment
    return payment


def test_the_same_refund_is_made_once_and_is_told(side: Side):
    payment = _paid(side)
    wanted = RefundOrder("V-1", "V-1", payment, "main", Yen(1000))
    first, second = side.gateway.refund(wanted), side.gateway.refund(wanted)
    assert first == second
    assert (first.reference, first.amount, first.state) == ("V-1", 1000, RefundState.SUCCEEDED)
    assert side.gateway.look_refund(first.provider_id, merchant="main") == first
    assert reports(side) == [first]


def test_never_more_goes_back_than_was_paid(side: Side):
    payment = _paid(side)
    side.gateway.refund(RefundOrder("V-1", "V-1", payment, "main", Yen(2000)))
    with pytest.raises(RefusedError):
        side.gateway.refund(RefundOrder("V-2", "V-2", payment, "main", Yen(1001)))
    side.gateway.refund(RefundOrder("V-3", "V-3", payment, "main", Yen(1000)))


def test_a_notice_counts_only_with_its_signature(side: Side):
    side.pay(side.gateway.open(order()).provider_id)
    body, headers = side.notices()[-1]
    side.gateway.read_notice(body, headers)
    (name,) = headers
    for wrong in ({}, {name: ""}, {name: "t=1,v1=00"}, {name: headers[name][:-1] + "0"}, {name: "v1=" + "0" * 64}):
        if wrong == headers:
            continue
        with pytest.raises(NotSignedError):
            side.gateway.read_notice(body, wrong)
    with pytest.raises(NotSignedError):
        side.gateway.read_notice(body.replace(b"3000", b"3001"), headers)
    with pytest.raises(NotSignedError):
        side.gateway.read_notice(b"", headers)


def test_the_lists_of_a_day_hold_pages_refunds_and_lines_and_nothing_of_another_day(
    side: Side, clock_at: Callable[[str], datetime]
):
    paid = [side.gateway.open(order(number)).provider_id for number in range(3)]
    for page in paid:
        side.pay(page)
    payment = side.gateway.look(paid[0], merchant="main").payment_id
    assert payment
    refund = side.gateway.refund(RefundOrder("V-1", "V-1", payment, "main", Yen(1000)))
    begin = datetime(2026, 11, 25, tzinfo=clock.TOKYO)
    day, before = (begin, begin + timedelta(days=1)), (begin - timedelta(days=1), begin)

    listed = {page.provider_id: page.state for page in side.gateway.pages("main", since=day[0], until=day[1])}
    assert listed == dict.fromkeys(paid, AttemptState.PAID)
    assert [each.provider_id for each in side.gateway.refunds("main", since=day[0], until=day[1])] == [
        refund.provider_id
    ]
    assert list(side.gateway.disputes("main", since=day[0], until=day[1])) == []
    lines = list(side.gateway.lines("main", since=day[0], until=day[1]))
    moved = sorted((line.kind, line.amount, line.payment_id == payment) for line in lines)
    assert moved == [
        ("payment", 3000, False), ("payment", 3000, False), ("payment", 3000, True), ("refund", -1000, True)
    ]  # fmt: skip
    assert all(line.fee > 0 for line in lines if line.kind == "payment")
    assert {line.attempt for line in lines if line.kind == "payment"} == {"T-0", "T-1", "T-2"}
    for listing in (side.gateway.pages, side.gateway.refunds, side.gateway.lines, side.gateway.payouts):
        assert list(listing("main", since=before[0], until=before[1])) == []


def test_a_day_of_every_provider_is_reconciled_to_nothing_unexplained(
    side: Side, things: Things, clock_at: Callable[[str], datetime]
):
    reference = charge("T1")
    url = checkout.open_page(reference, return_url=RETURN, cancel_url=CANCEL, locale="ja", now=clock.now())
    side.pay(url.rsplit("/", 1)[1])
    side.notices()
    found = daybook.reconcile(side.gateway, "main", clock.today(), now=clock.now())
    assert state_of(reference) is ChargeState.PAID, "every notice was lost"
    assert (found.ours_yen, found.provider_yen, found.items) == (Yen(3000), Yen(3000), [])
    assert balances()[AccountCode.FEE] > 0
