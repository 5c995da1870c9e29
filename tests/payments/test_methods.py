"""Ways to pay: which a charge is offered, decided before the provider is called; vouchers that keep the slot (M2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from payments import contract, jobs, methods, switches
from payments.contract import MoneyKind
from payments.errors import NotPayableOnline
from payments.methods import Method
from payments.states import ChargeState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import run_pending
from portal.kernel.money import Yen
from tests.payments.things import CLERK, Things, charge, line, payments_of, state_of
from tests.stripe_server import StripeServer

Open = Callable[[str], str]
ALL = frozenset(Method)
CARD, PAYPAY, KONBINI, TRANSFER = Method
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=clock.TOKYO)


def offered(total: int, **facts: Any) -> methods.Offering:
    values: dict[str, Any] = {"switched": ALL, "served": ALL, "merchant": "main", "pay_until": None, "now": NOON}
    return methods.offer(Yen(total), **{**values, "switched": list(Method), **facts})


@pytest.mark.parametrize(
    ("amount", "ways"),
    [
        (1, ()),
        (49, ()),
        (50, (CARD, PAYPAY, TRANSFER)),
        (119, (CARD, PAYPAY, TRANSFER)),
        (120, (CARD, PAYPAY, KONBINI, TRANSFER)),
        (300_000, (CARD, PAYPAY, KONBINI, TRANSFER)),
        (300_001, (CARD, PAYPAY, TRANSFER)),
        (1_000_000, (CARD, PAYPAY, TRANSFER)),
        (1_000_001, (CARD, TRANSFER)),
        (9_999_999, (CARD, TRANSFER)),
    ],
)
def test_each_way_to_pay_takes_what_its_rule_says(amount: int, ways: tuple[Method, ...]):
    assert offered(amount).methods == ways


@pytest.mark.parametrize(
    ("until", "days"),
    [
        (None, 3),
        ("2026-03-10 23:59:59", 3),
        ("2026-03-05 23:59:59", 3),
        ("2026-03-05 23:59:58", 2),
        ("2026-03-04 12:00:00", 1),
        ("2026-03-03 23:59:59", 1),
        ("2026-03-03 23:59:58", None),
        ("2026-03-02 12:15:00", None),
    ],
)
def test_a_voucher_ends_within_the_term_or_is_not_offered(until: str | None, days: int | None):
    end = None if until is None else datetime.fromisoformat(until).replace(tzinfo=clock.TOKYO)
    found = offered(3000, pay_until=end)
    assert found.voucher_days == days
    assert (KONBINI in found.methods) == (days is not None)
    if days is not None and end is not None:
        assert methods.voucher_end(NOON, days) <= end


def test_a_connected_account_has_no_paypay_and_what_is_off_is_not_offered():
    assert offered(3000, merchant="acct_1").methods == (CARD, KONBINI, TRANSFER)
    assert offered(3000, switched=[CARD]) == methods.Offering((CARD,), None)
    assert offered(3000, served={CARD, PAYPAY}).methods == (CARD, PAYPAY)


@pytest.mark.parametrize("wrong", [-1, 1.5, "3000", True, None])
def test_what_is_no_amount_of_whole_yen_is_no_charge(things: Things, wrong: Any):
    with pytest.raises((TypeError, ValueError)):
        charge("T1", line(wrong))


@pytest.mark.parametrize(
    ("total", "answer"), [(0, "settled"), (1, "too_small"), (49, "too_small"), (50, "open"), (300_001, "open"), (9_999_999, "open")]
)  # fmt: skip
def test_amounts_are_decided_before_the_provider_is_called(
    things: Things, stripe: StripeServer, open_page: Open, total: int, answer: str
):
    reference = charge("T1", total=total)
    if answer == "settled":
        assert state_of(reference) is ChargeState.PAID
    elif answer == "open":
        page = open_page(reference)
        assert stripe.books.sessions[page]["amount_total"] == total
        return
    else:
        with pytest.raises(NotPayableOnline) as refused:
            open_page(reference)
        assert refused.value.reason == answer
    assert stripe.calls == []


def test_ten_million_yen_is_no_charge_at_all(things: Things):
    with pytest.raises(ValueError, match="0 to"):
        charge("T1", total=10_000_000)


def test_the_page_offers_what_finance_has_switched_on_with_descriptors_and_days(
    things: Things, stripe: StripeServer, open_page: Open
):
    with unit_of_work() as session:
        assert switches.switch(session, MoneyKind.OFFICE_FEE, TRANSFER, enabled=True, actor=CLERK, now=clock.now())
        assert not switches.switch(session, MoneyKind.OFFICE_FEE, TRANSFER, enabled=True, actor=CLERK, now=clock.now())
        switches.switch(session, MoneyKind.OFFICE_FEE, PAYPAY, enabled=False, actor=CLERK, now=clock.now())
    page = stripe.books.sessions[open_page(charge("T1"))]
    assert page["payment_method_types"] == ["card", "konbini", "customer_balance"]
    options = page["payment_method_options"]
    assert options["konbini"] == {"expires_after_days": "3"}
    assert options["customer_balance"]["bank_transfer"] == {"type": "jp_bank_transfer"}
    assert options["card"] == {
        "statement_descriptor_suffix_kana": "テスウリョウ",
        "statement_descriptor_suffix_kanji": "手数料",
    }
    assert stripe.books.customers[page["customer"]]["metadata"].keys() == {"attempt"}
    tax = stripe.books.sessions[open_page(charge("T2", money_kind=MoneyKind.CITY_TAX))]
    assert tax["payment_method_types"] == ["card", "paypay", "konbini"]


def test_a_short_hold_is_offered_no_voucher(things: Things, stripe: StripeServer, open_page: Open):
    reference = charge("T1", pay_until=clock.now() + timedelta(minutes=15))
    assert stripe.books.sessions[open_page(reference)]["payment_method_types"] == ["card", "paypay"]


@dataclass
class Slots(Things):
    """Things that can be kept for somebody who holds a voucher."""

    kept: dict[str, datetime] = field(default_factory=dict)

    def on_waiting(self, session: Any, ref: str, *, charge_ref: str, until: datetime, now: datetime) -> None:  # noqa: ARG002 - the protocol's signature
        self.kept[ref] = until


def test_m2_a_voucher_paid_on_the_last_evening_is_in_time_and_the_slot_was_kept(
    books: None,
    stripe: StripeServer,
    take: Callable[[bytes, dict[str, str]], Any],
    open_page: Open,
    clock_at: Callable[[str], datetime],
    database: str,
):
    slots = Slots()
    contract.register(slots)
    clock_at("2027-03-08 10:00")
    due = datetime(2027, 3, 10, 23, 59, 59, tzinfo=clock.TOKYO)
    reference = charge("T1", pay_until=due)
    page = open_page(reference)
    stripe.books.take_voucher(page)
    stripe.deliver(take)
    assert slots.kept == {"T1": due + timedelta(days=3)}, "kept for the voucher and the longest delay of a notice"

    paid_at = clock_at("2027-03-10 23:58")
    stripe.books.pay_voucher(page)
    late = stripe.new_events()
    clock_at("2027-03-12 09:00")
    jobs.end_overdue(0)
    run_pending(database)
    assert state_of(reference) is ChargeState.OPEN, "nothing is taken back while the notice may come"
    for event in late:
        take(*stripe.signed(event))

    (payment,) = payments_of(reference)
    assert state_of(reference) is ChargeState.PAID
    assert payment.accepted
    assert payment.method == "konbini"
    assert payment.paid_at == paid_at, "委託日: the day on which the payer paid in the shop"
    assert payment.recorded_at == clock.now(), "and the day on which we heard of it"


def test_a_voucher_is_taken_back_when_the_charge_is_paid_at_the_counter(
    things: Things, stripe: StripeServer, take: Callable[[bytes, dict[str, str]], Any], open_page: Open, database: str
):
    from payments import services

    reference = charge("T1")
    page = open_page(reference)
    stripe.books.take_voucher(page)
    stripe.deliver(take)
    with unit_of_work() as session:
        services.take_cash(session, reference, received=Yen(3000), clerk=CLERK, place="koga", now=clock.now())
    run_pending(database)
    assert not stripe.books.waits_for_money(page)
