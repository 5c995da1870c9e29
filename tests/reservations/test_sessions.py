"""Individual use: several people share a court, each with a place of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.kernel import clock
from portal.kernel import database as kernel_database
from portal.kernel.audit import Actor
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from reservations.errors import NoSuchSlot, NotBookable, SessionFull, SlotTaken
from reservations.models import BookingState
from reservations.operations import closing, sessions
from reservations.operations.closing import ClosureRequest
from reservations.operations.models import ClosureKind
from reservations.operations.sessions import Opened, OpenRequest
from tests.people import location, make_resident, make_staff, post, sign_in
from tests.reservations.conftest import FRIDAY, MANAGER, Resident, booking, charge_of, pay
from tests.reservations.test_closing import at

COURT = "S01-92"


def open_court(
    places: int = 2, *, space: str = COURT, slot: str = "t0900", facilities: set[str] | None = None
) -> Opened:
    with unit_of_work() as session:
        return sessions.open_sessions(
            session,
            OpenRequest(space, ((FRIDAY, slot),), places),
            facilities=facilities or {"S01"},
            actor=MANAGER,
            now=clock.now(),
        )


def join(who: Resident, reference: str) -> str:
    with unit_of_work() as session:
        return sessions.join(
            session, reference, person_id=who.person_id, account_id=who.account_id, actor=who.actor, now=clock.now()
        )


def test_b5_three_people_share_a_court_up_to_its_places(hanako: Resident, stranger: Resident) -> None:
    (opened,) = open_court(3).sessions
    jiro = Resident("古河 次郎", "jiro@example.com")
    fourth = Resident("古河 四郎", "shiro@example.com")
    joined = [join(who, opened.reference) for who in (hanako, stranger, jiro)]
    with unit_of_work() as session:
        assert [sessions.place_of(session, booking(one).id) for one in joined] == [1, 2, 3]
    with pytest.raises(SessionFull):
        join(fourth, opened.reference)


def test_b5_a_place_is_paid_and_cancelled_like_any_booking(
    hanako: Resident, stranger: Resident, run_jobs: Callable[[], None]
) -> None:
    (opened,) = open_court(1).sessions
    reference = join(hanako, opened.reference)
    with pytest.raises(NotBookable) as refused:
        hanako.say(reference, hanako.details(reference, people=2))
    assert refused.value.limit == 1
    details = hanako.details(reference, people=1)
    quote = hanako.say(reference, details)
    hanako.accept(reference, details, quote.digest)
    pay(reference)
    assert booking(reference).state == BookingState.CONFIRMED
    clock.move_to(booking(reference).held_until)
    with pytest.raises(SessionFull):
        join(stranger, opened.reference)
    hanako.cancel(reference, quote.total)
    assert join(stranger, opened.reference)


def test_a_place_that_was_only_held_is_free_again_by_its_own_time(hanako: Resident, stranger: Resident) -> None:
    (opened,) = open_court(1).sessions
    reference = join(hanako, opened.reference)
    with pytest.raises(SessionFull):
        join(stranger, opened.reference)
    clock.move_to(booking(reference).held_until)
    assert join(stranger, opened.reference)


def test_a_session_takes_the_court_and_is_opened_only_where_it_is_free(hanako: Resident) -> None:
    open_court()
    with pytest.raises(SlotTaken):
        hanako.hold(COURT, "t0900")
    with pytest.raises(SlotTaken):
        hanako.hold("S01-90", "t0900")
    hanako.hold("S01-93", "t1100")
    again = open_court(space="S01-90", slot="t1100")
    assert again.sessions == ()
    assert again.taken == ((FRIDAY, "t1100"),)


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"slot": "t0930"}, NoSuchSlot),
        ({"facilities": {"S05"}}, NotFound),
    ],
)
def test_a_wrong_session_is_refused(koga: str, wanted: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        open_court(**wanted)  # type: ignore[arg-type]


def test_nobody_joins_a_session_that_has_begun(hanako: Resident) -> None:
    (opened,) = open_court().sessions
    clock.move_to(opened.starts_at)
    with pytest.raises(NotBookable):
        join(hanako, opened.reference)


def test_a_closure_ends_a_session_and_every_place_in_it(hanako: Resident, run_jobs: Callable[[], None]) -> None:
    (opened,) = open_court().sessions
    reference = join(hanako, opened.reference)
    with unit_of_work() as session:
        closure = closing.close(
            session,
            ClosureRequest(ClosureKind.CLOSED, ("S01-01",), at(8), at(22), "床の修理のため"),
            facilities={"S01"},
            actor=MANAGER,
            now=clock.now(),
        )
    assert closure.hits == 1
    assert booking(reference).state == BookingState.CANCELLED
    assert charge_of(reference) is None
    with pytest.raises(NotFound):
        join(hanako, opened.reference)


def test_twelve_people_at_once_and_eight_places(koga: str, session: Session) -> None:
    kernel_database.configure(koga, pool_size=12)
    (opened,) = open_court(8).sessions
    with unit_of_work() as own:
        rows = [{"name": f"住民{n}", "kana": "", "city": "古河市"} for n in range(12)]
        people = list(own.scalars(insert(Person).returning(Person.id), rows))

    def attempt(person: int) -> bool:
        try:
            transact(
                lambda s: sessions.join(
                    s,
                    opened.reference,
                    person_id=person,
                    account_id=None,
                    actor=Actor(None, "resident"),
                    now=clock.now(),
                )
            )
        except SessionFull:
            return False
        return True

    with ThreadPoolExecutor(12) as crowd:
        outcomes = list(crowd.map(attempt, people))
    assert outcomes.count(True) == 8
    places = session.scalars(text("SELECT place FROM session_place ORDER BY place")).all()
    assert places == list(range(1, 9))


def test_the_day_page_shows_what_is_left_and_takes_a_place(client: FlaskClient, koga: str) -> None:
    (opened,) = open_court(1).sessions
    sign_in(client, make_resident())
    page = client.get(f"/facilities/S01/day/{FRIDAY}").text
    assert "1人まで、残り1人" in page
    answer = post(client, f"/sessions/{opened.reference}/places")
    assert answer.status_code == 303
    mine = client.get(location(answer)).text
    assert "予約の内容" in mine
    assert "1番(1人分)" in mine
    assert "20人まで" not in mine
    full = post(client, f"/sessions/{opened.reference}/places")
    assert full.status_code == 409
    assert "いっぱいです" in full.text


def test_a_manager_opens_individual_use_every_week_on_the_page_and_somebody_takes_a_place(
    client: FlaskClient, koga: str, stranger: Resident
) -> None:
    """Two lanes of one pool hour; the week in which somebody has the court is named and left alone."""
    stranger.hold(COURT, "t0900", FRIDAY + timedelta(weeks=1))
    sign_in(client, make_staff("facility_manager", "S01"))
    assert "/staff/individual-use" in client.get("/staff/bookings").text
    address = f"/staff/individual-use?space={COURT}&day={FRIDAY}"
    page = client.get(address).text
    assert 'value="t0900"' in page
    asked = {"space": COURT, "day": FRIDAY.isoformat(), "slot": ["t0900"], "places": "2", "tariff": "half"}
    for wrong in ({"slot": []}, {"places": "0"}, {"tariff": ""}, {"until": "2026-11-30"}):
        assert post(client, "/staff/individual-use", {**asked, **wrong}).status_code == 422
    assert post(client, "/staff/individual-use", {**asked, "space": "S05-01"}).status_code == 404
    answer = post(client, "/staff/individual-use", {**asked, "until": "2026-12-18"})
    assert answer.status_code == 200
    assert "2回分を開きました" in answer.text
    assert "2026年12月11日" in answer.text
    assert "2人まで、0人が予約" in client.get(address).text
    sign_in(client, make_resident())
    day = client.get(f"/facilities/S01/day/{FRIDAY}").text
    assert "2人まで、残り2人" in day
