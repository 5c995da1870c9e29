"""A closure is read where people look: on the week board with its reason, before it is made, on the page of a booking that it ended."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from portal.accounts.models import Account, Role, RoleGrant, ScopeKind
from portal.kernel import clock, texts
from portal.kernel.database import unit_of_work
from reservations.desk import sheets
from reservations.operations.models import Closure
from tests import people
from tests.reservations.conftest import FRIDAY, Resident, booking, change_rules

GROUND = "見本条例第9条第1項第3号(公益上やむを得ない必要が生じたとき)"
SHUT = {
    "kind": "closed",
    "spaces": ["S01-92"],
    "first": FRIDAY.isoformat(),
    "starts": "",
    "last": "",
    "ends": "",
    "reason": "床の張り替え",
    "reason_en": "New floor",
    "ground": "",
}


@pytest.fixture
def manager(koga: str, client: FlaskClient) -> FlaskClient:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    return client


def _cell(client: FlaskClient, space: str, day: str = FRIDAY.isoformat()) -> str:
    page = client.get(f"/staff/board/S01/{FRIDAY.isoformat()}").text
    found = re.search(rf'<td data-space="{space}" data-day="{day}">(.*?)</td>', page, re.DOTALL)
    assert found
    return found[1]


def test_the_board_says_what_is_closed_and_why_for_every_space_that_shares_the_floor(manager: FlaskClient) -> None:
    people.post(manager, "/staff/closures", {**SHUT, "expected": "0"})
    for space in ("S01-92", "S01-90", "S01-01"):
        cell = _cell(manager, space)
        assert "休み" in cell
        assert "床の張り替え" in cell
        assert "空き 0 / 6" in cell
        assert cell.count("床の張り替え") == 1, "once, however many units it takes"
    assert "床の張り替え" not in _cell(manager, "S01-93")
    assert "床の張り替え" not in _cell(manager, "S01-92", "2026-12-05")


def test_part_of_a_day_says_from_when_until_when_and_an_opening_takes_it_off(manager: FlaskClient) -> None:
    part = {**SHUT, "kind": "city", "reason": "市の講習会", "starts": "13:00", "ends": "15:00", "expected": "0"}
    people.post(manager, "/staff/closures", part)
    cell = _cell(manager, "S01-92")
    assert "市が使う" in cell
    assert "13:00〜15:00" in cell
    with unit_of_work() as session:
        reference = session.scalars(select(Closure.reference)).one()
    people.post(manager, f"/staff/closures/{reference}/reopen")
    assert "市の講習会" not in _cell(manager, "S01-92")


def test_what_is_about_to_be_closed_is_said_beside_who_is_hit(manager: FlaskClient) -> None:
    shown = people.post(manager, "/staff/closures", SHUT).text
    said = shown[: shown.index('id="hits"')]
    for words in ("工事・点検・臨時の休み", "バドミントン1コート", "2026年12月4日(金) 24:00 まで", "床の張り替え"):
        assert words in said


def test_b13_the_page_of_a_revoked_booking_names_the_ground_the_remedies_and_other_times_first(
    manager: FlaskClient, hanako: Resident
) -> None:
    reference = hanako.book("S01-92", "t0900")
    revoked = {**SHUT, "kind": "revocation", "reason": "投票所にするため", "ground": GROUND, "expected": "1"}
    assert people.post(manager, "/staff/closures", revoked).status_code == 303
    assert booking(reference).state == "cancelled"
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(manager, account)
    page = manager.get(f"/bookings/{reference}").text
    for words in ("施設が取り消しました", "投票所にするため", GROUND, "古河市長に審査請求", "裁判所に取消しの訴え"):
        assert words in page
    others = f"/bookings/{reference}/other-times"
    assert page.count(others) == 1
    assert page.index(others) < page.index("予約番号"), "what can be done comes before the facts"
    assert "New floor" in manager.get(f"/bookings/{reference}?lang=en").text


def test_who_cancels_by_themselves_reads_no_ground(client: FlaskClient, hanako: Resident) -> None:
    reference = hanako.book("S01-92", "t0900")
    hanako.cancel(reference, hanako.refund(reference))
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(client, account)
    page = client.get(f"/bookings/{reference}").text
    assert "施設が取り消しました" not in page
    assert "審査請求" not in page


def test_a_closure_over_several_facilities_is_seen_in_each_and_opened_by_who_manages_all(
    client: FlaskClient, koga: str
) -> None:
    both = people.make_staff(Role.FACILITY_MANAGER, "S01", email="both@example.jp")
    with unit_of_work() as session:
        session.add(
            RoleGrant(
                account_id=both.id,
                role=Role.FACILITY_MANAGER.value,
                scope_kind=ScopeKind.FACILITY.value,
                scope_code="S05",
            )
        )
    people.sign_in(client, both)
    people.post(client, "/staff/closures", {**SHUT, "spaces": ["S01-92", "S05-01"], "expected": "0"})
    assert "もう使えるようにする" in client.get("/staff/closures").text
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05", email="one@example.jp"))
    page = client.get("/staff/closures").text
    assert "床の張り替え" in page
    assert "バドミントン1コート" not in page, "what is closed elsewhere is not theirs to see"
    assert "もう使えるようにする" not in page
    with unit_of_work() as session:
        shown = sheets.context(session, "S05", FRIDAY, now=clock.now())
        assert [one.closure.reason for one in shown["shut"]] == ["床の張り替え"]
        assert sheets.context(session, "S02", FRIDAY, now=clock.now())["shut"] == []


def test_the_evening_sheet_says_who_has_not_paid(hanako: Resident) -> None:
    change_rules("sports", payment=[{"when": "on_day"}])
    owing, paid = hanako.book("S05-01", "t0900", paid=False), hanako.book("S05-01", "t1100")
    with unit_of_work() as session:
        shown = sheets.context(session, "S05", FRIDAY, now=clock.now())
    assert shown["unpaid"] == {owing}
    html = texts.render("reservations/pdf/sheet.html", "ja", **shown)
    assert html.count("まだ払っていません") == 1
    assert paid in html


def test_who_moves_finds_the_same_court_first(client: FlaskClient, hanako: Resident) -> None:
    reference = hanako.book("S01-94", "t0900")
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(client, account)
    page = client.get(f"/bookings/{reference}/move").text
    found = re.findall(r'id="space-(S01-\d+)"', page)
    assert found[0] == "S01-94"
    assert sorted(found[1:]) == found[1:]
    assert "バドミントン3コート 2026年12月4日" in page


def test_everybody_reads_on_the_page_of_the_day_what_is_closed_and_why(manager: FlaskClient) -> None:
    people.post(manager, "/staff/closures", {**SHUT, "starts": "13:00", "expected": "0"})
    people.post(
        manager,
        "/staff/closures",
        {**SHUT, "kind": "city", "spaces": ["S01-93"], "reason": "市の会議", "expected": "0"},
    )
    people.sign_out(manager)
    path = f"/facilities/S01/day/{FRIDAY}"
    page = manager.get(path).text
    assert "使えません: 体育館 バドミントン1コート 13:00〜24:00" in page
    assert "床の張り替え" in page
    assert "市の会議" not in page, "what the city does there is its own"
    assert "New floor" in manager.get(f"{path}?lang=en").text
    assert "床の張り替え" not in manager.get("/facilities/S01/day/2026-12-05?lang=ja").text
    with unit_of_work() as session:
        session.execute(update(Closure).values(reopened_at=clock.now()))
    assert "床の張り替え" not in manager.get(f"{path}?lang=ja").text


def test_who_closed_something_reads_that_it_is_closed_and_who_is_told(manager: FlaskClient, hanako: Resident) -> None:
    hanako.book("S01-92", "t0900")
    done = people.post(manager, "/staff/closures", {**SHUT, "expected": "1"})
    page = manager.get(people.location(done)).text
    assert "閉めました: 体育館 バドミントン1コート" in page
    assert "1件の予約を終わらせました。メールのある方には、いま知らせています。" in page
    assert "閉めました" not in manager.get("/staff/closures").text
    assert "休み: 体育館 バドミントン1コート" in page


def test_only_who_has_something_outdoors_is_offered_to_call_it_off(manager: FlaskClient) -> None:
    assert "今日の屋外を全部中止する" not in manager.get("/staff/closures").text
    people.sign_in(manager, people.make_staff(Role.FACILITY_MANAGER, "S05", email="tennis@example.jp"))
    assert "今日の屋外を全部中止する" in manager.get("/staff/closures").text


def test_what_was_on_paper_is_entered_under_its_own_title(manager: FlaskClient) -> None:
    assert "<h1>紙に書いた利用を入れる</h1>" in manager.get("/staff/desk/book?space=S01-92&day=2026-11-24").text
    assert "<h1>窓口・電話の予約</h1>" in manager.get("/staff/desk/book?space=S01-92&day=2026-12-04").text


def test_who_takes_a_telephone_booking_reads_why_there_is_nothing_free(manager: FlaskClient) -> None:
    people.post(manager, "/staff/closures", {**SHUT, "expected": "0"})
    for space, says in (("S01-92", True), ("S01-01", True), ("S01-93", False)):
        page = manager.get(f"/staff/desk/book?space={space}&day={FRIDAY}").text
        assert ("休み: 体育館 バドミントン1コート" in page) is says, space
        assert ("床の張り替え" in page) is says


def _slots(page: str, space: str) -> str:
    found = re.search(rf'aria-labelledby="space-{space}">(.*?)</section>', page, re.DOTALL)
    assert found
    return found[1]


def test_closed_slots_say_so_with_the_reason_and_spaces_that_share_the_floor_say_because_of_which(
    manager: FlaskClient, hanako: Resident
) -> None:
    people.post(manager, "/staff/closures", {**SHUT, "starts": "13:00", "expected": "0"})
    hanako.book("S01-93", "t0900")
    people.sign_out(manager)
    page = manager.get(f"/facilities/S01/day/{FRIDAY}").text
    court, gym, other = (_slots(page, space) for space in ("S01-92", "S01-01", "S01-93"))
    for closed in (court, gym):
        assert "休み: 床の張り替え" in closed
    assert "予約ずみ" not in court
    assert "予約ずみ" in gym, "the morning in which somebody else has a court"
    assert "体育館 バドミントン1コート と同じ場所なので、閉めている間は使えません。" in gym
    assert "と同じ場所なので" not in court
    assert "休み" not in other
    assert "予約ずみ" in other
    assert "(同じ場所を使う " in page
    english = manager.get(f"/facilities/S01/day/{FRIDAY}?lang=en").text
    assert "Closed: New floor" in _slots(english, "S01-01")


def test_the_managers_pages_of_a_day_say_what_is_closed_and_what_else_cannot_be_used(manager: FlaskClient) -> None:
    people.post(manager, "/staff/closures", {**SHUT, "expected": "0"})
    for path in (f"/staff/desk/{FRIDAY}", f"/staff/bookings/sheet/{FRIDAY}"):
        page = manager.get(path).text
        assert "休み: 体育館 バドミントン1コート" in page, path
        assert "床の張り替え" in page
        assert "同じ場所を使うので、これも使えません" in page
        assert "床の張り替え" not in manager.get(path.replace("12-04", "12-05")).text
    with unit_of_work() as session:
        html = texts.render(
            "reservations/pdf/sheet.html", "ja", **sheets.context(session, "S01", FRIDAY, now=clock.now())
        )
    assert "(同じ場所を使う " in html
    assert "(体育館 バドミントン1コート を閉めているため)" in _cell(manager, "S01-01")
    assert "を閉めているため" not in _cell(manager, "S01-92")


def test_the_end_of_a_calendars_address_is_said(client: FlaskClient, hanako: Resident) -> None:
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(client, account)
    people.post(client, "/my/bookings/calendar")
    ended = people.post(client, "/my/bookings/calendar/end")
    assert "アドレスを使えなくしました" in client.get(ended.headers["Location"]).text
    assert "アドレスを使えなくしました" not in client.get("/my/bookings/calendar").text
