"""All 71 places of the pack can be booked: each is held, accepted, paid and, where a manager decides, permitted."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import func, select

from portal.kernel import clock
from portal.kernel.database import unit_of_work
from reservations import services
from reservations.groups.queries import applicant
from reservations.models import BookingState, Facility, Occupancy
from reservations.queries import calendar
from tests.reservations.conftest import MANAGER, Resident, booking

DAYS = 45
"""From tomorrow on: within it every place of the pack can be booked by somebody who lives in the city."""


def free_slot(facility: str, person_id: int) -> tuple[str, str, date]:
    """(space, slot, day) of the first slot that the person's own page offers with a price."""
    for ahead in range(1, DAYS):
        day = clock.today() + timedelta(days=ahead)
        with unit_of_work() as session:
            looker = applicant(session, person_id)
            page = calendar.day_page(session, facility, day, purpose=None, city=looker, now=clock.now())
        assert page is not None
        for row in page.spaces:
            for state in row.slots:
                if state.state == "free" and state.slot.code in row.prices:
                    return row.space.code, state.slot.code, day
    raise AssertionError(f"{facility} offers nothing in {DAYS} days")


def test_each_of_the_71_facilities_is_booked_once_from_the_first_tap_to_the_firm_booking(koga: str) -> None:
    with unit_of_work() as session:
        facilities = session.scalars(select(Facility.code).order_by(Facility.position)).all()
    assert len(facilities) == 71
    firm: dict[str, str] = {}
    for code in facilities:
        resident = Resident("古河 はなこ", f"{code.lower()}@example.com")
        space, slot, day = free_slot(code, resident.person_id)
        reference = resident.book(space, slot, day, people=4)
        if booking(reference).state == BookingState.REQUESTED:
            with unit_of_work() as session:
                services.approve(session, reference, actor=MANAGER, facilities=[code], now=clock.now())
        assert booking(reference).state == BookingState.CONFIRMED, code
        firm[code] = reference
    with unit_of_work() as session:
        held = session.scalar(
            select(func.count(func.distinct(Occupancy.booking_id))).where(func.upper_inf(Occupancy.live))
        )
    assert held == len(firm) == 71, "each has its floor for good"
