"""B11 on the page: the list of a meeting is looked through, entered before the public opening, and everybody is told."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date

from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from reservations.models import BookingState
from reservations.operations import allocation_lists
from reservations.operations.allocation_lists import Unread, Written
from tests.conftest import Mailbox
from tests.people import location, make_resident, make_staff, post, sign_in
from tests.reservations.conftest import Resident, booking

LIST = """# 令和9年度後期 利用調整会議
S01-90,2027/11/5,19:00,hanako@example.com,badminton
S01-92\t令和9年11月5日\t19:00\tstranger@example.com

S01-91,2027-11-05,17:00+t1900,stranger@example.com
S01-91,2027-11-05,9:30,stranger@example.com
S01-91,2027-11-05,9:00,nobody@example.com
"""


def test_lines_are_read_as_people_write_them() -> None:
    lines, unread = allocation_lists.read(LIST)
    assert unread == []
    day = date(2027, 11, 5)
    assert lines[:3] == [
        Written(2, "S01-90", day, ("19:00",), "hanako@example.com", "badminton"),
        Written(3, "S01-92", day, ("19:00",), "stranger@example.com", None),
        Written(5, "S01-91", day, ("17:00", "t1900"), "stranger@example.com", None),
    ]
    wrong = "S01-90,2027/11/5,19:00\nS01-90,2027/2/29,19:00,a@example.com\nS01-90,2027/11/5,,a@example.com"
    assert allocation_lists.read(wrong) == ([], [Unread(1, "columns"), Unread(2, "day"), Unread(3, "times")])
    many = "S01-90,2027/11/5,19:00,a@example.com\n" * (allocation_lists.MOST_LINES + 5)
    lines, unread = allocation_lists.read(many)
    assert (len(lines), unread) == (1000, [Unread(1001, "too_many_lines")])


@given(st.text(max_size=300))
def test_any_text_is_read_or_told_by_line(text: str) -> None:
    lines, unread = allocation_lists.read(text)
    numbers = [one.number for one in (*lines, *unread)]
    assert len(numbers) == len(set(numbers))
    assert all(1 <= number <= len(text.splitlines()) for number in numbers)


def test_b11_a_manager_looks_the_list_through_and_enters_it(
    client: FlaskClient, hanako: Resident, stranger: Resident, run_jobs: Callable[[], None], mailbox: Mailbox
) -> None:
    sign_in(client, make_staff("facility_manager", "S01"))
    assert "/staff/allocations" in client.get("/staff/bookings").text
    looked = post(client, "/staff/allocations", {"list": LIST, "action": "check"})
    assert looked.status_code == 200
    for words in (
        "5行のうち、2行",
        "2行目と、場所と時間が重なっています",
        "その日に、その時間はありません",
        "登録がありません",
    ):
        assert words in looked.text
    assert "S01-90,2027/11/5,19:00,hanako" in looked.text, "what was typed stays"
    for wrong in (
        {"title": "", "pay_until": "2026-12-10"},
        {"title": "会議", "pay_until": "2026-02-30"},
        {"title": "会議", "pay_until": "2020-01-01"},
        {"title": "会議", "pay_until": "2026-12-10", "list": "S01-90,x,y,z"},
        {"title": "会議", "pay_until": "2026-12-10", "list": ""},
        {"title": "会議", "pay_until": "2026-12-10", "list": "S05-01,2027/11/5,19:00,hanako@example.com"},
    ):
        assert post(client, "/staff/allocations", {"list": LIST, "action": "enter", **wrong}).status_code == 422
    done = post(
        client,
        "/staff/allocations",
        {"list": LIST, "action": "enter", "title": "後期の会議", "pay_until": "2026-12-10"},
    )
    assert done.status_code == 303
    page = client.get(location(done)).text
    assert "5行のうち、2行を入れました" in page
    kept = page.split("○ ")[1].split("<")[0].strip()
    assert (booking(kept).source, booking(kept).state) == ("allocation", BookingState.HELD)
    run_jobs()
    assert [m for m in mailbox.to("hanako@example.com") if "利用調整" in m["Subject"]]
    again = post(client, "/staff/allocations", {"list": LIST.splitlines()[1], "action": "check"})
    assert "ほかの人が先に予約しました" in again.text
    assert "後期の会議" in client.get("/staff/allocations").text
    sign_in(client, make_staff("facility_manager", "S05"))
    assert client.get(location(done)).status_code == 404
    assert "後期の会議" not in client.get("/staff/allocations").text


def test_b11_a_file_from_a_spreadsheet_is_taken_and_residents_may_not(
    client: FlaskClient, hanako: Resident, stranger: Resident
) -> None:
    sign_in(client, make_staff("facility_manager", "S01"))
    for encoding in ("cp932", "utf-8-sig"):
        sent = {"file": (io.BytesIO(LIST.encode(encoding)), "list.csv"), "action": "check"}
        assert "5行のうち、2行" in post(client, "/staff/allocations", sent).text
    broken = {"file": (io.BytesIO(b"\xff\xfe\x00\x81"), "list.csv"), "action": "check"}
    assert post(client, "/staff/allocations", broken).status_code == 422
    sign_in(client, make_resident())
    assert client.get("/staff/allocations").status_code == 403
