"""A stay over a new fee table, a new tax rate or the end of a group: what holds for each night (CASES B2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session, object_session

from portal.kernel import dates
from reservations import documents
from reservations.calendar import is_weekend_or_holiday
from reservations.errors import NotBookable
from reservations.models import Booking, DocumentKind
from reservations.pricing import FeeTable, PriceCase, in_force, priceable
from reservations.rules import Applicant, Policy, Refused
from reservations.services.common import fees_of
from reservations.services.world import World
from reservations.timetable import TOKYO, Slot


def facts(
    session: Session, world: World, policy: Policy, who: Applicant, slots: Sequence[Slot], *, now: datetime
) -> dict[str, Any]:
    """What a booking keeps where its slots lie on several days: fee table and category of each, where they are not all the same.

    Costs a statement or two, and only for a stay.
    """
    if len({slot.day for slot in slots}) == 1:
        return {}
    made = now.astimezone(TOKYO).date()
    rules = documents.load(session, [(DocumentKind.FEES.value, world.fees_code)])
    versions = rules.versions.get((DocumentKind.FEES.value, world.fees_code), [])
    by_table = {id(version.document): version for version in versions}
    tables = [cast("FeeTable", version.document) for version in versions]
    fees: list[int] = []
    for slot in slots:
        table = in_force(tables, use=slot.day, made=made)
        if table is None:
            return {}
        fees.append(by_table[id(table)].id)
    on = [policy.category_day(use=slot.day, made=made) for slot in slots]
    categories = [policy.category(who, on=day).code for day in on]
    found: dict[str, Any] = {}
    if len(set(fees)) > 1:
        found["fees"] = fees
    if len(set(categories)) > 1:
        found["categories"] = categories
    return found


def check_priceable(session: Session, world: World, slots: Sequence[Slot], category: str) -> None:
    """Nothing is held that the fee table has no price for. No statement once the table was read.

    Raises:
        NotBookable: it has a hole there.
    """
    table = cast("FeeTable", documents.by_ids(session, [(world.fees_id, "fees", world.fees_digest)])[0])
    for slot in slots:
        weekend = is_weekend_or_holiday(slot.day, dates.is_holiday)
        if not priceable(table, PriceCase(slot, world.tariff, category, "", weekend)):
            raise NotBookable(Refused.NO_FEE)


def tables_of(booking: Booking, count: int) -> list[FeeTable]:
    """The fee table of each of its slots, under which the booking was made."""
    kept = booking.facts.get("fees")
    if not kept:
        return [fees_of(booking)] * count
    session = object_session(booking)
    if session is None:
        raise RuntimeError("a stay over two fee tables is priced within a session")
    return [cast("FeeTable", found) for found in documents.by_row_ids(session, kept)]
