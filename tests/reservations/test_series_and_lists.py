"""Series, lists from a meeting of groups, and what a later holiday law touches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from datetime import date as date_

import jpholiday
import pytest
from flask.testing import FlaskClient

from portal.kernel import clock, dates
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from reservations.errors import BadPeriod, SeriesOpen, SlotTaken
from reservations.models import BookingState
from reservations.operations import allocating, series
from reservations.operations.allocating import Line, Outcome
from reservations.operations.models import BookingSeries
from reservations.operations.series import SeriesRequest
from reservations.queries import later_changes
from tests.conftest import Mailbox
from tests.people import location, make_resident, post, sign_in
from tests.reservations.conftest import FRIDAY, MANAGER, Resident, booking, pay

TUESDAYS = [date(2026, 12, 1), date(2026, 12, 8), date(2026, 12, 15), date(2026, 12, 22), date(2026, 12, 29)]


def ask(who: Resident, **changes: object) -> BookingSeries:
    values = {
        "person_id": who.person_id,
        "account_id": who.account_id,
        "space": "S05-01",
        "first": date(2026, 11, 27),
        "last": date(2026, 12, 31),
        "weekdays": (1,),
        "slots": ("t0900",),
        **changes,
    }
    with unit_of_work() as session:
        return series.ask(session, SeriesRequest(**values), actor=who.actor, now=clock.now())  # type: ignore[arg-type]


def days_of(made: BookingSeries) -> list[str]:
    with unit_of_work() as session:
        return [one.slots[0]["day"] for one in series.bookings_of(session, made.id)]


def test_every_tuesday_is_held_and_what_could_not_be_had_is_listed_with_its_reason(
    hanako: Resident, stranger: Resident
) -> None:
    stranger.hold("S05-01", "t0900", TUESDAYS[1])
    made = ask(hanako)
    assert days_of(made) == [day.isoformat() for day in (TUESDAYS[0], *TUESDAYS[2:4])]
    assert [(one["day"], one["code"]) for one in made.missed] == [
        ("2026-12-08", "slot_taken"),
        ("2026-12-29", "no_such_slot"),
    ]


def test_a_series_is_kept_for_a_day_and_does_not_use_up_what_is_held_by_hand(
    hanako: Resident, stranger: Resident
) -> None:
    ask(hanako)
    assert [hanako.hold("S08-01", "t0900", FRIDAY), hanako.hold("S08-01", "t1100", FRIDAY)]
    clock.move_to(clock.now() + timedelta(hours=23))
    with pytest.raises(SlotTaken):
        stranger.hold("S05-01", "t0900", TUESDAYS[0])
    clock.move_to(clock.now() + timedelta(hours=1))
    assert stranger.hold("S05-01", "t0900", TUESDAYS[0])


def test_one_series_at_a_time(hanako: Resident) -> None:
    first = ask(hanako)
    with pytest.raises(SeriesOpen) as refused:
        ask(hanako, weekdays=(3,))
    assert refused.value.reference == first.reference


def test_every_second_week_only(hanako: Resident) -> None:
    assert days_of(ask(hanako, first=TUESDAYS[0], every=2)) == ["2026-12-01", "2026-12-15"]


@pytest.mark.parametrize(
    "wrong",
    [{"last": date(2026, 11, 1)}, {"weekdays": ()}, {"slots": ()}, {"last": date(2029, 1, 1)}, {"every": 0}],
)
def test_a_series_without_a_day_or_with_too_many_is_refused(hanako: Resident, wrong: dict[str, object]) -> None:
    with pytest.raises(BadPeriod):
        ask(hanako, **wrong)


def lines() -> list[Line]:
    far = date(2027, 11, 5)
    return [
        Line("S01-90", far, ("t1900",), "hanako@example.com", "badminton"),
        Line("S01-92", far, ("t1900",), "stranger@example.com"),
        Line("S01-91", far, ("t1700", "t1900"), "stranger@example.com"),
        Line("S01-91", far, ("t0930",), "stranger@example.com"),
        Line("S01-91", far, ("t0900",), "nobody@example.com"),
    ]


def apply(wanted: list[Line], facilities: set[str] | None = None) -> list[Outcome]:
    with unit_of_work() as session:
        return allocating.apply(
            session,
            "令和9年度後期 利用調整会議",
            wanted,
            pay_until=date(2026, 12, 10),
            facilities=facilities or {"S01"},
            actor=MANAGER,
            now=clock.now(),
        )[1]


def test_b11_a_list_from_the_meeting_fills_slots_before_the_public_does_and_tells_everybody(
    hanako: Resident, stranger: Resident, run_jobs: Callable[[], None], mailbox: Mailbox
) -> None:
    with unit_of_work() as session:
        shown = allocating.check(session, lines(), facilities={"S01"}, now=clock.now())
    assert [(one.problem, one.other) for one in shown] == [
        ("ok", None),
        ("conflict", 1),
        ("ok", None),
        ("no_such_slot", None),
        ("unknown_person", None),
    ]
    done = apply(lines())
    assert [one.problem for one in done] == [one.problem for one in shown]
    kept = done[0].booking
    assert kept is not None
    assert (booking(kept).source, booking(kept).state) == ("allocation", BookingState.HELD)
    run_jobs()
    for who in ("hanako@example.com", "stranger@example.com"):
        (mail,) = [m for m in mailbox.to(who) if "利用調整" in m["Subject"]]
        assert "2026年12月10日(木) 24:00" in mail.get_content()
    details = hanako.details(kept, purpose="badminton")
    quote = hanako.say(kept, details)
    hanako.accept(kept, details, quote.digest)
    pay(kept)
    assert booking(kept).state == BookingState.CONFIRMED
    again = apply(lines()[:1])
    assert [one.problem for one in again] == ["slot_taken"]


def test_b11_another_facilitys_manager_enters_nothing(hanako: Resident) -> None:
    with pytest.raises(NotFound):
        apply(lines()[:1], {"S05"})
    with pytest.raises(BadPeriod):
        apply([])


class NewHoliday(jpholiday.OriginalHolidayCheckerInterface):
    """A law makes Friday, 4 December 2026 a holiday."""

    def is_holiday(self, date: date_) -> bool:
        return date == FRIDAY

    def holiday_name(self, date: date_) -> str:
        del date
        return "臨時の祝日"


@pytest.fixture
def new_law() -> Iterator[Callable[[], None]]:
    law = NewHoliday()

    def pass_law() -> None:
        jpholiday.register(law)
        dates.holiday_name.cache_clear()

    yield pass_law
    jpholiday.unregister(law)
    dates.holiday_name.cache_clear()


def test_b3_a_new_holiday_after_the_permit_keeps_the_price_and_gives_the_manager_a_list(
    hanako: Resident, new_law: Callable[[], None]
) -> None:
    touched = hanako.book("S05-01", "t0900")
    hanako.book("S05-01", "t1100", date(2026, 12, 10))
    before = booking(touched).total
    with unit_of_work() as session:
        assert later_changes.touched(session, {"S05"}, now=clock.now()) == []
    new_law()
    with unit_of_work() as session:
        (line,) = later_changes.touched(session, {"S05"}, now=clock.now())
    assert (line.reference, line.paid) == (touched, before)
    assert line.now is not None
    assert line.now != before
    assert (booking(touched).total, booking(touched).state) == (before, BookingState.CONFIRMED)
    with unit_of_work() as session:
        assert later_changes.touched(session, {"S01"}, now=clock.now()) == []


def test_a_resident_asks_for_every_tuesday_without_script(client: FlaskClient, koga: str, stranger: Resident) -> None:
    stranger.hold("S05-01", "t0900", TUESDAYS[1])
    sign_in(client, make_resident())
    address = f"/spaces/S05-01/series/{TUESDAYS[0]}"
    assert "毎週まとめて予約する" in client.get(f"/facilities/S05/day/{TUESDAYS[0]}").text
    assert 'value="t0900"' in client.get(address).text
    assert post(client, address, {"until": "2026-12-31"}).status_code == 422
    answer = post(client, address, {"until": "2026-12-31", "slot": "t0900"})
    assert answer.status_code == 303
    page = client.get(location(answer)).text
    assert "取れた日(3日)" in page
    assert "取れなかった日(2日)" in page
    assert page.count('name="slot"') == 6
    assert client.get("/series/R-0000-0000-0").status_code == 404
