"""Closures: who is hit, what they are told, what goes back; rain, a shelter, a need of the city."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.money import Yen
from portal.notices.models import Notice
from reservations import services
from reservations.errors import BadPeriod, GroundMissing, InUse, ListChanged, ReasonMissing, SlotTaken
from reservations.models import BookingState
from reservations.operations import closing
from reservations.operations.closing import ClosureRequest
from reservations.operations.models import Closure, ClosureHit, ClosureKind
from reservations.services import HoldRequest
from reservations.timetable import TOKYO
from tests.conftest import Mailbox
from tests.people import make_resident, sign_in
from tests.reservations.conftest import FRIDAY, MANAGER, SATURDAY, Resident, booking, change_rules, charge_of

FIELDS = ("S05-01", "S08-01")
GROUND = "見本条例第9条第1項第3号(公益上やむを得ない必要が生じたとき)"


def at(hour: int, day: datetime | None = None) -> datetime:
    return datetime(FRIDAY.year, FRIDAY.month, FRIDAY.day, hour, tzinfo=TOKYO) if day is None else day


def request(kind: ClosureKind = ClosureKind.CLOSED, spaces: tuple[str, ...] = FIELDS, **more: object) -> ClosureRequest:
    values = {"start": at(0), "end": at(0) + timedelta(days=1), "reason": "芝の手入れのため", **more}
    return ClosureRequest(kind, spaces, **values)  # type: ignore[arg-type]


def close(wanted: ClosureRequest, facilities: set[str] | None = None, expected: int | None = None) -> Closure:
    with unit_of_work() as session:
        return closing.close(
            session, wanted, facilities=facilities or {"S05", "S08"}, expected=expected, actor=MANAGER, now=clock.now()
        )


def test_a_closure_ends_what_stands_in_it_tells_each_once_and_gives_all_back(
    hanako: Resident, stranger: Resident, run_jobs: Callable[[], None], mailbox: Mailbox, session: Session
) -> None:
    paid = hanako.book("S05-01", "t0900")
    held = stranger.hold("S08-01", "t0900")
    other_day = hanako.book("S05-01", "t0900", SATURDAY)
    closure = close(request())
    assert closure.hits == 2
    assert {booking(paid).state, booking(held).state} == {BookingState.CANCELLED}
    assert booking(other_day).state == BookingState.CONFIRMED
    run_jobs()
    charge = charge_of(paid)
    assert charge is not None
    assert charge.refunded == charge.total > Yen(0)
    (mail,) = [m for m in mailbox.to("hanako@example.com") if "使えなくなりました" in m["Subject"]]
    text = plain(mail)
    assert "芝の手入れのため" in text
    [attached] = mail.iter_attachments()
    [event] = Calendar.from_ical(attached.get_payload(decode=True)).walk("VEVENT")
    assert (str(event["uid"]).partition("@")[0], str(event["status"])) == (paid, "CANCELLED"), "it leaves the calendar"
    assert "全額お返しします" in text
    assert f"/bookings/{paid}/other-times" in text
    assert (
        session.scalar(select(func.count()).select_from(Notice).where(Notice.key.like("reservations.closure:%"))) == 2
    )
    assert session.scalars(select(ClosureHit).where(ClosureHit.settled_at.is_(None))).all() == []


@pytest.mark.parametrize(("kind", "percent"), [(ClosureKind.CLOSED, 50), (ClosureKind.WEATHER, 0)])
def test_a_closure_gives_back_what_the_rules_of_the_facility_say(
    hanako: Resident,
    stranger: Resident,
    run_jobs: Callable[[], None],
    mailbox: Mailbox,
    session: Session,
    kind: ClosureKind,
    percent: int,
) -> None:
    change_rules("sports", cancellation={"ground": "見本", "called_off": {"facility": 50, "weather": 0}})
    paid, other = hanako.book("S05-01", "t0900"), stranger.book("S05-01", "t1100", paid=False)
    with unit_of_work() as work:
        hits = closing.preview(work, request(kind), facilities={"S05", "S08"}, now=clock.now())
        shown = closing.refunds(work, kind, hits)
    total = booking(paid).total
    assert total is not None
    wanted = Yen(total.amount * percent // 100)
    assert shown[booking(paid).id].amount == wanted
    closure = close(request(kind))
    run_jobs()
    charge = charge_of(paid)
    assert charge is not None
    assert charge.refunded == wanted
    unpaid = charge_of(other)
    assert unpaid is None or not unpaid.waits
    hit = session.get_one(ClosureHit, (closure.id, booking(paid).id))
    assert hit.owed == wanted
    (mail,) = [m for m in mailbox.to("hanako@example.com") if "使えなくなりました" in m["Subject"]]
    text = plain(mail)
    assert "全額" not in text
    assert (f"{wanted.amount:,}円(50%)をお返しします" in text) if percent else ("料金は返りません" in text)


def test_nobody_books_into_a_closure_until_it_is_reopened(hanako: Resident, run_jobs: Callable[[], None]) -> None:
    closure = close(request())
    with pytest.raises(SlotTaken):
        hanako.hold("S05-01", "t0900")
    with unit_of_work() as session:
        closing.reopen(session, closure.reference, facilities={"S05", "S08"}, actor=MANAGER, now=clock.now())
    assert hanako.hold("S05-01", "t0900")


def test_the_money_job_may_run_twice(hanako: Resident, run_jobs: Callable[[], None]) -> None:
    from reservations import jobs

    paid = hanako.book("S05-01", "t0900")
    closure = close(request())
    run_jobs()
    jobs.settle_closure(closure.id)
    charge = charge_of(paid)
    assert charge is not None
    assert len(charge.refunds) == 1


def test_the_list_that_was_shown_is_the_list_that_is_called_off(hanako: Resident) -> None:
    with unit_of_work() as session:
        assert closing.preview(session, request(), facilities={"S05", "S08"}, now=clock.now()) == []
    hanako.hold("S05-01", "t0900")
    with pytest.raises(ListChanged):
        close(request(), expected=0)
    with unit_of_work() as session:
        (hit,) = closing.preview(session, request(), facilities={"S05", "S08"}, now=clock.now())
    assert hit.person == "古河 はなこ"
    assert close(request(), expected=1).hits == 1


def plain(mail: EmailMessage) -> str:
    """What a person reads."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (request(end=at(0) - timedelta(days=20), start=at(0) - timedelta(days=21)), BadPeriod),
        (request(end=at(0)), BadPeriod),
        (request(end=None), BadPeriod),
        (request(reason="  "), ReasonMissing),
        (request(spaces=("S01-01",)), NotFound),
        (request(spaces=("S08-99",)), NotFound),
    ],
)
def test_a_wrong_closure_is_refused_and_nothing_ends(hanako: Resident, wanted: ClosureRequest, error: type) -> None:
    held = hanako.hold("S05-01", "t0900")
    with pytest.raises(error):
        close(wanted)
    assert booking(held).state == BookingState.HELD


def test_b6_a_shelter_has_no_end_refunds_in_full_and_reopening_revives_nothing(
    hanako: Resident, run_jobs: Callable[[], None], clock_at: Callable[[str], datetime]
) -> None:
    soon, later = hanako.book("S01-92", "t0900"), hanako.book("S01-92", "t1100", SATURDAY)
    clock_at("2026-12-03 23:00")
    wanted = ClosureRequest(ClosureKind.SHELTER, ("S01-01",), clock.now(), None, "避難所を開くため")
    closure = close(wanted, {"S01"})
    assert closure.ends_at is None
    assert closure.hits == 2
    run_jobs()
    for reference in (soon, later):
        charge = charge_of(reference)
        assert charge is not None
        assert charge.refunded == charge.total
        assert booking(reference).changes == 0
    with pytest.raises(SlotTaken):
        hanako.hold("S01-92", "t0900", SATURDAY)
    clock_at("2026-12-04 08:00")
    with unit_of_work() as session:
        closing.reopen(session, closure.reference, facilities={"S01"}, actor=MANAGER, now=clock.now())
    assert booking(later).state == BookingState.CANCELLED
    # Neither caps nor the limit for holds that were let go count what the city took away.
    assert [hanako.hold("S01-92", "t1100", SATURDAY), hanako.hold("S01-93", "t1100", SATURDAY)]


def test_b12_rain_at_seven_calls_off_all_fields_at_once(
    hanako: Resident,
    stranger: Resident,
    run_jobs: Callable[[], None],
    mailbox: Mailbox,
    clock_at: Callable[[str], datetime],
) -> None:
    first, second = hanako.book("S05-01", "t0900"), stranger.book("S08-01", "t1500")
    clock_at("2026-12-04 07:00")
    with unit_of_work() as session:
        codes = closing.outdoor_spaces(session, {"S05", "S08", "S12"})
    assert {"S05-01", "S08-01", "S12-01"} <= set(codes)
    wanted = ClosureRequest(
        ClosureKind.WEATHER, tuple(codes), clock.now(), at(0) + timedelta(days=1), "雨でグラウンドが使えないため"
    )
    closure = close(wanted, {"S05", "S08", "S12"})
    assert closure.hits == 2
    run_jobs()
    for reference, who in ((first, "hanako@example.com"), (second, "stranger@example.com")):
        assert booking(reference).state == BookingState.CANCELLED
        assert booking(reference).reason == "雨でグラウンドが使えないため"
        charge = charge_of(reference)
        assert charge is not None
        assert charge.refunded == charge.total
        assert [m for m in mailbox.to(who) if "中止しました" in plain(m)]


def test_b13_a_permit_is_revoked_only_on_a_named_ground_with_remedies_and_refund(
    hanako: Resident, run_jobs: Callable[[], None], mailbox: Mailbox
) -> None:
    paid = hanako.book("C16-01", "night", purpose="chorus")
    wanted = ClosureRequest(ClosureKind.REVOCATION, ("C16-01",), at(0), at(0) + timedelta(days=1), "市の式典で使うため")
    for ground in ("", "市長がそう思うとき"):
        with pytest.raises(GroundMissing) as refused:
            close(ClosureRequest(**{**wanted.__dict__, "ground": ground}), {"C16"})
        assert refused.value.grounds == (GROUND,)
    assert booking(paid).state != BookingState.CANCELLED
    closure = close(ClosureRequest(**{**wanted.__dict__, "ground": GROUND}), {"C16"})
    assert closure.hits == 1
    run_jobs()
    charge = charge_of(paid)
    assert charge is not None
    assert charge.refunded == charge.total
    (mail,) = [m for m in mailbox.to("hanako@example.com") if "使えなくなりました" in m["Subject"]]
    text = plain(mail)
    assert GROUND in text
    assert "審査請求" in text
    assert "被告" in text


def test_the_city_books_what_is_free_and_takes_nothing_from_anybody(hanako: Resident) -> None:
    held = hanako.hold("S01-92", "t0900")
    wanted = ClosureRequest(ClosureKind.CITY, ("S01-01",), at(9), at(11), "市の検診")
    with pytest.raises(InUse) as refused:
        close(wanted, {"S01"})
    assert refused.value.references == (held,)
    assert booking(held).state == BookingState.HELD
    close(ClosureRequest(**{**wanted.__dict__, "start": at(11), "end": at(13)}), {"S01"})
    with pytest.raises(SlotTaken):
        hanako.hold("S01-95", "t1100")


def test_two_closures_may_overlap_and_each_ends_by_itself(hanako: Resident) -> None:
    first = close(request())
    close(request(start=at(12), end=at(12) + timedelta(days=2)))
    with unit_of_work() as session:
        closing.reopen(session, first.reference, facilities={"S05", "S08"}, actor=MANAGER, now=clock.now())
    assert hanako.hold("S05-01", "t0900")
    with pytest.raises(SlotTaken):
        hanako.hold("S05-01", "t0900", SATURDAY)


def test_who_is_hit_sees_other_times_that_are_really_free(client: FlaskClient, koga: str) -> None:
    account = make_resident()
    assert account.person_id is not None
    with unit_of_work() as session:
        request_ = HoldRequest(account.person_id, account.id, "S05-01", FRIDAY, "t0900")
        reference = services.hold(session, request_, actor=MANAGER, now=clock.now())
    close(request())
    sign_in(client, account)
    page = client.get(f"/bookings/{reference}/other-times")
    assert page.status_code == 200
    assert page.text.count('name="slot"') == 3
    assert client.get("/bookings/B-0000-0000-0/other-times").status_code == 404
