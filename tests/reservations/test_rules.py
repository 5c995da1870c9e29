"""Windows, categories and refunds, as tables of cases."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from portal.kernel.money import Yen
from reservations.rules import Policy, Refused
from reservations.timetable import TOKYO, Slot

KITAIBARAKI = {
    "opens": {"kind": "months_before", "months": 1, "on": "first", "at": "9:00"},
    "closes": {"kind": "days_before", "days": 2, "at": "17:00"},
}


def policy(**more: Any) -> Policy:
    return Policy.model_validate(
        {
            "code": "test",
            "valid_from": date(2025, 4, 1),
            "sample": True,
            "categories": [
                {"code": "region", "name": "市内料金", "name_en": "Inside", "cities": ["古河市", "境町"]},
                {"code": "outsider", "name": "市外", "name_en": "Outside"},
            ],
            "windows": [
                {"categories": ["region"], **KITAIBARAKI},
                {"opens": {"kind": "days_before", "days": 14}, "closes": {"kind": "before_start", "minutes": 60}},
            ],
            "approval": "automatic",
            "cancellation": {
                "steps": [{"days_before": 7, "percent": 100}, {"days_before": 1, "percent": 50}],
                "ground": "見本",
            },
            "appeal": {"review_by": "市長", "defendant": "市"},
            "permit": {"authority": "市長", "ground": "見本"},
            **more,
        },
    )


def slot(day: date, hour: int = 9) -> Slot:
    start = datetime(day.year, day.month, day.day, hour, tzinfo=TOKYO)
    return Slot(start, start + timedelta(hours=2), "t", "t")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO)


@pytest.mark.parametrize(
    ("category", "now", "reason"),
    [
        ("region", "2026-10-31 23:59", Refused.NOT_YET_OPEN),
        ("region", "2026-11-01 08:59", Refused.NOT_YET_OPEN),
        ("region", "2026-11-01 09:00", None),
        ("region", "2026-12-08 16:59", None),
        ("region", "2026-12-08 17:00", Refused.TOO_LATE),
        ("outsider", "2026-11-26 08:59", Refused.NOT_YET_OPEN),
        ("outsider", "2026-11-26 09:00", None),
        ("outsider", "2026-12-10 07:59", None),
        ("outsider", "2026-12-10 08:00", Refused.TOO_LATE),
        ("outsider", "2026-12-10 09:00", Refused.PAST),
    ],
)
def test_a_window_opens_and_closes_to_the_minute(category: str, now: str, reason: Refused | None) -> None:
    refusal = policy().may_book(slot(date(2026, 12, 10)), category, now=at(now))
    assert (refusal.reason if refusal else None) is reason


@pytest.mark.parametrize(
    ("city", "category"),
    [("古河市", "region"), ("猿島郡境町", "region"), ("小山市", "outsider"), (None, "outsider"), ("古河", "outsider")],
)
def test_a_category_is_decided_by_where_the_person_lives(city: str | None, category: str) -> None:
    assert policy().category(city).code == category


@pytest.mark.parametrize(
    ("now", "percent", "rule"),
    [
        ("2026-12-03 23:59", 100, "days_before:7"),
        ("2026-12-04 00:00", 50, "days_before:1"),
        ("2026-12-09 23:59", 50, "days_before:1"),
        ("2026-12-10 00:00", 0, "too_late"),
        ("2026-12-10 10:00", 0, "too_late"),
    ],
)
def test_refunds_go_by_days_in_japan(now: str, percent: int, rule: str) -> None:
    use = slot(date(2026, 12, 10))
    found = policy().refund(Yen(1001), day=use.day, starts=use.start, confirmed_at=None, now=at(now))
    assert (found.percent, found.rule) == (percent, rule)
    assert found.amount == Yen(1001 * percent // 100)


def test_the_undo_ends_when_the_use_begins() -> None:
    use = slot(date(2026, 12, 10))
    rules = policy()
    made = use.start - timedelta(minutes=5)
    assert rules.refund(Yen(600), day=use.day, starts=use.start, confirmed_at=made, now=made).rule == "undo"
    begun = rules.refund(Yen(600), day=use.day, starts=use.start, confirmed_at=made, now=use.start)
    assert begun.amount == Yen(0)


@pytest.mark.parametrize(
    "more",
    [
        {
            "cancellation": {
                "steps": [{"days_before": 1, "percent": 50}, {"days_before": 7, "percent": 100}],
                "ground": "x",
            }
        },
        {
            "cancellation": {
                "steps": [{"days_before": 7, "percent": 50}, {"days_before": 1, "percent": 100}],
                "ground": "x",
            }
        },
        {"cancellation": {"steps": [{"days_before": 7, "percent": 150}], "ground": "x"}},
        {"categories": [{"code": "region", "name": "市内", "name_en": "In", "cities": ["古河市"]}]},
        {"windows": []},
        {"windows": [{"categories": ["nobody"], **KITAIBARAKI}]},
    ],
)
def test_rules_that_cannot_be_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        policy(**more)


@given(paid=st.integers(0, 9_999_999), minutes=st.integers(-60, 60 * 24 * 40))
def test_waiting_never_gives_back_more_and_never_more_than_was_paid(paid: int, minutes: int) -> None:
    use = slot(date(2026, 12, 10))
    now = use.start - timedelta(minutes=minutes)
    rules = policy()
    before, after = (
        rules.refund(Yen(paid), day=use.day, starts=use.start, confirmed_at=None, now=moment).amount
        for moment in (now, now + timedelta(hours=13))
    )
    assert Yen(0) <= after <= before <= Yen(paid)
