"""Noise is a relation of uses beside each other, not a shared unit."""

from __future__ import annotations

import pytest

from portal.kernel import clock
from reservations.errors import NotBookable
from reservations.policy.refusals import Refused
from tests.reservations.conftest import FRIDAY, SATURDAY, Resident, booking

#: Two rooms that hear each other (sample): 音楽室 and 会議室 of one centre.
MUSIC, MEETING = "C16-02", "C16-03"


def test_b1_a_choir_beside_a_meeting_is_refused_and_two_quiet_uses_are_not(
    hanako: Resident, stranger: Resident
) -> None:
    hanako.hold(MEETING, "am", purpose="meeting")
    with pytest.raises(NotBookable) as refused:
        stranger.hold(MUSIC, "am", purpose="chorus")
    assert refused.value.reason is Refused.NEIGHBOUR_QUIET
    assert stranger.hold(MUSIC, "pm", purpose="chorus")
    with pytest.raises(NotBookable) as refused:
        hanako.hold(MEETING, "pm", purpose="study")
    assert refused.value.reason is Refused.NEIGHBOUR_LOUD


def test_b1_one_party_in_both_rooms_disturbs_nobody(hanako: Resident) -> None:
    assert hanako.hold(MEETING, "am", purpose="meeting")
    assert hanako.hold(MUSIC, "am", purpose="chorus")


def test_b1_two_loud_uses_stand_beside_each_other(hanako: Resident, stranger: Resident) -> None:
    assert hanako.hold(MUSIC, "am", purpose="chorus")
    assert stranger.hold(MEETING, "am")


def test_the_use_that_is_said_later_is_asked_too_and_the_hold_stays(hanako: Resident, stranger: Resident) -> None:
    hanako.hold(MEETING, "am", purpose="meeting")
    reference = stranger.hold(MUSIC, "am")
    with pytest.raises(NotBookable) as refused:
        stranger.say(reference, stranger.details(reference, purpose="music"))
    assert refused.value.reason is Refused.NEIGHBOUR_QUIET
    assert booking(reference).state == "held"


def test_a_claim_of_quiet_ends_with_its_hold(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.hold(MEETING, "am", purpose="meeting")
    hanako.release(reference)
    assert stranger.hold(MUSIC, "am", purpose="chorus")
    other = hanako.hold(MEETING, "am", SATURDAY, purpose="meeting")
    clock.move_to(booking(other).held_until)
    assert stranger.hold(MUSIC, "am", SATURDAY, purpose="chorus")


def test_a_firm_booking_keeps_its_quiet(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.book(MEETING, "am", purpose="meeting")
    clock.move_to(booking(reference).held_until)
    with pytest.raises(NotBookable):
        stranger.hold(MUSIC, "am", purpose="chorus")


def test_slots_of_one_morning_only_are_loud(hanako: Resident, stranger: Resident) -> None:
    hanako.hold(MUSIC, "am", FRIDAY, "night", purpose="chorus")
    assert stranger.hold(MEETING, "pm", purpose="meeting")
    with pytest.raises(NotBookable):
        stranger.hold(MEETING, "night", purpose="study")
