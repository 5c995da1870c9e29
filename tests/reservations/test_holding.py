"""Holding a slot: one winner, clear refusals, an end by its own time."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.kernel.audit import AuditEntry
from portal.kernel.database import engine
from portal.kernel.errors import NotFound
from reservations.errors import HoldEnded, NoSuchSlot, NotBookable, NotOffered, SlotTaken, TooManyHolds
from reservations.models import BookingState, Occupancy
from reservations.rules import Refused
from tests.reservations.conftest import FRIDAY, Resident, booking


def test_a_taken_slot_is_refused(hanako: Resident, stranger: Resident) -> None:
    hanako.hold("S05-01", "t0900")
    with pytest.raises(SlotTaken) as refused:
        stranger.hold("S05-01", "t0900")
    assert refused.value.starts_at.isoformat() == "2026-12-04T09:00:00+09:00"


def test_tapping_the_same_slot_twice_is_one_booking(hanako: Resident) -> None:
    assert hanako.hold("S05-01", "t0900") == hanako.hold("S05-01", "t0900")


def test_whole_and_half_share_the_floor(hanako: Resident, stranger: Resident) -> None:
    hanako.hold("S01-92", "t0900")
    with pytest.raises(SlotTaken):
        stranger.hold("S01-90", "t0900")
    with pytest.raises(SlotTaken):
        stranger.hold("S01-01", "t0900")
    assert stranger.hold("S01-91", "t0900")
    assert stranger.hold("S01-93", "t0900")


def test_a_refused_hold_leaves_nothing_behind(hanako: Resident, stranger: Resident, session: Session) -> None:
    hanako.hold("S01-95", "t0900")
    before = len(session.scalars(select(Occupancy.id)).all())
    with pytest.raises(SlotTaken):
        stranger.hold("S01-01", "t0900")
    session.rollback()
    assert len(session.scalars(select(Occupancy.id)).all()) == before


def test_a_hold_ends_by_its_own_time_inside_the_constraint(
    hanako: Resident, stranger: Resident, session: Session
) -> None:
    """The rival is refused one second before the end and succeeds at the end; nothing was deleted or tidied."""
    first = hanako.hold("S05-01", "t0900")
    clock.move_to(clock.now() + timedelta(minutes=15) - timedelta(seconds=1))
    with pytest.raises(SlotTaken):
        stranger.hold("S05-01", "t0900")
    clock.move_to(clock.now() + timedelta(seconds=1))
    assert stranger.hold("S05-01", "t0900")
    assert booking(first).state == BookingState.HELD
    assert len(session.scalars(select(Occupancy.id)).all()) == 2


def test_a_hold_can_be_extended_and_the_rival_waits(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.hold("S05-01", "t0900")
    clock.move_to(clock.now() + timedelta(minutes=14))
    until = hanako.extend(reference)
    assert until == clock.now() + timedelta(minutes=15)
    clock.move_to(clock.now() + timedelta(minutes=14))
    with pytest.raises(SlotTaken):
        stranger.hold("S05-01", "t0900")


def test_an_ended_hold_can_be_taken_up_again_while_the_slot_is_free(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.hold("S05-01", "t0900")
    clock.move_to(clock.now() + timedelta(minutes=20))
    hanako.extend(reference)
    with pytest.raises(SlotTaken):
        stranger.hold("S05-01", "t0900")


def test_an_ended_hold_cannot_be_extended_once_somebody_else_has_the_slot(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.hold("S05-01", "t0900")
    clock.move_to(clock.now() + timedelta(minutes=16))
    stranger.hold("S05-01", "t0900")
    with pytest.raises(HoldEnded):
        hanako.extend(reference)


def test_a_released_slot_is_free_at_once(hanako: Resident, stranger: Resident) -> None:
    hanako.release(hanako.hold("S05-01", "t0900"))
    assert stranger.hold("S05-01", "t0900")


def test_somebody_elses_hold_does_not_exist_for_a_stranger(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.hold("S05-01", "t0900")
    with pytest.raises(NotFound):
        stranger.release(reference)
    with pytest.raises(NotFound):
        stranger.extend(reference)


def test_one_person_keeps_three_slots_at_once_and_no_more(hanako: Resident) -> None:
    for slot in ("t0900", "t1100", "t1300"):
        hanako.hold("S05-01", slot)
    with pytest.raises(TooManyHolds) as refused:
        hanako.hold("S05-01", "t1500")
    assert (refused.value.limit, refused.value.lapsed) == (3, False)


def test_hold_and_let_lapse_all_evening_is_refused_after_ten(hanako: Resident) -> None:
    for _round in range(10):
        hanako.hold("S05-01", "t0900")
        clock.move_to(clock.now() + timedelta(minutes=16))
    with pytest.raises(TooManyHolds) as refused:
        hanako.hold("S05-01", "t0900")
    assert refused.value.lapsed


@pytest.mark.parametrize(
    ("space", "slot", "day", "reason"),
    [
        ("S05-01", "t0900", date(2026, 11, 25), Refused.PAST),
        ("S05-01", "t0900", date(2026, 11, 20), Refused.DAY_OVER),
        ("S05-01", "t0900", date(2027, 2, 26), Refused.NOT_YET_OPEN),
        ("C02-01", "pm", date(2026, 11, 25), Refused.TOO_LATE),
    ],
)
def test_a_rule_that_stands_against_it_is_named(
    hanako: Resident, space: str, slot: str, day: date, reason: Refused
) -> None:
    with pytest.raises(NotBookable) as refused:
        hanako.hold(space, slot, day)
    assert refused.value.reason is reason
    assert (refused.value.at is None) == (reason is Refused.DAY_OVER), "when it would have been possible, or will be"


def test_an_outsider_cannot_book_a_school_at_all(stranger: Resident) -> None:
    with pytest.raises(NotBookable) as refused:
        stranger.hold("G01-01", "night", date(2026, 12, 15))
    assert refused.value.reason is Refused.NOT_FOR_CATEGORY


def test_a_closed_day_has_no_slots_and_says_why(hanako: Resident) -> None:
    with pytest.raises(NoSuchSlot) as refused:
        hanako.hold("S05-01", "t0900", date(2026, 12, 7))
    assert "月曜日の休み" in (refused.value.closed or "")


def test_a_slot_across_two_bands_does_not_exist(hanako: Resident) -> None:
    with pytest.raises(NoSuchSlot):
        hanako.hold("S05-01", "t1000")


def test_a_walk_in_space_is_not_offered(hanako: Resident) -> None:
    with pytest.raises(NotOffered):
        hanako.hold("C16-04", "am")


def test_a_hold_is_in_the_audit_log_with_who_did_it(hanako: Resident, session: Session) -> None:
    reference = hanako.hold("S05-01", "t0900")
    entry = session.scalars(select(AuditEntry).where(AuditEntry.subject_ref == reference)).one()
    assert (entry.action, entry.subject_kind, entry.actor_kind) == ("booking.held", "booking", "resident")


def test_a_hold_takes_at_most_four_statements(hanako: Resident) -> None:
    hanako.hold("S05-01", "t0900")
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine(), "before_cursor_execute", count)
    try:
        hanako.hold("S05-01", "t1100", FRIDAY)
    finally:
        event.remove(engine(), "before_cursor_execute", count)
    assert len(statements) <= 3, statements  # the lock with the clock, one read, one write
