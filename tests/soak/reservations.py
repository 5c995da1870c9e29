"""Reservations, for long: the race for one slot, random worlds, contested attempts. `make soak` runs them."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from sqlalchemy.orm import Session

from tests.reservations.test_board import test_random_worlds_are_as_a_brute_force_look_sees_them
from tests.reservations.test_contest import (
    test_whatever_is_tried_at_once_nothing_overlaps_and_what_was_asked_for_is_sold,
)
from tests.reservations.test_race import PEOPLE, _overlaps, _race, _slots, crowd

__all__ = [
    "crowd",
    "test_random_worlds_are_as_a_brute_force_look_sees_them",
    "test_whatever_is_tried_at_once_nothing_overlaps_and_what_was_asked_for_is_sold",
]

#: How many times longer than a fifth of the stated counts.
TIMES = int(os.environ.get("SOAK", "5"))
pytestmark = pytest.mark.timeout(6 * 3600)


@pytest.mark.parametrize("space", ["S05-01", "S01-01", "S08-01", "S01-91", "S01-92"][:TIMES])
def test_thirty_two_people_and_one_slot_a_hundred_rounds_a_space(
    crowd: list[int], session: Session, space: str
) -> None:
    slots = _slots(session, [space], 100)
    session.commit()
    assert _race(crowd, [[slot] for slot in slots]) == [Counter(won=1, refused=PEOPLE - 1)] * 100
    assert _overlaps(session) == 0
