"""A facility closes for good and another takes its place: said in the set-up form, seen by residents, with what is left listed."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from reservations.errors import NotOffered
from reservations.models import Facility
from reservations.operations import series
from reservations.operations.series import SeriesRequest
from tests import people
from tests.reservations.conftest import FRIDAY, Resident

LAST = date(2026, 12, 3)


def form_of(page: str) -> dict[str, str]:
    """What a form page holds: fields, and what is chosen."""
    found = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    for name, inside in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'<option selected value="([^"]*)"', inside) or re.search(
            r'value="([^"]*)" selected', inside
        )
        found[name] = chosen.group(1) if chosen else ""
    return found


def close(code: str, *, last: date, into: str | None) -> None:
    with unit_of_work() as session:
        facility = session.scalars(select(Facility).where(Facility.code == code)).one()
        facility.closed_on, facility.replaced_by = last, into


def test_a_manager_merges_a_facility_in_the_browser_and_sees_who_is_left(client: FlaskClient, hanako: Resident) -> None:
    left = hanako.book("S05-01", "t0900", FRIDAY)
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    said = form_of(client.get("/staff/facilities/S05/edit").text)
    wrong = people.post(client, "/staff/facilities/S05/edit", {**said, "replaced_by": "S08"})
    assert wrong.status_code == 422
    assert "閉じる日(最後の日)" in wrong.text
    done = people.post(
        client, "/staff/facilities/S05/edit", {**said, "closed_on": LAST.isoformat(), "replaced_by": "S08"}
    )
    assert done.status_code == 303
    page = client.get("/staff/facilities/S05").text
    assert left in page
    assert "1件の予約が残っています" in page
    assert "/staff/closures/new?day=2026-12-04" in page
    with unit_of_work() as session:
        facility = session.scalars(select(Facility).where(Facility.code == "S05")).one()
        assert (facility.closed_on, facility.replaced_by) == (LAST, "S08")


def test_after_the_last_day_nothing_is_booked_and_the_page_leads_to_the_other_facility(
    client: FlaskClient, koga: str
) -> None:
    close("S05", last=LAST, into="S08")
    people.sign_in(client, people.make_resident())
    refused = people.post(client, "/spaces/S05-01/hold", {"date": FRIDAY.isoformat(), "slot": "t0900"})
    assert refused.status_code == 404
    assert "までです。そのあとは、ほかの施設に移ります。" in refused.text
    assert 'href="/facilities/S08"' in refused.text
    assert people.post(client, "/spaces/S05-01/hold", {"date": LAST.isoformat(), "slot": "t0900"}).status_code == 303
    assert 'href="/facilities/S08"' in client.get(f"/facilities/S05/day/{FRIDAY}").text


def test_the_refusal_says_the_last_day_and_what_takes_its_place(hanako: Resident) -> None:
    close("S05", last=LAST, into="S08")
    with pytest.raises(NotOffered) as refused:
        hanako.hold("S05-01", "t0900", FRIDAY)
    assert (refused.value.closed, refused.value.into) == (LAST, "S08")


def test_a_series_that_goes_beyond_the_last_day_keeps_the_days_before_it(hanako: Resident) -> None:
    close("S05", last=date(2026, 12, 10), into="S08")
    with unit_of_work() as session:
        wanted = SeriesRequest(
            hanako.person_id, None, "S05-01", date(2026, 12, 1), date(2026, 12, 22), (1,), ("t0900",)
        )
        made = series.ask(session, wanted, actor=hanako.actor, now=clock.now())
        kept = [one.slots[0]["day"] for one in series.bookings_of(session, made.id)]
        missed = [(one["day"], one["code"], one["into"]) for one in made.missed]
    assert kept == ["2026-12-01", "2026-12-08"]
    assert missed == [("2026-12-15", "not_offered", "S08"), ("2026-12-22", "not_offered", "S08")]
