"""A search and a refusal say all that a person needs to go on: by what it is narrowed, in which year, what is free instead."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from portal.accounts.models import Account
from portal.kernel.database import unit_of_work
from tests import people
from tests.reservations.conftest import Resident, change_rules
from tests.reservations.test_moving import LATER

FRIDAY = "2026-12-04"
OFFER = re.compile(
    r'action="/spaces/([^/]+)/hold".*?name="date" value="([^"]+)".*?name="slot" value="([^"]+)"', re.DOTALL
)


def plain(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def refused(client: FlaskClient, space: str, day: str, slot: str) -> str:
    page = people.post(client, f"/spaces/{space}/hold", {"date": day, "slot": slot, "purpose": "tennis"})
    assert page.status_code == 422
    return str(page.text)


def test_a_result_says_by_what_it_is_narrowed_and_how_to_see_all(koga: str, client: FlaskClient) -> None:
    page = client.get(f"/facilities?purpose=tennis&date={FRIDAY}&part=evening&district=古河")
    assert "しぼりこみ: 夜(17時から)、古河地区" in plain(page.text)
    assert f'href="/facilities?purpose=tennis&amp;date={FRIDAY}"' in page.text
    assert "しぼりこみ" not in client.get(f"/facilities?purpose=tennis&date={FRIDAY}").text


def test_the_table_of_a_part_of_the_day_shows_no_other_part_as_not_to_be_had(koga: str, client: FlaskClient) -> None:
    columns = re.compile(r'<th scope="col">([^<]+)</th>')
    evening = client.get(f"/facilities?purpose=badminton&date={FRIDAY}&part=evening&view=table")
    assert columns.findall(evening.text) == ["施設", "夜(17時から)"]
    whole = client.get(f"/facilities?purpose=badminton&date={FRIDAY}&view=table")
    assert columns.findall(whole.text) == ["施設", "午前", "午後", "夜(17時から)"]


def test_what_can_no_longer_be_booked_says_since_when(koga: str, client: FlaskClient) -> None:
    closes = {"kind": "days_before", "days": 10, "at": "17:00"}
    change_rules("room", windows=[{"opens": {"kind": "days_before", "days": 90}, "closes": closes}])
    words = "受付は 11月24日 17:00 に終わりました"
    assert words in plain(client.get(f"/facilities/C02/day/{FRIDAY}").text)
    assert words in plain(client.get(f"/facilities?purpose=meeting&date={FRIDAY}").text)


def test_whoever_is_signed_in_finds_the_same_as_last_time_where_they_look_for_a_place(
    koga: str, client: FlaskClient
) -> None:
    assert 'href="/my/bookings"' not in client.get("/facilities").text
    people.sign_in(client, people.make_resident())
    page = client.get("/facilities")
    assert "前と同じように予約する" in page.text
    assert 'href="/my/bookings"' in page.text


def test_a_month_in_which_nothing_is_left_leads_to_the_next_one(
    koga: str, client: FlaskClient, clock_at: Callable[[str], object]
) -> None:
    clock_at("2026-11-30 10:00")
    page = client.get("/facilities/S05")
    assert "この月は、空きがありません" in page.text
    assert 'href="/facilities/S05?month=2026-12">次の月を見る' in page.text
    assert "この月は、空きがありません" not in client.get("/facilities/S05?month=2026-12").text


@pytest.mark.parametrize(
    ("day", "slot", "says"),
    [
        ("2027-12-03", "t0900", "まだ予約できません。2027年9月3日 9:00 から予約できます。"),
        ("2027-02-26", "t0900", "まだ予約できません。11月26日 9:00 から予約できます。"),
        (FRIDAY, "t1000", "その時間はありません"),
    ],
)
def test_what_cannot_be_booked_yet_or_does_not_exist_gives_three_times_that_can_be_had(
    koga: str, client: FlaskClient, day: str, slot: str, says: str
) -> None:
    """A year is said where the day alone would be taken for one of another year."""
    people.sign_in(client, people.make_resident())
    page = refused(client, "S05-01", day, slot)
    assert says in plain(page)
    offers = OFFER.findall(page)
    assert len(set(offers)) == 3
    space, free, code = offers[-1]
    answer = people.post(client, f"/spaces/{space}/hold", {"date": free, "slot": code, "purpose": "tennis"})
    assert answer.status_code == 303


def test_moving_to_another_court_names_both_before_it_is_accepted(hanako: Resident, client: FlaskClient) -> None:
    reference = hanako.book("S01-92", "t0900")
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
        people.sign_in(client, account)
    page = client.get(f"/bookings/{reference}/move?date={LATER}&space=S01-93&slot=t1100")
    assert "2026年12月4日(金) 9:00〜11:00 体育館 バドミントン1コート" in plain(page.text)
    assert "2026年12月10日(木) 11:00〜13:00 体育館 バドミントン2コート" in plain(page.text)
