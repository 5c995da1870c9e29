"""What the permit says (B8, B15), two steps of approval, and refusals on the details of a use."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from portal.kernel import clock, texts
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from reservations import messages, services
from reservations.errors import NotBookable, SecondPerson
from reservations.models import Booking, BookingState, Facility, FacilityName, Occupancy
from reservations.queries import bookings
from reservations.rules import Refused
from tests.reservations.conftest import FRIDAY, Resident, booking, change_rules, pay

HALL, HALL_DAY = "C16-01", date(2027, 1, 15)
ROOM = "C02-01"


def permit(reference: str) -> str:
    """The permit as its PDF is made from."""
    with unit_of_work() as session:
        context = messages.permit_context(session, messages.load(session, booking(reference).id))
    return texts.render("reservations/pdf/permit.html", "ja", **context)


def approve(reference: str, facility: str, who: int | None = None, *conditions: str) -> None:
    with unit_of_work() as session:
        services.approve(
            session,
            reference,
            conditions=conditions,
            facilities=[facility],
            actor=Actor(who, "staff"),
            now=clock.now(),
        )


def test_in_english_the_place_has_its_english_name_and_the_permit_the_official_one_as_well(hanako: Resident) -> None:
    with unit_of_work() as session:
        named = (
            select(FacilityName).join(Facility, Facility.id == FacilityName.facility_id).where(Facility.code == "C02")
        )
        session.scalars(named).one().name_en = "Koga East Community Hall"
    reference = hanako.book(ROOM, "am")
    with unit_of_work() as session:
        session.get_one(Booking, booking(reference).id).locale = "en"
    with unit_of_work() as session:
        made = messages.load(session, booking(reference).id)
        assert messages.mail_context(session, made)["facility"] == "Koga East Community Hall"
        assert messages.permit_context(session, made)["facility"] == "Koga East Community Hall (古河東公民館)"
        view = bookings.of_person(session, reference, hanako.person_id)
        assert view is not None
        assert (view.facility_called("en"), view.facility_called("ja")) == ("Koga East Community Hall", "古河東公民館")


def test_b15_key_remote_entrance_parking_and_how_to_get_in_are_on_the_permit(hanako: Resident) -> None:
    """What the facility says of itself stands before what the rules of use say for its kind."""
    with unit_of_work() as session:
        facility = session.scalars(select(Facility).where(Facility.code == "C02")).one()
        facility.access = {
            "entrance": "裏の通用口から入ってください。",
            "key": "鍵は入口の箱の中です。番号は前の日にお知らせします。",
            "remote": "冷房のリモコンは受付の棚です。",
            "parking": "建物の南に20台",
            "lent": ["ほうき", "延長コード"],
        }
    text = permit(hanako.book(ROOM, "am"))
    for words in (
        "裏の通用口",
        "入口の箱",
        "冷房のリモコン",
        "南に20台",
        "ほうき、延長コード",
        "古河市教育委員会",
        "審査請求",
    ):
        assert words in text


def test_b8_a_school_gym_is_a_use_of_school_property_by_the_board_of_education(hanako: Resident) -> None:
    reference = hanako.book("G01-01", "night", date(2026, 12, 15))
    assert booking(reference).state == BookingState.REQUESTED
    approve(reference, "G01")
    text = permit(reference)
    for words in ("行政財産目的外使用許可書", "古河市教育委員会", "学校施設の目的外使用", "代表者は教育委員会"):
        assert words in text
    assert "古河市長に" not in text


def test_conditions_of_this_permit_stand_beside_those_of_the_rules(hanako: Resident) -> None:
    reference = hanako.book(HALL, "am", HALL_DAY, people=100)
    approve(reference, "C16", 1, "音は20時までにしてください。", " ")
    text = permit(reference)
    assert "音は20時までにしてください。" in text
    assert "定員より多い人数で使わないでください。" in text


def test_two_steps_are_two_people(hanako: Resident) -> None:
    change_rules("hall", approval="two_steps")
    reference = hanako.book(HALL, "am", HALL_DAY, people=100)
    approve(reference, "C16", 1, "火を使わないでください。")
    assert booking(reference).state == BookingState.REQUESTED
    with pytest.raises(SecondPerson):
        approve(reference, "C16", 1)
    approve(reference, "C16", 2)
    made = booking(reference)
    assert (made.state, made.reviewed_by, made.conditions) == (BookingState.CONFIRMED, 1, ["火を使わないでください。"])


def test_a_sport_needs_its_number_of_people(hanako: Resident) -> None:
    change_rules("room", minimum_people={"chorus": 4})
    reference = hanako.hold(ROOM, "am")
    with pytest.raises(NotBookable) as refused:
        hanako.say(reference, hanako.details(reference, people=3, purpose="chorus"))
    assert (refused.value.reason, refused.value.limit) == (Refused.TOO_FEW_PEOPLE, 4)
    assert hanako.say(reference, hanako.details(reference, people=3, purpose="study")).total.amount == 300


def test_a_use_for_profit_pays_as_from_outside_where_the_rules_say_so(hanako: Resident) -> None:
    categories: list[dict[str, Any]] = [
        {"code": "resident", "name": "市内の方", "name_en": "In", "cities": ["古河市"], "unless_traits": ["profit"]},
        {"code": "outsider", "name": "市外の方", "name_en": "Out"},
    ]
    change_rules(
        "room",
        categories=categories,
        windows=[{"opens": {"kind": "days_before", "days": 60}, "closes": {"kind": "before_start", "minutes": 0}}],
    )
    reference = hanako.hold(ROOM, "am")
    assert hanako.say(reference, hanako.details(reference)).total.amount == 300
    quote = hanako.say(reference, hanako.details(reference, traits=frozenset({"profit"})))
    assert [line.amount.amount for line in quote.lines] == [300, 150, 300]
    assert hanako.say(reference, hanako.details(reference)).total.amount == 300


def test_where_the_fee_table_has_a_hole_nothing_is_held(hanako: Resident) -> None:
    rows = [{"id": "night", "match": {"slots": ["night"]}, "amount": 100, "label": "夜間"}]
    change_rules("room", "fees", rows=rows, modifiers=[], options=[], reductions=[], wholes={})
    with pytest.raises(NotBookable) as refused:
        hanako.hold(ROOM, "am")
    assert refused.value.reason is Refused.NO_FEE
    with unit_of_work() as session:
        assert session.scalars(select(Occupancy.id)).all() == []
    assert hanako.hold(ROOM, "night")


def test_who_is_counted_by_kind_sees_the_price_once_they_said_how_many(hanako: Resident) -> None:
    users = [{"code": "adult", "label": "大人"}, {"code": "child", "label": "子ども"}]
    rows = [{"id": "each", "by_user": {"adult": 400, "child": 200}, "label": "1人"}]
    change_rules("room", "fees", rows=rows, users=users, modifiers=[], options=[], reductions=[], wholes={})
    reference = hanako.hold(ROOM, "am")
    with pytest.raises(NotBookable) as refused:
        hanako.say(reference, hanako.details(reference))
    assert refused.value.reason is Refused.NO_USERS
    details = hanako.details(reference, users={"adult": 2, "child": 3, "nobody": 9})
    quote = hanako.say(reference, details)
    assert quote.total.amount == 1400
    hanako.accept(reference, details, quote.digest)
    pay(reference)
    assert (booking(reference).people, booking(reference).state) == (5, BookingState.CONFIRMED)
    assert booking(reference).starts_at.date() == FRIDAY
