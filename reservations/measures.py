"""What reservations gives to the plan and to payments."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from payments.contract import Offer
from portal.kernel import clock
from portal.plan.registry import Evidence, MeasureValue
from reservations.queries import catalog


def online_facilities(session: Session, day: date) -> MeasureValue:
    """Facilities that can be booked online here on the day (measure 1_13), each with the address where it can be done."""
    found = catalog.bookable_facilities(session, day)
    evidence = [
        Evidence(key=code, name=name, address=f"/facilities/{code}", source="reservations") for code, name in found
    ]
    return MeasureValue(Decimal(len(found)), {"here": Decimal(len(found))}, evidence)


def facility_fees(session: Session) -> Offer:
    """Facilities whose fees can be paid online now (measure 1_12)."""
    found = catalog.bookable_facilities(session, clock.today())
    return Offer(len(found), [{"title": name, "address": f"/facilities/{code}"} for code, name in found])
