"""Payments, for long: random histories. `make soak` runs them; one that fails is printed with what repeats it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from payments.models import Dispute, Payment, ProviderEvent, Refund
from portal.accounts.models import Role
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from tests.payments.conftest import attempts, books, converge, open_page, stripe, take, things
from tests.payments.crashes import EDGES
from tests.payments.test_histories import STEP, History, mortal, play
from tests.payments.things import Things
from tests.people import make_staff
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
    class Here(History):
        pass

    Here.server, Here.things, Here.database = stripe, things, database
    Here.take, Here.open_page = staticmethod(take), staticmethod(open_page)
    Here.second_person = Actor(make_staff(Role.FINANCE).id, "staff")
    mortal(stripe, Here)

    @settings(
        max_examples=HISTORIES,
        deadline=None,
        derandomize=False,  # new ones each time, and others in each of the two processes
        database=None,
        print_blob=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(STEP, min_size=30, max_size=40))
    def histories(steps: list[tuple[int, int, int]]) -> None:
        play(Here, steps)

    histories()
    with unit_of_work() as session:
        payments = Counter(session.scalars(select(Payment.why_not_accepted)))
        refunds = Counter((row.provider, row.state) for row in session.execute(select(Refund.provider, Refund.state)))
        disputes = Counter(session.scalars(select(Dispute.state)))
        notices = Counter(session.scalars(select(ProviderEvent.outcome)))
    assert payments, "each history compares its books at the end; together they moved money"
    assert notices, "and were told so"
    assert set(Here.crashes.hit) == set(EDGES), "processes died on every side of commits and calls"
    sys.stdout.write(
        f"\n{HISTORIES} histories: payments {dict(payments)}, refunds {dict(refunds)}, disputes {dict(disputes)},"
        f" notices {dict(notices)}, line {dict(Here.met)}, died {dict(Here.crashes.hit)} during {dict(Here.crashes.doing)}\n"
    )
