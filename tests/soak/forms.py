"""Forms, for long: random definitions, a breaking change. Not collected by `make test`; `make soak` runs them."""

from __future__ import annotations

import os
import random

import pytest
from sqlalchemy.orm import Session

from tests.forms.test_oracle import differences
from tests.forms.test_republish import lost_answers

#: How many times longer than a fifth of the stated counts.
TIMES = int(os.environ.get("SOAK", "5"))
pytestmark = pytest.mark.timeout(6 * 3600)


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
