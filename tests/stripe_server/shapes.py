"""What Stripe's own SDK says an object and a call look like: the local server answers and accepts nothing else."""

from __future__ import annotations

import builtins
import sys
import types
import typing
from functools import cache
from typing import Any, Literal, Union

import stripe
from stripe.params import (
    BalanceTransactionListParams,
    CustomerCreateParams,
    DisputeListParams,
    EventListParams,
    PaymentIntentCancelParams,
    PaymentIntentRetrieveParams,
    PayoutListParams,
    RefundCreateParams,
    RefundListParams,
)
from stripe.params.checkout import SessionCreateParams, SessionListParams

OBJECTS: dict[str, type] = {
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "payment_intent": stripe.PaymentIntent,
    "payout": stripe.Payout,
    "refund": stripe.Refund,
}
PARAMS: dict[tuple[str, str], Any] = {
    ("POST", "checkout.sessions"): SessionCreateParams,
    ("GET", "checkout.sessions"): SessionListParams,
    ("POST", "refunds"): RefundCreateParams,
    ("GET", "refunds"): RefundListParams,
    ("POST", "customers"): CustomerCreateParams,
    ("POST", "payment_intents.cancel"): PaymentIntentCancelParams,
    ("GET", "payment_intents.one"): PaymentIntentRetrieveParams,
    ("GET", "balance_transactions"): BalanceTransactionListParams,
    ("GET", "payouts"): PayoutListParams,
    ("GET", "disputes"): DisputeListParams,
    ("GET", "events"): EventListParams,
}


class _Names(dict[str, Any]):
    """Names in the SDK's annotations: many are imported for type checkers only, so they are looked for in all of it."""

    def __init__(self, of: Any) -> None:
        super().__init__()
        self._places = (
            vars(of), vars(sys.modules[of.__module__]), vars(builtins), vars(typing), vars(stripe), vars(stripe.checkout),
            {"UntypedStripeObject": dict},
        )  # fmt: skip

    def __missing__(self, name: str) -> Any:
        for place in self._places:
            if name in place:
                return place[name]
        # A class for type checkers only: an object.
        return stripe.StripeObject


@cache
def _hints(of: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(of.__mro__):
        names = _Names(base)
        for key, hint in vars(base).get("__annotations__", {}).items():
            text = hint.__forward_arg__ if isinstance(hint, typing.ForwardRef) else hint
            found[key] = eval(text, {}, names) if isinstance(text, str) else _whole(hint, names)
    return found


def _whole(hint: Any, names: _Names) -> Any:
    """A hint whose parts were written as text."""
    holder = types.new_class("Holder")
    holder.__annotations__ = {"hint": hint}
    return typing.get_type_hints(holder, {}, names)["hint"]


def wrong_object(found: dict[str, Any], where: str = "") -> list[str]:
    """What of an answer does not fit the SDK's class; empty where all of it does."""
    of = OBJECTS[found["object"]]
    known = _hints(of)
    problems = []
    for key, value in found.items():
        place = f"{where or found['object']}.{key}"
        if key not in known:
            problems.append(f"{place}: the SDK knows no such field")
        elif not _fits(value, known[key]):
            problems.append(f"{place}: {value!r} is not {known[key]}")
        if isinstance(value, dict) and isinstance(value.get("object"), str) and value["object"] in OBJECTS:
            problems += wrong_object(value, place)
    return problems


def wrong_params(call: tuple[str, str], params: dict[str, Any]) -> list[str]:
    """Which parameters of a call the SDK does not know."""
    return _unknown(params, PARAMS[call], "") if call in PARAMS else []


def _unknown(params: dict[str, Any], of: Any, where: str) -> list[str]:
    known = _hints(of)
    problems = []
    for key, value in params.items():
        place = f"{where}[{key}]" if where else key
        if key not in known:
            problems.append(place)
            continue
        inner = [each for each in _members(known[key]) if hasattr(each, "__total__")]
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and inner:
                found = [_unknown(item, each, place) for each in inner]
                problems += min(found, key=len)
    return problems


def _members(hint: Any) -> list[Any]:
    """The single types that a hint allows, lists looked into."""
    origin = typing.get_origin(hint)
    if origin in {Union, types.UnionType, list, typing.NotRequired}:
        return [member for each in typing.get_args(hint) for member in _members(each)]
    return [hint]


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in {Union, types.UnionType}:
        return any(_fits(value, each) for each in arguments)
    if origin is Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(_fits(each, arguments[0]) for each in value)
    if origin is dict or (isinstance(hint, type) and issubclass(hint, (dict, stripe.StripeObject))):
        return isinstance(value, dict)
    if hint is float:
        return isinstance(value, (int, float))
    if isinstance(hint, type):
        return type(value) is hint
    return isinstance(value, dict) if origin is not None else True
