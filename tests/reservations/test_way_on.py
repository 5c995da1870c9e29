"""A refusal that is about the person, not the slot, offers no slots that would only be refused again, but what can be done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from portal.accounts.models import Account, Person
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from reservations.models import Facility
from tests import people
from tests.reservations.conftest import Resident, change_rules

FRIDAY = "2026-12-04"


@pytest.fixture
def signed_in(client: FlaskClient, hanako: Resident) -> FlaskClient:
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(client, account)
    return client


@pytest.fixture
def telephone(koga: str) -> str:
    """The facility has one."""
    with unit_of_work() as session:
        session.execute(update(Facility).where(Facility.code == "S09").values(phone="0280-00-1234"))
    return "tel:0280-00-1234"


def _tap(client: FlaskClient, space: str = "S09-01", slot: str = "t0900") -> tuple[int, str]:
    answer = people.post(client, f"/spaces/{space}/hold", {"date": FRIDAY, "slot": slot})
    return answer.status_code, answer.text


def test_who_keeps_three_slots_is_led_to_them_and_offered_no_fourth(signed_in: FlaskClient, hanako: Resident) -> None:
    for slot in ("t0900", "t1100", "t1300"):
        hanako.hold("S05-01", slot)
    status, page = _tap(signed_in)
    assert status == 429
    assert "同時に仮押さえできるのは3つまでです" in page
    assert "いちばん早い仮押さえは、11月25日 10:15 に終わります。" in page
    assert 'href="/my/bookings"' in page
    assert "slot--free" not in page
    assert "かわりに、ここが空いています" not in page


def test_who_let_ten_lapse_may_call_the_facility(signed_in: FlaskClient, hanako: Resident, telephone: str) -> None:
    for number in range(10):
        hanako.hold("S05-01", ("t0900", "t1100")[number % 2])
        clock.move_to(clock.now() + timedelta(minutes=16))
    status, page = _tap(signed_in)
    assert status == 429
    assert "支払わないで終わった仮押さえが多い" in page
    assert telephone in page
    assert "slot--free" not in page


def test_where_the_home_has_had_enough_it_says_when_one_is_free_again(
    signed_in: FlaskClient, hanako: Resident, stranger: Resident, telephone: str
) -> None:
    third = Resident("古河 三郎", "third@example.com")
    with unit_of_work() as session:
        for who in (hanako, stranger, third):
            session.get_one(Person, who.person_id).phone = "0280-11-2222"
    for who, space in ((stranger, "S05-01"), (third, "S08-01")):
        for slot in ("t0900", "t1100", "t1300"):
            who.hold(space, slot)
            clock.move_to(clock.now() + timedelta(minutes=1))
    neighbour = Resident("隣 花子", "neighbour@example.com")
    neighbour.hold("S05-01", "t1500")
    _status, page = _tap(signed_in)
    assert "いちばん早い仮押さえは、11月25日 10:15 に終わります。" in page
    assert "どれかの支払いが終わるか、仮押さえの時間が終わると、また取れます" in page
    assert telephone in page


def test_who_owes_for_too_many_is_led_to_what_waits(signed_in: FlaskClient, hanako: Resident) -> None:
    change_rules("sports", caps=[{"per": "unpaid", "at_most": 1}], payment=[{"when": "within", "days": 3}])
    hanako.book("S05-01", "t0900", paid=False)
    _status, page = _tap(signed_in)
    assert "先に支払ってください" in page
    assert 'href="/my/bookings"' in page
    assert "slot--free" not in page


def test_a_slot_that_somebody_else_has_still_gives_three_others(signed_in: FlaskClient, stranger: Resident) -> None:
    stranger.hold("S09-01", "t0900")
    _status, page = _tap(signed_in)
    assert page.count('class="slot slot--free"') == 3
