"""Moving a booking in one step: the old time is never lost where the new one is gone; the difference is paid or goes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import queries as payment_queries
from payments import services as payments
from payments.models import Charge
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from reservations.errors import NoMoreChanges, NoSuchSlot, NotBookable, PriceChanged, SlotTaken, WrongState
from reservations.models import BookingState
from reservations.operations import moving
from reservations.operations.models import BookingMove, MoveState
from reservations.operations.moving import MoveQuote, MoveTo
from reservations.services.common import own
from tests.conftest import Mailbox
from tests.people import make_resident, post, sign_in
from tests.reservations.conftest import CLERK, FRIDAY, MANAGER, SATURDAY, Resident, booking, change_rules, charge_of

LATER = date(2026, 12, 10)


def look(who: Resident, reference: str, to: MoveTo) -> MoveQuote:
    with unit_of_work() as session:
        return moving.look(session, own(session, reference, who.person_id), to, now=clock.now())[1]


def move(who: Resident, reference: str, to: MoveTo, *, accepted: str | None = None, **more: Any) -> BookingMove:
    digest = accepted or look(who, reference, to).quote.digest
    with unit_of_work() as session:
        held = own(session, reference, who.person_id)
        return moving.move(session, held, to, accepted=digest, actor=who.actor, now=clock.now(), **more)


def pay_difference(reference: str, number: int = 1) -> None:
    with unit_of_work() as session:
        charge = payment_queries.charge_of(session, "booking", reference, f"move-{number}")
        assert charge is not None
        payments.take_cash(
            session, charge.reference, received=charge.total, clerk=CLERK, place="総和庁舎", now=clock.now()
        )


def test_a_move_at_the_same_price_is_done_at_once(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    made = move(hanako, reference, MoveTo(LATER, ("t1100",)))
    assert made.state == MoveState.DONE
    moved = booking(reference)
    assert (moved.state, moved.slot["day"], moved.slot["code"]) == (BookingState.CONFIRMED, "2026-12-10", "t1100")
    assert moved.changes == 1
    assert stranger.hold("S05-01", "t0900")
    with pytest.raises(SlotTaken):
        stranger.hold("S05-01", "t1100", LATER)


def test_where_the_new_time_is_gone_the_old_one_stays(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    stranger.hold("S05-01", "t1100", LATER)
    with pytest.raises(SlotTaken):
        move(hanako, reference, MoveTo(LATER, ("t1100",)))
    kept = booking(reference)
    assert (kept.slot["day"], kept.changes, kept.state) == ("2026-12-04", 0, BookingState.CONFIRMED)
    with pytest.raises(SlotTaken):
        stranger.hold("S05-01", "t0900")


def test_from_half_to_a_court_gives_the_difference_back(hanako: Resident, run_jobs: Callable[[], None]) -> None:
    reference = hanako.book("S01-90", "t0900", purpose="badminton")
    before = booking(reference).total
    price = look(hanako, reference, MoveTo(FRIDAY, ("t0900",), "S01-92"))
    assert price.to_pay == Yen(0)
    assert price.back > Yen(0)
    move(hanako, reference, MoveTo(FRIDAY, ("t0900",), "S01-92"))
    charge = charge_of(reference)
    assert charge is not None
    assert before is not None
    assert charge.refunded == price.back == before - price.quote.total
    assert booking(reference).total == price.quote.total


def test_after_a_cheaper_move_cancelling_says_of_what_sum_the_share_is(client: FlaskClient, koga: str) -> None:
    account = make_resident()
    assert account.person_id is not None
    who = Resident.__new__(Resident)
    who.person_id, who.account_id, who.actor = account.person_id, account.id, Actor(account.id, "resident")
    reference = who.book("S01-90", "t0900", purpose="badminton")
    before = booking(reference).total
    move(who, reference, MoveTo(FRIDAY, ("t0900",), "S01-92"))
    after = booking(reference).total
    assert before is not None
    assert after is not None
    sign_in(client, account)
    shown = client.get(f"/bookings/{reference}/cancel").text
    assert (
        f"お支払い {before} から、先にお返しすることになった {before - after} を引いた {after} の 100% です。" in shown
    )


def test_a_dearer_time_is_kept_while_the_difference_is_paid_and_the_old_one_stays_until_then(
    hanako: Resident, stranger: Resident
) -> None:
    reference = hanako.book("S01-92", "t0900", purpose="badminton")
    made = move(hanako, reference, MoveTo(FRIDAY, ("t0900",), "S01-90"))
    assert made.state == MoveState.PENDING
    assert booking(reference).space_id != made.space_id
    for space in ("S01-92", "S01-93"):
        with pytest.raises(SlotTaken):
            stranger.hold(space, "t0900")
    pay_difference(reference)
    moved = booking(reference)
    assert moved.space_id == made.space_id
    assert moved.total == made.total
    with pytest.raises(SlotTaken):
        stranger.hold("S01-93", "t0900")


def test_a_difference_that_is_not_paid_changes_nothing(
    hanako: Resident, stranger: Resident, run_jobs: Callable[[], None], session: Session
) -> None:
    from reservations import jobs

    reference = hanako.book("S01-92", "t0900", purpose="badminton")
    made = move(hanako, reference, MoveTo(FRIDAY, ("t0900",), "S01-90"))
    clock.move_to(made.held_until)
    assert stranger.hold("S01-93", "t0900")
    jobs.tidy(0)
    assert session.get_one(BookingMove, made.id).state == MoveState.LAPSED
    states = session.scalars(select(Charge.state).where(Charge.purpose == "move-1")).all()
    assert states == ["void"]
    kept = booking(reference)
    assert (kept.state, kept.changes) == (BookingState.CONFIRMED, 0)


def test_money_for_a_move_that_comes_too_late_goes_back_and_the_booking_stays(
    hanako: Resident, stranger: Resident, run_jobs: Callable[[], None], mailbox: Mailbox
) -> None:
    reference = hanako.book("S01-92", "t0900", purpose="badminton")
    made = move(hanako, reference, MoveTo(FRIDAY, ("t0900",), "S01-90"))
    clock.move_to(made.held_until)
    stranger.hold("S01-93", "t0900")
    with unit_of_work() as session:
        held = own(session, reference, hanako.person_id)
        assert made.charge_ref is not None
        verdict = moving.paid(session, held, made.charge_ref, clock.now())
    assert verdict == "refused"
    run_jobs()
    assert [m for m in mailbox.to("hanako@example.com") if "もとの予約はそのままです" in m["Subject"]]
    assert booking(reference).space_id != made.space_id
    with pytest.raises(SlotTaken):
        stranger.hold("S01-92", "t0900")


def test_a_second_wish_gives_up_the_first(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.book("S01-92", "t0900", purpose="badminton")
    move(hanako, reference, MoveTo(FRIDAY, ("t0900",), "S01-90"))
    second = move(hanako, reference, MoveTo(FRIDAY, ("t1100",), "S01-90"))
    assert stranger.hold("S01-93", "t0900")
    pay_difference(reference, 2)
    assert booking(reference).slot["code"] == second.slots[0]["code"] == "t1100"


def test_an_hour_later_in_the_same_room_overlaps_with_itself_only(hanako: Resident) -> None:
    reference = hanako.hold("S05-01", "t0900", FRIDAY, "t1100")
    details = hanako.details(reference)
    quote = hanako.say(reference, details)
    hanako.accept(reference, details, quote.digest)
    from tests.reservations.conftest import pay

    pay(reference)
    made = move(hanako, reference, MoveTo(FRIDAY, ("t1100", "t1300")))
    assert made.state == MoveState.DONE
    assert [slot["code"] for slot in booking(reference).slots] == ["t1100", "t1300"]


def test_one_change_only_and_not_on_the_day_itself(hanako: Resident, clock_at: Callable[[str], datetime]) -> None:
    reference = hanako.book("S05-01", "t0900")
    move(hanako, reference, MoveTo(LATER, ("t1100",)))
    with pytest.raises(NoMoreChanges):
        look(hanako, reference, MoveTo(LATER, ("t0900",)))
    other = hanako.book("S05-01", "t1500")
    clock_at("2026-12-04 09:00")
    with pytest.raises(NoMoreChanges) as refused:
        look(hanako, other, MoveTo(LATER, ("t0900",)))
    assert refused.value.until == date(2026, 12, 3)


@pytest.mark.parametrize(
    ("to", "error"),
    [
        (MoveTo(LATER, ("t0930",)), NoSuchSlot),
        (MoveTo(date(2027, 12, 10), ("t0900",)), NotBookable),
        (MoveTo(date(2026, 11, 25), ("t0900",)), NotBookable),
        (MoveTo(LATER, ("am",), "C16-03"), NotBookable),
    ],
)
def test_a_move_to_nowhere_is_refused_and_the_booking_stays(
    hanako: Resident, to: MoveTo, error: type[Exception]
) -> None:
    reference = hanako.book("S05-01", "t0900")
    with pytest.raises(error):
        move(hanako, reference, to)
    assert booking(reference).slot["day"] == "2026-12-04"


def test_a_price_that_the_person_did_not_see_moves_nothing(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    with pytest.raises(PriceChanged):
        move(hanako, reference, MoveTo(LATER, ("t0900",)), accepted="0" * 16)


def test_a_cancelled_booking_does_not_move(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    total = booking(reference).total
    assert total is not None
    hanako.cancel(reference, total)
    with pytest.raises(WrongState):
        look(hanako, reference, MoveTo(LATER, ("t0900",)))


def test_staff_move_it_without_counting_and_without_asking_for_more(
    hanako: Resident, run_jobs: Callable[[], None], mailbox: Mailbox
) -> None:
    reference = hanako.book("S01-92", "t0900", purpose="badminton")
    total = booking(reference).total
    run_jobs()
    with unit_of_work() as session:
        made = moving.move(
            session,
            own(session, reference, hanako.person_id),
            MoveTo(SATURDAY, ("t0900",), "S01-90"),
            accepted=None,
            by_staff=True,
            waive=True,
            actor=MANAGER,
            now=clock.now(),
        )
    assert made.state == MoveState.DONE
    moved = booking(reference)
    assert (moved.changes, moved.total) == (0, total)
    run_jobs()
    assert booking(reference).permit_file_id is not None


def test_after_a_dearer_move_cancelling_gives_back_over_both_charges(hanako: Resident) -> None:
    reference = hanako.book("S01-92", "t0900", purpose="badminton")
    first = booking(reference).total
    move(hanako, reference, MoveTo(FRIDAY + timedelta(days=6), ("t0900",), "S01-90"))
    pay_difference(reference)
    total = booking(reference).total
    assert total is not None
    assert first is not None
    hanako.cancel(reference, total)
    charge = charge_of(reference)
    assert charge is not None
    assert charge.refunded == first
    with unit_of_work() as session:
        second = payment_queries.charge_of(session, "booking", reference, "move-1")
    assert second is not None
    assert first + second.refunded == total


def test_a_resident_moves_a_booking_without_script(
    client: FlaskClient, koga: str, run_jobs: Callable[[], None]
) -> None:
    account = make_resident()
    assert account.person_id is not None
    who = Resident.__new__(Resident)
    who.person_id, who.account_id, who.actor = account.person_id, account.id, Actor(account.id, "resident")
    reference = who.book("S05-01", "t0900")
    sign_in(client, account)
    assert "予約の時間を変える" in client.get(f"/bookings/{reference}").text
    assert 'name="slot" value="t1100"' in client.get(f"/bookings/{reference}/move?date={LATER}").text
    shown = client.get(f"/bookings/{reference}/move?date={LATER}&space=S05-01&slot=t1100").text
    assert "料金は変わりません" in shown
    digest = shown.split('name="accepted" value="')[1][:16]
    data = {"date": LATER.isoformat(), "space": "S05-01", "slot": "t1100", "accepted": digest}
    answer = post(client, f"/bookings/{reference}/move", data)
    assert answer.status_code == 303
    assert booking(reference).slot["code"] == "t1100"
    again = post(client, f"/bookings/{reference}/move", {**data, "slot": "t1300"})
    assert again.status_code == 409
    assert "もとの予約は、そのままです" in again.text
    assert "1回まで" in again.text


def test_one_change_only_until_a_week_before(hanako: Resident, clock_at: Callable[[str], datetime]) -> None:
    """One place says so, `changes` of the rules of use, and moving reads it."""
    change_rules("sports", changes={"times": 1, "days_before": 7})
    first, late = hanako.book("S05-01", "t0900", LATER), hanako.book("S05-01", "t1100", LATER)
    clock_at("2026-12-03 23:59")
    move(hanako, first, MoveTo(LATER, ("t1300",)))
    with pytest.raises(NoMoreChanges) as often:
        look(hanako, first, MoveTo(LATER, ("t1500",)))
    assert (often.value.limit, often.value.until) == (1, None)
    clock_at("2026-12-04 00:00")
    with pytest.raises(NoMoreChanges) as too_late:
        look(hanako, late, MoveTo(LATER, ("t1500",)))
    assert too_late.value.until == date(2026, 12, 3)


def test_rules_that_name_changes_beside_the_refunds_are_refused_with_the_word(koga: str) -> None:
    with pytest.raises(ValueError, match=r"cancellation\.changes"):
        change_rules("sports", cancellation={"ground": "見本", "changes": {"at_most": 1}})


def test_where_the_rules_keep_the_difference_a_cheaper_time_gives_nothing_back(
    client: FlaskClient, koga: str, run_jobs: Callable[[], None]
) -> None:
    change_rules("sports", changes={"times": 1, "days_before": 1, "refund_difference": False})
    account = make_resident()
    assert account.person_id is not None
    who = Resident.__new__(Resident)
    who.person_id, who.account_id, who.actor = account.person_id, account.id, Actor(account.id, "resident")
    reference = who.book("S01-90", "t0900", purpose="badminton")
    before = booking(reference).total
    assert before is not None
    to = MoveTo(FRIDAY, ("t0900",), "S01-92")
    price = look(who, reference, to)
    assert (price.back, price.stays) == (Yen(0), before - price.quote.total)
    sign_in(client, account)
    shown = client.get(f"/bookings/{reference}/move?date=2026-12-04&slot=t0900&space=S01-92")
    assert f"新しい時間のほうが {price.stays} 安いですが、この施設のきまりで、差額は返りません。" in shown.text
    move(who, reference, to)
    run_jobs()
    charge = charge_of(reference)
    assert charge is not None
    assert (charge.refunded, booking(reference).total) == (Yen(0), before)
    assert booking(reference).slot["code"] == "t0900"


def test_staff_who_move_a_booking_for_the_facility_give_the_difference_back(hanako: Resident) -> None:
    change_rules("sports", changes={"refund_difference": False})
    reference = hanako.book("S01-90", "t0900", purpose="badminton")
    before = booking(reference).total
    made = move(hanako, reference, MoveTo(FRIDAY, ("t0900",), "S01-92"), by_staff=True)
    charge = charge_of(reference)
    assert charge is not None
    assert before is not None
    assert charge.refunded == before - made.total > Yen(0)
