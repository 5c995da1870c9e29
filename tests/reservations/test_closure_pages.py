"""The manager closes places in the browser: who is hit is shown first; all fields are called off from a phone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from portal.accounts.models import Account, Role
from portal.kernel.database import unit_of_work
from reservations.models import BookingState, Space
from reservations.operations import chosen
from reservations.operations.models import Closure
from tests import people
from tests.reservations.conftest import FRIDAY, Resident, booking

RAIN = {
    "kind": "weather",
    "spaces": ["S05-01"],
    "first": FRIDAY.isoformat(),
    "starts": "",
    "last": FRIDAY.isoformat(),
    "ends": "",
    "reason": "雨のため使えません。",
    "reason_en": "",
    "ground": "",
}


@pytest.fixture
def manager(koga: str, client: FlaskClient) -> FlaskClient:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    return client


def test_b12_all_fields_are_called_off_at_once_from_a_phone(manager: FlaskClient, hanako: Resident) -> None:
    with unit_of_work() as session:
        session.execute(update(Space).where(Space.code == "S05-01").values(outdoor=True))
    hit = hanako.book("S05-01", "t0900")
    page = manager.get("/staff/closures/call-off")
    assert page.status_code == 200
    assert page.text.count(" checked") == 1, "every field is chosen already"
    shown = people.post(manager, "/staff/closures", RAIN)
    assert shown.status_code == 200
    assert "終わる予約: 1件" in shown.text
    assert "600円" in shown.text
    assert booking(hit).state == BookingState.CONFIRMED, "nothing is done before the second tap"
    expected = re.search(r'name="expected" value="(\d+)"', shown.text)
    assert expected
    assert people.post(manager, "/staff/closures", {**RAIN, "expected": expected[1]}).status_code == 303
    assert booking(hit).state == BookingState.CANCELLED
    assert "雨のため使えません" in manager.get("/staff/closures").text
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(manager, account)
    told = manager.get(f"/bookings/{hit}").text
    assert "施設が取り消しました" in told, "whose doing it was"
    assert "雨のため使えません" in told


def test_b13_a_revocation_asks_for_a_ground_of_the_rules_before_anybody_is_shown_as_hit(
    manager: FlaskClient, hanako: Resident
) -> None:
    hit = hanako.book("S05-01", "t0900")
    page = manager.get("/staff/closures/new").text
    ground = "見本条例第9条第1項第3号(公益上やむを得ない必要が生じたとき)"
    assert f'<option value="{ground}">' in page, "the ground is chosen, not typed"
    revoked = {**RAIN, "kind": "revocation", "reason": "選挙の投票所にするため"}
    without = people.post(manager, "/staff/closures", revoked)
    assert without.status_code == 422
    assert "条例の根拠が必要です" in without.text
    assert "終わる予約" not in without.text
    assert people.post(manager, "/staff/closures", {**revoked, "ground": "市長がそう思うとき"}).status_code == 422
    shown = people.post(manager, "/staff/closures", {**revoked, "ground": ground})
    assert "終わる予約: 1件" in shown.text
    done = people.post(manager, "/staff/closures", {**revoked, "ground": ground, "expected": "1"})
    assert done.status_code == 303
    assert booking(hit).state == BookingState.CANCELLED


def test_bookings_that_came_meanwhile_are_shown_before_they_end(manager: FlaskClient, hanako: Resident) -> None:
    people.post(manager, "/staff/closures", RAIN)
    late = hanako.book("S05-01", "t0900")
    again = people.post(manager, "/staff/closures", {**RAIN, "expected": "0"})
    assert again.status_code == 409
    assert "終わる予約: 1件" in again.text
    assert booking(late).state == BookingState.CONFIRMED


def test_an_empty_last_day_is_the_first_one(manager: FlaskClient) -> None:
    people.post(manager, "/staff/closures", {**RAIN, "last": "", "expected": "0"})
    with unit_of_work() as session:
        made = session.scalars(select(Closure)).one()
        assert made.ends_at is not None
        assert (made.ends_at - made.starts_at) == timedelta(days=1)
    assert 'name="last" type="date" value=""' in manager.get("/staff/closures/new").text


def test_a_place_is_opened_again(manager: FlaskClient) -> None:
    people.post(manager, "/staff/closures", {**RAIN, "expected": "0"})
    with unit_of_work() as session:
        reference = session.scalars(select(Closure.reference)).one()
    assert people.post(manager, f"/staff/closures/{reference}/reopen").status_code == 303
    assert "終わりました" in manager.get("/staff/closures").text


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"reason": " "}, 422),
        ({"spaces": []}, 422),
        ({"spaces": ["S01-01"]}, 422),
        ({"last": "2026-12-01"}, 422),
    ],
)
def test_a_wrong_closure_closes_nothing(manager: FlaskClient, wrong: dict[str, object], status: int) -> None:
    answer = people.post(manager, "/staff/closures", {**RAIN, **wrong})
    assert answer.status_code == status
    with unit_of_work() as session:
        assert session.scalars(select(Closure)).all() == []


def test_several_cells_of_the_board_are_closed_one_stretch_after_the_other(
    manager: FlaskClient, hanako: Resident
) -> None:
    saturday, sunday, monday = "2026-12-05", "2026-12-06", "2026-12-08"
    page = manager.get(f"/staff/board/S05/{FRIDAY.isoformat()}").text
    for day in (saturday, sunday, monday):
        assert f'name="cell" value="S05-01@{day}"' in page
    first = manager.get(
        "/staff/closures/new", query_string={"cell": [f"S05-01@{monday}", f"S05-01@{sunday}", f"S05-01@{saturday}"]}
    ).text
    assert f'value="{saturday}"' in first
    assert f'value="{sunday}"' in first
    assert "あと1回" in first
    sent = {**RAIN, "first": saturday, "last": sunday, "rest": f"S05-01@{monday}", "expected": "0"}
    sent |= {"reason_en": "Closed because of rain"}
    done = people.post(manager, "/staff/closures", sent)
    assert done.status_code == 303
    where = people.location(done)
    following = manager.get(where).text
    assert f'value="{monday}"' in following
    assert "雨のため使えません" in following
    assert "Closed because of rain" in following
    assert "前に選んだところは閉めました" in following
    assert "続けて聞きます" not in following
    with unit_of_work() as session:
        assert len(session.scalars(select(Closure)).all()) == 1


def test_a_full_cell_can_be_closed_too_and_a_past_day_cannot(manager: FlaskClient, hanako: Resident) -> None:
    page = manager.get(f"/staff/board/S05/{FRIDAY.isoformat()}").text
    slots = re.findall(r"空き (\d+) / \1", page)
    assert slots
    for slot in ("t0900", "t1100", "t1300", "t1500"):
        hanako.book("S05-01", slot)
    full = manager.get(f"/staff/board/S05/{FRIDAY.isoformat()}").text
    assert "/staff/closures/new?space=S05-01&amp;day=2026-12-04" in full
    assert "閉める" not in re.sub(
        r"<p class=\"soft\">.*?</p>|<button.*?</button>", "", manager.get("/staff/board/S05/2026-11-01").text
    )


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ([], []),
        (["a@2026-12-04", "b@2026-12-04"], [(("a", "b"), 4, 4)]),
        (["a@2026-12-04", "a@2026-12-05", "b@2026-12-04", "b@2026-12-05"], [(("a", "b"), 4, 5)]),
        (["a@2026-12-04", "b@2026-12-05"], [(("a",), 4, 4), (("b",), 5, 5)]),
        (["a@2026-12-04", "a@2026-12-06", "a@2026-12-07", "x", "a@2026-13-01"], [(("a",), 4, 4), (("a",), 6, 7)]),
    ],
)
def test_chosen_cells_become_blocks_that_close_nothing_beside_them(
    cells: list[str], found: list[tuple[tuple[str, ...], int, int]]
) -> None:
    made = chosen.blocks(chosen.read(cells))
    assert [(one.spaces, one.first.day, one.last.day) for one in made] == found
    assert {cell for one in made for cell in one.cells} == set(chosen.read(cells))
