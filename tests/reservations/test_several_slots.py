"""Several slots in one booking: one booking, one price, one charge; on one day, or nights that follow each other."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Account
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from reservations import combining
from reservations.combining import Unfit
from reservations.errors import NoSuchSlot, NotBookable, SlotsUnfit, SlotTaken
from reservations.models import Booking, BookingState, Occupancy
from reservations.rules import Refused
from reservations.timetable import Slot, Timetable
from tests.people import csrf, location, make_resident, post, sign_in
from tests.reservations.conftest import FRIDAY, Resident, booking, charge_of, pay

ROOM = "C16-03"
CABIN = "P02-01"


def taken(reference: str) -> list[tuple[str, str]]:
    """The stretches of a booking's occupancies, by the clock in Japan."""
    with unit_of_work() as session:
        rows = session.scalars(
            select(Occupancy.during)
            .join(Booking, Booking.id == Occupancy.booking_id)
            .where(Booking.reference == reference)
            .order_by(Occupancy.unit_id, Occupancy.during)
        ).all()
    hours = timedelta(hours=9)
    return [(f"{r.lower + hours:%m-%d %H:%M}", f"{r.upper + hours:%m-%d %H:%M}") for r in rows if r.lower and r.upper]


def test_morning_and_evening_are_one_booking_and_the_afternoon_stays_free(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.hold(ROOM, "am", FRIDAY, "night")
    assert [slot["code"] for slot in booking(reference).slots] == ["am", "night"]
    assert taken(reference) == [("12-04 09:00", "12-04 12:00"), ("12-04 18:00", "12-04 21:00")]
    assert stranger.hold(ROOM, "pm")
    with pytest.raises(SlotTaken):
        stranger.hold(ROOM, "day")


def test_slots_that_touch_are_one_stretch_on_each_unit(hanako: Resident) -> None:
    reference = hanako.hold("S01-90", "t1100", FRIDAY, "t0900")
    assert taken(reference) == [("12-04 09:00", "12-04 13:00")] * 2
    assert booking(reference).slot["code"] == "t0900"


def test_b4_parts_of_the_day_do_not_own_the_gaps_between_them(hanako: Resident) -> None:
    reference = hanako.hold(ROOM, "am", FRIDAY, "pm", "night")
    assert taken(reference) == [
        ("12-04 09:00", "12-04 12:00"),
        ("12-04 13:00", "12-04 17:00"),
        ("12-04 18:00", "12-04 21:00"),
    ]


def test_several_slots_cost_one_charge_that_is_paid_once(hanako: Resident) -> None:
    one = hanako.book(ROOM, "am", date(2026, 12, 10), paid=False)
    price = charge_of(one)
    reference = hanako.hold(ROOM, "am", FRIDAY, "pm")
    details = hanako.details(reference)
    quote = hanako.say(reference, details)
    hanako.accept(reference, details, quote.digest)
    charge = charge_of(reference)
    assert charge is not None
    assert price is not None
    assert charge.total == quote.total
    assert charge.total > price.total > Yen(0)
    pay(reference)
    assert booking(reference).state == BookingState.CONFIRMED


def test_asking_twice_for_the_same_slots_in_another_order_is_one_booking(hanako: Resident) -> None:
    assert hanako.hold(ROOM, "am", FRIDAY, "pm") == hanako.hold(ROOM, "pm", FRIDAY, "am", "am")
    with pytest.raises(SlotTaken):
        hanako.hold(ROOM, "am")


def test_a_slot_that_is_gone_refuses_all_of_them(hanako: Resident, stranger: Resident, session: Session) -> None:
    stranger.hold(ROOM, "pm")
    with pytest.raises(SlotTaken):
        hanako.hold(ROOM, "am", FRIDAY, "pm", "night")
    assert len(session.scalars(select(Occupancy.id)).all()) == 1


def test_a_stay_of_three_nights_keeps_the_cabin_during_the_days_between(hanako: Resident) -> None:
    nights = [(FRIDAY + timedelta(days=n), "night") for n in range(3)]
    slot = _night()
    reference = hanako.hold(CABIN, slot, FRIDAY, *[(day, slot) for day, _ in nights[1:]])
    ((start, end),) = taken(reference)
    assert (start[:5], end[:5]) == ("12-04", "12-07")
    assert len(booking(reference).slots) == 3


def _night() -> str:
    from portal.kernel import dates
    from reservations import documents
    from reservations.models import Space

    with unit_of_work() as session:
        code = session.scalars(select(Space.timetable_code).where(Space.code == CABIN)).one()
        table = documents.load(session, [("timetable", code)]).timetable(code, FRIDAY)
    assert table is not None
    return next(slot.code for slot in table.slots_on(FRIDAY, dates.is_holiday) if slot.overnight)


@pytest.mark.parametrize(
    ("slot", "more", "reason"),
    [
        ("day", ["am"], Unfit.OVERLAP),
        ("am", [(FRIDAY + timedelta(days=1), "am")], Unfit.DAYS),
    ],
)
def test_slots_that_cannot_be_one_booking_are_refused(
    hanako: Resident, session: Session, slot: str, more: list[tuple[date, str] | str], reason: Unfit
) -> None:
    with pytest.raises(SlotsUnfit) as refused:
        hanako.hold(ROOM, slot, FRIDAY, *more)
    assert refused.value.reason is reason
    assert session.scalars(select(Occupancy.id)).all() == []


def test_one_wrong_slot_among_good_ones_is_named_and_nothing_is_held(hanako: Resident, session: Session) -> None:
    with pytest.raises(NoSuchSlot):
        hanako.hold(ROOM, "am", FRIDAY, "t0930")
    with pytest.raises(NotBookable) as refused:
        hanako.hold(ROOM, "am", date(2026, 11, 25), "pm")
    assert refused.value.reason in {Refused.PAST, Refused.TOO_LATE}
    assert session.scalars(select(Occupancy.id)).all() == []


def test_preparing_and_clearing_are_added_around_a_stretch_and_not_inside() -> None:
    table = Timetable.model_validate(
        {
            "code": "hall",
            "valid_from": date(2026, 1, 1),
            "sample": True,
            "around": {"before": 30, "after": 60},
            "slots": [{"kind": "grid", "start": "9:00", "end": "15:00", "minutes": 120}],
        }
    )
    first, second, third = table.slots_on(FRIDAY, lambda _day: False)
    clock = [(f"{span.start:%H:%M}", f"{span.end:%H:%M}") for span in combining.spans([first, second])]
    assert clock == [("08:30", "14:00")]
    assert (third.taken_from.hour, third.taken_until.hour) == (12, 16)
    plain = [(f"{span.start:%H:%M}", f"{span.end:%H:%M}") for span in combining.stretches([first, second])]
    assert plain == [("09:00", "13:00")]


def test_a_booking_keeps_its_slots_as_they_were() -> None:
    slots = Timetable.model_validate(
        {
            "code": "room",
            "valid_from": date(2026, 1, 1),
            "sample": True,
            "slots": [{"kind": "grid", "start": "9:00", "end": "24:00", "minutes": 30}],
        }
    ).slots_on(FRIDAY, lambda _day: False)
    assert combining.restored(combining.stored(slots)) == slots
    assert not any(isinstance(slot, Slot) and slot.overnight for slot in slots)


@pytest.fixture
def resident(koga: str, client: FlaskClient) -> Account:
    account = make_resident()
    sign_in(client, account)
    return account


def test_several_slots_are_chosen_on_the_day_page_without_script(resident: Account, client: FlaskClient) -> None:
    page = client.get(f"/facilities/C16/day/{FRIDAY}").text
    assert "いくつかの時間をまとめて予約する" in page
    answer = post(client, f"/spaces/{ROOM}/hold", {"date": FRIDAY.isoformat(), "slot": ["am", "night"]})
    assert answer.status_code == 303
    shown = client.get(location(answer)).text
    assert "9:00〜12:00、18:00〜21:00" in shown


def test_slots_that_overlap_are_refused_in_words(resident: Account, client: FlaskClient) -> None:
    answer = post(client, f"/spaces/{ROOM}/hold", {"date": FRIDAY.isoformat(), "slot": ["am", "day"]})
    assert answer.status_code == 422
    assert "重なっています" in answer.text
    assert "何も予約していません" in answer.text


def test_somebody_who_signs_in_first_sees_all_chosen_slots_once_more(resident: Account, client: FlaskClient) -> None:
    page = client.get(f"/spaces/{ROOM}/hold/{FRIDAY}?slot=am&slot=night")
    assert page.status_code == 200
    assert page.text.count('name="slot"') == 2
    unknown = client.get(f"/spaces/{ROOM}/hold/{FRIDAY}?slot=am&slot=t0930")
    assert unknown.status_code == 422
    assert "その時間はありません" in unknown.text
    assert csrf(client)


def test_a_stay_of_two_nights_is_chosen_on_the_day_page(resident: Account, client: FlaskClient) -> None:
    page = client.get(f"/facilities/P02/day/{FRIDAY}").text
    assert "続けて何泊か予約する" in page
    answer = post(client, f"/spaces/{CABIN}/hold", {"date": FRIDAY.isoformat(), "slot": _night(), "nights": "2"})
    assert answer.status_code == 303
    assert "2026年12月6日" in client.get(location(answer)).text
