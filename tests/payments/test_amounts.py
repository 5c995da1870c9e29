"""Amounts at every door: accepted or refused as the rule says, before the provider is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Flask
from pydantic import TypeAdapter, ValidationError
from werkzeug.datastructures import MultiDict
from wtforms import Form

from forms.definition.procedure import Fee
from payments import switches
from payments.bills.errors import BillFileRefused
from payments.contract import MoneyKind
from payments.errors import CashTooLittle, ChargeSettled, NotPayableOnline, RefundTooLarge
from payments.gateways.base import CURRENCY
from payments.methods import RULES, Method
from payments.services import take_cash
from payments.states import ChargeState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import NotWholeYenError, Yen
from portal.web.forms import MoneyField
from reservations.api.shapes import Yen as ApiYen
from reservations.pricing.parts import Option, Row
from tests.payments import slips
from tests.payments.things import CLERK, Things, charge, give_back_in_part, state_of
from tests.stripe_server import StripeServer

WHOLE = (0, 1, 49, 50, 300_000, 300_001, 9_999_999)
NONE = (-1, -300_000, 0.5, 49.5, 50.0, 300_000.5, "3000", "三千円", "", True, None)
"""Negative, fractional, text, and what is no number at all."""
TOO_LARGE = 10_000_000
GROUND = {"label": "見本の手数料", "ordinance": "古河市見本条例", "sample": True}


def definition(amount: object) -> None:
    TypeAdapter(Fee).validate_python({"kind": "fixed", "amount": amount, **GROUND})


def definition_by_choice(amount: object) -> None:
    TypeAdapter(Fee).validate_python({"kind": "by_choice", "field": "kind", "amounts": {"a": amount}, **GROUND})


def fee_table(amount: object) -> None:
    Row.model_validate({"id": "room", "amount": amount, "label": "室"})


def fee_table_by_slot(amount: object) -> None:
    Row.model_validate({"id": "room", "amounts": {"am": amount}, "label": "室"})


def fee_table_option(amount: object) -> None:
    TypeAdapter(Option).validate_python({"kind": "fixed", "id": "piano", "label": "ピアノ", "amount": amount})


def api(amount: object) -> None:
    TypeAdapter(ApiYen).validate_python(amount)


def line_of_a_charge(amount: Any) -> None:
    Yen(amount)


DOORS = (definition, definition_by_choice, fee_table, fee_table_by_slot, fee_table_option, api)


@pytest.mark.parametrize("door", [*DOORS, line_of_a_charge])
def test_whole_yen_pass_every_door_and_nothing_else_does(door: Callable[[object], None]):
    for amount in WHOLE:
        door(amount)
    wrong: Iterable[object] = [each for each in NONE if not (door is line_of_a_charge and type(each) is int)]
    for amount in wrong:
        with pytest.raises((ValidationError, NotWholeYenError)):
            door(amount)


@pytest.mark.parametrize("door", [door for door in DOORS if door is not api])
def test_a_fee_is_no_larger_than_a_charge_may_be(door: Callable[[object], None]):
    with pytest.raises(ValidationError):
        door(TOO_LARGE)


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        *((str(amount), amount > 0) for amount in WHOLE),
        ("300,000", False),  # a comma is the file's own separator
        *((text, False) for text in ("-1", "49.5", "50.0", "三千円", "", str(TOO_LARGE))),
    ],
)
@pytest.mark.usefixtures("koga")
def test_a_file_of_bills_takes_one_yen_to_seven_digits(typed: str, *, taken: bool):
    if taken:
        assert slips.take(slips.row("20260001", 金額=typed)).total == Yen(int(typed))
    else:
        with pytest.raises(BillFileRefused):
            slips.take(slips.row("20260001", 金額=typed))


class Till(Form):
    received = MoneyField("受け取った現金", least=0, most=99_999_999)


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        *((str(amount), amount) for amount in WHOLE),
        ("300,000", 300_000),
        ("３０００円", 3000),
        *((text, None) for text in ("-1", "▲1", "49.5", "50.0", "三千円", "1e3", "100000000")),
    ],
)
def test_the_counters_form_reads_whole_yen_only(app: Flask, typed: str, amount: int | None):
    with app.test_request_context("/"):
        form = Till(MultiDict({"received": typed}))
        assert form.validate() == (amount is not None)
    if amount is not None:
        assert form.received.data == Yen(amount)


@pytest.mark.parametrize("amount", WHOLE)
def test_the_counter_takes_a_sum_with_nothing_missing(things: Things, stripe: StripeServer, amount: int):
    reference = charge("T1", total=amount)

    def pay(received: int) -> None:
        with unit_of_work() as session:
            take_cash(session, reference, received=Yen(received), clerk=CLERK, place="koga", now=clock.now())

    if amount == 0:
        with pytest.raises(ChargeSettled):
            pay(0)
    else:
        with pytest.raises(CashTooLittle):
            pay(amount - 1)
        pay(amount)
    assert state_of(reference) is ChargeState.PAID
    assert stripe.calls == []


@pytest.mark.parametrize("amount", [*WHOLE, -1, -300_000, TOO_LARGE])
def test_a_refund_is_more_than_nothing_and_no_more_than_was_paid(things: Things, stripe: StripeServer, amount: int):
    reference = charge("T1", total=300_000)
    with unit_of_work() as session:
        take_cash(session, reference, received=Yen(300_000), clerk=CLERK, place="koga", now=clock.now())
    if 0 < amount <= 300_000:
        assert give_back_in_part(reference, amount)
    else:
        with pytest.raises(RefundTooLarge):
            give_back_in_part(reference, amount)
    assert stripe.calls == []


@pytest.mark.parametrize("method", list(Method))
def test_each_way_to_pay_takes_its_amounts_and_for_the_others_the_provider_is_not_called(
    things: Things, stripe: StripeServer, open_page: Callable[[str], str], method: Method
):
    with unit_of_work() as session:
        for each in Method:
            switches.switch(session, MoneyKind.OFFICE_FEE, each, enabled=each is method, actor=CLERK, now=clock.now())
    rule = RULES[method]
    for amount in WHOLE:
        reference, before = charge(f"T{amount}", total=amount), len(stripe.calls)
        if amount and rule.smallest <= Yen(amount) <= rule.largest:
            session = stripe.books.sessions[open_page(reference)]
            assert (session["amount_total"], session["currency"]) == (amount, CURRENCY)
            assert session["payment_method_types"] == [method.value]
        else:
            with pytest.raises((NotPayableOnline, ChargeSettled)):
                open_page(reference)
            assert len(stripe.calls) == before
    assert any(path == "/v1/checkout/sessions" for _method, path, _params in stripe.calls)
