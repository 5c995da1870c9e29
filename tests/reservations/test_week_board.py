"""The week board: one look over all spaces; a booking is moved by choosing it, then choosing where."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from portal.accounts.models import Role
from portal.kernel.database import engine
from tests import people
from tests.reservations.conftest import FRIDAY, Resident, booking


@pytest.fixture
def manager(koga: str, client: FlaskClient) -> FlaskClient:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    return client


def move(client: FlaskClient, reference: str, *, day: str, slot: str) -> tuple[int, str]:
    """Ask, then do what the page shows; status and page of the second step (of the first where it refuses)."""
    asked = client.get(f"/staff/board/move/{reference}?space=S05-01&day={day}&slot={slot}")
    shown = re.search(r'name="accepted" value="([^"]+)"', asked.text)
    if shown is None:
        return asked.status_code, asked.text
    sent = {"space": "S05-01", "day": day, "slot": slot, "accepted": shown[1]}
    done = people.post(client, f"/staff/board/move/{reference}", sent)
    return done.status_code, done.text


def test_the_week_shows_every_space_and_a_booking_is_moved_by_keyboard(manager: FlaskClient, hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    page = manager.get(f"/staff/board/S05/{FRIDAY.isoformat()}")
    assert page.status_code == 200
    assert "古河 はなこ" in page.text
    assert "動かす" in page.text
    targets = manager.get(f"/staff/board/S05/{FRIDAY.isoformat()}?move={reference}").text
    assert f"/staff/board/move/{reference}?" in targets
    status, _ = move(manager, reference, day="2026-12-04", slot="t1100")
    assert status == 303
    moved = booking(reference)
    assert (moved.starts_at.hour, moved.ends_at.hour) == (2, 4), "11 to 13 in Japan"
    assert "古河 はなこ" in manager.get(f"/staff/board/S05/{FRIDAY.isoformat()}").text


def test_each_room_of_the_board_is_one_link_away(koga: str, client: FlaskClient) -> None:
    """By keyboard nobody steps through every free slot of the rooms above."""
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    page = client.get(f"/staff/board/S01/{FRIDAY}").text
    for room in ("S01-01", "S01-95"):
        assert f'href="#room-{room}"' in page
        assert f'id="room-{room}" tabindex="-1"' in page


def test_a_slot_that_somebody_has_refuses_the_move_and_the_booking_stands(
    manager: FlaskClient, hanako: Resident, stranger: Resident
) -> None:
    reference, other = hanako.book("S05-01", "t0900"), stranger.book("S05-01", "t1100")
    before = booking(reference).starts_at
    status, page = move(manager, reference, day="2026-12-04", slot="t1100")
    assert status == 409
    assert "もう予約があります" in page
    assert booking(reference).starts_at == before
    assert booking(other).state == "confirmed"


@pytest.mark.parametrize(("day", "slot"), [("2026-12-07", "t0900"), ("2026-12-04", "t0930"), ("2026-11-20", "t0900")])
def test_there_is_no_such_place_to_move_to(manager: FlaskClient, hanako: Resident, day: str, slot: str) -> None:
    assert move(manager, hanako.book("S05-01", "t0900"), day=day, slot=slot)[0] == 422


def test_a_board_of_another_facility_is_not_there(manager: FlaskClient, hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    assert manager.get("/staff/board/S01/2026-12-04").status_code == 404
    people.sign_in(manager, people.make_staff(Role.FACILITY_MANAGER, "S02"))
    assert manager.get(f"/staff/board/move/{reference}?space=S05-01&day=2026-12-04&slot=t1100").status_code == 404
    assert people.post(manager, f"/staff/board/move/{reference}", {"day": "2026-12-04"}).status_code == 404


def test_the_board_takes_few_statements_however_many_bookings_there_are(
    manager: FlaskClient, hanako: Resident, stranger: Resident
) -> None:
    path = f"/staff/board/S05/{FRIDAY.isoformat()}"
    manager.get(path)
    counted = [_statements(manager, path)]
    hanako.book("S05-01", "t0900")
    stranger.book("S05-01", "t1100")
    counted.append(_statements(manager, path))
    assert counted[1] <= counted[0] + 2, "one list of audit entries and the names, whatever the number"
    assert counted[1] <= 12


def _statements(client: FlaskClient, path: str) -> int:
    seen: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine(), "before_cursor_execute", count)
    try:
        assert client.get(path).status_code == 200
    finally:
        event.remove(engine(), "before_cursor_execute", count)
    return len(seen)
