"""When to pay; reductions that are asked for (M8); a wrong table found after months (M7): nothing is rewritten, money follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from payments import queries as payment_queries
from payments import services as payments
from payments import settlement
from payments.gateways import counter
from payments.models import Charge
from payments.states import ChargeState
from portal.kernel import clock
from portal.kernel.audit import SYSTEM
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from reservations import services
from reservations.errors import NotBookable, ReasonMissing, RefundChanged, SlotTaken
from reservations.jobs import square, tidy
from reservations.models import BookingState, Space
from reservations.money_models import BookingAdjustment, FacilityOperator
from reservations.rules import Refused
from reservations.services import adjusting, correcting, reducing, returning
from reservations.timetable import TOKYO
from tests.conftest import Mailbox
from tests.reservations.conftest import CLERK, FRIDAY, MANAGER, Resident, booking, change_rules, charge_of, pay

ROOM = "C02-01"


def paid(reference: str) -> Yen:
    with unit_of_work() as session:
        return returning.paid(session, booking(reference))


def open_sum(reference: str) -> int:
    with unit_of_work() as session:
        charge = payment_queries.current_charge(session, "booking", reference)
        return charge.total.amount if charge is not None and charge.state is ChargeState.OPEN else 0


def pay_open(reference: str) -> None:
    with unit_of_work() as session:
        charge = payment_queries.current_charge(session, "booking", reference)
        assert charge is not None
        assert charge.state is ChargeState.OPEN
        payments.take_cash(session, charge.reference, received=charge.total, clerk=CLERK, place="総和", now=clock.now())


def refunds(reference: str) -> list[tuple[str, int]]:
    with unit_of_work() as session:
        charge = payment_queries.charge_of(session, "booking", reference)
        assert charge is not None
        return [(refund.kind, refund.amount.amount) for refund in charge.refunds]


def decide(reference: str, reduction: str = "club", *, grant: bool = True, reason: str = "") -> None:
    with unit_of_work() as session:
        reducing.decide(
            session,
            reference,
            reduction=reduction,
            grant=grant,
            reason=reason,
            facilities=["C02"],
            actor=MANAGER,
            now=clock.now(),
        )


def revoke(reference: str, reason: str = "資格がありませんでした") -> None:
    with unit_of_work() as session:
        reducing.revoke(
            session,
            reference,
            reduction="club",
            reason=reason,
            facilities=["C02"],
            actor=MANAGER,
            now=clock.now(),
        )


def ask(who: Resident, *reductions: str, day: date = FRIDAY) -> str:
    return who.book(ROOM, "am", day, paid=False, reductions=dict.fromkeys(reductions or ("club",), "会の活動です"))


def run_tidy() -> None:
    tidy(0)


# -- when to pay ----------------------------------------------------------------------------------------------------


def test_to_be_paid_within_days_it_is_kept_until_then_and_cancelled_by_itself(
    hanako: Resident, stranger: Resident
) -> None:
    change_rules("room", payment=[{"when": "within", "days": 14, "before_days": 3, "retry": False}])
    reference = hanako.book(ROOM, "am", FRIDAY, paid=False)
    made = booking(reference)
    assert made.pay_when == "within"
    assert made.held_until == datetime(2026, 12, 2, tzinfo=TOKYO)
    clock.move_to(datetime(2026, 12, 1, 23, 59, tzinfo=TOKYO))
    run_tidy()
    assert booking(reference).state == BookingState.HELD
    with pytest.raises(SlotTaken):
        stranger.hold(ROOM, "am", FRIDAY)
    clock.move_to(datetime(2026, 12, 2, 0, 0, tzinfo=TOKYO))
    run_tidy()
    assert booking(reference).state == BookingState.LAPSED
    assert open_sum(reference) == 0
    with pytest.raises(NotBookable) as refused:
        hanako.hold(ROOM, "am", FRIDAY)
    assert refused.value.reason is Refused.SAME_SLOT_AGAIN
    assert hanako.hold(ROOM, "pm", FRIDAY)
    assert stranger.hold(ROOM, "am", FRIDAY)


def test_paid_in_time_it_is_firm(hanako: Resident) -> None:
    change_rules("room", payment=[{"when": "within", "days": 5}])
    reference = hanako.book(ROOM, "am", FRIDAY, paid=False)
    clock.move_to(clock.now() + timedelta(days=4))
    pay(reference)
    assert booking(reference).state == BookingState.CONFIRMED


@pytest.mark.parametrize("when", ["on_day", "after_use"])
def test_to_be_paid_on_the_day_or_after_use_it_is_firm_at_once_and_owed(hanako: Resident, when: str) -> None:
    change_rules("room", payment=[{"when": when}])
    reference = hanako.book(ROOM, "am", FRIDAY, paid=False)
    assert booking(reference).state == BookingState.CONFIRMED
    assert open_sum(reference) == 300
    clock.move_to(datetime(2026, 12, 4, 12, 30, tzinfo=TOKYO))
    pay_open(reference)
    assert (paid(reference), booking(reference).state) == (Yen(300), BookingState.CONFIRMED)


def test_what_was_never_paid_gives_nothing_back_and_is_no_longer_owed(hanako: Resident) -> None:
    change_rules("room", payment=[{"when": "on_day"}])
    reference = hanako.book(ROOM, "am", FRIDAY, paid=False)
    clock.move_to(clock.now() + timedelta(hours=1))
    assert hanako.refund(reference) == Yen(0)
    hanako.cancel(reference, Yen(0))
    assert open_sum(reference) == 0


@pytest.mark.parametrize(("days", "owed"), [(20, 0), (5, 150), (0, 300)])
def test_who_cancels_late_without_having_paid_owes_the_share_that_the_rules_keep(
    hanako: Resident, days: int, owed: int, run_jobs: Callable[[], None], mailbox: Mailbox
) -> None:
    steps = [{"days_before": 7, "percent": 100}, {"days_before": 3, "percent": 50}]
    change_rules(
        "room",
        payment=[{"when": "on_day"}],
        cancellation={"steps": steps, "unpaid_owes": True, "ground": "見本"},
    )
    reference = hanako.book(ROOM, "am", FRIDAY, paid=False)
    clock.move_to(
        max(datetime(2026, 12, 4, 8, 0, tzinfo=TOKYO) - timedelta(days=days), clock.now() + timedelta(hours=1))
    )
    with pytest.raises(RefundChanged):
        hanako.cancel(reference, Yen(1))
    assert booking(reference).state == BookingState.CONFIRMED
    with unit_of_work() as session:
        cancel = partial(
            services.cancel, session, reference, person_id=hanako.person_id, expected=Yen(0), actor=hanako.actor
        )
        if owed:
            with pytest.raises(RefundChanged):
                cancel(now=clock.now())
        assert cancel(owed=Yen(owed), now=clock.now()).owed == Yen(owed)
        cancel(owed=Yen(owed), now=clock.now())
    assert (booking(reference).state, open_sum(reference)) == (BookingState.CANCELLED, owed)
    run_jobs()
    (sent,) = [one for one in mailbox.to("hanako@example.com") if "予約を取り消しました" in one["Subject"]]
    body = sent.get_body(("plain",))
    assert body is not None
    mail = body.get_content()
    assert (f"取消しの料金: {owed}円" in mail) == bool(owed)
    assert ("までに支払ってください" in mail) == bool(owed)
    assert ("お返しする金額" in mail) == (not owed)
    if owed:
        pay_open(reference)
        assert (paid(reference), open_sum(reference)) == (Yen(owed), 0)


def test_the_charge_goes_to_whoever_runs_the_facility_on_that_day(hanako: Resident) -> None:
    """K16, CASES M1: 指定管理者の利用料金は、市の調定ではない."""
    with unit_of_work() as session:
        facility_id = session.scalars(select(Space.facility_id).where(Space.code == ROOM)).one()
        for payee, start, end in (("manager-a", None, date(2026, 11, 30)), ("manager-b", date(2026, 12, 1), None)):
            session.add(FacilityOperator(facility_id=facility_id, payee=payee, valid_from=start, valid_until=end))
    first = charge_of(hanako.book(ROOM, "am", FRIDAY))
    clock.move_to(datetime(2026, 12, 1, 0, 0, tzinfo=TOKYO))
    second = charge_of(hanako.book(ROOM, "pm", FRIDAY))
    assert first is not None
    assert second is not None
    assert (first.payee.code, second.payee.code) == ("manager-a", "manager-b")


# -- M8 -------------------------------------------------------------------------------------------------------------


def test_m8_undecided_at_the_deadline_nothing_is_cancelled(hanako: Resident, stranger: Resident) -> None:
    reference = ask(hanako)
    clock.move_to(clock.now() + timedelta(days=3))
    run_tidy()
    assert booking(reference).state == BookingState.HELD
    with pytest.raises(SlotTaken):
        stranger.hold(ROOM, "am", FRIDAY)
    decide(reference, grant=False, reason="登録のない団体です")
    assert booking(reference).state == BookingState.HELD
    assert open_sum(reference) == 300
    assert booking(reference).held_until > clock.now()
    pay_open(reference)
    assert booking(reference).state == BookingState.CONFIRMED


def test_m8_granted_before_the_payment_less_is_to_be_paid(hanako: Resident) -> None:
    reference = ask(hanako)
    decide(reference)
    decide(reference)
    assert open_sum(reference) == 150
    pay_open(reference)
    assert (paid(reference), booking(reference).state) == (Yen(150), BookingState.CONFIRMED)
    assert booking(reference).total == Yen(300)


def test_m8_granted_after_the_payment_the_rest_goes_back_as_money_not_owed(hanako: Resident) -> None:
    reference = ask(hanako)
    pay(reference)
    assert booking(reference).state == BookingState.CONFIRMED
    decide(reference)
    assert refunds(reference) == [("not_owed", 150)]
    assert paid(reference) == Yen(150)


def test_m8_revoked_there_is_a_further_charge_and_the_receipt_stands(hanako: Resident) -> None:
    reference = ask(hanako)
    decide(reference)
    pay_open(reference)
    with pytest.raises(ReasonMissing):
        revoke(reference, " ")
    revoke(reference)
    revoke(reference)
    assert open_sum(reference) == 150
    pay_open(reference)
    assert paid(reference) == Yen(300)
    with unit_of_work() as session:
        sums = [
            (one.old_total.amount, one.new_total.amount)
            for one in adjusting.adjustments(session, booking(reference).id)
        ]
    assert sums == [(300, 150), (150, 300)]


def test_m8_a_permit_for_nothing_calls_no_provider(hanako: Resident) -> None:
    reference = ask(hanako, "hosted")
    decide(reference, "hosted")
    made = booking(reference)
    assert made.state == BookingState.CONFIRMED
    assert made.permit_code
    assert open_sum(reference) == 0
    assert paid(reference) == Yen(0)


def test_m8_money_that_was_on_its_way_when_the_reduction_was_granted_goes_back_to_what_is_owed(
    hanako: Resident,
) -> None:
    reference = ask(hanako)
    with unit_of_work() as session:
        old = payment_queries.charge_of(session, "booking", reference)
    decide(reference)
    assert old is not None
    with unit_of_work() as session:
        charge_id = session.scalars(select(Charge.id).where(Charge.reference == old.reference)).one()
        arrival = counter.arrival(old.total, received=old.total, clerk=CLERK, place="総和", now=clock.now())
        settlement.take_in(session, charge_id, arrival, now=clock.now())
    square(booking(reference).id)
    assert paid(reference) == Yen(150)
    assert open_sum(reference) == 0


def test_m8_two_reductions_wait_for_both_decisions(hanako: Resident) -> None:
    reference = ask(hanako, "club", "hosted")
    decide(reference, "club")
    assert booking(reference).held_until == booking(reference).starts_at
    decide(reference, "hosted", grant=False, reason="市の催しではありません")
    assert booking(reference).held_until < booking(reference).starts_at or open_sum(reference) == 150
    assert open_sum(reference) == 150


# -- M7 -------------------------------------------------------------------------------------------------------------


def rows_of(cheaper: int) -> list[dict[str, Any]]:
    amounts = {"am": 300 + cheaper, "pm": 400, "night": 400 - cheaper}
    return [
        {"id": f"room-{slot}", "match": {"tariffs": ["room"], "slots": [slot]}, "amount": amount, "label": slot}
        for slot, amount in amounts.items()
    ]


def correct(reference: str, run: str = "R8-1") -> BookingAdjustment | None:
    with unit_of_work() as session:
        return correcting.correct_one(
            session, reference, run=run, ground="令和8年11月25日決裁 別表の訂正", actor=SYSTEM, now=clock.now()
        )


def test_m7_a_wrong_table_found_later_moves_each_difference_in_its_year_and_rewrites_nothing(
    hanako: Resident, stranger: Resident
) -> None:
    """One is charged further, one refunded, one unchanged; uses of two fiscal years are summed apart; a second run moves nothing."""
    change_rules(
        "room", windows=[{"opens": {"kind": "days_before", "days": 300}, "closes": {"kind": "days_before", "days": 1}}]
    )
    this_year, next_year = FRIDAY, date(2027, 4, 2)
    more = hanako.book(ROOM, "am", this_year)
    same = hanako.book(ROOM, "pm", this_year)
    less = hanako.book(ROOM, "night", next_year)
    gone = stranger.book(ROOM, "night", this_year)
    stranger.cancel(gone, stranger.refund(gone))
    receipts = {one: charge_of(one) for one in (more, less)}
    change_rules("room", "fees", rows=rows_of(60))
    with unit_of_work() as session:
        found = correcting.plan(session, "room")
        assert correcting.tables_in_question(session) == ["room"]
    assert [(one.reference, one.fiscal_year, one.difference) for one in found] == [
        (more, 2026, 60),
        (less, 2027, -60),
    ]
    years = [
        (year.year, year.count, year.charged.amount > 0, year.refunded.amount > 0) for year in correcting.by_year(found)
    ]
    assert years == [(2026, 1, True, False), (2027, 1, False, True)]
    for reference in (more, same, less, gone):
        correct(reference)
        correct(reference)
    assert open_sum(more) == 60
    assert refunds(less) == [("not_owed", 60)]
    assert refunds(more) == []
    for reference, before in receipts.items():
        after = charge_of(reference)
        assert before is not None
        assert after is not None
        assert (after.receipt_ref, after.total) == (before.receipt_ref, before.total)
        assert booking(reference).total == before.total
    with unit_of_work() as session:
        assert correcting.plan(session, "room") == []


def test_m7_a_later_table_is_no_correction_of_bookings_made_before_it(hanako: Resident) -> None:
    reference = hanako.book(ROOM, "am", FRIDAY)
    change_rules("room", "fees", valid_from=date(2026, 12, 1), rows=rows_of(60))
    with unit_of_work() as session:
        assert correcting.plan(session, "room") == []
    assert correct(reference) is None


def test_m7_a_version_that_says_it_corrects_holds_from_its_own_day(hanako: Resident) -> None:
    reference = hanako.book(ROOM, "am", FRIDAY)
    hanako.book(ROOM, "am", date(2026, 12, 1))
    change_rules("room", "fees", valid_from=date(2026, 12, 3), corrects=True, rows=rows_of(60))
    with unit_of_work() as session:
        assert [one.reference for one in correcting.plan(session, "room")] == [reference]
