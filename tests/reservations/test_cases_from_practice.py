"""CASES B1–B15 where a person meets them: the pages and the whole way through services; the rules themselves have tests of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from reservations.errors import NotBookable, SlotTaken
from reservations.groups import keeping
from reservations.groups import services as groups
from reservations.models import BookingState
from reservations.operations.closing import ClosureKind, ClosureRequest
from reservations.queries import bookings
from reservations.rules import Refused
from reservations.services import HoldRequest, hold
from tests import people
from tests.reservations.conftest import FRIDAY, MANAGER, SATURDAY, Resident, booking, change_rules
from tests.reservations.test_bad_input import plain
from tests.reservations.test_closing import GROUND, close
from tests.reservations.test_groups import register, request, verify
from tests.reservations.test_noise import MEETING, MUSIC
from tests.reservations.test_series_and_lists import new_law  # noqa: F401 - a fixture
from tests.reservations.test_standing import phone

CABIN = "P02-01"
LAST_OF_MARCH = date(2027, 3, 31)


def test_b1_two_quiet_uses_of_two_people_stand_beside_each_other(hanako: Resident, stranger: Resident) -> None:
    assert hanako.hold(MEETING, "am", purpose="meeting")
    assert stranger.hold(MUSIC, "am", purpose="study")


def test_b1_the_page_says_that_the_neighbour_needs_quiet(client: FlaskClient, hanako: Resident) -> None:
    hanako.hold(MEETING, "am", purpose="meeting")
    people.sign_in(client, people.make_resident())
    page = people.post(client, f"/spaces/{MUSIC}/hold", {"date": "2026-12-04", "slot": "am", "purpose": "chorus"})
    assert page.status_code == 422
    assert "となりの部屋で、静かさがいる使い方の予約があります" in plain(page.text)


def _new_year_of_fees(clause: str) -> None:
    """From 1 April: a dearer table, another tax rate, and the transition clause (経過措置)."""
    rows = [
        {"id": "club", "match": {"categories": ["group"]}, "amount": 3000, "label": "登録団体 1泊"},
        {"id": "night", "amount": 6000, "label": "1泊"},
    ]
    dearer = [{**rows[0], "amount": 4000}, {**rows[1], "amount": 8000}]
    plainly = {"modifiers": [], "options": [], "reductions": []}
    change_rules("park", "fees", rows=rows, tax={"percent": 10}, **plainly)
    change_rules(
        "park", "fees", rows=dearer, tax={"percent": 12}, applies_to=clause, valid_from=date(2027, 4, 1), **plainly
    )
    categories = [
        {"code": "group", "name": "登録団体", "name_en": "Group", "groups": ["club"]},
        {"code": "resident", "name": "市内の方", "name_en": "In", "cities": ["古河市"]},
        {"code": "outsider", "name": "市外の方", "name_en": "Out"},
    ]
    change_rules("park", categories=categories, category_on="use")


@pytest.mark.parametrize(
    ("clause", "nights", "total"),
    [
        ("use", [("park@2025-04-01#club", 3000), ("park@2027-04-01#night", 8000)], 3300 + 8960),
        ("permit", [("park@2025-04-01#club", 3000), ("park@2025-04-01#night", 6000)], 9900),
    ],
)
def test_b2_a_stay_over_a_new_table_a_new_tax_and_the_end_of_a_group_is_booked_and_paid_night_by_night(
    hanako: Resident, client: FlaskClient, clause: str, nights: list[tuple[str, int]], total: int
) -> None:
    _new_year_of_fees(clause)
    group = register(hanako, request())
    assert verify(group).valid_until == LAST_OF_MARCH
    with unit_of_work() as session:
        stay = HoldRequest(
            hanako.person_id,
            hanako.account_id,
            CABIN,
            LAST_OF_MARCH,
            "night",
            also=((LAST_OF_MARCH + timedelta(days=1), "night"),),
            group=group,
        )
        reference = hold(session, stay, actor=hanako.actor, now=clock.now())
    details = hanako.details(reference)
    quote = hanako.say(reference, details)
    found = [(line.rule, line.amount.amount) for line in quote.lines]
    assert [line for line in found if "#tax" not in line[0]] == nights
    assert quote.total == Yen(total)
    made = hanako.accept(reference, details, quote.digest)
    assert made.total == Yen(total)
    with unit_of_work() as session:
        view = bookings.of_person(session, reference, hanako.person_id)
        assert view is not None
        assert view.charge is not None
        assert view.charge.total == Yen(total), "what was shown is what is charged"


def test_b3_the_manager_reads_which_bookings_a_new_holiday_touches(
    hanako: Resident,
    client: FlaskClient,
    new_law: Callable[[], None],  # noqa: F811
) -> None:
    touched = hanako.book("S05-01", "t0900")
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    assert "そのような予約はありません" in client.get("/staff/bookings/later-changes").text
    new_law()
    assert "/staff/bookings/later-changes" in client.get("/staff/bookings").text
    page = client.get("/staff/bookings/later-changes").text
    assert f"/staff/bookings/{touched}" in page
    assert "600円" in page, "the price that stays"
    assert "800円" in page, "what it would cost now"
    assert booking(touched).total == Yen(600)
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    assert touched not in client.get("/staff/bookings/later-changes").text


def test_b4_the_page_shows_the_gaps_and_three_prices(client: FlaskClient, koga: str) -> None:
    """A table that names no price for the whole day: three prices, although all three parts are taken together."""
    change_rules("room", "fees", wholes={})
    people.sign_in(client, people.make_resident())
    data = {"date": "2026-12-04", "slot": ["am", "pm", "night"]}
    made = people.post(client, "/spaces/C02-01/hold", data)
    page = plain(client.get(people.location(made)).text)
    assert "9:00〜12:00、13:00〜17:00、18:00〜21:00" in page
    assert "合計1,100円" in "".join(page.split())


def test_b6_a_shelter_counts_for_no_cap_no_point_and_no_change(hanako: Resident) -> None:
    """Rules as strict as they can be: one slot a day, a point for every late end, one change only."""
    strict = {
        "caps": [{"per": "day", "at_most": 1}],
        "penalty": {"no_show": 1, "late_cancel": 1, "late_days": 60, "limit": 1, "block_days": 30},
    }
    change_rules("sports", **strict)
    taken = hanako.book("S05-01", "t0900", SATURDAY)
    clock.move_to(datetime(2026, 12, 4, 23, tzinfo=clock.TOKYO))
    close(ClosureRequest(ClosureKind.SHELTER, ("S05-01",), clock.now(), None, "避難所を開くため"), {"S05"})
    assert booking(taken).state == BookingState.CANCELLED
    assert booking(taken).facts.get("late") is not True
    other = hanako.book("S08-01", "t0900", SATURDAY)
    assert booking(other).state == BookingState.CONFIRMED, "neither the cap of the day nor a point stands against it"
    assert booking(other).changes == 0


def test_b7_the_page_tells_a_ring_that_its_telephone_or_home_has_had_enough(client: FlaskClient, koga: str) -> None:
    ring = [Resident(f"輪 {n}郎", f"ring{n}@example.com") for n in range(2)]
    account = people.make_resident()
    assert account.person_id is not None
    mine = Resident.__new__(Resident)
    mine.person_id = account.person_id
    phone([*ring, mine], "0280-11-2222", "0280(11)2222", "0280112222")
    for number, who in enumerate(ring):
        for hour in ("t0900", "t1100", "t1300"):
            who.hold(("S05-01", "S08-01")[number], hour)
    people.sign_in(client, account)
    page = people.post(client, "/spaces/S09-01/hold", {"date": "2026-12-04", "slot": "t0900"})
    assert page.status_code == 429
    assert "同じ電話番号か同じ家の方で、同時に仮押さえできるのは6つまでです" in plain(page.text)


def test_b8_events_of_the_school_come_first_and_a_permit_ends_only_on_a_named_ground(
    hanako: Resident, client: FlaskClient
) -> None:
    day = date(2026, 12, 15)
    start, end = (datetime(2026, 12, 15, hour, tzinfo=clock.TOKYO) for hour in (0, 23))
    event = ClosureRequest(ClosureKind.CITY, ("G01-01",), start, end, "学校の行事")
    close(event, {"G01"})
    with pytest.raises(SlotTaken):
        hanako.hold("G01-01", "night", day)
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "G01"))
    page = people.post(
        client,
        "/staff/closures",
        {"kind": "revocation", "spaces": ["G01-01"], "first": "2026-12-16", "reason": "学校の行事", "expected": "0"},
    )
    assert page.status_code == 422
    assert "条例の根拠が必要です" in plain(page.text)


def test_b9_where_the_ordinance_names_the_day_of_use_the_category_is_the_one_of_that_day(stranger: Resident) -> None:
    """Works in Koga until 10 December: inside until then, outside afterwards; the price that was accepted never changes."""
    categories = [
        {"code": "resident", "name": "市内の方", "name_en": "In", "cities": ["古河市"], "bases": ["lives", "works"]},
        {"code": "outsider", "name": "市外の方", "name_en": "Out"},
    ]
    change_rules("room", category_on="use", categories=categories)
    with unit_of_work() as session:
        groups.declare(
            session,
            person_id=stranger.person_id,
            basis="works",
            city="古河市",
            detail="見本工業",
            valid_until=date(2026, 12, 10),
            actor=stranger.actor,
            now=clock.now(),
        )
    before = stranger.book("C02-01", "am", date(2026, 12, 10))
    after = stranger.book("C02-01", "am", date(2026, 12, 11))
    assert (booking(before).category, booking(after).category) == ("resident", "outsider")
    accepted = booking(before).total
    clock.move_to(datetime(2026, 12, 10, 8, tzinfo=clock.TOKYO))
    assert (booking(before).category, booking(before).total) == ("resident", accepted)


def test_b13_the_page_revokes_on_a_named_ground_only(client: FlaskClient, hanako: Resident) -> None:
    paid = hanako.book("S05-01", "t0900")
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    asked = {"kind": "revocation", "spaces": ["S05-01"], "first": "2026-12-04", "reason": "市の式典", "expected": "1"}
    page = people.post(client, "/staff/closures", asked)
    assert page.status_code == 422
    assert "条例の根拠が必要です" in plain(page.text)
    assert booking(paid).state == BookingState.CONFIRMED
    assert people.post(client, "/staff/closures", {**asked, "ground": GROUND}).status_code == 303
    assert booking(paid).state == BookingState.CANCELLED


def test_an_ended_group_books_nothing_more(hanako: Resident) -> None:
    group = register(hanako, request())
    verify(group)
    with unit_of_work() as session:
        keeping.end(session, group, reason="解散したため", actor=MANAGER, now=clock.now())
    with unit_of_work() as session, pytest.raises(NotBookable) as refused:
        hold(
            session,
            HoldRequest(hanako.person_id, None, "C02-01", FRIDAY, "am", group=group),
            actor=MANAGER,
            now=clock.now(),
        )
    assert refused.value.reason is Refused.GROUP_ENDED
