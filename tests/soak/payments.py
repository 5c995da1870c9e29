"""Payments, for long: random histories. `make soak` runs them; one that fails is printed with what repeats it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import select

from payments.models import Dispute, Payment, ProviderEvent, Refund
from portal.kernel.database import unit_of_work
from tests.payments.conftest import attempts, books, converge, open_page, stripe, take, things
from tests.payments.crashes import EDGES
from tests.payments.histories import CHAOS, STEPS, histories_of, play
from tests.payments.things import Things
from tests.stripe_server import StripeServer

__all__ = ["attempts", "books", "converge", "open_page", "stripe", "take", "things"]

#: How many payment histories.
HISTORIES = int(os.environ.get("HISTORIES", "5000"))
pytestmark = pytest.mark.timeout(6 * 3600)


def test_payment_histories_nobody_thought_of(
    things: Things,
    stripe: StripeServer,
    take: Callable[[bytes, dict[str, str]], Any],
    open_page: Callable[[str], str],
    database: str,
) -> None:
    here = histories_of(stripe, things, take, open_page, database)

    @settings(
        max_examples=HISTORIES,
        deadline=None,
        derandomize=False,  # new ones each time, and others in each of the two processes
        database=None,
        print_blob=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS, CHAOS)
    def histories(steps: list[tuple[int, int, int]], chaos: int) -> None:
        play(here, steps, chaos)

    histories()
    with unit_of_work() as session:
        payments = Counter(session.scalars(select(Payment.why_not_accepted)))
        refunds = Counter((row.provider, row.state) for row in session.execute(select(Refund.provider, Refund.state)))
        disputes = Counter(session.scalars(select(Dispute.state)))
        notices = Counter(session.scalars(select(ProviderEvent.outcome)))
    assert payments, "each history compares its books at the end; together they moved money"
    assert notices, "and were told so"
    assert set(here.crashes.hit) == set(EDGES), "processes died on every side of commits and calls"
    sys.stdout.write(
        f"\n{HISTORIES} histories: payments {dict(payments)}, refunds {dict(refunds)}, disputes {dict(disputes)},"
        f" notices {dict(notices)}, line {dict(here.met)}, died {dict(here.crashes.hit)} during {dict(here.crashes.doing)}\n"
    )
