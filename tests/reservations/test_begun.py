"""A walk-in while the time runs, and what was on paper entered afterwards (CASES B14): staff only, some days back, the rules hold."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from payments.models import Charge, DrawerMove, Payment, Refund
from portal.accounts.models import Person, Role
from portal.kernel import clock, jobs
from portal.kernel import database as kernel_database
from portal.kernel.audit import AuditEntry
from portal.kernel.database import transact, unit_of_work
from reservations import services
from reservations.desk import behalf, queries
from reservations.desk.behalf import Paper, Who
from reservations.desk.models import BookingUse, CheckInBy
from reservations.errors import NoSuchSlot, NotBookable, SlotTaken, WrongState
from reservations.models import BookingEvent, BookingState, Occupancy, Source
from reservations.policy.caps import Fault
from reservations.queries import bookings
from reservations.rules import Applicant, Refused, Tie
from reservations.services import HoldRequest, standing
from reservations.services.standing import Standing
from reservations.timetable import TOKYO, Slot
from tests import people
from tests.reservations.conftest import CLERK, FRIDAY, Resident, booking, change_rules
from tests.reservations.test_behalf import WHO
from tests.reservations.test_rules import policy

ICHIRO = Who("紙 一郎", "カミ イチロウ", "0280-11-3333", "茨城県", "古河市", None)
Move = Callable[[str], datetime]


@pytest.fixture
def manager(koga: str, client: FlaskClient) -> FlaskClient:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    return client


def enter(slot: str = "t0900", day: date = FRIDAY, *, space: str = "S05-01", person_id: int | None = None) -> str:
    with unit_of_work() as session:
        return behalf.hold_for(
            session,
            ICHIRO,
            person_id=person_id,
            space=space,
            day=day,
            slots=(slot,),
            source=Source.COUNTER,
            facilities=["S05", "S01"],
            actor=CLERK,
            now=clock.now(),
        )


def refusal(slot: str, day: date) -> Refused:
    with pytest.raises(NotBookable) as refused:
        enter(slot, day)
    return refused.value.reason


def test_the_time_that_runs_is_given_to_a_walk_in_and_what_is_over_is_from_paper(koga: str, clock_at: Move) -> None:
    clock_at("2026-12-04 10:00")
    assert booking(enter("t0900")).source == Source.WALK_IN, "9:00 to 11:00 runs"
    assert booking(enter("t1300")).source == Source.COUNTER, "what is to come is as it was"
    clock_at("2026-12-05 08:00")
    assert booking(enter("t1100")).source == Source.PAPER


def test_residents_are_refused_as_before_whatever_they_send(hanako: Resident, clock_at: Move) -> None:
    clock_at("2026-12-04 10:00")
    for day, reason in ((FRIDAY, Refused.PAST), (FRIDAY - timedelta(days=1), Refused.DAY_OVER)):
        with pytest.raises(NotBookable) as refused:
            hanako.hold("S05-01", "t0900", day)
        assert refused.value.reason is reason


def test_paper_is_entered_so_many_days_back_as_the_rules_of_use_say(koga: str, clock_at: Move) -> None:
    clock_at("2026-12-11 20:00")
    assert booking(enter("t0900")).source == Source.PAPER, "seven days, until the end of the seventh"
    clock_at("2026-12-12 00:00")
    assert refusal("t1100", FRIDAY) is Refused.TOO_LONG_AGO
    change_rules("sports", entered_days=8)
    assert booking(enter("t1100")).source == Source.PAPER


def test_the_unit_has_to_be_free_and_closed_days_are_told(hanako: Resident, clock_at: Move) -> None:
    hanako.book("S05-01", "t0900")
    clock_at("2026-12-04 10:00")
    with pytest.raises(SlotTaken):
        enter("t0900")
    clock_at("2027-01-02 09:00")
    with pytest.raises(NoSuchSlot) as closed:
        enter("t0900", date(2026, 12, 31))
    assert closed.value.closed


def test_other_facilities_and_their_managers_are_kept_apart(koga: str, clock_at: Move) -> None:
    clock_at("2026-12-04 12:00")
    reference = enter("t0900")
    paper = Paper(datetime(2026, 12, 4, 9, tzinfo=TOKYO), None, "停電")
    with pytest.raises(behalf.NotFound), unit_of_work() as session:
        behalf.keep_paper(session, reference, paper, facilities=["S02"])
    with pytest.raises(behalf.NotFound), unit_of_work() as session:
        behalf.strike(session, reference, facilities=["S02"], actor=CLERK, now=clock.now())


def said(client: FlaskClient, where: str, **more: str) -> dict[str, str]:
    page = client.get(where).text
    digest = re.search(r'name="accepted"[^>]*value="([^"]+)"', page)
    purpose = re.search(r'<option(?: selected)? value="(\d+)"', page) or re.search(
        r'name="purpose"[^>]*value="(\d+)"', page
    )
    assert digest
    assert purpose
    return {"purpose": purpose[1], "people": "3", "accepted": digest[1], "action": "accept", **more}


PAPER = {"came": "9:05", "left": "10:50", "why": "停電のため"}


def hold_past(client: FlaskClient, slot: str = "t0900") -> str:
    typed = {**WHO, "slot": slot, "source": "paper"}
    made = people.post(client, "/staff/desk/book", typed)
    assert made.status_code == 303, made.text
    return people.location(made)


def test_what_was_on_paper_is_entered_with_its_true_times_and_the_cash_counts_today(
    manager: FlaskClient, koga: str, clock_at: Move
) -> None:
    now = clock_at("2026-12-06 08:30")
    page = manager.get("/staff/desk/book?space=S05-01&day=2026-12-04").text
    assert "終わった時間(紙から入れる)" in page
    assert "紙に書いたもの" in page
    where = hold_past(manager)
    reference = where.rsplit("/", 1)[-1]
    missing = people.post(manager, where, said(manager, where))
    assert missing.status_code == 422, "the times and the reason are needed"
    assert "紙に書いたわけ" in missing.text
    untrue = people.post(manager, where, said(manager, where, **{**PAPER, "came": "11:30"}))
    assert untrue.status_code == 422
    assert "本当の時刻" in untrue.text
    assert booking(reference).state == BookingState.HELD, "nothing is half entered"
    computed = people.post(manager, where, said(manager, where, **{**PAPER, "action": "compute"}))
    assert computed.status_code == 303
    kept = manager.get(where).text
    assert "停電のため" in kept
    assert "9:05" in kept
    assert people.post(manager, where, said(manager, where, **PAPER)).status_code == 303
    done = booking(reference)
    assert (done.state, done.source, done.people, done.pay_when) == (
        BookingState.CONFIRMED,
        Source.PAPER,
        3,
        "after_use",
    )
    assert done.permit_code is None, "there is nothing to permit any more"
    with unit_of_work() as session:
        use = session.get_one(BookingUse, done.id)
        assert (use.came_by, use.note, use.entered_at) == (CheckInBy.PAPER, "停電のため", now)
        assert (clock.local(use.came_at).time().isoformat("minutes"), use.overtime) == ("09:05", 0)
        charge = session.scalars(select(Charge).where(Charge.payable_ref == reference)).one()
        kinds = list(session.scalars(select(BookingEvent.kind).where(BookingEvent.booking_id == done.id)))
        assert kinds == ["held", "accepted", "entered", "came", "used"]
        audited = list(session.scalars(select(AuditEntry.action).where(AuditEntry.subject_ref == reference)))
        assert {"booking.held", "booking.entered", "booking.came"} <= set(audited)
    assert "今日の引き出しと今日の日計に入ります" in manager.get(where).text
    assert people.post(manager, f"/staff/desk/bookings/{reference}/cash", {"received": "1000"}).status_code == 303
    with unit_of_work() as session:
        payment = session.scalars(select(Payment).where(Payment.charge_id == charge.id)).one()
        assert payment.paid_at == now, "money counts on the day on which it goes into the drawer"
        assert session.scalar(select(func.count()).select_from(DrawerMove).where(DrawerMove.payment_id == payment.id))
    jobs.run_pending(koga)
    assert booking(reference).permit_file_id is None
    for page in (manager.get("/staff/desk/2026-12-04").text, manager.get("/staff/bookings/sheet/2026-12-04").text):
        assert "あとから入れた(紙)" in page


def test_a_walk_in_is_let_in_at_once_and_owes_the_price(manager: FlaskClient, koga: str, clock_at: Move) -> None:
    now = clock_at("2026-12-04 10:00")
    page = manager.get("/staff/desk/book?space=S05-01&day=2026-12-04").text
    assert "いまの時間" in page
    where = people.location(people.post(manager, "/staff/desk/book", {**WHO, "source": "counter"}))
    reference = where.rsplit("/", 1)[-1]
    assert people.post(manager, where, said(manager, where)).status_code == 303
    done = booking(reference)
    assert (done.state, done.source, done.pay_when) == (BookingState.CONFIRMED, Source.WALK_IN, "on_day")
    with unit_of_work() as session:
        assert session.get_one(BookingUse, done.id).came_at == now
    assert "支払う金額: 600円" in manager.get(where).text
    jobs.run_pending(koga)
    assert booking(reference).permit_file_id is not None, "who uses it now gets the permit"
    assert "予約なしで来た" in manager.get("/staff/desk/2026-12-04").text


def test_where_two_have_to_permit_a_walk_in_waits_for_the_second(koga: str, clock_at: Move) -> None:
    change_rules("sports", approval="two_steps")
    clock_at("2026-12-04 10:00")
    reference = enter()
    with unit_of_work() as session:
        view = bookings.of_facilities(session, reference, ["S05"])
        assert view
        details = services.Details(2, view.purposes[0].id)
        made = behalf.accept_begun(
            session,
            reference,
            details,
            accepted=view.quote.digest,
            paper=None,
            facilities=["S05"],
            actor=CLERK,
            now=clock.now(),
        )
        assert (made.state, made.reviewed_at) == (BookingState.REQUESTED, clock.now())
        assert session.get(BookingUse, made.id) is None


def test_the_price_is_by_the_table_of_the_day_of_use(koga: str, clock_at: Move) -> None:
    clock_at("2026-12-06 08:30")
    before = booking(enter("t0900")).fees_id
    change_rules("court", kind="fees", valid_from="2026-12-05")
    assert booking(enter("t1100")).fees_id == before, "a table of the day after changes nothing"
    now = change_rules("court", kind="fees", valid_from="2026-12-04")
    assert booking(enter("t1300")).fees_id == now


def test_what_was_entered_by_mistake_is_taken_out_and_the_money_goes_back(
    manager: FlaskClient, koga: str, clock_at: Move
) -> None:
    clock_at("2026-12-06 08:30")
    where = hold_past(manager)
    reference = where.rsplit("/", 1)[-1]
    people.post(manager, where, said(manager, where, **PAPER))
    people.post(manager, f"/staff/desk/bookings/{reference}/cash", {"received": "1000"})
    assert "この記録を消す" in manager.get(where).text
    for _twice in range(2):
        assert people.post(manager, f"{where}/strike").status_code == 303
    assert booking(reference).state == BookingState.CANCELLED
    with unit_of_work() as session:
        assert [one.amount.amount for one in session.scalars(select(Refund))] == [600]
        assert queries.day(session, ["S05"], FRIDAY) == []
    again = enter(person_id=booking(reference).person_id)
    assert again != reference, "the time can be entered anew, for whoever it was"


def test_a_booking_that_was_made_before_is_not_struck(hanako: Resident, clock_at: Move) -> None:
    reference = hanako.book("S05-01", "t0900")
    clock_at("2026-12-04 12:00")
    with pytest.raises(WrongState), unit_of_work() as session:
        behalf.strike(session, reference, facilities=["S05"], actor=CLERK, now=clock.now())


def test_a_person_does_not_accept_for_themselves_what_staff_enter_from_paper(hanako: Resident, clock_at: Move) -> None:
    clock_at("2026-12-04 12:00")
    reference = enter(person_id=hanako.person_id)
    details = hanako.details(reference)
    quote = hanako.say(reference, details)
    with pytest.raises(WrongState):
        hanako.accept(reference, details, quote.digest)


BEGAN = datetime(2026, 12, 4, 9, tzinfo=TOKYO)
SLOT = Slot(BEGAN, BEGAN + timedelta(hours=2), "t0900", "")


@given(
    late=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=40)),
    back=st.integers(0, 30),
    faults=st.lists(st.timedeltas(timedelta(days=-20), timedelta(days=20)), max_size=3),
)
def test_only_the_distance_in_days_refuses_later_what_was_right_at_its_beginning(
    late: timedelta, back: int, faults: list[timedelta]
) -> None:
    """What happens after the beginning (faults, a changed day) makes no use untrue; a day too many refuses every one."""
    rules = policy(entered_days=back, penalty={"limit": 1, "no_show": 1, "block_days": 30})
    known = Standing(
        Applicant((Tie("lives", "古河市"),), None, None),
        (),
        tuple(Fault(BEGAN + one, no_show=True) for one in faults),
        unpaid_before=False,
        held=0,
        lapsed=0,
        house_held=0,
        house_lapsed=0,
    )
    now = BEGAN + late
    where = ("gym", "S01", "S01-01")
    too_late = now >= SLOT.end and now.date() > BEGAN.date() + timedelta(days=back)
    blocked = any(one <= timedelta(0) for one in faults)
    if not too_late and not blocked:
        category = standing.check_begun(rules, known, [SLOT], where=where, now=now)
        assert category == rules.category("古河市").code
        return
    with pytest.raises(NotBookable) as refused:
        standing.check_begun(rules, known, [SLOT], where=where, now=now)
    assert refused.value.reason is (Refused.TOO_LONG_AGO if too_late else Refused.SUSPENDED)


def test_two_desks_enter_the_same_paper_at_once_and_one_of_them_has_it(koga: str, clock_at: Move) -> None:
    clock_at("2026-12-05 08:00")
    kernel_database.configure(koga, pool_size=8)
    slots = ["t0900", "t1100", "t1300"]
    with unit_of_work() as session:
        folk = [Person(name=f"紙{n}", kana="", city="古河市") for n in range(8)]
        session.add_all(folk)
        session.flush()
        ids = [one.id for one in folk]
    out: Counter[tuple[str, str]] = Counter()
    barrier, lock = threading.Barrier(8), threading.Lock()
    now = clock.now()

    def attempt(person: int) -> None:
        for slot in slots:
            barrier.wait(timeout=30)
            request = HoldRequest(person, None, "S05-01", FRIDAY, slot, source=Source.COUNTER, begun=True)
            try:
                transact(lambda s, r=request: services.hold(s, r, actor=CLERK, now=now))  # type: ignore[misc]
                result = "had"
            except SlotTaken:
                result = "taken"
            with lock:
                out[slot, result] += 1

    threads = [threading.Thread(target=attempt, args=(one,)) for one in ids]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert out == Counter({(slot, what): n for slot in slots for what, n in (("had", 1), ("taken", 7))})
    with unit_of_work() as session:
        overlaps = text(
            "SELECT count(*) FROM occupancy a JOIN occupancy b ON a.unit_id = b.unit_id AND a.id < b.id"
            " AND a.during && b.during AND a.live && b.live"
        )
        assert session.scalar(overlaps) == 0
        assert session.scalar(select(func.count()).select_from(Occupancy)) == len(slots)
