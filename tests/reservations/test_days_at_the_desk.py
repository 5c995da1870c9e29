"""What a facility's staff do all day: any day by its date, the day in the order in which people come, a kept time that nobody wants."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest
from flask.testing import FlaskClient

from portal.accounts.models import Role
from reservations.models import BookingState
from tests import people
from tests.conftest import Mailbox
from tests.reservations.conftest import Resident, booking
from tests.reservations.test_behalf import WHO, accept
from tests.reservations.test_found_and_refused import plain
from tests.reservations.test_setup_pages import FEES, HOURS, new_gym, written

FRIDAY = date(2026, 12, 4)


@pytest.fixture
def manager(koga: str, client: FlaskClient) -> FlaskClient:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    return client


def test_any_day_of_the_desk_and_any_week_of_the_board_is_one_step_away(manager: FlaskClient) -> None:
    for page in ("/staff/desk/2026-11-25", "/staff/board/S01/2026-11-25"):
        assert '<input class="input input--dayfield" id="any-day" type="date" name="day"' in manager.get(page).text
    assert people.location(manager.get("/staff/desk?day=2027-03-05")).endswith("/staff/desk/2027-03-05")
    chosen = people.location(manager.get("/staff/board?facility=S01&day=2027-03-05&move=B-AAAA-BBBB-C"))
    assert chosen.endswith("/staff/board/S01/2027-03-05?move=B-AAAA-BBBB-C")
    assert people.location(manager.get("/staff/board?facility=S05&day=2027-03-05")).endswith("/S01/2027-03-05")
    assert manager.get("/staff/desk?day=2027-02-29").status_code == 404


def test_the_desks_day_is_in_the_order_in_which_people_come(manager: FlaskClient, hanako: Resident) -> None:
    for space, slot in (("S01-92", "t1300"), ("S01-93", "t0900"), ("S01-94", "t1100")):
        hanako.book(space, slot)
    times = re.findall(r'card__link"[^>]*>(\d+:\d\d)', manager.get(f"/staff/desk/{FRIDAY}").text)
    assert times == ["9:00", "11:00", "13:00"]


def test_a_time_kept_for_somebody_who_does_not_want_it_is_given_up_at_the_desk(
    manager: FlaskClient, hanako: Resident, stranger: Resident
) -> None:
    made = people.post(manager, "/staff/desk/book", {**WHO, "space": "S01-92"})
    where = people.location(made)
    assert "取るのをやめる" in manager.get(where).text
    for _twice in range(2):
        assert people.post(manager, f"{where}/release").status_code == 303
    assert booking(where.rsplit("/", 1)[1]).state == BookingState.RELEASED
    assert "取るのをやめる" not in manager.get(where).text
    own = hanako.book("S01-92", "t0900")
    assert people.post(manager, f"/staff/desk/holds/{own}/release").status_code == 409
    held = stranger.hold("S01-92", "t1100")
    assert people.post(manager, f"/staff/desk/holds/{held}/release").status_code == 409
    assert booking(held).state == BookingState.HELD


def test_what_was_accepted_at_the_desk_is_not_given_up_but_cancelled(manager: FlaskClient) -> None:
    where = people.location(people.post(manager, "/staff/desk/book", {**WHO, "space": "S01-92"}))
    accept(manager, where)
    assert people.post(manager, f"{where}/release").status_code == 409


def test_who_may_be_known_must_be_chosen_and_the_field_says_so(manager: FlaskClient) -> None:
    first = {**WHO, "space": "S01-92"}
    assert people.post(manager, "/staff/desk/book", first).status_code == 303
    page = people.post(manager, "/staff/desk/book", {**first, "slot": "t1300"})
    assert "登録のある人かもしれません" in page.text
    assert "この人ですか 必須" in plain(page.text)


def test_who_agrees_to_a_fee_table_sees_its_rounding_and_its_ground(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    base = new_gym(client)
    fees = plain(client.get(written(client, base, "fees", FEES)).text)
    assert "端数: 10円未満を切り捨てる(明細の1行ごと)" in fees
    assert "根拠: 見本の条例 別表第1" in fees
    assert f"根拠: {HOURS['source']}" in plain(client.get(written(client, base, "timetable", HOURS)).text)


def test_until_when_which_share_goes_back_is_a_date(koga: str, client: FlaskClient) -> None:
    people.sign_in(client, people.make_resident())
    made = people.post(client, "/spaces/S05-01/hold", {"date": str(FRIDAY), "slot": "t0900", "purpose": "tennis"})
    assert "11/27(金) まで(使う日の7日前): 100%" in plain(client.get(people.location(made)).text)


def test_the_board_says_what_is_only_kept_for_a_while_and_leads_to_the_desks_own(
    manager: FlaskClient, hanako: Resident, clock_at: Callable[[str], object]
) -> None:
    hanako.hold("S01-92", "t1100")
    where = people.location(people.post(manager, "/staff/desk/book", {**WHO, "space": "S01-93"}))
    page = manager.get("/staff/board/S01/2026-12-01")
    assert "仮押さえ中 11:00〜13:00 11月25日 10:15 まで" in plain(page.text), (
        "of somebody's own phone no more than the time"
    )
    assert "仮押さえ中 9:00〜11:00 電話 一郎 11月25日 10:15 まで" in plain(page.text)
    assert f'href="{where}">電話 一郎' in page.text
    clock_at("2026-11-25 10:20")
    assert "仮押さえ中" not in manager.get("/staff/board/S01/2026-12-01").text


def test_the_mail_of_a_paid_booking_says_until_when_which_share_goes_back(
    hanako: Resident, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    hanako.book("S05-01", "t0900")
    run_jobs()
    [mail] = [one for one in mailbox.to("hanako@example.com") if "予約が決まりました" in str(one["subject"])]
    body = mail.get_body(("plain",))
    assert body is not None
    words = " ".join(body.get_content().split())
    assert (
        "取り消したときに返ってくるお金 - 2026年11月27日(金) 24:00まで: 100% - 2026年12月3日(木) 24:00まで: 50% - そのあと"
        in words
    )


def test_who_can_be_reached_by_telephone_only_is_told_by_whoever_moves_the_booking(
    manager: FlaskClient, hanako: Resident
) -> None:
    """The page promises no message that nobody gets."""
    where = people.location(people.post(manager, "/staff/desk/book", {**WHO, "space": "S01-92"}))
    accept(manager, where)
    reference = where.rsplit("/", 1)[1]
    assert people.post(manager, f"/staff/desk/bookings/{reference}/cash", {"received": "1000"}).status_code == 303
    to = f"/staff/board/move/{reference}?space=S01-93&day=2026-12-08&slot=t0900"
    page = plain(manager.get(to).text)
    assert "0280-11-2222" in page
    assert "あなたが電話などで本人に伝えてください" in page
    moved = people.post(
        manager, to.split("?", maxsplit=1)[0], {"space": "S01-93", "day": "2026-12-08", "slot": "t0900"}
    )
    assert "メールも手紙も届かない人です" in manager.get(people.location(moved)).text
    own = hanako.book("S01-94", "t0900")
    mailed = f"/staff/board/move/{own}?space=S01-94&day=2026-12-08&slot=t0900"
    assert "本人にメールで知らせます" in plain(manager.get(mailed).text)
