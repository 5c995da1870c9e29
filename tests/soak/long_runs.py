"""The same checks as in the tests, for much longer. Not collected by `make test`; `make soak` runs them."""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.models import Dispute, Payment, ProviderEvent, Refund
from portal.accounts.models import Role
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from tests.forms.test_oracle import differences
from tests.forms.test_republish import lost_answers
from tests.payments.conftest import attempts, books, converge, open_page, stripe, take, things
from tests.payments.test_histories import STEP, History, play
from tests.payments.things import Things
from tests.people import make_staff
from tests.reservations.test_board import test_random_worlds_are_as_a_brute_force_look_sees_them
from tests.reservations.test_contest import (
    test_whatever_is_tried_at_once_nothing_overlaps_and_what_was_asked_for_is_sold,
)
from tests.reservations.test_race import PEOPLE, _overlaps, _race, _slots, crowd
from tests.stripe_server import StripeServer

__all__ = [
    "attempts",
    "books",
    "converge",
    "crowd",
    "open_page",
    "stripe",
    "take",
    "test_random_worlds_are_as_a_brute_force_look_sees_them",
    "test_whatever_is_tried_at_once_nothing_overlaps_and_what_was_asked_for_is_sold",
    "things",
]

#: How many times longer than the usual test.
TIMES = int(os.environ.get("SOAK", "5"))
#: How many payment histories.
HISTORIES = int(os.environ.get("HISTORIES", "5000"))
pytestmark = pytest.mark.timeout(6 * 3600)


@pytest.mark.parametrize("space", ["S05-01", "S01-01", "S05-02", "S01-91", "S01-92"][:TIMES])
def test_thirty_two_people_and_one_slot_a_hundred_rounds_a_space(
    crowd: list[int], session: Session, space: str
) -> None:
    slots = _slots(session, [space], 100)
    session.commit()
    assert _race(crowd, [[slot] for slot in slots]) == [Counter(won=1, refused=PEOPLE - 1)] * 100
    assert _overlaps(session) == 0


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

    @settings(
        max_examples=HISTORIES,
        deadline=None,
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
    sys.stdout.write(
        f"\n{HISTORIES} histories: payments {dict(payments)}, refunds {dict(refunds)}, disputes {dict(disputes)},"
        f" notices {dict(notices)}, line {dict(Here.met)}\n"
    )


def test_ten_thousand_random_definitions_against_the_naive_oracle() -> None:
    """2,000 times TIMES: 10,000 by default, each with four sets of answers; others each time."""
    start = random.SystemRandom().randrange(10**9)
    found = differences(range(start, start + 2_000 * TIMES))
    print(f"definitions: {2_000 * TIMES:,} from seed {start}, {len(found)} differences")
    assert found == []


def test_a_breaking_change_under_a_hundred_live_drafts(koga: str, session: Session) -> None:
    del koga
    lost = lost_answers(session, 100)
    print(f"breaking change under 100 live drafts: {lost} answers lost")
    assert lost == 0
