"""At the desk and on the telephone: the clerk books for somebody, takes the cash, charges a longer use."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.accounts.models import Person, Role
from portal.kernel import clock, jobs
from portal.kernel.database import unit_of_work
from reservations.groups import services as groups
from reservations.groups.services import GroupRequest, Member
from reservations.models import Booking, BookingState, Source
from reservations.queries import bookings
from tests import people
from tests.reservations.conftest import MANAGER, Resident, booking, change_rules

WHO = {
    "space": "S05-01",
    "day": "2026-12-04",
    "slot": "t0900",
    "source": "telephone",
    "name": "電話 一郎",
    "kana": "デンワ イチロウ",
    "phone": "0280-11-2222",
    "prefecture": "茨城県",
    "city": "古河市",
    "email": "",
}


@pytest.fixture
def manager(koga: str, client: FlaskClient) -> FlaskClient:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    return client


def accept(client: FlaskClient, where: str) -> None:
    page = client.get(where).text
    digest = re.search(r'name="accepted"[^>]*value="([^"]+)"', page)
    purpose = re.search(r'<option(?: selected)? value="(\d+)"', page) or re.search(
        r'name="purpose"[^>]*value="(\d+)"', page
    )
    assert digest
    assert purpose
    said = {"purpose": purpose[1], "people": "2", "accepted": digest[1], "action": "accept"}
    done = people.post(client, where, said)
    assert done.status_code == 303, done.text


def test_a_telephone_booking_for_somebody_without_account_is_paid_in_cash(manager: FlaskClient, koga: str) -> None:
    page = manager.get("/staff/desk/book?space=S05-01&day=2026-12-04")
    assert "9:00" in page.text
    made = people.post(manager, "/staff/desk/book", WHO)
    assert made.status_code == 303, made.text
    where = people.location(made)
    accept(manager, where)
    assert "支払う金額: 600円" in manager.get(where).text
    reference = where.rsplit("/", 1)[-1]
    cash = f"/staff/desk/bookings/{reference}/cash"
    short = people.post(manager, cash, {"received": "500"})
    assert short.status_code == 422
    assert "たりません" in short.text
    assert people.post(manager, cash, {"received": "1000"}).status_code == 303
    papers = manager.get(where).text
    assert "預かった現金 1,000円、おつり 400円" in papers, "the clerk hands out the change"
    assert "使用許可書を作っています" in papers
    jobs.run_pending(koga)
    permit = f"/staff/desk/bookings/{reference}/permit.pdf"
    assert manager.get(permit).data.startswith(b"%PDF")
    assert permit in manager.get(where).text
    (receipt,) = re.findall(r'action="(/staff/desk/bookings/[^"]+/receipts/[^"]+)"', manager.get(where).text)
    assert people.post(manager, receipt).data.startswith(b"%PDF"), "somebody without account takes the paper along"
    people.sign_in(manager, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    assert manager.get(permit).status_code == 404
    assert people.post(manager, receipt).status_code == 404
    done = booking(reference)
    assert (done.state, done.source, done.account_id) == (BookingState.CONFIRMED, Source.TELEPHONE, None)
    with unit_of_work() as session:
        assert session.get_one(Person, done.person_id).name == "電話 一郎"


def test_a_booking_for_somebody_with_an_account_is_theirs_on_their_phone(
    manager: FlaskClient, hanako: Resident
) -> None:
    with unit_of_work() as session:
        session.get_one(Person, hanako.person_id).phone = "0280-33-4444"
    typed = {**WHO, "name": "古河 はなこ", "kana": "コガ ハナコ", "phone": "0280334444"}
    asked = people.post(manager, "/staff/desk/book", typed)
    assert asked.status_code == 200
    assert "アカウントあり" in asked.text
    with unit_of_work() as session:
        assert session.scalars(select(Booking)).all() == [], "nothing is held before the person is chosen"
    made = people.post(manager, "/staff/desk/book", {**typed, "person": str(hanako.person_id)})
    assert made.status_code == 303
    reference = people.location(made).rsplit("/", 1)[-1]
    with unit_of_work() as session:
        assert bookings.of_person(session, reference, hanako.person_id) is not None


def test_a_slot_that_is_gone_is_told_and_what_was_typed_stays(manager: FlaskClient, hanako: Resident) -> None:
    hanako.hold("S05-01", "t0900")
    refused = people.post(manager, "/staff/desk/book", WHO)
    assert refused.status_code == 422, "a slot that is taken is not offered"
    assert "電話 一郎" in refused.text
    people.sign_in(manager, people.make_staff(Role.FACILITY_MANAGER, "S02"))
    assert people.post(manager, "/staff/desk/book", WHO).status_code == 404


def test_two_slots_one_after_the_other_are_one_booking(manager: FlaskClient) -> None:
    made = people.post(manager, "/staff/desk/book", {**WHO, "slot": ["t0900", "t1100"]})
    assert made.status_code == 303, made.text
    kept = booking(people.location(made).rsplit("/", 1)[-1])
    assert [one["code"] for one in kept.slots] == ["t0900", "t1100"]
    apart = people.post(manager, "/staff/desk/book", {**WHO, "slot": []})
    assert apart.status_code == 422


def test_a_verified_group_that_telephones_gets_a_room_for_groups_and_pays_at_the_counter(
    client: FlaskClient, hanako: Resident, stranger: Resident
) -> None:
    change_rules("room", who="groups", payment=[{"when": "counter", "days": 7, "counter_groups": True}])
    with unit_of_work() as session:
        members = tuple(Member(f"古河 {n}子", "古河市") for n in range(4))
        asked = GroupRequest("古河合唱の会", "コガガッショウノカイ", "club", ("chorus",), members)
        group = groups.register(session, asked, person_id=hanako.person_id, actor=hanako.actor, now=clock.now())
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "C02"))
    where = {"space": "C02-01", "day": "2026-12-04", "words": "合唱"}
    assert "合う団体がありません" in client.get("/staff/desk/book/group", query_string=where).text, "not verified yet"
    with unit_of_work() as session:
        groups.decide(session, group, accept=True, counter_only=True, actor=MANAGER, now=clock.now())
    page = client.get("/staff/desk/book/group", query_string=where).text
    assert "古河合唱の会: 古河 はなこ" in page
    sent = {**where, "party": f"{group}:{hanako.person_id}", "slot": "am", "source": "telephone"}
    forged = people.post(client, "/staff/desk/book/group", {**sent, "party": f"{group}:{stranger.person_id}"})
    assert forged.status_code == 422
    alone = people.post(
        client,
        "/staff/desk/book",
        {**WHO, "space": "C02-01", "slot": "am", "name": "ひとり 一郎", "phone": "0280-99-1111"},
    )
    assert alone.status_code == 422
    assert "団体" in alone.text
    made = people.post(client, "/staff/desk/book/group", sent)
    assert made.status_code == 303, made.text
    accept(client, people.location(made))
    shown = client.get(people.location(made)).text
    assert "古河合唱の会" in shown
    assert "現金を受け取った" in shown
    kept = booking(people.location(made).rsplit("/", 1)[-1])
    assert (kept.group_id is not None, kept.source, kept.pay_when) == (True, Source.TELEPHONE, "counter")
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    assert people.post(client, "/staff/desk/book/group", sent).status_code == 404


def test_a_group_telephones_for_every_week_and_what_could_not_be_had_is_told(
    client: FlaskClient, hanako: Resident, stranger: Resident
) -> None:
    with unit_of_work() as session:
        members = tuple(Member(f"古河 {n}子", "古河市") for n in range(4))
        asked = GroupRequest("古河合唱の会", "コガガッショウノカイ", "club", ("chorus",), members)
        group = groups.register(session, asked, person_id=hanako.person_id, actor=hanako.actor, now=clock.now())
        groups.decide(session, group, accept=True, actor=MANAGER, now=clock.now())
    stranger.hold("C02-01", "am", date(2026, 12, 11))
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "C02"))
    sent = {
        "space": "C02-01",
        "day": "2026-12-04",
        "words": "合唱",
        "party": f"{group}:{hanako.person_id}",
        "slot": "am",
        "source": "telephone",
    }
    early = people.post(client, "/staff/desk/book/group", {**sent, "until": "2026-12-01"})
    assert early.status_code == 422
    assert "使う日からあと" in early.text
    made = people.post(client, "/staff/desk/book/group", {**sent, "until": "2026-12-18"})
    assert made.status_code == 303, made.text
    where = people.location(made)
    page = client.get(where).text
    assert "取れた日(2日)" in page
    assert "取れなかった日(1日)" in page
    assert "ほかの人が先に予約しました" in page
    holds = re.findall(r'href="(/staff/desk/holds/[^"]+)"', page)
    accept(client, holds[0])
    assert booking(holds[0].rsplit("/", 1)[-1]).group_id is not None
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    assert client.get(where).status_code == 404
