"""Histories that nobody thought of: whatever payers, clerks, banks, lines and clocks do, the books end where Stripe's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import select

from payments.models import Payment, ProviderEvent, Refund
from portal.kernel.database import unit_of_work
from tests.payments.crashes import EDGES
from tests.payments.histories import CHAOS, KNOWN, STEPS, History, histories_of, play
from tests.payments.things import Things
from tests.stripe_server import StripeServer


@pytest.fixture
def here(
    stripe: StripeServer,
    things: Things,
    take: Callable[[bytes, dict[str, str]], Any],
    open_page: Callable[[str], str],
    database: str,
) -> type[History]:
    return histories_of(stripe, things, take, open_page, database)


def test_a_known_history_meets_everything_that_histories_are_for(here: type[History]):
    """On a good line and with a good post, so nothing in it is luck."""
    play(here, KNOWN, chaos=None)
    with unit_of_work() as session:
        assert session.scalars(select(Payment.id).where(Payment.why_not_accepted.is_not(None))).first()
        assert session.scalars(select(Refund.id).where(Refund.provider == "bank")).first()
        assert session.scalars(select(ProviderEvent.id).where(ProviderEvent.times_received > 1)).first()
    assert set(here.crashes.hit) == set(EDGES), "processes died on every side of commits and calls"
    assert {doing.split(":")[0] for doing in here.crashes.doing} == {"web", "worker"}


@pytest.mark.timeout(300)
def test_whatever_happens_the_ledger_ends_where_the_providers_books_do(here: type[History]):
    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS, CHAOS)
    def histories(steps: list[tuple[int, int, int]], chaos: int) -> None:
        play(here, steps, chaos)

    for seed in (1, 2):
        play(here, KNOWN, seed)
    histories()
