"""The desk: who came, how many, what was lent; sheets before the day, the month's report, use and income."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from payments import queries as payment_queries
from portal.accounts.models import Person, Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.files import StoredFile
from portal.kernel.money import Yen
from portal.kernel.text import fold
from reservations.desk import ages, overtime, queries, services, sheets, statistics
from reservations.desk.errors import NotExpected, NotHereYet, UntrueTime
from reservations.desk.jobs import evening_sheets
from reservations.desk.models import BookingUse, CheckInBy, DaySheet
from reservations.desk.overtime import NoOvertimeFee
from reservations.errors import WrongState
from reservations.services import after_use
from tests import people
from tests.people import make_staff, post, sign_in
from tests.reservations.conftest import FRIDAY, MANAGER, Resident, booking, pay

HERE = frozenset({"S05"})
NINE = datetime(2026, 12, 4, 0, 0, tzinfo=clock.TOKYO) + timedelta(hours=9)

Move = Callable[[Any], Any]


def came(reference: str, at: datetime | None = None, *, facilities: frozenset[str] = HERE) -> BookingUse:
    with unit_of_work() as session:
        now = clock.now()
        by = CheckInBy.LIST if at is None else CheckInBy.PAPER
        return services.check_in(
            session, reference, facilities=facilities, by=by, came_at=at or now, actor=MANAGER, now=now
        )


def charged(reference: str) -> Yen:
    with unit_of_work() as session:
        return overtime.charge(session, reference, facilities=HERE, actor=MANAGER, now=clock.now())


def used(reference: str, left: datetime | None, **users: int) -> BookingUse:
    with unit_of_work() as session:
        return services.record_use(
            session, reference, facilities=HERE, left_at=left, users=users, remark="", actor=MANAGER, now=clock.now()
        )


def test_whoever_came_is_no_no_show_and_coming_late_takes_one_back(hanako: Resident, clock_at: Move) -> None:
    def no_show(reference: str) -> None:
        with unit_of_work() as session:
            after_use.no_show(session, reference, came=False, facilities=HERE, actor=MANAGER, now=clock.now())

    first, second = hanako.book("S05-01", "t0900"), hanako.book("S05-01", "t1100")
    clock_at("2026-12-04T09:10:00+09:00")
    came(first)
    with pytest.raises(WrongState):
        no_show(first)
    clock_at("2026-12-04T11:30:00+09:00")
    no_show(second)
    assert booking(second).no_show_at is not None
    came(second)
    assert booking(second).no_show_at is None


def test_who_came_is_entered_once_and_what_stays_is_the_first(hanako: Resident, clock_at: Move) -> None:
    reference = hanako.book("S05-01", "t0900")
    clock_at("2026-12-04T08:55:00+09:00")
    first = came(reference)
    clock_at("2026-12-04T09:30:00+09:00")
    assert came(reference).came_at == first.came_at
    assert (first.came_by, first.came_at) == ("list", NINE - timedelta(minutes=5))


def test_b14_paper_is_entered_afterwards_with_its_true_time(hanako: Resident, clock_at: Move) -> None:
    reference = hanako.book("S05-01", "t0900")
    clock_at("2026-12-06T12:00:00+09:00")
    entered = came(reference, NINE)
    assert (entered.came_at, entered.came_by) == (NINE, "paper")
    assert entered.entered_at == clock.now(), "both times are on record"
    assert used(reference, NINE + timedelta(hours=2), adult=3).users == {"adult": 3}


@pytest.mark.parametrize(
    "at",
    [NINE - timedelta(hours=4), NINE + timedelta(days=1), NINE - timedelta(days=7), NINE + timedelta(hours=40)],
    ids=["too early", "after the end", "a week before", "in the future"],
)
def test_a_time_that_cannot_be_is_refused(hanako: Resident, clock_at: Move, at: datetime) -> None:
    reference = hanako.book("S05-01", "t0900")
    clock_at("2026-12-05T20:00:00+09:00")
    with pytest.raises(UntrueTime):
        came(reference, at)
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(BookingUse)) == 0


def test_a_cancelled_booking_is_not_expected_and_another_facility_finds_nothing(
    hanako: Resident, clock_at: Move
) -> None:
    reference = hanako.book("S05-01", "t0900")
    with pytest.raises(NotFound):
        came(reference, facilities=frozenset({"S01"}))
    total = booking(reference).total
    hanako.cancel(reference, total or Yen(0))
    clock_at("2026-12-04T09:00:00+09:00")
    with pytest.raises(NotExpected):
        came(reference)


def test_overtime_is_the_minutes_beyond_the_end(hanako: Resident, clock_at: Move) -> None:
    reference = hanako.book("S05-01", "t0900")
    ends = booking(reference).ends_at
    clock_at("2026-12-04T20:00:00+09:00")
    with pytest.raises(NotHereYet):
        used(reference, None, adult=1)
    came(reference, NINE)
    assert used(reference, ends, adult=2).overtime == 0
    assert used(reference, ends + timedelta(minutes=35, seconds=59), adult=2).overtime == 35
    with pytest.raises(UntrueTime):
        used(reference, NINE - timedelta(minutes=1), adult=2)
    with pytest.raises(ValueError, match="martian"):
        used(reference, None, martian=1)


def test_what_was_lent_is_out_until_it_comes_back(hanako: Resident, clock_at: Move) -> None:
    reference = hanako.book("S05-01", "t0900")
    clock_at("2026-12-04T09:00:00+09:00")
    came(reference)
    with unit_of_work() as session:
        thing = services.lend(session, reference, facilities=HERE, what="鍵 3番", actor=MANAGER, now=clock.now())
    with unit_of_work() as session:
        [line] = queries.day(session, HERE, FRIDAY)
        assert [one.what for one in line.out] == ["鍵 3番"]
        with pytest.raises(NotFound):
            services.take_back(session, thing.id, facilities={"S01"}, actor=MANAGER, now=clock.now())
    for _ in range(2):
        with unit_of_work() as session:
            services.take_back(session, thing.id, facilities=HERE, actor=MANAGER, now=clock.now())
    with unit_of_work() as session:
        [line] = queries.day(session, HERE, FRIDAY)
        assert (line.out, len(line.lent)) == ((), 1)


def test_b14_tomorrows_sheets_are_there_the_evening_before(
    hanako: Resident, clock_at: Move, run_jobs: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hanako.book("S05-01", "t0900")
    clock_at("2026-12-03T17:30:00+09:00")
    monkeypatch.setattr(sheets, "wanted", lambda _session: ["S05"])
    for _ in range(2):
        evening_sheets(0)
        run_jobs()
    with unit_of_work() as session:
        [made] = session.scalars(select(DaySheet))
        assert (made.day, made.bookings) == (FRIDAY, 1)
        [stored] = session.scalars(select(StoredFile).where(StoredFile.kind == sheets.KIND))
        assert (stored.id, stored.content[:5]) == (made.file_id, b"%PDF-")
        assert sheets.forget(session, now=clock.now() + timedelta(days=61)) == 0
        assert sheets.forget(session, now=clock.now() + timedelta(days=64)) == 1
        assert session.scalar(select(func.count()).where(StoredFile.kind == sheets.KIND)) == 0


def test_every_facility_that_can_be_booked_has_a_sheet(koga: str) -> None:
    with unit_of_work() as session:
        assert len(sheets.wanted(session)) == 71


def test_b15_users_are_reported_by_age_each_month(hanako: Resident, clock_at: Move) -> None:
    first, second = hanako.book("S05-01", "t0900"), hanako.book("S05-01", "t1100")
    clock_at("2026-12-04T20:00:00+09:00")
    for reference in (first, second):
        came(reference, booking(reference).starts_at)
    used(first, None, adult=2, senior=1)
    used(second, None, adult=1)
    with unit_of_work() as session:
        [line] = queries.users_of_month(session, HERE, date(2026, 12, 1))
        assert (line.bookings, line.came, line.total) == (2, 2, 4)
        assert {age: count for age, count in line.users.items() if count} == {"adult": 3, "senior": 1}
        assert tuple(line.users) == ages.AGES
        assert queries.users_of_month(session, HERE, date(2026, 11, 1)) == []
        assert queries.users_of_month(session, {"S01"}, date(2026, 12, 1)) == []


def test_use_and_income_of_a_period(hanako: Resident, stranger: Resident) -> None:
    kept, gone = hanako.book("S05-01", "t0900"), hanako.book("S05-01", "t1100")
    total = booking(kept).total
    hanako.cancel(gone, booking(gone).total or Yen(0))
    with unit_of_work() as session:
        found = statistics.statistics(session, HERE, FRIDAY, FRIDAY)
    [space] = [line for line in found.by_space if line.booked]
    minutes = int((booking(kept).ends_at - booking(kept).starts_at).total_seconds() // 60)
    assert space.booked == minutes
    assert space.percent == round(100 * minutes / space.offered, 1)
    assert sum(line.booked for line in found.by_part) == minutes
    assert sum(line.offered for line in found.by_part) == sum(line.offered for line in found.by_space)
    assert total is not None
    assert (found.yen, sum(line.yen for line in found.income_by_category)) == (total.amount, total.amount)
    assert sum(line.yen for line in found.income_by_part) == total.amount
    assert {line.label for line in found.income_by_category} <= {"市内の方", "市外の方"}, "names, not codes"
    with unit_of_work() as session:
        for first, last in ((FRIDAY, FRIDAY - timedelta(days=1)), (FRIDAY, FRIDAY + timedelta(days=366))):
            with pytest.raises(ValueError, match="period"):
                statistics.statistics(session, HERE, first, last)


def test_the_manager_checks_in_on_the_page_finds_by_permit_and_takes_the_csv(
    hanako: Resident, client: FlaskClient, clock_at: Move, run_jobs: Callable[[], None]
) -> None:
    reference = hanako.book("S05-01", "t0900")
    run_jobs()
    clock_at("2026-12-04T09:10:00+09:00")
    sign_in(client, make_staff("facility_manager", "S05"))
    page = client.get("/staff/desk", follow_redirects=True)
    assert "古河 はなこ" in page.text
    wrong = post(client, f"/staff/desk/bookings/{reference}/came", {"at": "25:99"})
    assert wrong.status_code == 422
    assert post(client, f"/staff/desk/bookings/{reference}/came", {"at": "9:05"}).status_code == 303
    found = post(client, "/staff/desk/find", {"words": booking(reference).permit_code or ""})
    assert found.headers["Location"].endswith(f"/staff/desk/bookings/{reference}?by=code")
    with unit_of_work() as session:
        person = session.get_one(Person, hanako.person_id)
        person.search, person.phone = fold("古河 はなこ"), "0280-00-0000"
    for words in ("古河", "ハナコ", "０２８０－００", reference.lower()):
        assert "はなこ" in post(client, "/staff/desk/find", {"words": words}, follow_redirects=True).text, words
    assert post(client, "/staff/desk/find", {"words": "%"}).status_code == 404
    saved = post(client, f"/staff/desk/bookings/{reference}", {"adult": "２", "senior": "1", "remark": "=SUM(1)"})
    assert saved.status_code == 303
    many = post(client, f"/staff/desk/bookings/{reference}", {"adult": "-1"})
    assert many.status_code == 422
    table = client.get("/staff/desk/report?month=2026-12&format=csv&for=machine").data.decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(table))
    assert (row["adult"], row["senior"], row["users"]) == ("2", "1", "3")
    people = client.get("/staff/desk/report?month=2026-12&format=csv").data.decode("utf-8")
    assert people.startswith("\ufeff施設,部屋・コート,予約,来た予約,"), "Excel shows people words, not identifiers"
    rates = client.get("/staff/desk/statistics?first=2026-12-01&last=2026-12-31&format=csv").data.decode("utf-8-sig")
    read = list(csv.DictReader(io.StringIO(rates)))
    assert {row["集計"] for row in read} >= {"場所ごとの使われた割合", "時間ごとの収入"}
    assert "午前" in {row["場所・時間・区分"] for row in read}
    named = client.get("/staff/desk/statistics?first=2026-12-01&last=2026-12-31&format=csv&for=machine").data.decode()
    assert "rate_by_space," in named
    assert named.startswith("\ufefffigure,label,")
    assert "<svg" in client.get("/staff/desk/statistics?first=2026-12-01&last=2026-12-31").text
    assert client.get("/staff/desk/statistics?first=2026-12-31&last=2026-12-01").status_code == 422
    assert client.get("/staff/desk/report?month=2026-13").status_code == 404


def test_a_manager_of_another_facility_finds_nothing_at_the_desk(
    hanako: Resident, client: FlaskClient, run_jobs: Callable[[], None]
) -> None:
    reference = hanako.book("S05-01", "t0900")
    sign_in(client, make_staff("facility_manager", "S01"))
    assert client.get(f"/staff/desk/bookings/{reference}").status_code == 404
    assert post(client, f"/staff/desk/bookings/{reference}/came").status_code == 404
    assert "はなこ" not in client.get(f"/staff/desk/{FRIDAY}").text
    assert post(client, "/staff/desk/find", {"words": "古河"}).status_code == 404
    assert client.get(f"/staff/desk/sheets/S05/{FRIDAY}.pdf").status_code == 404


def test_overtime_is_charged_once_by_the_fee_table_of_the_booking(hanako: Resident, clock_at: Move) -> None:
    reference = hanako.book("S05-01", "t0900")
    total = booking(reference).total
    assert total is not None
    ends = booking(reference).ends_at
    clock_at("2026-12-04T20:00:00+09:00")
    came(reference, NINE)
    with pytest.raises(NoOvertimeFee):
        charged(reference)
    used(reference, ends + timedelta(minutes=70), adult=2)
    # 平日 600円、1時間ごとに5割: two begun hours (portal/cities/koga/reservations/fees.yaml, 見本).
    assert [charged(reference), charged(reference)] == [Yen(600), Yen(0)]
    with unit_of_work() as session:
        use = session.get_one(BookingUse, booking(reference).id)
        [open_charge] = payment_queries.open_charges(session, "booking", reference)
        assert open_charge[0] == use.overtime_charge
        assert payment_queries.charge(session, use.overtime_charge or "").total == Yen(600)
    used(reference, ends + timedelta(minutes=200), adult=2)
    assert booking(reference).total == total, "what was accepted stays as it was"


def test_overtime_beyond_the_table_is_not_charged(hanako: Resident, clock_at: Move) -> None:
    reference = hanako.book("S05-01", "t0900")
    clock_at("2026-12-04T20:00:00+09:00")
    came(reference, NINE)
    used(reference, booking(reference).ends_at + timedelta(minutes=121), adult=2)
    with pytest.raises(NoOvertimeFee):
        charged(reference)


def test_the_qr_code_of_a_permit_leads_its_facilitys_staff_to_the_check_in_and_it_is_kept_how(
    koga: str, client: FlaskClient, hanako: Resident
) -> None:
    reference = hanako.book("S05-01", "t0900")
    code = booking(reference).permit_code
    guest = client.get(f"/permits/{code}").text
    assert "受付をする" in guest
    assert "サインインして" in guest
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    assert "受付をする" not in client.get(f"/permits/{code}").text
    assert client.get(f"/staff/desk/permits/{code}").status_code == 404
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    assert f"/staff/desk/permits/{code}" in client.get(f"/permits/{code}").text
    led = client.get(f"/staff/desk/permits/{code}")
    assert people.location(led) == f"/staff/desk/bookings/{reference}?by=qr"
    clock.move_to(booking(reference).starts_at)
    page = client.get(people.location(led)).text
    assert 'name="by" value="qr"' in page
    assert people.post(client, f"/staff/desk/bookings/{reference}/came", {"by": "qr"}).status_code == 303
    with unit_of_work() as session:
        assert session.scalars(select(BookingUse.came_by)).one() == "qr"
    assert "QRコード" in client.get(f"/staff/desk/bookings/{reference}").text


def test_a_permits_number_that_is_typed_is_kept_as_the_way_of_the_check_in(
    koga: str, client: FlaskClient, hanako: Resident
) -> None:
    reference = hanako.book("S05-01", "t0900")
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    found = people.post(client, "/staff/desk/find", {"words": booking(reference).permit_code})
    assert people.location(found) == f"/staff/desk/bookings/{reference}?by=code"
    assert people.location(people.post(client, "/staff/desk/find", {"words": reference})).endswith(reference)
    clock.move_to(booking(reference).starts_at)
    assert people.post(client, f"/staff/desk/bookings/{reference}/came", {"by": "nonsense"}).status_code == 303
    with unit_of_work() as session:
        assert session.scalars(select(BookingUse.came_by)).one() == "list"


def test_a_booking_over_two_bands_counts_in_each_by_its_share(hanako: Resident) -> None:
    reference = hanako.hold("S05-01", "t1100", FRIDAY, "t1300")
    details = hanako.details(reference)
    hanako.accept(reference, details, hanako.say(reference, details).digest)
    pay(reference)
    total = booking(reference).total
    assert total is not None
    with unit_of_work() as session:
        found = statistics.statistics(session, HERE, FRIDAY, FRIDAY)
    assert [(one.label, one.booked) for one in found.by_band if one.booked] == [
        ("11:00〜13:00", 120),
        ("13:00〜15:00", 120),
    ]
    assert [one.yen for one in found.income_by_band] == [total.amount // 2, total.amount - total.amount // 2]
    assert {one.label: one.bookings for one in found.income_by_part} == {"morning": 1, "afternoon": 1}
    assert sum(one.yen for one in found.income_by_part) == found.yen == total.amount
    assert [one.label for one in found.by_band] == sorted(
        (one.label for one in found.by_band), key=lambda x: int(x.split(":")[0])
    )
    [category] = found.by_category
    assert (category.label, category.booked) == ("市内の方", 240)
    assert category.offered == sum(one.offered for one in found.by_space)


@pytest.mark.parametrize(
    ("yen", "minutes", "parts"), [(1000, [60, 120], [333, 667]), (0, [60], [0]), (100, [1, 1, 1], [33, 33, 34])]
)
def test_shares_make_the_whole(yen: int, minutes: list[int], parts: list[int]) -> None:
    assert statistics.shares(yen, minutes) == parts


@pytest.mark.parametrize(
    ("band", "label"),
    [
        (statistics.Band(540, 660, "09:00〜11:00"), "9:00〜11:00"),
        (statistics.Band(540, 720, "午前"), "午前 9:00〜12:00"),
        (statistics.Band(1020, 1440, ""), "17:00〜24:00"),
        (statistics.Band(1020, 1980, "泊まり"), "泊まり 17:00〜翌9:00"),
    ],
)
def test_a_band_is_called_by_its_name_and_times_once(band: statistics.Band, label: str) -> None:
    assert band.label == label
