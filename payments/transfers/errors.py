"""What orders to the banks refuse, with the facts. The words are in `payments/web/error_texts.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from portal.directory.pack import Problem
from portal.kernel.errors import Conflict, Invalid, NotFound


@dataclass(eq=False)
class NoSuchOrder(NotFound):
    """No orders of a month have this reference, or no order of theirs this number; or nobody collects such money."""

    code: ClassVar[str] = "no_such_order"
    reference: str


@dataclass(eq=False)
class OrderNotLikeThis(Conflict):
    """The orders are not in a state for this (`state`): somebody else was faster, or the list is being made."""

    code: ClassVar[str] = "order_not_like_this"
    reference: str
    state: str


@dataclass(eq=False)
class NothingToOrder(Conflict):
    """No order is left in the list: nothing to hand over."""

    code: ClassVar[str] = "nothing_to_order"
    reference: str


@dataclass(eq=False)
class OrderTooLate(Conflict):
    """The day of the debit is over or is today: no bank takes the file any more."""

    code: ClassVar[str] = "order_too_late"
    debit_on: date


@dataclass(eq=False)
class OrderTooEarly(Conflict):
    """The month's uses are not over: what comes until `complete_on` would be left out of the sum."""

    code: ClassVar[str] = "order_too_early"
    complete_on: date


@dataclass(eq=False)
class TransferResultRefused(Invalid):
    """A bank's file with mistakes: nothing of it was taken in. `count` is all of them, `problems` the first 200."""

    code: ClassVar[str] = "transfer_result_refused"
    problems: Sequence[Problem]
    count: int


@dataclass(eq=False)
class TransferResultKnown(Conflict):
    """The very same result was taken in before, for the orders `reference`."""

    code: ClassVar[str] = "transfer_result_known"
    reference: str
