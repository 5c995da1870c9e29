"""Forms, for long: random definitions, interleavings, a breaking change. Not collected by `make test`; `make soak` runs them."""

from __future__ import annotations

import os
import random

import pytest
from sqlalchemy.orm import Session

from tests.forms import interleavings
from tests.forms.test_oracle import differences
from tests.forms.test_republish import lost_answers

#: How many times longer than a fifth of the stated counts.
TIMES = int(os.environ.get("SOAK", "5"))
#: Of how many processes this is one; the counts are shared out, the seeds are others in each.
PARTS = int(os.environ.get("SOAK_PARTS", "1"))
COUNT = 2_000 * TIMES // PARTS
pytestmark = pytest.mark.timeout(6 * 3600)


def test_ten_thousand_random_definitions_against_the_naive_oracle() -> None:
    """2,000 times TIMES: 10,000 by default, each with four sets of answers; others each time."""
    start = random.SystemRandom().randrange(10**9)
    found = differences(range(start, start + COUNT))
    print(f"definitions: {COUNT:,} from seed {start}, {len(found)} differences")
    assert found == []


def test_a_breaking_change_under_a_hundred_live_drafts(koga: str, session: Session) -> None:
    del koga
    lost = lost_answers(session, 100)
    print(f"breaking change under 100 live drafts: {lost} answers lost")
    assert lost == 0


def test_ten_thousand_interleavings_of_two_tabs_a_reviewer_a_republish_and_a_closing(
    koga: str, session: Session
) -> None:
    """2,000 times TIMES: 10,000 by default; others each time."""
    del koga
    start = random.SystemRandom().randrange(10**9)
    met = interleavings.run(interleavings.cast(session), range(start, start + COUNT))
    print(f"interleavings: {COUNT:,} from seed {start}, reviewed equals filed in each; met {dict(met.most_common())}")
    assert met["filed"] + met["kept as a draft"] == COUNT
