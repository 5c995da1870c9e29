"""The pages without script: find, hold, see the price, get refused, decide."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from portal.kernel import clock
from portal.kernel.database import engine, unit_of_work
from reservations.models import BookingState, Space
from tests import people
from tests.reservations.conftest import Resident, booking, change_rules, pay

FRIDAY = "2026-12-04"


def token(html: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', html)
    assert found
    return found[1]


def sign_in(client: FlaskClient, account: object) -> FlaskClient:
    people.sign_in(client, account)
    return client


@pytest.fixture
def resident(koga: str, client: FlaskClient) -> FlaskClient:
    """はなこ, signed in."""
    return sign_in(client, people.make_resident())


def hold(client: FlaskClient, space: str = "S05-01", slot: str = "t0900", day: str = FRIDAY) -> tuple[int, str]:
    """Tap a slot; status and where it leads, or the page."""
    page = client.get(f"/facilities/{space[:3]}/day/{day}")
    answer = client.post(
        f"/spaces/{space}/hold", data={"csrf_token": token(page.text), "date": day, "slot": slot, "purpose": "tennis"}
    )
    return answer.status_code, answer.headers.get("Location", answer.text)


def test_districts_are_called_by_their_english_names_in_english(koga: str, client: FlaskClient) -> None:
    found = client.get(f"/facilities?purpose=badminton&date={FRIDAY}&lang=en", headers={"Accept-Language": "en"})
    assert '<option value="総和">Sowa</option>' in found.text
    assert "Sowa district" in found.text
    assert "総和 district" not in found.text
    assert "Sowa" in client.get("/facilities/S01").text


def test_everybody_finds_a_purpose_and_its_free_slots(koga: str, client: FlaskClient) -> None:
    start = client.get("/facilities")
    assert start.status_code == 200
    assert "バドミントン" in start.text
    found = client.get(f"/facilities?purpose=badminton&date={FRIDAY}")
    assert found.status_code == 200
    assert "中央運動公園総合体育館" in found.text
    assert "イーエスはなもも体育館" in found.text
    assert "空きがあります" in found.text
    assert "見本" in found.text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("date=2027-02-29", "ありません"),
        ("date=令和元年13月1日", "ありません"),
        ("date=2026-11-01", "今日からあと"),
        ("date=2099-01-01", "先すぎます"),
        ("date=<script>", "日付として読めません"),
    ],
)
def test_a_wrong_date_is_told_beside_its_field_and_kept(
    koga: str, client: FlaskClient, query: str, message: str
) -> None:
    answer = client.get(f"/facilities?purpose=badminton&{query}")
    assert answer.status_code == 422
    assert message in answer.text
    assert "<script>" not in answer.text.replace('<script src="', "")


def test_dates_of_every_usual_kind_are_read(koga: str, client: FlaskClient) -> None:
    assert client.get("/facilities?purpose=badminton&date=令和８年１２月４日").status_code == 200


def test_the_month_shows_marks_with_words(koga: str, client: FlaskClient) -> None:
    page = client.get("/facilities/S01?month=2026-12")
    assert page.status_code == 200
    assert "空きがあります" in page.text
    assert "月曜日の休み" in page.text
    assert "年末年始の休み" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/facilities/X99",
        "/facilities/S01?month=2026-13",
        "/facilities/S01/day/2027-02-29",
        "/facilities/S01?month=1999-01",
    ],
)
def test_what_does_not_exist_is_not_found(koga: str, client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", [f"/facilities?purpose=badminton&date={FRIDAY}", "/facilities/S01", f"/facilities/S01/day/{FRIDAY}"]
)
def test_a_page_of_slots_takes_few_statements(koga: str, client: FlaskClient, path: str) -> None:
    client.get(path)
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine(), "before_cursor_execute", count)
    try:
        assert client.get(path).status_code == 200
    finally:
        event.remove(engine(), "before_cursor_execute", count)
    assert len(statements) <= 6, statements


def test_somebody_not_signed_in_comes_back_to_the_slot(koga: str, client: FlaskClient) -> None:
    page = client.get(f"/facilities/S05/day/{FRIDAY}")
    assert f"/spaces/S05-01/hold/{FRIDAY}/t0900" in page.text
    answer = client.get(f"/spaces/S05-01/hold/{FRIDAY}/t0900")
    assert answer.status_code == 303
    assert "hold" in answer.headers["Location"]


def test_one_tap_holds_the_slot_and_shows_price_and_time(resident: FlaskClient) -> None:
    status, where = hold(resident)
    assert status == 303
    page = resident.get(where)
    assert "10:15 まで、取ってあります" in page.text
    assert "600円" in page.text
    assert "1面 2時間 平日" in page.text
    assert "見本" in page.text


def test_more_time_can_be_had(resident: FlaskClient, clock_at: Callable[[str], datetime]) -> None:
    _status, where = hold(resident)
    clock_at("2026-11-25 10:10")
    page = resident.get(where)
    assert resident.post(f"{where}/extend", data={"csrf_token": token(page.text)}).status_code == 303
    assert "10:25 まで" in resident.get(where).text


def test_a_slot_that_is_gone_gives_three_real_alternatives(resident: FlaskClient, app: Flask) -> None:
    other = Resident("先 着子", "first@example.jp")
    other.hold("S01-92", "t0900")
    page = resident.get(f"/facilities/S01/day/{FRIDAY}")
    answer = resident.post(
        "/spaces/S01-92/hold", data={"csrf_token": token(page.text), "date": FRIDAY, "slot": "t0900"}
    )
    assert answer.status_code == 409
    assert "ほかの人が 11月25日 10:15 まで取っています" in answer.text
    assert answer.text.count('class="slot slot--free"') == 3
    taken = re.findall(
        r'action="/spaces/([^/]+)/hold".*?name="date" value="([^"]+)".*?name="slot" value="([^"]+)"',
        answer.text,
        re.DOTALL,
    )
    assert ("S01-92", FRIDAY, "t0900") not in taken
    space, day, slot = taken[0]
    again = resident.post(f"/spaces/{space}/hold", data={"csrf_token": token(answer.text), "date": day, "slot": slot})
    assert again.status_code == 303


@pytest.mark.parametrize(
    ("space", "slot", "day", "status", "message"),
    [
        ("S05-01", "t0900", "2026-11-25", 422, "この時間は 11月25日 9:00 に始まりました"),
        ("S05-01", "t0900", "2027-02-26", 422, "11月26日 9:00 から予約できます"),
        ("C02-01", "pm", "2026-11-25", 422, "受付は 11月24日 24:00 に終わりました"),
        ("S05-01", "t1000", "2026-12-04", 422, "その時間はありません"),
        ("S05-01", "t0900", "2026-12-07", 422, "月曜日の休み"),
        ("C16-04", "am", "2026-12-04", 404, "オンラインでは予約できません"),
        ("S05-99", "t0900", "2026-12-04", 404, "オンラインでは予約できません"),
        ("S05-01", "t0900", "2027-02-29", 422, "その日付はありません"),
        ("S05-01", "'; DROP TABLE booking; --", "2026-12-04", 422, "その時間はありません"),
    ],
)
def test_a_refusal_says_which_rule_and_until_when(
    resident: FlaskClient, space: str, slot: str, day: str, status: int, message: str
) -> None:
    page = resident.get("/my")
    answer = resident.post(
        f"/spaces/{space}/hold", data={"csrf_token": token(page.text), "date": day, "slot": slot, "purpose": "tennis"}
    )
    assert answer.status_code == status
    assert message in answer.text


def test_a_forged_price_is_shown_again_and_nothing_is_owed(resident: FlaskClient) -> None:
    _status, where = hold(resident)
    page = resident.get(where)
    purpose = re.search(r'<option[^>]*value="(\d+)"', page.text)
    assert purpose
    data = {
        "csrf_token": token(page.text),
        "purpose": purpose[1],
        "people": "４",
        "accepted": "0" * 16,
        "action": "accept",
    }
    answer = resident.post(where, data=data)
    assert answer.status_code == 409
    assert "金額が変わりました" in answer.text
    assert booking(where.rsplit("/", 1)[1]).accepted_at is None


@pytest.mark.parametrize(
    ("people_", "message"),
    [("", "入力してください"), ("0", "1以上"), ("九", "数字で"), ("9", "8人まで"), ("-3", "1以上")],
)
def test_wrong_details_are_told_and_kept(resident: FlaskClient, people_: str, message: str) -> None:
    _status, where = hold(resident)
    page = resident.get(where)
    purpose = re.search(r'<option[^>]*value="(\d+)"', page.text)
    assert purpose
    data = {
        "csrf_token": token(page.text),
        "purpose": purpose[1],
        "people": people_,
        "accepted": "",
        "action": "compute",
    }
    answer = resident.post(where, data=data)
    assert answer.status_code == 422
    assert message in answer.text
    assert "入力を直すところがあります" in answer.text


def test_other_peoples_bookings_do_not_exist(resident: FlaskClient) -> None:
    other = Resident("別 人", "other@example.jp")
    reference = other.hold("S05-01", "t0900")
    for path in (f"/bookings/{reference}", f"/bookings/{reference}/cancel", f"/bookings/{reference}/permit.pdf"):
        assert resident.get(path).status_code == 404
    page = resident.get("/my")
    data = {
        "csrf_token": token(page.text),
        "expected": "0",
        "purpose": "1",
        "people": "2",
        "accepted": "x",
        "action": "accept",
    }
    for path in ("", "/extend", "/release", "/cancel"):
        assert resident.post(f"/bookings/{reference}{path}", data=data).status_code == 404
    assert booking(reference).state == BookingState.HELD


def test_a_stale_token_books_nothing(resident: FlaskClient) -> None:
    answer = resident.post("/spaces/S05-01/hold", data={"csrf_token": "stale", "date": FRIDAY, "slot": "t0900"})
    assert answer.status_code == 400


def test_a_refund_is_shown_before_it_is_given(resident: FlaskClient, clock_at: Callable[[str], datetime]) -> None:
    _status, where = hold(resident)
    reference = where.rsplit("/", 1)[1]
    page = resident.get(where)
    purpose = re.search(r'<option[^>]*value="(\d+)"', page.text)
    digest = re.search(r'name="accepted"[^>]*value="(\w+)"', page.text)
    assert purpose
    assert digest
    data = {
        "csrf_token": token(page.text),
        "purpose": purpose[1],
        "people": "4",
        "accepted": digest[1],
        "action": "accept",
    }
    paid = resident.post(where, data=data)
    assert paid.status_code == 303
    assert "/pay/" in paid.headers["Location"]
    pay(reference)
    clock_at("2026-11-30 12:00")
    shown = resident.get(f"{where}/cancel")
    assert "300円" in shown.text
    assert "50%" in shown.text
    forged = resident.post(f"{where}/cancel", data={"csrf_token": token(shown.text), "expected": "600"})
    assert forged.status_code == 409
    done = resident.post(f"{where}/cancel", data={"csrf_token": token(shown.text), "expected": "300"})
    assert done.status_code == 303
    assert "取り消しました" in resident.get(where).text


def test_a_manager_sees_and_decides_only_their_own_facility(
    koga: str, app: Flask, run_jobs: Callable[[], None]
) -> None:
    hanako = Resident("古河 はなこ", "hanako@example.com")
    from datetime import date

    reference = hanako.book("S01-01", "t0900", date(2026, 12, 18), people=100, purpose="volleyball")
    manager = sign_in(app.test_client(), people.make_staff("facility_manager", "S01"))
    other = sign_in(app.test_client(), people.make_staff("facility_manager", "S02", email="other@example.jp"))
    assert reference not in other.get("/staff/bookings").text
    assert other.get(f"/staff/bookings/{reference}").status_code == 404
    page = manager.get(f"/staff/bookings/{reference}")
    assert page.status_code == 200
    assert "古河 はなこ" in page.text
    data = {"csrf_token": token(page.text), "decision": "approve", "reason": ""}
    stolen = other.post(
        f"/staff/bookings/{reference}", data={**data, "csrf_token": token(other.get("/staff/bookings").text)}
    )
    assert stolen.status_code == 404
    assert booking(reference).state == BookingState.REQUESTED
    empty = manager.post(f"/staff/bookings/{reference}", data={**data, "decision": "refuse"})
    assert "error-summary" in empty.text  # beside the field, on the same page
    assert empty.status_code == 422
    assert manager.post(f"/staff/bookings/{reference}", data=data).status_code == 303
    run_jobs()
    code = booking(reference).permit_code
    verified = app.test_client().get(f"/permits/{code}")
    assert "有効です" in verified.text
    assert "はなこ" not in verified.text
    assert "古河 はなこ" in manager.get("/staff/bookings/sheet/2026-12-18").text


def test_residents_and_other_staff_do_not_enter_the_managers_pages(resident: FlaskClient, app: Flask) -> None:
    assert resident.get("/staff/bookings").status_code == 403
    clerk = sign_in(app.test_client(), people.make_staff("counter"))
    assert clerk.get("/staff/bookings").status_code == 403


def test_the_pages_are_there_in_english(koga: str, client: FlaskClient) -> None:
    page = client.get(f"/facilities/S01/day/{FRIDAY}?lang=en", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert clock.now()


def test_a_tap_takes_four_statements_and_no_job(resident: FlaskClient) -> None:
    hold(resident)
    page = resident.get(f"/facilities/S05/day/{FRIDAY}")
    data = {"csrf_token": token(page.text), "date": FRIDAY, "slot": "t1100"}
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine(), "before_cursor_execute", count)
    try:
        assert resident.post("/spaces/S05-01/hold", data=data).status_code == 303
    finally:
        event.remove(engine(), "before_cursor_execute", count)
    own = [text for text in statements if "person" in text or "occupancy" in text]
    assert sum("INSERT" in text for text in own) == 1
    assert not any("procrastinate" in text for text in statements)


def test_somebody_without_a_name_enters_it_before_anything_is_owed(koga: str, client: FlaskClient) -> None:
    sign_in(client, people.make_resident(email="new@example.jp", facts=None))
    _status, where = hold(client)
    page = client.get(where)
    assert "先に、名前と住所を登録してください" in page.text
    purpose = re.search(r'<option[^>]*value="(\d+)"', page.text)
    digest = re.search(r'name="accepted"[^>]*value="(\w+)"', page.text)
    assert purpose
    assert digest
    data = {
        "csrf_token": token(page.text),
        "purpose": purpose[1],
        "people": "4",
        "accepted": digest[1],
        "action": "accept",
    }
    assert client.post(where, data=data).status_code == 422
    assert booking(where.rsplit("/", 1)[1]).accepted_at is None


def test_more_time_for_a_slot_that_somebody_else_has_by_now_gives_alternatives(
    resident: FlaskClient, clock_at: Callable[[str], datetime]
) -> None:
    _status, where = hold(resident)
    page = resident.get(where)
    clock_at("2026-11-25 10:16")
    Resident("先 着子", "first@example.jp").hold("S05-01", "t0900")
    answer = resident.post(f"{where}/extend", data={"csrf_token": token(page.text)})
    assert answer.status_code == 409
    assert "ほかの人が 11月25日 10:31 まで取っています" in answer.text
    assert answer.text.count('class="slot slot--free"') == 3


def test_what_stands_against_a_slot_is_said_before_the_tap(resident: FlaskClient, hanako: Resident) -> None:
    other = Resident("先 着子", "first@example.jp")
    other.book("S05-01", "t0900")
    gone = resident.get(f"/spaces/S05-01/hold/{FRIDAY}/t0900")
    assert (gone.status_code, "ほかの人が先に予約しました" in gone.text) == (409, True)
    assert gone.text.count('class="slot slot--free"') == 3
    early = resident.get("/spaces/S05-01/hold/2027-09-17/t0900")
    assert early.status_code == 422
    assert "15分のあいだ取っておく" not in early.text
    _status, where = hold(resident, slot="t1100")
    own = resident.get(f"/spaces/S05-01/hold/{FRIDAY}/t1100")
    assert (own.status_code, own.headers["Location"]) == (303, where)


def test_the_slot_is_shown_with_time_and_price_before_it_is_held(resident: FlaskClient) -> None:
    page = resident.get(f"/spaces/S05-01/hold/{FRIDAY}/t0900")
    assert "2026年12月4日(金) 9:00〜11:00" in page.text
    assert "600円" in page.text
    unknown = resident.get(f"/spaces/S05-01/hold/{FRIDAY}/t0930")
    assert unknown.status_code == 422
    assert "その時間はありません" in unknown.text


def test_a_fee_for_cancelling_is_shown_before_it_is_owed_and_says_until_when_afterwards(
    resident: FlaskClient, clock_at: Callable[[str], datetime]
) -> None:
    with unit_of_work() as session:
        code = session.scalars(select(Space.policy_code).where(Space.code == "S05-01")).one()
        assert code
    steps = [{"days_before": 7, "percent": 100}, {"days_before": 3, "percent": 50}]
    cancellation = {"steps": steps, "unpaid_owes": True, "ground": "見本"}
    change_rules(code, payment=[{"when": "on_day"}], cancellation=cancellation)
    _status, where = hold(resident)
    page = resident.get(where)
    purpose = re.search(r'<option[^>]*value="(\d+)"', page.text)
    digest = re.search(r'name="accepted"[^>]*value="(\w+)"', page.text)
    assert purpose
    assert digest
    said = {"purpose": purpose[1], "people": "4", "accepted": digest[1], "action": "accept"}
    assert resident.post(where, data={"csrf_token": token(page.text), **said}).status_code == 303
    clock_at("2026-11-30 12:00")
    shown = resident.get(f"{where}/cancel")
    assert "取消しの料金" in shown.text
    assert "300円" in shown.text
    unseen = resident.post(f"{where}/cancel", data={"csrf_token": token(shown.text), "expected": "0"})
    assert unseen.status_code == 409
    for forged in ("-300", "abc", "9" * 30):
        data = {"csrf_token": token(shown.text), "expected": "0", "owed": forged}
        assert resident.post(f"{where}/cancel", data=data).status_code == 422
    done = resident.post(f"{where}/cancel", data={"csrf_token": token(shown.text), "expected": "0", "owed": "300"})
    assert done.status_code == 303
    after = resident.get(where)
    assert "取消しの料金 300円 を、2026年12月14日" in after.text
    assert "/pay/" in after.text
