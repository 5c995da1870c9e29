"""A mistake that was planted is found: the histories' last comparison can fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from payments.gateways.base import RefundOrder, Report
from tests.payments.crashes import MortalGateway
from tests.payments.histories import histories_of
from tests.payments.things import Things
from tests.stripe_server import StripeServer


class ForgetfulGateway(MortalGateway):
    """A planted mistake: each try of a refund has a key of its own."""

    tries = itertools.count(1)

    def refund(self, order: RefundOrder) -> Report:
        return super().refund(replace(order, idempotency_key=f"{order.idempotency_key}-{next(self.tries)}"))


@pytest.mark.parametrize("mistaken", [False, True])
def test_a_refund_sent_twice_by_a_worker_that_died_after_the_call_is_found_at_the_end(
    things: Things,
    stripe: StripeServer,
    take: Callable[[bytes, dict[str, str]], Any],
    open_page: Callable[[str], str],
    database: str,
    *,
    mistaken: bool,
):
    here = histories_of(stripe, things, take, open_page, database, ForgetfulGateway if mistaken else MortalGateway)
    history = here(chaos=None)
    with here.crashes.watching():
        history.demand(1, 0)
        history.click_pay(0, 0)
        history.complete_the_page(0, 1)
        history.time_passes(0, 1)
        history.periodic(0, 0)
        history.give_back(0, 1)
        history.worker_dies(0, 3)
    assert here.crashes.doing["worker: payments.send_refund"] == 1
    if mistaken:
        with pytest.raises(AssertionError):
            history.end()
        assert len(stripe.books.refunds) == 2
    else:
        history.end()
        assert len(stripe.books.refunds) == 1
