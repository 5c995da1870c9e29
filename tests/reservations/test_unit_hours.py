"""Use rates: a floor that is shared by several spaces is offered once and used once."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask.testing import FlaskClient

from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from reservations.desk import statistics
from reservations.desk.unit_hours import UnitHours, once
from reservations.timetable import Slot
from tests import people
from tests.reservations.conftest import FRIDAY, Resident

#: The gym of Koga's pack (S01): four courts, two halves, the whole; six slots of two hours from 9 to 21.
COURTS, HOURS = 4, 12


def test_a_worked_example_of_a_gym_with_a_whole_halves_and_courts(hanako: Resident, stranger: Resident) -> None:
    """Half A for two hours is 2 courts x 2 h = 4 h; court 3 for two hours is 2 h: 6 of 48 hours, 12.5%."""
    hanako.book("S01-90", "t0900", people=10)
    stranger.book("S01-94", "t1300")
    with unit_of_work() as session:
        found = statistics.statistics(session, {"S01"}, FRIDAY, FRIDAY)
    [facility] = found.by_facility
    assert (facility.offered, facility.booked) == (COURTS * HOURS * 60, 6 * 60)
    assert facility.percent == 12.5
    assert sum(line.offered for line in found.by_part) == facility.offered
    assert {line.label: line.booked for line in found.by_part if line.booked} == {"morning": 240, "afternoon": 120}
    nine = next(line for line in found.by_band if line.label == "9:00〜11:00")
    assert (nine.offered, nine.booked) == (COURTS * 120, 240), "the band is offered once on each court"
    assert sum(line.booked for line in found.by_category) == facility.booked
    assert {line.offered for line in found.by_category} == {facility.offered}
    spaces = {line.label.split()[-1]: line for line in found.by_space}
    assert (spaces["半面A"].offered, spaces["半面A"].booked) == (HOURS * 60, 120), "a space counts as itself"


def test_a_whole_floor_for_every_hour_is_full_and_never_more(hanako: Resident) -> None:
    for slot in ("t0900", "t1100", "t1300", "t1500", "t1700", "t1900"):
        for half in ("S01-90", "S01-91"):
            hanako.book(half, slot, people=10)
    with unit_of_work() as session:
        [facility] = statistics.statistics(session, {"S01"}, FRIDAY, FRIDAY).by_facility
    assert facility.percent == 100


def test_a_whole_day_band_beside_its_parts_is_the_day_once(hanako: Resident) -> None:
    """C02: 午前 9-12, 午後 13-17, 夜間 18-21, 全日 9-21: twelve hours, not twenty-two; the morning is morning in a whole day too."""
    hanako.book("C02-01", "day", people=10)
    with unit_of_work() as session:
        found = statistics.statistics(session, {"C02"}, FRIDAY, FRIDAY)
    [facility] = found.by_facility
    assert (facility.offered, facility.booked, facility.percent) == (720, 720, 100.0)
    assert [line.booked for line in found.by_part] == [line.offered for line in found.by_part]
    [space] = found.by_space
    assert (space.offered, space.booked) == (720, 720)


def test_a_minute_is_in_the_part_of_the_shortest_stretch() -> None:
    day = frozenset({(540, 720, "morning"), (780, 1020, "afternoon"), (540, 1260, "evening")})
    assert once(day) == (
        (540, 720, "morning"),
        (720, 780, "evening"),
        (780, 1020, "afternoon"),
        (1020, 1260, "evening"),
    )


def test_what_the_timetable_does_not_have_any_more_still_counts_as_used() -> None:
    hours = UnitHours()
    start = datetime(2026, 12, 4, 9, tzinfo=clock.TOKYO)
    slot = Slot(start, start + timedelta(hours=2), "t0900", "9:00〜11:00")
    hours.book([1, 2], slot)
    assert hours.booked([1, 2]) == {"morning": 240}
    assert hours.booked([3]) == {}


def test_the_page_says_how_it_is_counted(client: FlaskClient, hanako: Resident) -> None:
    hanako.book("S01-90", "t0900", people=10)
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    period = f"first={FRIDAY}&last={FRIDAY}"
    page = client.get(f"/staff/desk/statistics?{period}").text
    assert "床は1回だけ数えます" in page
    assert "4 × 12 = 48時間" in page
    assert "施設ごとの使われた割合" in page
    table = client.get(f"/staff/desk/statistics?{period}&format=csv&for=machine").text
    assert "rate_by_facility,中央運動公園総合体育館,2880,240,8.3" in table


def test_in_english_facilities_bands_and_categories_have_their_english_names(
    client: FlaskClient, hanako: Resident
) -> None:
    hanako.book("C02-01", "am", people=10)
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "C02"))
    page = client.get(f"/staff/desk/statistics?first={FRIDAY}&last={FRIDAY}&lang=en").text
    main = page[page.index("<main") : page.index("</main>")]
    for words in ("Morning 9:00〜12:00", "Whole day 9:00〜21:00", "Living in Koga"):
        assert words in main
    for words in ("午前", "全日", "市内の方", "公民館", "会議室"):
        assert words not in main
