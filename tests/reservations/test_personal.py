"""Favourites, and the same as last time."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from reservations.personal import again, services
from reservations.personal.services import TooManyFavourites
from tests.people import post, sign_in
from tests.reservations.conftest import FRIDAY, Resident, booking


def signed_in(client: FlaskClient, who: Resident) -> FlaskClient:
    with unit_of_work() as session:
        sign_in(client, session.get_one(Account, who.account_id))
    return client


def test_a_favourite_is_on_the_first_page_until_it_is_dropped(hanako: Resident, client: FlaskClient) -> None:
    signed_in(client, hanako)
    assert "お気に入りに入れる" in client.get("/facilities/S05").text
    for _ in range(2):
        assert post(client, "/facilities/S05/favourite").status_code == 303
    assert "お気に入りからはずす" in client.get("/facilities/S05").text
    start = client.get("/facilities").text
    assert start.index("お気に入り") < start.index("/facilities/S05") < start.index("何に使いますか")
    assert "お気に入り" not in client.application.test_client().get("/facilities").text
    for _ in range(2):
        post(client, "/facilities/S05/favourite/drop")
    assert "お気に入り</h2>" not in client.get("/facilities").text
    assert post(client, "/facilities/no-such/favourite").status_code == 404


def test_favourites_end_at_thirty(hanako: Resident, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST", 1)
    with unit_of_work() as session:
        services.keep(session, person_id=hanako.person_id, facility="S05", now=clock.now())
        services.keep(session, person_id=hanako.person_id, facility="S05", now=clock.now())
        with pytest.raises(TooManyFavourites):
            services.keep(session, person_id=hanako.person_id, facility="S01", now=clock.now())
        with pytest.raises(NotFound):
            services.keep(session, person_id=hanako.person_id, facility="no-such", now=clock.now())


def test_the_same_as_last_time_is_two_taps_with_what_was_said(hanako: Resident, client: FlaskClient) -> None:
    before = hanako.book("S05-01", "t0900", people=3)
    signed_in(client, hanako)
    page = client.get(f"/bookings/{before}/again")
    days = re.findall(r'name="date" value="([^"]+)"', page.text)
    fridays = [(FRIDAY + timedelta(weeks=week)).isoformat() for week in (-1, 1, 2, 3)]
    assert days == fridays, "the day that is taken by the first booking is not offered"
    form = {"date": days[0], "slot": "t0900", "purpose": "tennis", "like": before}
    answer = post(client, "/spaces/S05-01/hold", form)
    assert answer.status_code == 303
    made = booking(answer.headers["Location"].rsplit("/", 1)[1])
    assert (made.people, made.purpose_id) == (3, booking(before).purpose_id)


def test_a_stranger_repeats_nobody_elses_booking(hanako: Resident, stranger: Resident, client: FlaskClient) -> None:
    before = hanako.book("S05-01", "t0900", people=3)
    signed_in(client, stranger)
    assert client.get(f"/bookings/{before}/again").status_code == 404
    with unit_of_work() as session:
        assert again.said_before(session, before, stranger.person_id) is None
    for slot, like in (("t0900", before), ("t1100", "<script>")):
        form = {"date": "2026-12-11", "slot": slot, "purpose": "tennis", "like": like}
        answer = post(client, "/spaces/S05-01/hold", form)
        assert booking(answer.headers["Location"].rsplit("/", 1)[1]).people == 1
