"""A hold that is a transaction of its own: all of its units, or nothing at all."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.kernel.database import transact
from reservations import services
from reservations.errors import NotBookable, SlotTaken
from reservations.services import HoldRequest
from tests.reservations.conftest import FRIDAY, Resident

_TABLES = ("booking", "occupancy", "booking_event", "audit_entry", "sound_claim")


@pytest.fixture
def taro(koga: str) -> Resident:
    return Resident("見本 太郎", "taro@example.com")


def _rows(session: Session) -> list[int]:
    session.rollback()
    return [int(session.execute(text(f"SELECT count(*) FROM {one}")).scalar_one()) for one in _TABLES]


def _alone(who: Resident, space: str, *slots: str, purpose: str | None = None) -> str:
    request = HoldRequest(
        who.person_id,
        who.account_id,
        space,
        FRIDAY,
        slots[0],
        also=tuple((FRIDAY, one) for one in slots[1:]),
        purpose=purpose,
    )
    return services.hold_alone(request, actor=who.actor)


def test_it_is_written_with_history_and_audit(hanako: Resident, session: Session) -> None:
    before = _rows(session)
    reference = _alone(hanako, "S01-01", "t0900")
    units = session.scalar(
        text("SELECT count(*) FROM space_unit u JOIN space s ON s.id = u.space_id WHERE s.code = 'S01-01'")
    )
    assert units > 1
    after = _rows(session)
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, units, 1, 1, 0]
    assert _alone(hanako, "S01-01", "t0900") == reference  # the same tap again
    assert _rows(session) == after


def test_whoever_loses_leaves_nothing(hanako: Resident, taro: Resident, session: Session) -> None:
    _alone(hanako, "S05-01", "t0900")
    before = _rows(session)
    with pytest.raises(SlotTaken) as lost:
        _alone(taro, "S05-01", "t0900")
    assert lost.value.starts_at.date() == FRIDAY
    assert _rows(session) == before


def test_where_some_of_the_units_are_taken_none_is(hanako: Resident, taro: Resident, session: Session) -> None:
    """The whole hall while one of its courts is held: the other courts stay free."""
    _alone(hanako, "S01-92", "t0900")
    before = _rows(session)
    with pytest.raises(SlotTaken):
        _alone(taro, "S01-01", "t0900")
    assert _rows(session) == before
    request = HoldRequest(taro.person_id, taro.account_id, "S01-01", FRIDAY, "t0900")
    with pytest.raises(SlotTaken):
        transact(lambda other: services.hold(other, request, actor=taro.actor))
    assert _rows(session) == before
    _alone(taro, "S01-94", "t0900")


def test_one_of_several_slots_is_taken(hanako: Resident, taro: Resident, session: Session) -> None:
    _alone(hanako, "S05-01", "t1100")
    before = _rows(session)
    with pytest.raises(SlotTaken):
        _alone(taro, "S05-01", "t0900", "t1100")
    assert _rows(session) == before


def test_a_rule_that_stands_against_it_leaves_nothing(hanako: Resident, session: Session) -> None:
    before = _rows(session)
    request = HoldRequest(hanako.person_id, hanako.account_id, "S05-01", FRIDAY.replace(year=2030), "t0900")
    with pytest.raises(NotBookable):
        services.hold_alone(request, actor=hanako.actor)
    assert _rows(session) == before
