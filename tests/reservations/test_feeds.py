"""Bookings in people's own calendars."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy import event as database_event

from portal.accounts.models import Account
from portal.kernel.database import engine, unit_of_work
from reservations.feeds import queries, services
from reservations.feeds.calendar_file import Entry, calendar_file
from tests.people import post, sign_in
from tests.reservations.conftest import FRIDAY, Resident

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
ENTRY = Entry(
    "B-1234-5678-9", "三和テニスコート 1番, 北; 南", "仁連2262-2", NOW, NOW.replace(hour=3), "confirmed", NOW, "持ち物\n許可書",
    "http://localhost/bookings/B-1",
)  # fmt: skip


def account(who: Resident) -> Account:
    with unit_of_work() as session:
        return session.get_one(Account, who.account_id)


def events(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


def test_an_entry_keeps_every_character_and_the_moment() -> None:
    [event] = events(calendar_file([ENTRY], name="予約", domain="koga.example"))
    assert (str(event["summary"]), str(event["uid"])) == (ENTRY.title, "B-1234-5678-9@koga.example")
    assert (event["dtstart"].dt, event["dtend"].dt) == (ENTRY.starts_at, ENTRY.ends_at)
    assert str(event["status"]) == "CONFIRMED"
    assert Entry.from_json(ENTRY.to_json()) == ENTRY


@pytest.mark.parametrize("state", ["cancelled", "refused", "moved away", ""])
def test_what_is_no_booking_any_more_is_a_cancelled_entry(state: str) -> None:
    ended = Entry.from_json({**ENTRY.to_json(), "state": state, "changed_at": NOW.replace(hour=5).isoformat()})
    [before], [after] = (events(calendar_file([e], name="x", domain="y")) for e in (ENTRY, ended))
    assert str(after["status"]) == "CANCELLED"
    assert after["sequence"] > before["sequence"]


def test_a_new_address_ends_the_old_one(koga: str) -> None:
    hanako = Resident("古河 花子", "hanako@example.jp")
    with unit_of_work() as session:
        first = services.open_feed(session, person_id=hanako.person_id, locale="ja", actor=hanako.actor, now=NOW)
        second = services.open_feed(session, person_id=hanako.person_id, locale="ja", actor=hanako.actor, now=NOW)
        assert services.feed_of(session, first) is None
        found = services.feed_of(session, second)
        assert found is not None
        assert found.person_id == hanako.person_id
        assert services.end_feed(session, person_id=hanako.person_id, actor=hanako.actor, now=NOW)
        assert services.feed_of(session, second) is None
        assert not services.end_feed(session, person_id=hanako.person_id, actor=hanako.actor, now=NOW)


def test_the_feed_on_the_page_has_the_booking_and_no_name_and_ends(
    koga: str, client: FlaskClient, run_jobs: Callable[[], None], mailbox: Any
) -> None:
    hanako, taro = Resident("古河 花子", "hanako@example.jp"), Resident("三和 太郎", "taro@example.jp")
    reference = hanako.book("S05-01", "t0900")
    hanako.hold("S05-01", "t1100")
    taro.book("S05-01", "t1300")
    run_jobs()
    [mail] = [m for m in mailbox.to("hanako@example.jp") if reference in m["Subject"]]
    [attached] = list(mail.iter_attachments())
    assert (attached.get_content_type(), attached.get_filename()) == ("text/calendar", f"{reference}.ics")
    [mailed] = events(attached.get_payload(decode=True))
    assert str(mailed["uid"]).partition("@")[0] == reference
    assert str(mailed["location"]).startswith("茨城県古河市")

    sign_in(client, account(hanako))
    page = post(client, "/my/bookings/calendar")
    found = re.search(r"/calendars/[\w-]+\.ics", page.text)
    assert found
    stranger = client.application.test_client()
    answer = stranger.get(found.group())
    assert answer.mimetype == "text/calendar"
    [event] = events(answer.data)
    assert event["uid"] == mailed["uid"], "a file and the feed are one entry, wherever the portal is read"
    assert event["location"] == mailed["location"]
    assert (str(event["status"]), event["dtstart"].dt.date()) == ("CONFIRMED", FRIDAY)
    assert "花子".encode() not in answer.data
    assert found.group() not in client.get("/my/bookings/calendar").text, "shown once"
    one = client.get(f"/bookings/{reference}/calendar.ics")
    assert len(events(one.data)) == 1
    sign_in(stranger, account(taro))
    assert stranger.get(f"/bookings/{reference}/calendar.ics").status_code == 404

    post(client, "/my/bookings/calendar/end")
    assert stranger.get(found.group()).status_code == 404
    assert stranger.get("/calendars/" + "x" * 2000 + ".ics").status_code == 404


def test_the_feed_is_read_in_two_statements_however_many_bookings(koga: str) -> None:
    hanako = Resident("古河 花子", "hanako@example.jp")
    for slot in ("t0900", "t1100"):
        hanako.book("S05-01", slot)
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    with unit_of_work() as session:
        session.connection()
        database_event.listen(engine(), "before_cursor_execute", note)
        try:
            entries = queries.entries_of(session, hanako.person_id, locale="en", public_url="http://x", now=NOW)
        finally:
            database_event.remove(engine(), "before_cursor_execute", note)
    assert (len(entries), len(asked)) == (2, 2)
